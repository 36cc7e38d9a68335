use super::super::real::sigmoid;
use super::*;
use crate::engine::Spec;
use crate::model::Shape;
use crate::plain::Plain;
use crate::pool::Pool;

/// Largest distance of the results from `f`, in units of the last place, over the range in steps.
fn worst(p: &Polynomial, f: impl Fn(f64) -> f64, step: usize, mode: Truncation) -> f64 {
    let [low, high] = p.range();
    let raw: Vec<i64> = (low..=high).step_by(step).chain([high]).collect();
    let mut engine = Plain::new(Pool::new(1).unwrap());
    let spec = Spec {
        shape: Shape::new(&[1, raw.len()]).unwrap(),
        format: p.from,
    };
    let x = engine.input(&spec, Some(&raw)).unwrap();
    let y = p.run(&mut engine, &[&x], mode).unwrap();
    let unit = pow2(p.to.frac() as i32);
    raw.iter()
        .zip(y[0].raw())
        .map(|(x, y)| (*y as f64 - f(p.from.decode(*x)) * unit).abs())
        .fold(0.0, f64::max)
}

#[test]
fn every_degree_meets_its_error_in_every_rounding() {
    for frac in [12, 16, 20] {
        let from = Format::z64(frac, frac + 4).unwrap();
        let to = Format::z64(frac, frac + 1).unwrap();
        for degree in 0..=MAX_DEGREE {
            let range = [-(3 << frac), 5 << frac];
            let f = |x: f64| sigmoid(2.0 * x);
            let [low, high] = Variable::new(range, from).unwrap().ends;
            let a = minimax::chebyshev(f, low, high, degree, Weight::Absolute);
            let p =
                Polynomial::chebyshev(&a, a.error * pow2(frac as i32) + ROUNDING, range, from, to);
            let p = p.unwrap();
            assert!(p.error() <= a.error * pow2(frac as i32) + ROUNDING && p.rounding() > 0.0);
            for (mode, last) in [(Truncation::Nearest, 0.5), (Truncation::Exact, 1.0)] {
                let got = worst(&p, f, 1 << (frac - 5), mode);
                assert!(
                    got <= p.error() + last,
                    "{frac} {degree}: {got} past {}",
                    p.error()
                );
            }
        }
    }
}
