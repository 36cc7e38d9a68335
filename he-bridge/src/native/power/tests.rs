use super::*;
use crate::PlainModulus;
use piquet_core::{Block, Prg};

/// 2^b x + y, x modulo t: the next digit of a long division.
fn scaled(m: u64, b: u32, t: u64) -> [u64; 4] {
    let (mut quotient, mut rest) = ([0u64; 4], m % t);
    for i in (0..b).rev() {
        let double = u128::from(rest) * 2;
        let fits = double >= u128::from(t);
        rest = (double - if fits { u128::from(t) } else { 0 }) as u64;
        quotient[i as usize / 64] |= u64::from(fits) << (i % 64);
    }
    // Round to the nearest.
    if 2 * u128::from(rest) >= u128::from(t) {
        for word in &mut quotient {
            *word = word.wrapping_add(1);
            if *word != 0 {
                break;
            }
        }
    }
    quotient
}

fn bits(x: [u64; 4], from: u32, count: u32) -> u64 {
    (from..from + count).filter(|b| *b < 256).fold(0, |y, b| {
        y | ((x[b as usize / 64] >> (b % 64)) & 1) << (b - from)
    })
}

#[test]
fn messages_are_scaled_exactly() {
    let mut prg = Prg::new(Block::from_u128(1));
    let primes = [3, 65537, (1 << 37) - 25, (1u64 << 60) - 93];
    for b in [20u32, 40, 52, 63, 64, 104, 156, 208] {
        for plain in (primes.map(PlainModulus::Prime).into_iter())
            .chain([1, 8, 37, 64].map(PlainModulus::Bits))
            .filter(|p| p.bits() < b || b == 64 && p.bits() == 64)
        {
            let mut messages = vec![0u64; 40];
            prg.fill_ring(&mut messages);
            messages.iter_mut().for_each(|m| *m = plain.reduce(*m));
            messages[0] = 0;
            messages[1] = plain.reduce(plain.subtract(0, 1));
            for level in Level::all() {
                let power = Power::new(b).at(level);
                let mut planes = vec![0; 40 * power.words];
                Scale::new(power, plain).accumulate(&mut planes, &messages);
                power.carry(&mut planes);
                for (i, m) in messages.iter().enumerate() {
                    let want = match plain {
                        PlainModulus::Prime(t) => scaled(*m, b, t),
                        PlainModulus::Bits(k) => {
                            let mut x = [0; 4];
                            for j in 0..k {
                                let to = j + b - k;
                                x[to as usize / 64] |= ((m >> j) & 1) << (to % 64);
                            }
                            x
                        }
                    };
                    for w in 0..power.words {
                        let want = bits(want, LIMB * w as u32, power.word_bits(w));
                        assert_eq!(planes[w * 40 + i], want, "{b} {plain:?} {m} {level}");
                    }
                }
            }
        }
    }
}

/// Signed sums of residues come out as they do in 128 bits.
#[test]
fn sums_carry_and_round_as_wide_integers() {
    let mut prg = Prg::new(Block::from_u128(2));
    let n = 37;
    for b in [20u32, 52, 63, 64, 90, 104, 120] {
        let mask = u128::MAX >> (128 - b);
        for level in Level::all() {
            let power = Power::new(b).at(level);
            let mut planes = [0; 2].map(|_| vec![0u64; n * power.words]);
            planes.iter_mut().for_each(|p| prg.fill_ring(p));
            planes[0].iter_mut().step_by(3).for_each(|x| *x = u64::MAX);
            planes.iter_mut().for_each(|p| power.truncate(p));
            let [x, y] = planes;
            let mut wide = vec![0u64; 2 * n];
            prg.fill_ring(&mut wide);
            let small: Vec<i8> = (0..n).map(|i| (i as i8 - 18) * 7).collect();
            for wide in [&wide[..n], &wide[..]] {
                let mut sum = x.clone();
                power.accumulate(&mut sum, &x);
                power.deduct(&mut sum, &y);
                power.accumulate_small(&mut sum, &small);
                power.accumulate_wide(&mut sum, wide);
                power.carry(&mut sum);
                let mut minus = sum.clone();
                power.negate(&mut minus, n, 1..n);
                let positions: Vec<u32> = (0..n as u32).filter(|p| p % 2 == 1).collect();
                let odd = power.gather(&sum, &positions);
                for i in 0..n {
                    let high = match wide.get(n + i) {
                        Some(h) => u128::from(*h) << 64,
                        None => (i128::from(wide[i] as i64) as u128) >> 64 << 64,
                    };
                    let want = (power.get(&x, i) * 2)
                        .wrapping_sub(power.get(&y, i))
                        .wrapping_add(i128::from(small[i]) as u128)
                        .wrapping_add(high | u128::from(wide[i]))
                        & mask;
                    assert_eq!(power.get(&sum, i), want, "{b} {level}");
                    let negated = if i == 0 {
                        want
                    } else {
                        want.wrapping_neg() & mask
                    };
                    assert_eq!(power.get(&minus, i), negated);
                    if i % 2 == 1 {
                        assert_eq!(power.get(&odd, i / 2), want);
                    }
                }
                for to in [1, 12, 20, 47, 52, 60, 64, 70, 90, 104, 119, 120] {
                    if to > b {
                        continue;
                    }
                    let to = Power::new(to).at(level);
                    let rounded = power.round_down(sum.clone(), to);
                    for i in 0..n {
                        let drop = b - to.bits;
                        let half = if drop == 0 { 0 } else { 1u128 << (drop - 1) };
                        let want = (power.get(&sum, i).wrapping_add(half) & mask) >> drop;
                        assert_eq!(to.get(&rounded, i), want, "{b} {to:?}");
                    }
                }
            }
        }
    }
}
