use piquet_core::wire::SessionId;
use piquet_fss::stream::Taken;
use piquet_fss::{Error, P0};

// Keys come out of an authenticated block only.
fn by_hand(seed: &piquet_fss::dealer::Seed) -> Result<(), Error> {
    let _ = Taken::<P0>::new(SessionId([0; 32]), seed);
    Ok(())
}

fn role() {
    #[derive(Debug, Clone, Copy)]
    struct Third;
    impl piquet_fss::Role for Third {
        const INDEX: u8 = 2;
        type Peer = Third;
    }
}

fn main() {}
