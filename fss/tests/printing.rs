//! What is printed of anything that holds secrets depends on none of them: under two seeds it is the same text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

use core::fmt::Debug;

use piquet_core::BitVec;
use piquet_core::wire::SessionId;
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::Gate;
use piquet_fss::gates::sign::Sign;
use piquet_fss::mask::{BitMask, Mask};
use piquet_fss::stream::KeyStream;
use piquet_fss::{P0, P1};

fn shown(x: &impl Debug) -> String {
    format!("{x:?} {x:#?}")
}

/// Everything, printed, under one seed and masks that follow from it.
fn everything(seed: u8) -> Vec<String> {
    let dealer_seed = Seed::from_bytes([seed; 16]);
    let mut out = vec![shown(&dealer_seed)];
    let mut d = Dealer::new(SessionId([1; 32]), 1, &dealer_seed);
    let mut k0 = KeyStream::<P0>::new(SessionId([1; 32]), 1, d.seed::<P0>());
    let mut k1 = KeyStream::<P1>::new(SessionId([1; 32]), 1, d.seed::<P1>());
    out.extend([shown(&d), shown(&k0), shown(&k1), shown(d.seed::<P0>())]);
    macro_rules! keys {
        ($gate:expr, $masks:expr) => {{
            let gate = $gate;
            let [mut a, mut b] = [Vec::new(), Vec::new()];
            let dealt = d.deal(&gate, 3, $masks, [&mut a, &mut b]).unwrap();
            out.push(shown(&gate.id()));
            out.push(shown(&dealt));
            let keys = (
                k0.take(&gate, 3, &a).unwrap(),
                k1.take(&gate, 3, &b).unwrap(),
            );
            out.extend([shown(&keys.0), shown(&keys.1)]);
            keys
        }};
    }
    let x = [u64::from(seed) * 0x0101_0101; 3];
    keys!(Sign::<u64>::new(33).unwrap(), &x);
    let (m0, _) = keys!(Mask::<u64>::new(33).unwrap(), ());
    let (opening, _) = m0.open(&x).unwrap();
    out.push(shown(&opening));
    let (b0, _) = keys!(BitMask, ());
    let (opening, _) = b0.open(&BitVec::from_bools(&[seed & 1 == 1; 3])).unwrap();
    out.push(shown(&opening));
    out
}

#[test]
fn nothing_secret_is_printed() {
    let [a, b] = [7, 0xa6].map(everything);
    assert_eq!(a, b);
    assert_eq!(a[0], "Seed(..) Seed(..)");
}
