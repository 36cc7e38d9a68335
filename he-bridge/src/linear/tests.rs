#![allow(clippy::unwrap_used)]

use super::*;
use crate::{CipherModulus, Params};
use piquet_core::cpu::Level;
use piquet_core::linalg::{PackedWeights, conv2d};
use piquet_core::wire::{Trace, run_pair};
use rand_core::Rng;

pub(crate) fn prg(x: u128) -> Prg {
    Prg::new(Block::from_u128(x))
}

/// The layer by the definition, modulo t.
pub(crate) fn oracle(shape: &ConvShape, x: &[u64], w: &[i64], t: PlainModulus) -> Vec<u64> {
    let words: Vec<u128> = w.iter().map(|w| i128::from(*w) as u128).collect();
    let packed = PackedWeights::pack(shape, &words).unwrap();
    let x: Vec<u128> = x.iter().map(|x| u128::from(*x)).collect();
    let mut y = vec![0u128; shape.output_len()];
    conv2d(shape, &[(&x, &packed)], &mut y).unwrap();
    let reduce = |y: u128| match t {
        PlainModulus::Bits(_) => t.reduce(y as u64),
        PlainModulus::Prime(t) => (y as i128).rem_euclid(i128::from(t)) as u64,
    };
    y.into_iter().map(reduce).collect()
}

/// Everything that two parties need for one layer, from a seed.
struct Setting {
    layer: Layer<Native>,
    key: client::Key<Native>,
    public: server::PublicKey<Native>,
    weights: server::Weights<Native>,
    x: [Vec<u64>; 2],
    w: Vec<i64>,
}

/// Weights within this.
const WEIGHT: i64 = 127;
const STEP: u64 = 5;

impl Setting {
    fn new(
        shape: &ConvShape,
        (degree, q): (usize, CipherModulus),
        t: PlainModulus,
        mode: Mode,
        level: Level,
    ) -> Self {
        let encoding = Encoding::new(shape, degree).unwrap();
        Self::with_encoding(encoding, q, t, mode, level)
    }
    fn with_encoding(
        encoding: Encoding,
        q: CipherModulus,
        t: PlainModulus,
        mode: Mode,
        level: Level,
    ) -> Self {
        let mut rng = prg(7);
        let (shape, degree) = (*encoding.shape(), encoding.degree());
        let bound = encoding.bound(WEIGHT as u64);
        let params = Params::new(degree, t, q, mode, bound).unwrap();
        let backend = Arc::new(Native::with_level(params, level));
        let layer = Layer::new(backend.clone(), encoding).unwrap();
        let session = SessionId::random(&mut rng);
        let mut message = Vec::new();
        let key = client::Key::new(&*backend, session, 0, &mut rng, &mut message);
        let public = server::PublicKey::read(&*backend, session, 0, &message).unwrap();
        let mut uniform = |n| -> Vec<u64> { (0..n).map(|_| t.reduce(rng.next_u64())).collect() };
        let x = [(); 2].map(|()| uniform(shape.input_len()));
        let span = 2 * WEIGHT as u64 + 1;
        let w: Vec<i64> = (uniform(shape.weight_len()).iter())
            .map(|w| (*w % span) as i64 - WEIGHT)
            .collect();
        let weights = server::Weights::new(&layer, &w).unwrap();
        Self {
            layer,
            key,
            public,
            weights,
            x,
            w,
        }
    }
    /// Both parties in memory: the shares of the output.
    fn run(&self, whole: bool) -> ([Vec<u64>; 2], Trace) {
        let (layer, rng) = (&self.layer, &mut prg(8));
        let a = client::Product::new(layer, &self.key, STEP, &self.x[0], rng).unwrap();
        let share = (!whole).then_some(&*self.x[1]);
        let b = server::Product::new(layer, &self.public, &self.weights, STEP, share, rng);
        let (a, b, trace) = run_pair(a, b.unwrap());
        ([a.unwrap().into_vec(), b.unwrap().into_vec()], trace)
    }
    fn check(&self, whole: bool) {
        let params = self.layer.backend().params();
        let (t, mode) = (params.plain(), params.mode());
        let ([a, b], trace) = self.run(whole);
        assert_eq!([0, 1].map(|p| trace.sent_by(p)), self.layer.bytes());
        let x: Vec<u64> = (self.x[0].iter().zip(&self.x[1]))
            .map(|(a, b)| if whole { *a } else { t.add(*a, *b) })
            .collect();
        let want = oracle(self.layer.encoding().shape(), &x, &self.w, t);
        assert_eq!([a.len(), b.len()], [want.len(); 2]);
        for ((a, b), want) in a.iter().zip(&b).zip(want) {
            let off = t.centred(t.subtract(t.add(*a, *b), want)).abs();
            assert!(
                off <= i64::from(mode == Mode::Approximate),
                "{off} {params:?}"
            );
        }
    }
}

fn convolution(batch: usize, channels: [usize; 2], kernel: usize, groups: usize) -> ConvShape {
    ConvShape {
        batch,
        input: [7, 6],
        in_channels: channels[0],
        out_channels: channels[1],
        kernel: [kernel; 2],
        stride: [1; 2],
        padding: [kernel / 2; 4],
        dilation: [1; 2],
        groups,
    }
}

fn odd() -> ConvShape {
    ConvShape {
        stride: [2, 1],
        padding: [1, 0, 2, 1],
        dilation: [1, 2],
        ..convolution(2, [10, 18], 3, 2)
    }
}

fn two() -> (usize, CipherModulus) {
    (4096, CipherModulus::primes(4096, 50, 2))
}

#[test]
fn shares_add_up_to_products_modulo_anything() {
    use CipherModulus::{Limbs, Word};
    let prime = crate::native::prime::ntt_primes(4096, 33, 1)[0];
    for t in [
        PlainModulus::Bits(8),
        PlainModulus::Bits(37),
        PlainModulus::Prime(prime),
    ] {
        let three = CipherModulus::primes(4096, 35, 3);
        for q in [two().1, three, Limbs(2)] {
            for mode in [Mode::Exact, Mode::Approximate] {
                let s = Setting::new(
                    &odd(),
                    (4096, q.clone()),
                    t,
                    mode,
                    piquet_core::cpu::level(),
                );
                s.check(mode == Mode::Exact);
            }
        }
        let word = (4096, Word(64));
        let s = Setting::new(&odd(), word, t, Mode::Approximate, Level::Portable);
        s.check(false);
    }
    let large = (8192, CipherModulus::primes(8192, 50, 3));
    let t = PlainModulus::Bits(64);
    Setting::new(&odd(), large, t, Mode::Exact, Level::Portable).check(false);
}

#[test]
fn shares_add_up_to_products_of_many_shapes() {
    let t = PlainModulus::Bits(32);
    for shape in [
        ConvShape::matmul(1, 1, 1),
        ConvShape::matmul(1, 70, 33),
        ConvShape::matmul(19, 9, 17),
        convolution(1, [1, 40], 1, 1),
        convolution(3, [20, 1], 3, 1),
        convolution(1, [12, 12], 3, 12),
        convolution(2, [12, 24], 1, 6),
        odd(),
    ] {
        let s = Setting::new(&shape, two(), t, Mode::Exact, piquet_core::cpu::level());
        s.check(false);
        s.check(true);
    }
}

/// However short the runs are, the result is one; and as many turns are taken as there are runs.
#[test]
fn layers_longer_than_a_run_take_several() {
    let (t, level) = (PlainModulus::Bits(20), piquet_core::cpu::level());
    for (shape, tile) in [
        (odd(), Tile::Area([1, 2, 7])),
        (convolution(3, [20, 40], 1, 2), Tile::Pixels(40)),
    ] {
        let small = Split {
            merge: 1,
            inputs: 1,
            outputs: 2,
            tile,
            distance: 256,
        };
        let encoding = Encoding::with_split(&shape, 4096, small).unwrap();
        let mut s = Setting::with_encoding(encoding, two().1, t, Mode::Exact, level);
        let (outputs, _) = s.run(false);
        let units = s.layer.encoding().groups() * s.layer.encoding().tiles();
        assert!(units > 4, "{units}");
        for units_of_run in [1, 2, 3, units] {
            s.layer.schedule.set_units_of_run(units_of_run);
            s.check(false);
            let (again, trace) = s.run(false);
            assert_eq!(again, outputs);
            let turns = trace.messages.chunk_by(|(a, _), (b, _)| a == b).count();
            assert_eq!(turns, 2 * units.div_ceil(units_of_run));
        }
    }
}

/// Layers as they are planned, keys and all.
#[test]
fn planned_layers_are_right() {
    let rng = &mut prg(3);
    for (shape, mode) in [
        (ConvShape::matmul(1, 700, 90), Mode::Exact),
        (ConvShape::matmul(1, 700, 90), Mode::Approximate),
        (convolution(1, [40, 30], 3, 1), Mode::Exact),
        (convolution(1, [40, 30], 3, 1), Mode::Approximate),
    ] {
        let t = PlainModulus::Bits(30);
        let layer = Layer::plan(&shape, t, mode, WEIGHT as u64).unwrap();
        let mut message = Vec::new();
        let key = layer.key(SessionId([1; 32]), 0, rng, &mut message);
        let public = layer.public_key(SessionId([1; 32]), 0, &message).unwrap();
        let w: Vec<i64> = (0..shape.weight_len() as i64)
            .map(|i| i % 255 - WEIGHT)
            .collect();
        let weights = server::Weights::new(&layer, &w).unwrap();
        let mut uniform = |n| -> Vec<u64> { (0..n).map(|_| t.reduce(rng.next_u64())).collect() };
        let x = [(); 2].map(|()| uniform(shape.input_len()));
        let s = Setting {
            layer,
            key,
            public,
            weights,
            x,
            w,
        };
        s.check(false);
    }
}

#[test]
fn bytes_depend_on_seeds_alone() {
    let t = PlainModulus::Bits(32);
    let with = |level| Setting::new(&odd(), two(), t, Mode::Exact, level).run(false);
    let (outputs, trace) = with(Level::Portable);
    for level in Level::all() {
        assert_eq!(with(level), (outputs.clone(), trace.clone()));
    }
    #[cfg(feature = "parallel")]
    for threads in [1, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let again = pool.build().unwrap().install(|| with(Level::Portable));
        assert_eq!(again, (outputs.clone(), trace.clone()));
    }
}

#[test]
fn a_salt_makes_other_halves_in_another_session_or_step() {
    let at = |session: u8, step| Instance {
        session: SessionId([session; 32]),
        step,
    };
    let seed = at(1, 1).seed(&[3; 32]);
    assert_eq!(seed, at(1, 1).seed(&[3; 32]));
    assert_ne!(seed, at(1, 2).seed(&[3; 32]));
    assert_ne!(seed, at(2, 1).seed(&[3; 32]));
    assert_ne!(seed, at(1, 1).seed(&[4; 32]));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let level = piquet_core::cpu::level();
    let t = PlainModulus::Bits(20);
    let s = Setting::new(&odd(), two(), t, Mode::Exact, level);
    let other = Setting::new(&odd(), two(), t, Mode::Approximate, level);
    let third = Setting::new(
        &convolution(2, [10, 18], 3, 2),
        two(),
        t,
        Mode::Exact,
        level,
    );
    let rng = &mut prg(1);
    let client =
        |layer, key, x: &[u64], rng: &mut Prg| client::Product::new(layer, key, 0, x, rng).err();
    let x = &s.x[0];
    assert_eq!(client(&s.layer, &s.key, x, rng), None);
    let foreign = |what| Some(Error::Foreign(what));
    assert_eq!(client(&s.layer, &other.key, x, rng), foreign("key"));
    let short = client(&s.layer, &s.key, &x[1..], rng);
    assert!(matches!(short, Some(Error::Length { what: "input", .. })));
    for (at, value) in [(0, 1 << 20), (x.len() - 1, u64::MAX)] {
        let mut large = x.clone();
        large[at] = value;
        let e = client(&s.layer, &s.key, &large, rng);
        assert!(matches!(e, Some(Error::Parameter { what: "input", .. })));
    }
    let server = |key, weights, x: &[u64], rng: &mut Prg| {
        server::Product::new(&s.layer, key, weights, 0, Some(x), rng).err()
    };
    assert_eq!(server(&s.public, &s.weights, x, rng), None);
    assert_eq!(server(&other.public, &s.weights, x, rng), foreign("key"));
    assert_eq!(
        server(&s.public, &third.weights, x, rng),
        foreign("weights")
    );
    let e = server(&s.public, &s.weights, &x[1..], rng);
    assert!(matches!(e, Some(Error::Length { what: "input", .. })));
    let e = server::Weights::new(&s.layer, &s.w[1..]).err();
    assert!(matches!(
        e,
        Some(Error::Length {
            what: "weights",
            ..
        })
    ));
    let mut large = s.w.clone();
    large[3] = WEIGHT + 1;
    let e = server::Weights::new(&s.layer, &large).err();
    assert!(matches!(e, Some(Error::Weight { .. })));
    // More terms than the parameters were made for, more of them that meet a message, and another degree.
    let backend = s.layer.backend();
    for (shape, degree) in [
        (ConvShape::matmul(300, 300, 1), 4096),
        (convolution(1, [90, 1], 1, 1), 4096),
        (odd(), 2048),
    ] {
        let e = Layer::new(backend.clone(), Encoding::new(&shape, degree).unwrap()).err();
        assert!(matches!(e, Some(Error::Parameter { .. })), "{e:?}");
    }
}
