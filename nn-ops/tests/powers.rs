//! Powers of two and exponentials: protocols and functions against the real ones.

mod common;
#[path = "common/semi2k.rs"]
mod semi2k;

use common::{Case, Script, rep3, z64};
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, Power, Truncation};
use piquet_nn_ops::layer::Layers;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use semi2k::semi2k;

/// The engine's own powers.
struct Powers(Power);
impl Script for Powers {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let refs: Vec<_> = x.iter().collect();
        Ok(e.power(&refs, &self.0)?.unwrap_or_default())
    }
}

/// A power whose raw argument is the exponent's, less an offset, and arguments from its whole domain, the ends of digits
/// among them.
fn power_case(
    (frac, low, high): (u32, u32, u32),
    bias: u32,
    to: (u32, u32),
    precision: u32,
    seed: u64,
) -> (Case, Power) {
    let (unit, digit) = (1i64 << frac, 1i64 << (frac + low));
    let end = (digit << high) - digit;
    let offset = i64::from(bias) * unit + 12345;
    let power = Power {
        factor: 3,
        offset,
        frac,
        low,
        high,
        bias,
        precision,
        to: z64(to.0, to.1),
        mode: Truncation::Stochastic,
    };
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let n = 3000;
    let y = (0..n).map(|i| match i {
        0 => 2,
        1 => end - 3,
        _ if i % 3 == 0 => {
            let near = (rng.next_u64() % (1 << high)) as i64 * digit;
            (near + (rng.next_u64() % 64) as i64 - 32).clamp(2, end - 3)
        }
        _ => (rng.next_u64() % end as u64) as i64,
    });
    // The nearest argument that gives no more.
    let x: Vec<i64> = y.map(|y| (y - offset).div_euclid(3)).collect();
    let x: Vec<i64> = x.iter().map(|x| *x.max(&((2 - offset) / 3))).collect();
    let bound = frac + low + high;
    let (a, b) = x.split_at(n / 3);
    let case = Case::default()
        .input(&[1, a.len()], z64(frac, bound), a.to_vec())
        .input(&[2, b.len() / 2], z64(frac, bound), b.to_vec());
    (case, power)
}

/// Each result is one of the two next to a number that is as close as stated to the real power.
fn close(case: &Case, p: &Power, got: &[Vec<i64>]) {
    assert_eq!(got.len(), case.inputs.len());
    for ((_, x), got) in case.inputs.iter().zip(got) {
        for (x, got) in x.iter().zip(got) {
            let e = (x * p.factor + p.offset) as f64 / f64::from(p.frac).exp2();
            let want = (e - f64::from(p.bias) + f64::from(p.to.frac())).exp2();
            let off = 0.125 + want * (-f64::from(p.precision)).exp2();
            let [least, most] = [(want - off).floor(), (want + off).floor() + 1.0];
            let got = *got as f64;
            assert!(least <= got && got <= most, "{x}: {got}, not {want}");
        }
    }
}

const SHAPES: [((u32, u32, u32), u32, (u32, u32), u32); 5] = [
    ((40, 3, 2), 17, (16, 30), 19),
    ((40, 3, 3), 36, (12, 58), 19),
    ((30, 1, 4), 21, (20, 40), 19),
    ((44, 2, 3), 27, (26, 30), 27),
    ((20, 4, 1), 13, (12, 30), 10),
];

#[test]
fn three_parties_multiply_powers() {
    for (i, (digits, bias, to, precision)) in SHAPES.into_iter().enumerate() {
        let (case, power) = power_case(digits, bias, to, precision, i as u64);
        for _ in 0..3 {
            close(&case, &power, &rep3(&case, &Powers(power)));
        }
    }
}

#[test]
fn parties_with_a_dealer_multiply_powers() {
    for (i, (digits, bias, to, precision)) in SHAPES.into_iter().enumerate() {
        let (case, power) = power_case(digits, bias, to, precision, 10 + i as u64);
        for parties in [2, 2, 3] {
            close(&case, &power, &semi2k(parties, &case, &Powers(power)));
        }
    }
}
