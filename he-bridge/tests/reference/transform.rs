//! The negacyclic transform by its definition: entry i is the value at psi^(2 rev(i) + 1), where rev reverses the bits
//! of an index below N and psi is the first primitive 2 N-th root among 2^((p-1)/2N), 3^((p-1)/2N), and so on.

/// a^e modulo p.
pub(crate) fn power(a: u64, mut e: u64, p: u64) -> u64 {
    let (mut a, mut r, p) = (u128::from(a), 1, u128::from(p));
    while e > 0 {
        if e & 1 == 1 {
            r = r * a % p;
        }
        a = a * a % p;
        e >>= 1;
    }
    r as u64
}

pub(crate) fn inverse(a: u64, p: u64) -> u64 {
    power(a, p - 2, p)
}

/// All powers of psi, from 0 to 2 N - 1.
fn powers(p: u64, n: usize) -> Vec<u64> {
    let order = 2 * n as u64;
    let psi = (2..p)
        .map(|g| power(g, (p - 1) / order, p))
        .find(|r| power(*r, n as u64, p) == p - 1)
        .unwrap();
    let next = |w: &u64| Some((u128::from(*w) * u128::from(psi) % u128::from(p)) as u64);
    std::iter::successors(Some(1), next).take(2 * n).collect()
}

/// 2 rev(i) + 1.
fn exponent(i: usize, n: usize) -> usize {
    2 * (i.reverse_bits() >> (usize::BITS - n.trailing_zeros())) + 1
}

/// Values from coefficients.
pub(crate) fn forward(x: &[u64], p: u64) -> Vec<u64> {
    let n = x.len();
    let w = powers(p, n);
    let value = |i| {
        let e = exponent(i, n);
        // Below 2^13 products below 2^100.
        let terms = (0..n).map(|j| u128::from(x[j]) * u128::from(w[e * j % (2 * n)]));
        (terms.sum::<u128>() % u128::from(p)) as u64
    };
    (0..n).map(value).collect()
}

/// Coefficients from values: coefficient j is the sum of all values times psi^(-j (2 rev(i) + 1)), over N.
pub(crate) fn backward(x: &[u64], p: u64) -> Vec<u64> {
    let n = x.len();
    let w = powers(p, n);
    let e: Vec<usize> = (0..n).map(|i| exponent(i, n)).collect();
    let over = u128::from(inverse(n as u64, p));
    let coefficient = |j: usize| {
        let at = |i: usize| (2 * n - e[i] * j % (2 * n)) % (2 * n);
        let terms = (0..n).map(|i| u128::from(x[i]) * u128::from(w[at(i)]));
        (terms.sum::<u128>() % u128::from(p) * over % u128::from(p)) as u64
    };
    (0..n).map(coefficient).collect()
}
