use super::*;
use crate::cpu::Level;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// None on a processor without the instructions: then there is nothing to test.
fn proof() -> Option<Ifma512> {
    Ifma512::at(Level::best())
}

fn scalar(rng: &mut ChaCha20Rng) -> Scalar {
    let mut wide = [0; 64];
    rng.fill_bytes(&mut wide);
    Scalar::from_bytes_mod_order_wide(&wide)
}

fn scalars(n: usize, rng: &mut ChaCha20Rng) -> Vec<Scalar> {
    let mut all: Vec<_> = (0..n).map(|_| scalar(rng)).collect();
    let edges = [
        Scalar::ZERO,
        Scalar::ONE,
        -Scalar::ONE,
        Scalar::from(8u64),
        Scalar::from(0x8888_8888_8888_8888u64),
    ];
    for (a, e) in all.iter_mut().skip(3).zip(edges) {
        *a = e;
    }
    all
}

fn bytes(scalars: &[Scalar]) -> Vec<[u8; 32]> {
    scalars.iter().map(Scalar::to_bytes).collect()
}

fn compressed(points: &[RistrettoPoint]) -> Vec<[u8; 32]> {
    points.iter().map(|p| p.compress().to_bytes()).collect()
}

fn doubled(points: &[RistrettoPoint]) -> Vec<[u8; 32]> {
    points
        .iter()
        .map(|p| (p + p).compress().to_bytes())
        .collect()
}

/// Lengths around the eight lanes and the 64 points that share an inversion.
const LENGTHS: [usize; 9] = [1, 2, 7, 8, 9, 63, 64, 65, 130];

#[test]
fn fixed_base_products_agree() {
    let Some(proof) = proof() else { return };
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    for n in LENGTHS {
        let s = scalars(n, &mut rng);
        let want: Vec<_> = s.iter().map(RistrettoPoint::mul_base).collect();
        let got = Points::mul_base(proof, &bytes(&s));
        assert_eq!(got.len(), n);
        assert_eq!(got.double_and_encode(), doubled(&want));
        let base = RistrettoPoint::mul_base(&scalar(&mut rng));
        let want: Vec<_> = s.iter().map(|s| s * base).collect();
        let table = Table::new(proof, &base.compress().to_bytes()).unwrap();
        assert_eq!(table.mul(&bytes(&s)).double_and_encode(), doubled(&want));
    }
}

#[test]
fn maps_sums_and_products_agree() {
    let Some(proof) = proof() else { return };
    let mut rng = ChaCha20Rng::from_seed([2; 32]);
    for n in LENGTHS {
        let mut raw = vec![[0; 32]; n];
        raw.iter_mut().for_each(|b| rng.fill_bytes(b));
        // 0, 1, p - 1, p, p + 1 and all ones.
        for (b, low) in raw.iter_mut().skip(2).zip([0, 1, 0xec, 0xed, 0xee, 0xff]) {
            *b = if low < 2 { [0; 32] } else { [0xff; 32] };
            b[0] = low;
        }
        let mapped: Vec<_> = raw
            .iter()
            .map(|b| RistrettoPoint::map_to_curve(*b))
            .collect();
        let mut got = Points::map(proof, &raw);
        assert_eq!(got.double_and_encode(), doubled(&mapped));
        let points: Vec<_> = (0..n)
            .map(|_| RistrettoPoint::mul_base(&scalar(&mut rng)))
            .collect();
        let others = Points::decode(proof, &compressed(&points)).unwrap();
        assert_eq!(others.double_and_encode(), doubled(&points));
        got.add(&others);
        let sum: Vec<_> = mapped.iter().zip(&points).map(|(a, b)| a + b).collect();
        assert_eq!(got.double_and_encode(), doubled(&sum));
        got.sub(&others);
        assert_eq!(got.double_and_encode(), doubled(&mapped));
        got.double();
        let twice: Vec<_> = mapped.iter().map(|p| p + p).collect();
        assert_eq!(got.double_and_encode(), doubled(&twice));
        for k in scalars(8, &mut rng) {
            let mut got = Points::decode(proof, &compressed(&points)).unwrap();
            got.mul(k.as_bytes());
            let want: Vec<_> = points.iter().map(|p| p * k).collect();
            assert_eq!(got.double_and_encode(), doubled(&want));
            // What was multiplied can be added: its T is there.
            got.add(&others);
            let want: Vec<_> = points.iter().map(|p| p * k + p).collect();
            assert_eq!(got.double_and_encode(), doubled(&want));
        }
    }
}

/// One identity among the points leaves the encodings of all others as they are.
#[test]
fn an_identity_does_not_reach_its_neighbours() {
    let Some(proof) = proof() else { return };
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let points: Vec<_> = (0..70)
        .map(|_| RistrettoPoint::mul_base(&scalar(&mut rng)))
        .collect();
    for at in [0, 7, 8, 40, 63, 64, 69] {
        let mut other = points.clone();
        other.iter_mut().for_each(|p| *p = *p + *p);
        other[at] = points[at];
        let mut got = Points::decode(proof, &compressed(&other)).unwrap();
        got.sub(&Points::decode(proof, &compressed(&points)).unwrap());
        let mut want = doubled(&points);
        want[at] = [0; 32];
        assert_eq!(got.double_and_encode(), want);
    }
}

#[test]
fn decoding_takes_what_dalek_takes_except_the_identity() {
    let Some(proof) = proof() else { return };
    let mut rng = ChaCha20Rng::from_seed([4; 32]);
    let mut candidates = Vec::new();
    for low in [0u8, 1, 2, 0xec, 0xed, 0xee, 0xff] {
        for fill in [0, 0xff] {
            for high in [0, 0x7f, 0x80, 0xff] {
                let mut b = [fill; 32];
                (b[0], b[31]) = (low, high);
                candidates.push(b);
            }
        }
    }
    for _ in 0..200 {
        let mut b = [0; 32];
        rng.fill_bytes(&mut b);
        candidates.push(b);
        b[31] &= 0x7f;
        b[0] &= 0xfe;
        candidates.push(b);
    }
    let good = RistrettoPoint::mul_base(&scalar(&mut rng))
        .compress()
        .to_bytes();
    let mut accepted = 0;
    for c in candidates {
        let want = CompressedRistretto(c).decompress().filter(|_| c != [0; 32]);
        accepted += usize::from(want.is_some());
        for at in [0, 5, 7] {
            let mut lanes = [good; 8];
            lanes[at] = c;
            let got = Points::decode(proof, &lanes);
            assert_eq!(got.is_some(), want.is_some(), "{c:02x?}");
            if let (Some(got), Some(want)) = (got, want) {
                assert_eq!(got.double_and_encode()[at], doubled(&[want])[0]);
            }
        }
        assert_eq!(Table::new(proof, &c).is_some(), want.is_some());
    }
    assert!(accepted > 20);
    assert!(Points::decode(proof, &[]).unwrap().is_empty());
    assert_eq!(format!("{:?}", Points::map(proof, &[[7; 32]])), "Points(1)");
}

#[test]
fn digits_are_small_and_sum_to_the_scalar() {
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    for s in scalars(100, &mut rng) {
        let d = product::digits(s.as_bytes());
        assert!(d.iter().all(|d| (-8..=8).contains(d)));
        let sum = d.iter().rev().fold(Scalar::ZERO, |sum, d| {
            let digit = Scalar::from(u64::from(d.unsigned_abs()));
            sum * Scalar::from(16u64) + if *d < 0 { -digit } else { digit }
        });
        assert_eq!(sum, s);
    }
}
