//! Division by 2^s of a value that is shared additively among the three parties, to a replicated result.
//!
//! The input is `x = z_0 + z_1 + z_2`, one summand each, as a local product leaves it, with |x| < 2^(k - 2) in Z_2^k. So a product is
//! rescaled and reshared in one go.
//!
//! *No wrap* (`Exact`, `Nearest`, `Stochastic`). Let `x' = x + 2^(k - 2)`, in \[0, 2^(k - 1)), and `b_1`, `b_0` pads common to party 0
//! and party 1, respectively 2. Parties 1 and 2 swap `z_1 + b_1` and `z_2 + b_0`, so both learn `c = x' + r` where
//! `r = b_0 + b_1 - z_0` is known to party 0 and uniform to either of them, since each lacks one pad. Because x' < 2^(k - 1),
//! the sum wraps exactly if the top bit t of r is set and that of c is not (Escudero, Ghosh, Keller, Rachuri, Scholl,
//! CRYPTO 2020, eprint 2020/338, section 5.1; Dalskov, Escudero, Keller, PoPETs 2020, eprint 2019/131, section 5.1), hence
//!
//! `floor(x' / 2^s) = (c >> s) - (r >> s) + (1 - c_top) t 2^(k - s) - kappa`, with `kappa = [c mod 2^s < r mod 2^s]`.
//!
//! Party 0 makes `-(r >> s)` the sum of components 0 and 1: one is a pad common with party 1, the other goes to party
//! 2. `c >> s` is component 2. Party 0 also shares t between parties 1 and 2, modulo 2^s since it is multiplied by
//! 2^(k - s); they multiply their shares by the bit `1 - c_top` that both know, and reshare. Leaving kappa out gives the
//! stochastic version: the result is `floor((x' + rho) / 2^s)`, `rho = -r mod 2^s`. Otherwise kappa is the carry of
//! `r mod 2^s` (party 0) and `2^s - 1 - (c mod 2^s)` (parties 1 and 2), made an integer as in `select`.
//!
//! Security: party 0 receives nothing but shares of bits in the carry. Parties 1 and 2 receive c, uniform as shown, and values
//! masked by pads that they lack. The stochastic version leaves `r mod 2^s` with party 0 and `c mod 2^s` with the other two,
//! each uniform by itself, so what it realises is the functionality that draws rho and tells it to party 0 if that one is
//! corrupted, and `x + rho mod 2^s` to party 1 or 2 if those are. It does not realise a coin unknown to all.
//!
//! *Local* (SecureML, eprint 2017/396, theorem 1; ABY3, eprint 2018/403, section 5.1.1): party 1 learns `v = x - u`, u a pad
//! common to parties 0 and 2; each side shifts its half. Off by at most one unit unless the halves wrap around, which
//! happens with probability |x| / 2^k; then the result is wrong by 2^(k - s).

use piquet_core::{BitVec, Ring, RingVec, transpose};
use piquet_secret_sharing::Rep3Party;

use super::party::{Rep3, Rep3Arith, draw, message, words};
use crate::Error;
use crate::engine::{Rescale, Truncation, check_rescale};

/// 2^(k - 2): what makes every value positive.
fn offset<R: Ring>() -> R {
    R::ONE.shl(R::BITS - 2)
}

/// Bit k - 1, as 0 or 1.
fn top<R: Ring>(x: R) -> R {
    x.shr(R::BITS - 1)
}

impl<R: Ring> Rep3<R> {
    pub(super) fn rescale_impl(
        &mut self,
        xs: &[&Rep3Arith<R>],
        r: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        let mut all = Vec::with_capacity(xs.iter().map(|x| x.spec.len()).sum());
        for x in xs {
            check_rescale(x.spec.format.frac(), x.spec.format.bound(), &r)?;
            all.extend_from_slice(x.share.raw_components().0);
        }
        let (mine, next) = self.truncate(all.into(), r)?;
        let cuts: Vec<_> = xs.iter().map(|x| (&x.spec.shape, r.to)).collect();
        self.cut(&cuts, mine, next)
    }

    /// Fresh components of `x / 2^s` from this party's additive summand of x.
    pub(super) fn truncate(
        &mut self,
        z: RingVec<R>,
        r: Rescale,
    ) -> Result<(RingVec<R>, RingVec<R>), Error> {
        if r.shift == 0 {
            return self.reshare(z);
        }
        match r.mode {
            Truncation::Local => self.truncate_local(z, r.shift),
            Truncation::Stochastic => match r.shift {
                1..=8 => self.truncate_stochastic::<u8>(z, r.shift),
                9..=16 => self.truncate_stochastic::<u16>(z, r.shift),
                17..=32 => self.truncate_stochastic::<u32>(z, r.shift),
                _ => self.truncate_stochastic::<u64>(z, r.shift),
            },
            Truncation::Exact | Truncation::Nearest => match r.shift {
                1..=8 => self.truncate_exact::<u8>(z, r),
                9..=16 => self.truncate_exact::<u16>(z, r),
                17..=32 => self.truncate_exact::<u32>(z, r),
                _ => self.truncate_exact::<u64>(z, r),
            },
        }
    }

    /// Replicated sharing of a value given by summands: each is masked by a sharing of zero and sent on.
    fn reshare(&mut self, mut z: RingVec<R>) -> Result<(RingVec<R>, RingVec<R>), Error> {
        let n = z.len();
        let mut pads = self.pads()?;
        z.add_assign(pads.mine(n).as_slice());
        z.sub_assign(pads.next(n).as_slice());
        let (prev, next) = (self.me.prev(), self.me.next());
        let [got] = self.exchange(vec![(prev, message(&z))], [(next, R::BYTES * n)])?;
        Ok((z, words(&got)))
    }

    /// Parties 1 and 2 learn c; party 0 learns r. Party 0 shares `-(r >> s)` and, modulo the word T, its top bit.
    fn mask_and_open<T: Ring>(
        &mut self,
        pads: &mut super::party::Pads,
        mut z: RingVec<R>,
        s: u32,
        addend: R,
    ) -> Result<Opened<R, T>, Error> {
        let n = z.len();
        match self.me {
            Rep3Party::P0 => {
                let mut r = draw::<R>(pads.zeroth(), n);
                r.add_assign(draw::<R>(pads.first(), n).as_slice());
                r.sub_assign(z.as_slice());
                let y1 = draw::<R>(pads.first(), n);
                let mut t = draw::<T>(pads.first(), n);
                for (t, r) in t.as_mut_slice().iter_mut().zip(r.as_slice()) {
                    *t = T::from_u64(top(*r).to_u64()).sub(*t);
                }
                for ((z, r), y1) in z
                    .as_mut_slice()
                    .iter_mut()
                    .zip(r.as_slice())
                    .zip(y1.as_slice())
                {
                    *z = r.shr(s).add(*y1).neg();
                }
                let mut out = Vec::with_capacity(n * (R::BYTES + T::BYTES));
                out.extend_from_slice(z.as_bytes());
                out.extend_from_slice(t.as_bytes());
                self.exchange(vec![(Rep3Party::P2, out)], [])?;
                Ok(Opened {
                    masked: r,
                    component: y1,
                    other: z,
                    top: RingVec::zeros(0),
                })
            }
            Rep3Party::P1 => {
                z.add_assign(draw::<R>(pads.first(), n).as_slice());
                for z in z.as_mut_slice() {
                    *z = z.add(addend);
                }
                let y1 = draw::<R>(pads.first(), n);
                let top = draw::<T>(pads.first(), n);
                let [got] = self.exchange(
                    vec![(Rep3Party::P2, message(&z))],
                    [(Rep3Party::P2, R::BYTES * n)],
                )?;
                z.add_assign(words::<R>(&got).as_slice());
                Ok(Opened {
                    masked: z,
                    component: y1,
                    other: RingVec::zeros(0),
                    top,
                })
            }
            Rep3Party::P2 => {
                z.add_assign(draw::<R>(pads.zeroth(), n).as_slice());
                let [theirs, helper] = self.exchange(
                    vec![(Rep3Party::P1, message(&z))],
                    [
                        (Rep3Party::P1, R::BYTES * n),
                        (Rep3Party::P0, n * (R::BYTES + T::BYTES)),
                    ],
                )?;
                z.add_assign(words::<R>(&theirs).as_slice());
                let (y0, top) = helper.split_at_checked(R::BYTES * n).unwrap_or_default();
                Ok(Opened {
                    masked: z,
                    component: words(y0),
                    other: RingVec::zeros(0),
                    top: words(top),
                })
            }
        }
    }

    fn truncate_stochastic<T: Ring>(
        &mut self,
        z: RingVec<R>,
        s: u32,
    ) -> Result<(RingVec<R>, RingVec<R>), Error> {
        let n = z.len();
        let mut pads = self.pads()?;
        let mut o = self.mask_and_open::<T>(&mut pads, z, s, offset())?;
        let lift = |v: T| R::from_u64(v.to_u64()).shl(R::BITS - s);
        // The wrap, modulo 2^s: masked by pads that become part of components 1 and 0.
        match self.me {
            Rep3Party::P0 => {
                let (m0, m1) = (draw::<T>(pads.zeroth(), n), draw::<T>(pads.first(), n));
                self.swap(None)?;
                for (y, m) in [(&mut o.other, m0), (&mut o.component, m1)] {
                    for (y, m) in y.as_mut_slice().iter_mut().zip(m.as_slice()) {
                        *y = y.add(lift(*m));
                    }
                }
                Ok((o.other, o.component))
            }
            me @ (Rep3Party::P1 | Rep3Party::P2) => {
                let m = if me == Rep3Party::P1 {
                    draw::<T>(pads.first(), n)
                } else {
                    draw::<T>(pads.zeroth(), n)
                };
                let mut d = o.top;
                for ((d, c), m) in d
                    .as_mut_slice()
                    .iter_mut()
                    .zip(o.masked.as_slice())
                    .zip(m.as_slice())
                {
                    let no_top = T::ONE.sub(T::from_u64(top(*c).to_u64()));
                    *d = d.mul(no_top).sub(*m);
                }
                let theirs = words::<T>(&self.swap(Some(message(&d)))?.unwrap_or_default());
                d.add_assign(theirs.as_slice());
                for (y, m) in o.component.as_mut_slice().iter_mut().zip(m.as_slice()) {
                    *y = y.add(lift(*m));
                }
                for (c, d) in o.masked.as_mut_slice().iter_mut().zip(d.as_slice()) {
                    *c = c.shr(s).sub(offset::<R>().shr(s)).add(lift(*d));
                }
                Ok(by_holder(me, o.component, o.masked))
            }
        }
    }

    fn truncate_exact<T: Ring>(
        &mut self,
        z: RingVec<R>,
        r: Rescale,
    ) -> Result<(RingVec<R>, RingVec<R>), Error> {
        let (n, s) = (z.len(), r.shift);
        let half = match r.mode {
            Truncation::Nearest => R::ONE.shl(s - 1),
            Truncation::Exact | Truncation::Stochastic | Truncation::Local => R::ZERO,
        };
        let mut pads = self.pads()?;
        let mut o = self.mask_and_open::<T>(&mut pads, z, s, offset::<R>().add(half))?;
        // kappa: party 0 adds r mod 2^s, the others the complement of c mod 2^s; planes drop the higher bits.
        let per_plane = n.div_ceil(64);
        let mut planes = RingVec::zeros(s as usize * per_plane);
        let flip = if self.me == Rep3Party::P0 {
            0
        } else {
            u64::MAX
        };
        let masked = o.masked.as_slice().iter();
        let known: RingVec<u64> = masked.map(|v| v.to_u64() ^ flip).collect();
        transpose::to_planes(known.as_slice(), s, planes.as_mut_slice())?;
        drop(known);
        let (carry, _) = self.carry(planes, per_plane, s as usize)?;
        let known: Vec<u64> = match self.me {
            Rep3Party::P0 => {
                let (a, b) = (carry.mine.as_slice(), carry.next.as_slice());
                a.iter().zip(b).map(|(a, b)| a ^ b).collect()
            }
            Rep3Party::P1 => carry.next.as_slice().to_vec(),
            Rep3Party::P2 => carry.mine.as_slice().to_vec(),
        };
        let known = BitVec::from_words(n, known);
        let kappa = self.bits_summand(&mut pads, super::select::masks(&known), n)?;
        let summand = kappa.map(|kappa| -> RingVec<R> {
            kappa
                .as_slice()
                .iter()
                .zip(o.top.as_slice())
                .zip(o.masked.as_slice())
                .map(|((k, t), c)| {
                    let wrap = R::from_u64(t.to_u64()).mul(R::ONE.sub(top(*c)));
                    wrap.shl(R::BITS - s).sub(*k)
                })
                .collect()
        });
        let (mut mine, mut next) = self.reshare_two(&mut pads, summand, n)?;
        match self.me {
            Rep3Party::P0 => {
                mine.add_assign(o.other.as_slice());
                next.add_assign(o.component.as_slice());
            }
            me @ (Rep3Party::P1 | Rep3Party::P2) => {
                for c in o.masked.as_mut_slice() {
                    *c = c.shr(s).sub(offset::<R>().shr(s));
                }
                let (a, b) = by_holder(me, o.component, o.masked);
                mine.add_assign(a.as_slice());
                next.add_assign(b.as_slice());
            }
        }
        Ok((mine, next))
    }

    fn truncate_local(
        &mut self,
        mut z: RingVec<R>,
        s: u32,
    ) -> Result<(RingVec<R>, RingVec<R>), Error> {
        let n = z.len();
        let mut pads = self.pads()?;
        let shift = |v: &mut RingVec<R>| {
            for v in v.as_mut_slice() {
                *v = R::from_i128(v.to_i128() >> s);
            }
        };
        match self.me {
            Rep3Party::P0 => {
                z.add_assign(draw::<R>(pads.zeroth(), n).as_slice());
                let mut u = draw::<R>(pads.zeroth(), n);
                let y1 = draw::<R>(pads.first(), n);
                self.exchange(vec![(Rep3Party::P1, message(&z))], [])?;
                self.exchange(vec![], [])?;
                shift(&mut u);
                Ok((u, y1))
            }
            Rep3Party::P1 => {
                let y1 = draw::<R>(pads.first(), n);
                let [a, b] = self.exchange(
                    vec![],
                    [(Rep3Party::P0, R::BYTES * n), (Rep3Party::P2, R::BYTES * n)],
                )?;
                z.add_assign(words::<R>(&a).as_slice());
                z.add_assign(words::<R>(&b).as_slice());
                shift(&mut z);
                z.sub_assign(y1.as_slice());
                self.exchange(vec![(Rep3Party::P2, message(&z))], [])?;
                Ok((y1, z))
            }
            Rep3Party::P2 => {
                z.sub_assign(draw::<R>(pads.zeroth(), n).as_slice());
                let mut u = draw::<R>(pads.zeroth(), n);
                z.sub_assign(u.as_slice());
                self.exchange(vec![(Rep3Party::P1, message(&z))], [])?;
                let [y2] = self.exchange(vec![], [(Rep3Party::P1, R::BYTES * n)])?;
                shift(&mut u);
                Ok((words(&y2), u))
            }
        }
    }
}

/// What a party holds after the mask was opened.
struct Opened<R: Ring, T: Ring> {
    /// r at party 0, c at the others.
    masked: RingVec<R>,
    /// Component 1 at parties 0 and 1, component 0 at party 2.
    component: RingVec<R>,
    /// Component 0 at party 0.
    other: RingVec<R>,
    /// Summand of the top bit of r, at parties 1 and 2.
    top: RingVec<T>,
}

/// (mine, next) of party 1 or 2 from its pad component and component 2.
fn by_holder<R: Ring>(
    me: Rep3Party,
    pad: RingVec<R>,
    second: RingVec<R>,
) -> (RingVec<R>, RingVec<R>) {
    if me == Rep3Party::P1 {
        (pad, second)
    } else {
        (second, pad)
    }
}
