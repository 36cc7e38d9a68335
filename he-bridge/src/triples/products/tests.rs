#![allow(clippy::unwrap_used)]

use piquet_core::correlation::MatrixShape;
use piquet_core::linalg::{ConvShape, PackedWeights};
use piquet_core::wire::{DecodeError, RunError, SessionId, run_pair, run_pair_tampered};
use piquet_core::{linalg, pack};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;

const SESSION: SessionId = SessionId([9; 32]);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Both parties' keys, each with the other's public half.
struct Parties([client::Key<Native>; 2], [server::PublicKey<Native>; 2]);

impl Parties {
    fn new<S: Shape>(setting: &Setting<S>) -> Self {
        let he = &**setting.layer().backend();
        let [mut m0, mut m1] = [Vec::new(), Vec::new()];
        let own = [
            client::Key::new(he, SESSION, 0, &mut rng(1), &mut m0),
            client::Key::new(he, SESSION, 1, &mut rng(2), &mut m1),
        ];
        let read = |step, m: &[u8]| server::PublicKey::read(he, SESSION, step, m).unwrap();
        Self(own, [read(1, &m1), read(0, &m0)])
    }
    fn keys(&self, party: usize) -> Keys<'_, Native> {
        Keys {
            own: &self.0[party],
            peer: &self.1[party],
        }
    }
}

/// Elements of which some are at the ends of their range.
fn some<R: Ring>(bits: u32, n: usize, seed: u8) -> RingVec<R> {
    let mut x = RingVec::<R>::random(n, &mut rng(seed));
    let ends = [0, 1 << (bits - 1), (1 << (bits - 1)) - 1, u64::MAX];
    for (i, x) in x.as_mut_slice().iter_mut().enumerate().skip(1) {
        if i % 3 != 0 {
            *x = R::from_u64(ends[i % 4]);
        }
    }
    reduce(&mut x, bits);
    x
}

/// The opened triple.
fn make<R: Ring, S: Shape>(
    shape: S,
    bits: u32,
    parts: impl Fn(S::Triple<R>) -> [RingVec<R>; 3],
) -> [RingVec<R>; 3] {
    let setting = Setting::new(shape, bits).unwrap();
    let parties = Parties::new(&setting);
    let [a, b] = Shape::lens(&shape).unwrap();
    let of = |s| Factors::<R, _, _>::of(&setting, some(bits, a, s), some(bits, b, s + 1)).unwrap();
    let (mut x, mut y) = (of(3), of(5));
    let x = x.first(parties.keys(0), 4, &mut rng(7)).unwrap();
    let y = y.second(parties.keys(1), 4, &mut rng(8)).unwrap();
    let (x, y, trace) = run_pair(x, y);
    let sent = [0, 1].map(|p| trace.sent_by(p));
    assert_eq!(sent, [setting.bytes(); 2], "the bytes that the docs state");
    let (x, y) = (parts(x.unwrap()), parts(y.unwrap()));
    [0, 1, 2].map(|i| {
        let mut sum = x[i].duplicate();
        for v in [&x[i], &y[i]] {
            assert!(v.as_slice().iter().all(|v| v.to_u64() <= pack::mask(bits)));
        }
        sum.add_assign(y[i].as_slice());
        reduce(&mut sum, bits);
        sum
    })
}

fn matrices<R: Ring>(shape: MatrixShape, bits: u32) {
    let [a, b, c] = make::<R, _>(shape, bits, |t| {
        assert_eq!((t.shape(), t.bits()), (shape, bits));
        t.into_parts()
    });
    let mut want = RingVec::<R>::zeros(c.len());
    let MatrixShape { m, k, n } = shape;
    linalg::matmul([m, k, n], a.as_slice(), b.as_slice(), want.as_mut_slice()).unwrap();
    reduce(&mut want, bits);
    assert!(want.as_slice() == c.as_slice(), "{shape:?} of {bits} bits");
}

#[test]
fn matrices_multiply_at_every_width() {
    let shape = |m, k, n| MatrixShape { m, k, n };
    matrices::<u8>(shape(3, 5, 2), 1);
    matrices::<u8>(shape(1, 1, 1), 8);
    matrices::<u16>(shape(2, 7, 9), 16);
    matrices::<u32>(shape(9, 4, 2), 31);
    matrices::<u32>(shape(1, 33, 12), 32);
    matrices::<u64>(shape(12, 33, 1), 63);
    matrices::<u64>(shape(8, 16, 8), 64);
    matrices::<u64>(shape(3, 2, 4), 24);
}

#[test]
fn convolutions_multiply() {
    let shape = ConvShape {
        batch: 2,
        input: [6, 5],
        in_channels: 4,
        out_channels: 6,
        kernel: [3, 2],
        stride: [2, 1],
        padding: [1, 0, 1, 1],
        dilation: [1, 2],
        groups: 2,
    };
    for bits in [20, 38, 64] {
        let [a, b, c] = make::<u64, _>(shape, bits, |t| {
            assert_eq!((*t.shape(), t.bits()), (shape, bits));
            t.into_parts()
        });
        let packed = PackedWeights::pack(&shape, b.as_slice()).unwrap();
        let mut want = RingVec::<u64>::zeros(c.len());
        linalg::conv2d(&shape, &[(a.as_slice(), &packed)], want.as_mut_slice()).unwrap();
        reduce(&mut want, bits);
        assert!(want.as_slice() == c.as_slice());
    }
}

#[test]
fn the_cheaper_side_is_encrypted() {
    let of = |m, k, n| Setting::new(MatrixShape { m, k, n }, 32).unwrap();
    let (row, column) = (of(1, 64, 512), of(512, 64, 1));
    assert_eq!(row.bytes(), column.bytes());
    assert!(row.transposed != column.transposed);
}

#[test]
fn shares_are_uniform() {
    let shape = MatrixShape { m: 16, k: 4, n: 32 };
    let setting = Setting::new(shape, 32).unwrap();
    let parties = Parties::new(&setting);
    let (mut x, mut y) = (
        Factors::<u32, _, _>::draw(&setting, &mut rng(1)).unwrap(),
        Factors::<u32, _, _>::draw(&setting, &mut rng(2)).unwrap(),
    );
    let x = x.first(parties.keys(0), 0, &mut rng(3)).unwrap();
    let y = y.second(parties.keys(1), 0, &mut rng(4)).unwrap();
    let (x, y, _) = run_pair(x, y);
    for t in [x.unwrap(), y.unwrap()] {
        for part in t.into_parts() {
            let ones: u32 = part.as_slice().iter().map(|x| x.count_ones()).sum();
            // Six standard deviations of so many coins; the seeds are fixed.
            let coins = part.len() as f64 * 32.0;
            assert!((f64::from(ones) - coins / 2.0).abs() < 3.0 * coins.sqrt());
        }
    }
}

#[test]
fn misuse_and_wrong_messages_are_refused() {
    let shape = MatrixShape { m: 2, k: 3, n: 2 };
    let setting = Setting::new(shape, 16).unwrap();
    let parties = Parties::new(&setting);
    assert!(Factors::<u8, _, _>::draw(&setting, &mut rng(1)).is_err());
    let draw = |s| Factors::<u16, _, _>::draw(&setting, &mut rng(s)).unwrap();
    let run = |tamper: &mut dyn FnMut(u8, usize, &mut Vec<u8>)| {
        let (mut x, mut y) = (draw(1), draw(2));
        let x = x.first(parties.keys(0), 7, &mut rng(3)).unwrap();
        let y = y.second(parties.keys(1), 7, &mut rng(4)).unwrap();
        let (x, y, _) = run_pair_tampered(x, y, |p: u8, i: usize, m: &mut Vec<u8>| tamper(p, i, m));
        let of = |e| match e {
            RunError::Protocol(e) => Some(e),
            _ => None,
        };
        [x.err().and_then(of), y.err().and_then(of)]
    };
    assert_eq!(run(&mut |_, _, _| ()), [None, None]);
    // The first message of either party, of another session, and too short.
    let other = run(&mut |_, _, m| m[4] ^= 1);
    assert_eq!(other[1], Some(DecodeError::Context.into()));
    let other = run(&mut |p, _, m| m[4] ^= p);
    assert_eq!(other[0], Some(DecodeError::Context.into()));
    let short = run(&mut |p, _, m| m.truncate(if p == 1 { 5 } else { m.len() }));
    assert!(matches!(
        short[0],
        Some(Error::Message(DecodeError::Length { .. }))
    ));

    let mut once = draw(1);
    once.first(parties.keys(0), 0, &mut rng(1)).unwrap();
    let again = once.first(parties.keys(0), 1, &mut rng(1));
    assert!(matches!(again, Err(Error::Parameter { .. })));
    assert!(
        draw(1)
            .first(parties.keys(0), 1 << 63, &mut rng(1))
            .is_err()
    );
    for bits in [0, 65] {
        assert!(Setting::new(shape, bits).is_err());
    }
    for m in [0, usize::MAX] {
        assert!(matches!(
            Setting::new(MatrixShape { m, ..shape }, 8),
            Err(Error::Shape(_))
        ));
    }
    let factors = draw(1);
    let text = "Factors(Setting<Z_2^16>(MatrixShape { m: 2, k: 3, n: 2 }))";
    assert_eq!(format!("{factors:?}"), text);
}
