use super::*;
use crate::engine::{Spec, Truncation, check_power};
use crate::model::{Format, Shape};
use piquet_core::{Block, Prg};

#[test]
fn significands_are_as_close_as_stated() {
    let mut worst = 0f64;
    for i in 0..2_000_000u64 {
        let x = (i * 2147).min(HALF);
        let got = significand(x) as f64 / (BITS as f64).exp2();
        let want = (x as f64 / 32f64.exp2()).exp2();
        worst = worst.max((got / want - 1.0).abs());
    }
    // The cut of a longer fraction comes on top.
    assert!(
        worst < (-30.5f64).exp2() - (-32.5f64).exp2(),
        "{}",
        worst.log2()
    );
}

/// Sums of products against the real power, over all digits and both overflows.
#[test]
fn shares_multiply_to_powers() {
    let mut prg = Prg::new(Block::from_u128(7));
    for (frac, low, high, bias, f, precision) in [
        (40, 3, 2, 17, 16, 20),
        (45, 3, 3, 40, 12, 19),
        (20, 1, 4, 13, 12, 19),
        (44, 2, 4, 50, 20, 19),
        (42, 3, 2, 24, 24, 27),
        (50, 2, 1, 3, 14, 19),
        (48, 4, 2, 60, 26, 10),
    ] {
        let to = Format::z64(f, 62).unwrap();
        let power = Power {
            factor: 1,
            offset: 0,
            frac,
            low,
            high,
            bias,
            precision,
            to,
            mode: Truncation::Stochastic,
        };
        let spec = Spec {
            shape: Shape::new(&[1, 1]).unwrap(),
            format: to,
        };
        check_power(&spec, &power).unwrap();
        let kernel = Exp2::of(&power);
        let end = ((1u64 << (low + high)) - (1 << low)) << frac;
        let n = 1000;
        let mut random = vec![0u64; 2 * n];
        let mut worst = 0f64;
        for round in 0..20 {
            prg.fill_ring(&mut random);
            let (a, b) = random.split_at(n);
            let y: Vec<u64> = a
                .iter()
                .enumerate()
                .map(|(i, y)| match (i, round % 2) {
                    (0, _) => 0,
                    (1, _) => end - 1,
                    // Near the ends of digits.
                    (_, 1) => {
                        ((y >> 60) << (frac + low))
                            .wrapping_add(y & 15)
                            .wrapping_sub(8)
                            % end
                    }
                    _ => y % end,
                })
                .collect();
            let mut r: Vec<u64> = b.to_vec();
            if round == 2 {
                r.fill(0);
            }
            let mut c: Vec<u64> = y.iter().zip(&r).map(|(y, r)| y.wrapping_sub(*r)).collect();
            let mut given = vec![0u64; kernel.words() * n];
            kernel.give(&mut r, &mut given);
            let mut z = vec![0u64; n];
            kernel.combine(&mut c, &given, &mut z);
            for (z, y) in z.iter().zip(&y) {
                assert!(*z < 1 << 62);
                let got = *z as f64 / f64::from(power.shift()).exp2();
                let real = (*y as f64 / f64::from(frac).exp2() - f64::from(bias)).exp2();
                let want = real * f64::from(f).exp2();
                let error = (got - want).abs() / (0.125 + want * (-f64::from(precision)).exp2());
                worst = worst.max(error);
            }
        }
        assert!(worst < 1.0, "{power:?}: {worst}");
    }
}
