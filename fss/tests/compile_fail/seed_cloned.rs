use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::stream::KeyStream;
use piquet_fss::P0;

// A copy of a stream would read the same keys once more.
fn copy(seed: &Seed, dealer: &Dealer, stream: &KeyStream<P0>) {
    let _: Seed = seed.clone();
    let _: Dealer = dealer.clone();
    let _: KeyStream<P0> = stream.clone();
}

fn main() {}
