//! Powers of two and exponentials: protocols and functions against the real ones.

use crate::common::{Case, Script, agree, cost, rep3, z64};
use crate::dealt;
use crate::dealt::semi2k;
use crate::functions::{Function, Run};
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, Power, Truncation};
use piquet_nn_ops::function::Exp;
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::model::Format;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

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

/// Bits of the exponent (behind the point, multiplied, looked up), bias, format of the result (fraction bits, bound),
/// precision.
type Powered = ((u32, u32, u32), u32, (u32, u32), u32);

const SHAPES: [Powered; 5] = [
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

fn exps() -> Vec<(Exp, Format)> {
    let natural = |from, to| (Exp::natural(from, to).unwrap(), from);
    vec![
        natural(z64(12, 17), z64(12, 30)),
        natural(z64(16, 30), z64(16, 30)),
        natural(z64(20, 26), z64(20, 36)),
        (
            Exp::natural(z64(16, 20), z64(16, 17))
                .unwrap()
                .at_most(0.0)
                .unwrap(),
            z64(16, 20),
        ),
        (
            Exp::natural(z64(16, 22), z64(26, 28))
                .and_then(|f| f.with_precision(24))
                .and_then(|f| f.at_most(0.0))
                .unwrap(),
            z64(16, 22),
        ),
        (Exp::base2(z64(16, 21), z64(16, 30)).unwrap(), z64(16, 21)),
    ]
}

/// Arguments from the domain, evenly, near its ends, near whole exponents, and beyond it where the format allows.
fn arguments(f: &Exp, from: Format, n: usize, seed: u64) -> Vec<i64> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let [low, high] = f.domain().map(|x| from.encode(x));
    let reach = (1i64 << from.bound()) - 1;
    // Nothing above was declared where the domain ends at zero.
    let most = if high == 0 { 0 } else { reach };
    let per = if f.name() == "exp" {
        std::f64::consts::LN_2
    } else {
        1.0
    };
    let mut random = |n: i64| (rng.next_u64() % n as u64) as i64;
    (0..n)
        .map(|i| match i % 4 {
            0 => low + random(high - low + 1),
            1 => (from.encode((random(60) - 30) as f64 * per) + random(5) - 2).clamp(low, high),
            2 if i % 8 == 2 => (high - random(20)).max(low),
            2 => (low + random(20)).min(high),
            // As far as what is declared allows.
            _ if high < most && f.clamps() > 0 && i % 8 == 3 => high + random(most - high),
            _ if -reach < low => low - random(low + reach),
            _ => low + random(high - low + 1),
        })
        .collect()
}

#[test]
fn exponentials_are_as_close_as_stated() {
    let mode = Truncation::Stochastic;
    for (i, (f, from)) in exps().into_iter().enumerate() {
        let precision = if i == 4 { 24 } else { 16 };
        for seed in 0..3 {
            let xs = arguments(&f, from, 8000, seed + 10 * i as u64);
            let case = Case::default().input(&[1, xs.len()], from, xs.clone());
            let run = Run(Function::Exp(f.clone()), mode);
            let parties = 2 + seed as usize % 2;
            for got in [rep3(&case, &run), semi2k(parties, &case, &run)] {
                run.0.hold(&case, &got[0], precision);
            }
        }
    }
}

/// Bytes of an element in `rep3`, and rounds, as in the table on the page of the function.
#[test]
fn exponentials_cost_what_the_page_says() {
    let at_most_one =
        |bound| Exp::natural(z64(16, bound), z64(16, 17)).and_then(|f| f.at_most(0.0));
    let below = |bound| Exp::natural(z64(16, bound), z64(16, 30));
    let page = [
        (at_most_one(20), 80.0, 3),
        (at_most_one(21), 80.0, 3),
        (at_most_one(30), 122.0, 7),
        (below(20), 146.0, 7),
        (below(30), 208.0, 7),
    ];
    for (f, bytes, rounds) in page {
        let f = f.unwrap();
        let n = 100_000;
        let case = Case::default().input(&[1, n], f.from(), vec![0; n]);
        let got = cost(&case, &Run(Function::Exp(f), Truncation::Stochastic));
        let each = got.0 as f64 / n as f64;
        assert!((each - bytes).abs() < 1.0, "{each} for {bytes}");
        assert_eq!(got.1, rounds);
    }
}

/// Where rounding is deterministic, engines say what the oracle says; operands share their rounds.
#[test]
fn deterministic_exponentials_are_those_of_the_oracle() {
    for (i, (f, from)) in exps().into_iter().enumerate() {
        let xs = arguments(&f, from, 203, i as u64);
        let (a, b) = xs.split_at(3);
        let case =
            Case::default()
                .input(&[1, 3], from, a.to_vec())
                .input(&[2, 100], from, b.to_vec());
        let mode = if i % 2 == 0 {
            Truncation::Nearest
        } else {
            Truncation::Exact
        };
        let script = Run(Function::Exp(f), mode);
        let (got, _) = agree(&case, &script, 1);
        let precision = if i == 4 { 24 } else { 16 };
        let whole = Case::default().input(&[1, xs.len()], from, xs);
        script.0.hold(&whole, &got.concat(), precision);
        assert_eq!(dealt::agree(2, &case, &script, 1).0, got);
        let (_, rounds) = cost(&case, &script);
        assert!(rounds <= 50, "{rounds}");
    }
}
