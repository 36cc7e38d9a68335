//! Conjunctions, and the carry of a sum of a number that party 0 knows and a number that parties 1 and 2 know.
//!
//! Bits are sliced: plane `j` holds bit `j` of all elements, 64 to a word, and a gate works on words.
//!
//! *Conjunction* (Araki et al., eprint 2016/768, section 2.2, over bits): party `i` computes
//! `z_i = a_i b_i ^ a_i b_{i+1} ^ a_{i+1} b_i ^ F(k_i) ^ F(k_{i+1})` and sends it to party `i - 1`, to whom
//! `F(k_{i+1})` is unknown: one bit each.
//!
//! *Carry*: with u known to parties 1 and 2 (component 2) and v known to party 0 (components 0 and 1: a pad common
//! with party 1, and v minus the pad, which party 2 gets), propagate bits `p = u ^ v` are local. Of the generate bits
//! `g = u v = u v_1 ^ u v_0`, party 1 knows the first summand and party 2 the second; they mask them by fresh pads
//! `F(k_1)`, `F(k_0)` common with party 0, which become components 1 and 0, and swap them, so that both get component
//! 2. Neither can compute the other's pad. The tree then takes (g, p) of neighbours together, as every parallel
//! prefix adder does: `g = g_hi ^ p_hi g_lo`, `p = p_hi p_lo`.

use piquet_core::{BitVec, Ring, RingVec};
use piquet_secret_sharing::{Rep3Bits, Rep3Party};

use super::party::{Rep3, draw, message, words};
use crate::Error;

/// Replicated planes of bits: this party's two components.
pub(super) struct Planes {
    pub(super) mine: RingVec<u64>,
    pub(super) next: RingVec<u64>,
}

impl Planes {
    /// The bits of one plane of `words` words from word `at` on, `n` of them.
    pub(super) fn bits(&self, me: Rep3Party, at: usize, n: usize) -> Result<Rep3Bits, Error> {
        let part = |v: &RingVec<u64>| {
            let w = v
                .as_slice()
                .get(at..)
                .and_then(|v| v.get(..n.div_ceil(64)))
                .unwrap_or_default();
            BitVec::from_words(n, w.to_vec())
        };
        Ok(Rep3Bits::from_raw_components(
            me,
            part(&self.mine),
            part(&self.next),
        )?)
    }
}

/// `out = own summand of a b`, without the sharing of zero.
fn and_local(a: [&[u64]; 2], b: [&[u64]; 2], out: &mut [u64]) {
    let [am, an] = a;
    let [bm, bn] = b;
    for ((((o, am), an), bm), bn) in out.iter_mut().zip(am).zip(an).zip(bm).zip(bn) {
        *o ^= (am & (bm ^ bn)) ^ (an & bm);
    }
}

fn plane(v: &RingVec<u64>, words: usize, j: usize) -> &[u64] {
    v.as_slice()
        .get(j * words..(j + 1) * words)
        .unwrap_or_default()
}

impl<R: Ring> Rep3<R> {
    /// Reshares 3-of-3 words that are already masked: sends them to the previous party, hears the next one's.
    fn reshare_words(&mut self, z: RingVec<u64>) -> Result<Planes, Error> {
        let (prev, next) = (self.me.prev(), self.me.next());
        let n = z.as_bytes().len();
        let [got] = self.exchange(vec![(prev, message(&z))], [(next, n)])?;
        Ok(Planes {
            mine: z,
            next: words(&got),
        })
    }

    /// A sharing of zero over words of bits.
    fn zero_words(&mut self, n: usize) -> Result<RingVec<u64>, Error> {
        let mut pads = self.pads()?;
        let mut z = pads.mine(n);
        for (z, p) in z.as_mut_slice().iter_mut().zip(pads.next(n).as_slice()) {
            *z ^= p;
        }
        Ok(z)
    }

    /// Conjunctions of bit tensors.
    pub(super) fn and_bits(
        &mut self,
        pairs: &[(&Rep3Bits, &Rep3Bits)],
    ) -> Result<Vec<Rep3Bits>, Error> {
        let mut total = 0;
        for (a, b) in pairs {
            if a.len() != b.len() {
                return Err(Error::Length {
                    what: "bits of a conjunction",
                    got: b.len(),
                    want: a.len(),
                });
            }
            total += a.len().div_ceil(64);
        }
        let mut z = self.zero_words(total)?;
        let mut rest = z.as_mut_slice();
        for (a, b) in pairs {
            let (out, tail) = rest.split_at_mut(a.len().div_ceil(64));
            let ((am, an), (bm, bn)) = (a.raw_components(), b.raw_components());
            and_local([am.words(), an.words()], [bm.words(), bn.words()], out);
            rest = tail;
        }
        let all = self.reshare_words(z)?;
        let mut at = 0;
        pairs
            .iter()
            .map(|(a, _)| {
                let bits = all.bits(self.me, at, a.len());
                at += a.len().div_ceil(64);
                bits
            })
            .collect()
    }

    /// Carry out of the lowest `positions` planes of `u + v`, and all planes of `u ^ v`.
    ///
    /// `known` is v at party 0 and u at parties 1 and 2, `words` words to a plane. `positions` is at least 1.
    pub(super) fn carry(
        &mut self,
        known: RingVec<u64>,
        words_per_plane: usize,
        positions: usize,
    ) -> Result<(Planes, Planes), Error> {
        let all = known.len();
        let low = positions * words_per_plane;
        let mut pads = self.pads()?;
        // Propagate bits: the shares of v beside u.
        let p = match self.me {
            Rep3Party::P0 => {
                let v1 = draw::<u64>(pads.first(), all);
                let mut v0 = known;
                for (v0, v1) in v0.as_mut_slice().iter_mut().zip(v1.as_slice()) {
                    *v0 ^= v1;
                }
                self.hand_over(Some(message(&v0)), 8 * all)?;
                Planes { mine: v0, next: v1 }
            }
            Rep3Party::P1 => {
                let v1 = draw::<u64>(pads.first(), all);
                self.hand_over(None, 8 * all)?;
                Planes {
                    mine: v1,
                    next: known,
                }
            }
            Rep3Party::P2 => {
                let v0 = self.hand_over(None, 8 * all)?.unwrap_or_default();
                Planes {
                    mine: known,
                    next: words(&v0),
                }
            }
        };
        // Generate bits.
        let masked = |pad: &RingVec<u64>| -> RingVec<u64> {
            pad.as_slice()
                .iter()
                .zip(p.mine.as_slice())
                .zip(p.next.as_slice())
                .map(|((pad, a), b)| pad ^ (a & b))
                .collect()
        };
        let second = |mut ours: RingVec<u64>, theirs: Option<Vec<u8>>| {
            for (o, t) in ours
                .as_mut_slice()
                .iter_mut()
                .zip(words::<u64>(&theirs.unwrap_or_default()).as_slice())
            {
                *o ^= t;
            }
            ours
        };
        let g = match self.me {
            Rep3Party::P0 => {
                let (g0, g1) = (
                    draw::<u64>(pads.zeroth(), low),
                    draw::<u64>(pads.first(), low),
                );
                self.swap(None)?;
                Planes { mine: g0, next: g1 }
            }
            Rep3Party::P1 => {
                let g1 = draw::<u64>(pads.first(), low);
                let ours = masked(&g1);
                let theirs = self.swap(Some(message(&ours)))?;
                Planes {
                    mine: g1,
                    next: second(ours, theirs),
                }
            }
            Rep3Party::P2 => {
                let g0 = draw::<u64>(pads.zeroth(), low);
                let ours = masked(&g0);
                let theirs = self.swap(Some(message(&ours)))?;
                Planes {
                    mine: second(ours, theirs),
                    next: g0,
                }
            }
        };
        let carry = self.reduce(g, &p, words_per_plane, positions)?;
        Ok((carry, p))
    }

    /// The tree over (g, p).
    fn reduce(
        &mut self,
        mut g: Planes,
        leaves: &Planes,
        words_per_plane: usize,
        mut positions: usize,
    ) -> Result<Planes, Error> {
        let w = words_per_plane;
        let mut inner: Option<Planes> = None;
        while positions > 1 {
            let p = inner.as_ref().unwrap_or(leaves);
            let pairs = positions / 2;
            let mut z = self.zero_words((2 * pairs - 1) * w)?;
            {
                let (zg, zp) = z.as_mut_slice().split_at_mut(pairs * w);
                for (i, out) in zg.chunks_exact_mut(w).enumerate() {
                    let (hi, lo) = (2 * i + 1, 2 * i);
                    and_local(
                        [plane(&p.mine, w, hi), plane(&p.next, w, hi)],
                        [plane(&g.mine, w, lo), plane(&g.next, w, lo)],
                        out,
                    );
                }
                for (i, out) in zp.chunks_exact_mut(w).enumerate() {
                    let (hi, lo) = (2 * i + 3, 2 * i + 2);
                    and_local(
                        [plane(&p.mine, w, hi), plane(&p.next, w, hi)],
                        [plane(&p.mine, w, lo), plane(&p.next, w, lo)],
                        out,
                    );
                }
            }
            let z = self.reshare_words(z)?;
            let half = |g: &RingVec<u64>, p: &RingVec<u64>, z: &RingVec<u64>| {
                let (zg, zp) = z.as_slice().split_at(pairs * w);
                let mut new_g = Vec::with_capacity((pairs + 1) * w);
                // Plane 0 of p is never read again: below it there is nothing to carry.
                let mut new_p = Vec::with_capacity((pairs + 1) * w);
                new_p.resize(w, 0);
                new_p.extend_from_slice(zp);
                for i in 0..pairs {
                    let (hi, z) = (plane(g, w, 2 * i + 1), &zg[i * w..(i + 1) * w]);
                    new_g.extend(hi.iter().zip(z).map(|(a, b)| a ^ b));
                }
                if positions % 2 == 1 {
                    new_g.extend_from_slice(plane(g, w, positions - 1));
                    new_p.extend_from_slice(plane(p, w, positions - 1));
                }
                (RingVec::from(new_g), RingVec::from(new_p))
            };
            let (gm, pm) = half(&g.mine, &p.mine, &z.mine);
            let (gn, pn) = half(&g.next, &p.next, &z.next);
            g = Planes { mine: gm, next: gn };
            inner = Some(Planes { mine: pm, next: pn });
            positions = positions.div_ceil(2);
        }
        Ok(g)
    }
}
