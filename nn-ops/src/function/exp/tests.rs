use super::*;
use crate::engine::Engine;
use crate::function::normal::tests::{Steps, of_products, planes, planned, plus, weighed};
use crate::layer::only;
use crate::plain::Plain;
use crate::pool::Pool;

fn z64(frac: u32, bound: u32) -> Format {
    Format::z64(frac, bound).unwrap()
}

/// Largest error of the oracle in units of max(1 ULP, 2^-precision of the result).
fn worst(f: &Exp, xs: &[i64], mode: Truncation) -> f64 {
    let mut engine = Plain::new(Pool::new(1).unwrap());
    let mut worst = 0f64;
    let unit = f64::from(f.to().frac()).exp2();
    for xs in xs.chunks(1 << 16) {
        let spec = Spec {
            shape: Shape::new(&[1, xs.len()]).unwrap(),
            format: f.from(),
        };
        let x = engine.input(&spec, Some(xs)).unwrap();
        let y = only(f.run(&mut engine, &[&x], mode).unwrap()).unwrap();
        for (x, y) in xs.iter().zip(y.raw()) {
            let x = f.from().decode(*x).min(f.domain()[1]);
            let real = match f.base {
                Base::Natural => x.exp(),
                Base::Two => x.exp2(),
            };
            let want = (real * unit).round();
            let allowed = (want * (-f64::from(f.precision)).exp2()).max(1.0);
            let error = (*y as f64 - want).abs() / allowed;
            if error > worst {
                worst = error;
            }
        }
    }
    worst
}

/// Every argument of the domain at 12 bits behind the point, and beyond both its ends.
#[test]
fn every_argument_at_twelve_bits() {
    for (to, base) in [
        (z64(12, 30), Base::Natural),
        (z64(12, 13), Base::Natural),
        (z64(12, 30), Base::Two),
        (z64(18, 40), Base::Natural),
    ] {
        let f = Exp::derive(base, z64(12, 17), to, PRECISION, None).unwrap();
        let xs: Vec<i64> = (-(1 << 17) + 1..1 << 17).collect();
        for mode in [Truncation::Stochastic, Truncation::Nearest] {
            let worst = worst(&f, &xs, mode);
            assert!(worst <= 1.0, "{f:?} {mode:?}: {worst}");
        }
    }
}

#[test]
fn many_arguments_at_more_bits() {
    for (from, to, precision) in [
        (z64(16, 22), z64(16, 30), 16),
        (z64(20, 26), z64(20, 36), 16),
        (z64(16, 21), z64(16, 20), 20),
        (z64(20, 25), z64(26, 28), 24),
        (z64(10, 50), z64(14, 62), 16),
        (z64(0, 20), z64(20, 36), 16),
    ] {
        let f = Exp::derive(Base::Natural, from, to, precision, None).unwrap();
        let [low, high] = f.ends;
        let all = (1i64 << from.bound()) - 1;
        let n = 100_000;
        let mut xs: Vec<i64> = (0..=n)
            .map(|i| low + ((i128::from(high - low) * i128::from(i)) / i128::from(n)) as i64)
            .collect();
        for end in [low, high, 0, all, -all] {
            xs.extend((end - 20..end + 20).filter(|x| x.abs() <= all));
        }
        for mode in [Truncation::Stochastic, Truncation::Exact] {
            let worst = worst(&f, &xs, mode);
            assert!(worst <= 1.0, "{f:?} {mode:?}: {worst}");
        }
    }
}

/// What the page says of words and clamps.
#[test]
fn as_many_words_as_the_page_says() {
    let words = |from, to, most: Option<f64>| {
        let f = Exp::natural(from, to).unwrap();
        let f = most.map_or(f.clone(), |m| f.at_most(m).unwrap());
        (f.power.words(), f.clamps(), f.power.shift())
    };
    let at_most_one = z64(16, 17);
    assert_eq!(words(z64(16, 20), at_most_one, Some(0.0)), (4, 0, 37));
    assert_eq!(words(z64(16, 21), at_most_one, Some(0.0)), (4, 0, 37));
    assert_eq!(words(z64(16, 30), at_most_one, Some(0.0)), (4, 1, 29));
    for frac in [12, 16, 20] {
        let to = z64(frac, 30);
        assert_eq!(words(z64(frac, frac + 4), to, None), (8, 1, 29), "{frac}");
        assert_eq!(words(z64(frac, 40), to, None), (8, 2, 29), "{frac}");
    }
}

#[test]
fn formats_without_room_are_refused() {
    let f = |from, to| Exp::natural(from, to).map(|_| ());
    assert!(f(Format::new(32, 12, 20).unwrap(), z64(12, 20)).is_err());
    assert!(f(z64(12, 61), z64(12, 20)).is_err());
    assert!(f(z64(12, 20), z64(12, 3)).is_err());
    assert!(f(z64(40, 45), z64(12, 20)).is_err());
    let exp = Exp::natural(z64(12, 20), z64(12, 20)).unwrap();
    assert!(exp.with_precision(25).is_err());
    assert!(exp.at_most(-40.0).is_err());
}

impl Steps for (&Exp, Truncation) {
    fn run<E: Layers>(&self, e: &mut E, x: &E::Arith) -> Result<(), Error> {
        self.0.run(e, &[x], self.1).map(|_| ())
    }
}

/// A ReLU, for which the engines have formulas.
struct Rectified;
impl Steps for Rectified {
    fn run<E: Layers>(&self, e: &mut E, x: &E::Arith) -> Result<(), Error> {
        e.relu(&[x]).map(|_| ())
    }
}

/// Bytes and rounds as the page says, by an engine's own power and by bits and a polynomial.
#[test]
fn costs_are_those_of_the_page() {
    for (from, to) in [
        (z64(12, 16), z64(12, 30)),
        (z64(16, 20), z64(16, 30)),
        (z64(16, 30), z64(16, 30)),
        (z64(20, 26), z64(20, 36)),
        (z64(0, 8), z64(12, 30)),
    ] {
        let natural = Exp::natural(from, to).unwrap();
        let all = [
            natural.at_most(0.0).unwrap(),
            natural.with_precision(20).unwrap(),
            natural,
            Exp::base2(from, to).unwrap(),
        ];
        for f in all {
            // Both clamps share their rounds.
            let clamps = f.clamps() as u32;
            let one = planned(from.with_bound(from.bound() + 1).unwrap(), &Rectified);
            let clamps = one.map(|(bits, rounds)| (clamps * bits, clamps.min(1) * rounds));
            let words = f.power.words() as u32;
            let own = of_products(&[(1, f.power.shift())], Truncation::Stochastic);
            // The words come before the first swap.
            let own = plus(own, [(64 * words, u32::from(f.clamps() == 0)), (0, 0)]);
            let got = planned(from, &(&f, Truncation::Stochastic));
            assert_eq!(got, plus(clamps, own), "{f:?}");

            let (p, q) = (&f.polynomial, f.precision + 6);
            let mut products = vec![(1, q), (0, q)];
            let pairs = p.coefficients.len() as u32 / 2;
            products.extend((2..pairs).map(|_| (2, q)));
            products.push((2, q + 1));
            products.push((2, q - 1 + generic::GUARD));
            if f.power.frac > q {
                products.push((0, f.power.frac - q));
            }
            let m = p.whole;
            // A step that is not the first does not wait for party 0.
            let mut bits = planes(z64(q, q + m), q..q + m);
            bits[0].1 -= u32::from(f.clamps() > 0 || f.power.frac > q);
            let ands = ((1 << m) - m - 1, m.next_power_of_two().ilog2());
            for mode in [Truncation::Nearest, Truncation::Exact] {
                let want = [
                    clamps,
                    bits,
                    weighed(ands, p.places as u32, 2),
                    of_products(&products, mode),
                ];
                let want = want.into_iter().fold([(0, 0); 2], plus);
                assert_eq!(planned(from, &(&f, mode)), want, "{f:?} {mode:?}");
            }
        }
    }
}

/// Where all arguments are far from zero, their distance from it still counts.
#[test]
fn arguments_far_below_zero() {
    let f = Exp::natural(z64(16, 20), z64(33, 34)).unwrap();
    let f = f.at_most(-15.9).unwrap().with_precision(9).unwrap();
    let xs: Vec<i64> = (1 - (1 << 20)..=(-15.9 * 65536.0) as i64 - 1).collect();
    for mode in [
        Truncation::Exact,
        Truncation::Nearest,
        Truncation::Stochastic,
    ] {
        let worst = worst(&f, &xs, mode);
        assert!(worst <= 1.0, "{worst} {mode:?}");
    }
    // Refused, or served in every rounding.
    let fine = Exp::natural(z64(33, 37), z64(24, 25)).unwrap();
    if let Ok(f) = fine.at_most(-15.9).and_then(|f| f.with_precision(21)) {
        assert!(worst(&f, &[-(1 << 37) + 1], Truncation::Exact) <= 1.0);
    }
}
