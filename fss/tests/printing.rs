//! What is printed of anything that holds secrets depends on none of them: under two seeds it is the same text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

use core::fmt::Debug;

use piquet_core::wire::SessionId;
use piquet_core::{BitVec, Block, Prg};
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::Gate;
use piquet_fss::gates::digits::{DigitSign, Progress};
use piquet_fss::gates::functions::{Function, Step};
use piquet_fss::gates::max_pool::{MaxPool, MaxPoolStep};
use piquet_fss::gates::relu::{Relu, ReluTruncate};
use piquet_fss::gates::sign::Sign;
use piquet_fss::gates::spline::Spline;
use piquet_fss::mask::{BitMask, Mask};
use piquet_fss::stream::KeyStream;
use piquet_fss::{Cpu, Error, P0, P1, Shape, bgi, dcf, dpf, idpf};

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
    let (masked, cpu) = ([5; 3], &Cpu::new());
    // What waits for messages, at each of its steps.
    macro_rules! pendings {
        ($gate:expr) => {{
            let (a, b) = keys!($gate, &x);
            let (p0, _) = a.start(&masked, cpu).unwrap();
            let (p1, m1) = b.start(&masked, cpu).unwrap();
            out.extend([shown(&p0), shown(&p1)]);
            (p0, m1)
        }};
    }
    let (p0, m1) = pendings!(Relu::<u64>::new(33).unwrap());
    out.push(shown(&p0.finish(&m1).unwrap()));
    let gate = ReluTruncate::<u64>::new(33, 9, 33).unwrap();
    let (p0, m1) = pendings!(gate);
    out.push(shown(&p0.finish(&m1).unwrap()));
    let pieces: [&[i128]; 2] = [&[1, 3], &[8, -5, 7]];
    let gate = Spline::<u64>::new(16, 16, &[-300], &pieces).unwrap();
    let (p0, m1) = pendings!(gate);
    out.push(shown(&p0.finish(&m1).unwrap()));
    let (a, b) = keys!(DigitSign::<u64>::new(33, 4, 2).unwrap(), &x);
    let mut both = (a.evaluate(&masked).unwrap(), b.evaluate(&masked).unwrap());
    while let (Progress::Open(p0, m0), Progress::Open(p1, m1)) = both {
        out.extend([shown(&p0), shown(&p1)]);
        both = (p0.finish(&m1).unwrap(), p1.finish(&m0).unwrap());
    }
    out.extend([shown(&both.0), shown(&both.1)]);
    let (a, b) = keys!(MaxPool::<u64>::new(33, 3).unwrap(), ());
    let x = [x, x, x].concat();
    let mut both = (a.start(&x).unwrap(), b.start(&x).unwrap());
    while let (MaxPoolStep::Send(p0, m0), MaxPoolStep::Send(p1, m1)) = both {
        out.extend([shown(&p0), shown(&p1)]);
        both = (p0.step(&m1, cpu).unwrap(), p1.step(&m0, cpu).unwrap());
    }
    out.extend([shown(&both.0), shown(&both.1)]);
    let (a, b) = keys!(Function::<u64>::sigmoid(33, 12).unwrap(), &x[..3]);
    let (p0, m0) = a.start(&masked, cpu).unwrap();
    let (p1, m1) = b.start(&masked, cpu).unwrap();
    let mut both = (Step::Send(p0, m0), Step::Send(p1, m1));
    while let (Step::Send(p0, m0), Step::Send(p1, m1)) = both {
        out.extend([shown(&p0), shown(&p1)]);
        both = (p0.step(&m1, cpu).unwrap(), p1.step(&m0, cpu).unwrap());
    }
    out.extend([shown(&both.0), shown(&both.1)]);
    out
}

/// Keys by themselves, and what is made of them, from points, values and roots that follow from the seed.
fn raw_keys(seed: u8) -> Vec<String> {
    let (id, cpu) = (&SessionId([1; 32]), &Cpu::new());
    let rng = &mut Prg::new(Block::from_u128(seed.into()));
    let (alphas, betas) = ([seed; 3], [u64::from(seed) * 0x0101_0101; 3]);
    let blocks = betas.map(|b| Block::from_u128(b.into()));
    let shape = Shape::new(8, 33).unwrap();
    let mut out = Vec::new();
    macro_rules! both {
        ($keys:expr) => {{
            let (k0, k1) = $keys.unwrap();
            out.extend([shown(&k0), shown(&k1)]);
            k0
        }};
    }
    let k = both!(dpf::generate(id, 1, shape, &alphas, &betas, rng));
    out.push(shown(&k.expand::<u64>(0, cpu).unwrap()));
    both!(bgi::generate(id, 1, shape, &alphas, &betas, rng));
    both!(dpf::generate_blocks(id, 2, 8, &alphas, &blocks, rng));
    both!(bgi::generate_blocks(id, 2, 8, &alphas, &blocks, rng));
    let k = both!(dcf::generate(id, 1, shape, &alphas, &betas, rng));
    out.push(shown(&k.evaluate(&[3u8; 3], cpu).unwrap()));
    let levels = idpf::Levels::new(3, 33).unwrap();
    both!(idpf::generate(
        id,
        1,
        levels,
        &alphas,
        &[betas; 3].concat(),
        rng
    ));
    out
}

/// Keys for party 0 are not read as keys for party 1, whatever tree they are of.
#[test]
fn keys_of_the_other_party_are_named() {
    let (id, rng) = (&SessionId([1; 32]), &mut Prg::new(Block::from_u128(1)));
    let shape = Shape::new(8, 33).unwrap();
    macro_rules! refused {
        ($keys:expr, $of:ident $(:: <$word:ty, _>)?, $shape:expr) => {{
            let mut bytes = Vec::new();
            $keys.unwrap().0.encode(&mut bytes);
            let e = $of::Keys::<$($word,)? P1>::decode(id, 1, $shape, 3, &bytes).err();
            assert!(matches!(e, Some(Error::Place { what: "party", .. })), "{e:?}");
        }};
    }
    let (alphas, betas) = ([7u8; 3], [9u64; 3]);
    refused!(
        dpf::generate(id, 1, shape, &alphas, &betas, rng),
        dpf,
        shape
    );
    refused!(
        bgi::generate(id, 1, shape, &alphas, &betas, rng),
        bgi,
        shape
    );
    refused!(
        dcf::generate(id, 1, shape, &alphas, &betas, rng),
        dcf::<u64, _>,
        shape
    );
    let levels = idpf::Levels::new(1, 33).unwrap();
    refused!(
        idpf::generate(id, 1, levels, &alphas, &betas, rng),
        idpf,
        levels
    );
    let blocks = [Block::ZERO; 3];
    let (k0, _) = dpf::generate_blocks(id, 1, 8, &alphas, &blocks, rng).unwrap();
    let mut bytes = Vec::new();
    k0.encode(&mut bytes);
    let e = dpf::BlockKeys::<P1>::decode(id, 1, 8, 3, &bytes).err();
    assert!(
        matches!(e, Some(Error::Place { what: "party", .. })),
        "{e:?}"
    );
}

#[test]
fn nothing_secret_is_printed() {
    let [a, b] = [7, 0xa6].map(everything);
    assert_eq!(a, b);
    assert_eq!(raw_keys(7), raw_keys(0xa6));
    assert_eq!(a[0], "Seed(..) Seed(..)");
}
