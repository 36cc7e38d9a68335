//! How fast a party takes keys off its stream: the tag, the copy, its own draws, and wiping what was taken.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use piquet_bench_harness::{Table, limits};
use piquet_core::wire::SessionId;
use piquet_fss::P0;
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::sign::Sign;
use piquet_fss::stream::KeyStream;
use piquet_fss::testing::uniform;

const SESSION: SessionId = SessionId([7; 32]);
const GATES: usize = 512;

/// Bytes a second, from a block in the second cache.
pub(crate) fn rows(t: &mut Table) {
    let gate = Sign::<u64>::new(64).unwrap();
    let mut dealer = Dealer::new(SESSION, 1, &Seed::from_bytes([1; 16]));
    let [mut s0, mut s1] = [Vec::new(), Vec::new()];
    let masks = uniform(64, GATES, 1);
    dealer
        .deal(&gate, GATES, &masks, [&mut s0, &mut s1])
        .unwrap();
    let copy = limits::copied_bytes(t, s0.len());
    t.bench("key-stream-take")
        .work(s0.len() as u64)
        .limit(&copy)
        .rate_of(
            || KeyStream::<P0>::new(SESSION, 1, dealer.seed::<P0>()),
            |mut stream| drop(stream.take(&gate, GATES, &s0).unwrap()),
        );
}
