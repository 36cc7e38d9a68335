//! The additive correlation, and the triples of bits, ring elements and matrices made of correlated OTs.
//!
//! A word has `word` bits, the modulus is 2^k: pads are taken in words, elements are sent in k bits.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

use super::cots::Cots;
use super::{Run, low, message, pack_words};
use crate::support::show;

/// a, b and c of both parties.
type Shares = [[Vec<u128>; 3]; 2];

fn add(a: u128, b: u128, k: u32) -> u128 {
    low(a.wrapping_add(b), k)
}

fn sub(a: u128, b: u128, k: u32) -> u128 {
    low(a.wrapping_sub(b), k)
}

/// The words of a pad.
fn words(cots: &Cots, pad: u128, width: usize, word: u32) -> Vec<u128> {
    let bytes = word as usize / 8;
    let pad = cots.stretch(pad, width * bytes);
    let word = |w: &[u8]| w.iter().rev().fold(0, |x, b| (x << 8) | u128::from(*b));
    pad.chunks(bytes).map(word).collect()
}

/// Of OT i with the vector δ: what the sender sends, and both shares of b δ, modulo 2^k.
fn correlate(cots: &Cots, i: usize, delta: &[u128], k: u32, word: u32) -> [Vec<u128>; 3] {
    let [zero, one] = cots.pads(i).map(|p| words(cots, p, delta.len(), word));
    let pad = words(cots, cots.pad(i), delta.len(), word);
    let b = u128::from(cots.b[i]);
    let n = 0..delta.len();
    let c: Vec<_> = n
        .clone()
        .map(|e| sub(add(zero[e], delta[e], k), one[e], k))
        .collect();
    let s: Vec<_> = n.clone().map(|e| sub(0, zero[e], k)).collect();
    let r: Vec<_> = n.clone().map(|e| add(pad[e], b * c[e], k)).collect();
    for e in n {
        assert_eq!(add(s[e], r[e], k), low(b * delta[e], k));
    }
    [c, s, r]
}

/// OTs of `width` elements each.
pub(crate) fn additive(cots: &Cots, width: usize, k: u32, word: u32, delta: &[u128]) -> Run {
    let [mut c, mut s, mut r] = [const { Vec::new() }; 3];
    for (i, delta) in delta.chunks(width).enumerate() {
        let [ci, si, ri] = correlate(cots, i, delta, k, word);
        c.extend(ci);
        s.extend(si);
        r.extend(ri);
    }
    let body = pack_words(&c, k);
    Run {
        messages: vec![(0, message(&cots.session, 0x5c, cots.first, &body))],
        outputs: [show::words(&s), show::words(&r)],
    }
}

/// Party i is the sender of the i-th correlated OTs and the receiver of the others.
pub(crate) fn bits(cots: &[Cots; 2]) -> Run {
    let n = cots[0].q.len();
    let share = |party: usize| {
        let (sent, received) = (&cots[party], &cots[1 - party]);
        let mut parts = [const { Vec::new() }; 3];
        for i in 0..n {
            let [v, w] = sent.pads(i).map(|p| p & 1 == 1);
            let (a, b, u) = (received.b[i], v ^ w, received.pad(i) & 1 == 1);
            for (part, bit) in parts.iter_mut().zip([a, b, (a & b) ^ u ^ v]) {
                part.push(bit);
            }
        }
        parts
    };
    let shares = [share(0), share(1)];
    let open = |p: usize, i: usize| shares[0][p][i] ^ shares[1][p][i];
    assert!((0..n).all(|i| open(2, i) == open(0, i) & open(1, i)));
    Run {
        messages: Vec::new(),
        outputs: shares.map(|s| s.each_ref().map(|p| show::bits(p)).to_vec().into()),
    }
}

/// A uniform vector as it is drawn: words, little-endian.
fn uniform(n: usize, k: u32, word: u32, rng: &mut ChaCha20Rng) -> Vec<u128> {
    let mut raw = vec![0; n * word as usize / 8];
    rng.fill_bytes(&mut raw);
    let words = raw.chunks(word as usize / 8);
    let word = |w: &[u8]| w.iter().rev().fold(0, |x, b| (x << 8) | u128::from(*b));
    words.map(|w| low(word(w), k)).collect()
}

/// Shares of the product of matrices of `rows` x `inner` and `inner` x `columns`; element by element if `inner` and
/// `columns` are 1, with another kind byte. Party i is the sender of the i-th correlated OTs; each party draws its right factor.
fn products(
    cots: &[Cots; 2],
    kind: u8,
    [rows, inner, columns]: [usize; 3],
    k: u32,
    word: u32,
    rngs: &mut [ChaCha20Rng; 2],
) -> (Vec<(u8, Vec<u8>)>, Shares) {
    // Triples of elements: `rows` products of their own, whose elements share a run of the wire.
    let elements = kind == 0x5d;
    let right = rngs
        .each_mut()
        .map(|r| uniform(if elements { rows } else { inner * columns }, k, word, r));
    let left = [0, 1].map(|party: usize| {
        let b = &cots[1 - party].b;
        let n = rows * inner;
        let bit = |j: usize, e: usize| u128::from(b[j * n + e]) << j;
        (0..n)
            .map(|e| (0..k as usize).map(|j| bit(j, e)).sum::<u128>())
            .collect::<Vec<_>>()
    });
    let mut product = [0, 1].map(|party: usize| {
        let mut c = vec![0; rows * columns];
        for r in 0..rows {
            for t in 0..inner {
                for j in 0..columns {
                    let b = right[party][if elements { r } else { t * columns + j }];
                    let ab = left[party][r * inner + t].wrapping_mul(b);
                    c[r * columns + j] = add(c[r * columns + j], ab, k);
                }
            }
        }
        c
    });
    let mut messages = Vec::new();
    for party in 0..2 {
        let mut body = Vec::new();
        for j in 0..k {
            let mut run = Vec::new();
            for r in 0..rows {
                for t in 0..inner {
                    let i = (j as usize * rows + r) * inner + t;
                    let vector = if elements {
                        &right[party][r..=r]
                    } else {
                        &right[party][t * columns..][..columns]
                    };
                    let [c, mine, theirs] = correlate(&cots[party], i, vector, k - j, word);
                    run.extend(c);
                    for (e, (m, t)) in mine.iter().zip(&theirs).enumerate() {
                        let at = r * columns + e;
                        product[party][at] = add(product[party][at], m << j, k);
                        product[1 - party][at] = add(product[1 - party][at], t << j, k);
                    }
                }
                if !elements {
                    // Of a matrix, each row of the product has a run.
                    body.extend(pack_words(&run, k - j));
                    run.clear();
                }
            }
            body.extend(pack_words(&run, k - j));
        }
        let cots = &cots[party];
        messages.push((party as u8, message(&cots.session, kind, cots.first, &body)));
    }
    let [c0, c1] = product;
    let [l0, l1] = left;
    let [r0, r1] = right;
    (messages, [[l0, r0, c0], [l1, r1, c1]])
}

fn show_shares(shares: &Shares) -> [serde_json::Value; 2] {
    shares
        .each_ref()
        .map(|s| s.each_ref().map(|p| show::words(p)).to_vec().into())
}

/// `n` triples of elements of Z_2^k.
pub(crate) fn gilboa(
    cots: &[Cots; 2],
    n: usize,
    k: u32,
    word: u32,
    rngs: &mut [ChaCha20Rng; 2],
) -> Run {
    let (messages, shares) = products(cots, 0x5d, [n, 1, 1], k, word, rngs);
    let open = |p: usize, i: usize| add(shares[0][p][i], shares[1][p][i], k);
    assert!((0..n).all(|i| open(2, i) == low(open(0, i).wrapping_mul(open(1, i)), k)));
    let outputs = show_shares(&shares);
    Run { messages, outputs }
}

fn transpose(x: &[u128], columns: usize) -> Vec<u128> {
    (0..columns)
        .flat_map(|c| x.iter().copied().skip(c).step_by(columns))
        .collect()
}

/// A triple of matrices of m x k and k x n over Z_2^bits. The choices are bits of A if m <= n, else of B, and the product
/// is that of the transposed ones.
pub(crate) fn matrix(
    cots: &[Cots; 2],
    [m, k, n]: [usize; 3],
    bits: u32,
    word: u32,
    rngs: &mut [ChaCha20Rng; 2],
) -> Run {
    let (messages, mut shares) = products(cots, 0x5e, [m.min(n), k, m.max(n)], bits, word, rngs);
    if m > n {
        shares = shares.map(|[l, r, p]| [transpose(&r, m), transpose(&l, k), transpose(&p, m)]);
    }
    let sum = |p: usize| -> Vec<_> {
        let [a, b] = shares.each_ref().map(|s| &s[p]);
        a.iter().zip(b).map(|(a, b)| add(*a, *b, bits)).collect()
    };
    let [a, b, c] = [0, 1, 2].map(sum);
    for r in 0..m {
        for j in 0..n {
            let want = (0..k).fold(0, |s, t| {
                add(s, a[r * k + t].wrapping_mul(b[t * n + j]), bits)
            });
            assert_eq!(c[r * n + j], want);
        }
    }
    let outputs = show_shares(&shares);
    Run { messages, outputs }
}
