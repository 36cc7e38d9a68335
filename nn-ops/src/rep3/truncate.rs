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
//! Party 0 hands out `-(r >> s)`, whose parts become components 0 and 1; `c >> s` is component 2. It also hands out t,
//! modulo 2^s since it is multiplied by 2^(k - s); parties 1 and 2 multiply their parts by the bit `1 - c_top` that both
//! know, mask them and swap. Leaving kappa out gives the stochastic version: the result is `floor((x' + rho) / 2^s)`,
//! `rho = r mod 2^s`. Otherwise kappa is the carry of `r mod 2^s` (party 0) and `2^s - 1 - (c mod 2^s)` (parties 1 and 2), made
//! an integer as in `select`. A shift of zero is the same without offset, wrap and kappa: c is component 2.
//!
//! Security: party 0 receives nothing. Parties 1 and 2 receive c, uniform as shown, and values masked by pads that they
//! lack. The stochastic version leaves `r mod 2^s` with party 0 and `c mod 2^s` with the other two,
//! each uniform by itself, so what it realises is the functionality that draws rho and tells it to party 0 if that one is
//! corrupted, and `x + rho mod 2^s` to party 1 or 2 if those are. It does not realise a coin unknown to all.
//!
//! *Local* (SecureML, eprint 2017/396, theorem 1; ABY3, eprint 2018/403, section 5.1.1): party 1 learns `v = x - u`, u a pad
//! common to parties 0 and 2; each side shifts its half. Off by at most one unit unless the halves wrap around, which
//! happens with probability at most |x| / 2^(k - 1); then the result is wrong by 2^(k - s).

use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::Rep3Party;

use super::carry::{Before, hand_out_carry};
use super::party::{Rep3, Rep3Arith};
use super::piece::{Piece, Shares};
use super::select::{hand_out_bits, hear_summand, say_summand, take_bits};
use crate::Error;
use crate::engine::{Rescale, Truncation, check_rescale};
use crate::parts::adder::Adder;
use crate::parts::planes::planes;
use crate::parts::words::{draw, message, words};

/// 2^(k - 2): what makes every value positive.
fn offset<R: Ring>() -> R {
    R::ONE.shl(R::BITS - 2)
}

/// Bit k - 1, as 0 or 1.
fn top<R: Ring>(x: R) -> R {
    x.shr(R::BITS - 1)
}

/// Modulo 2^s, at the top of a word.
fn lift<T: Ring, R: Ring>(v: T, s: u32) -> R {
    R::from_u64(v.to_u64()).shl(R::BITS - s)
}

/// Fresh components of whole tensors, (mine, next).
type Fresh<R> = Vec<(RingVec<R>, RingVec<R>)>;

impl<R: Ring> Rep3<R> {
    pub(super) fn rescale_impl(
        &mut self,
        xs: &[&Rep3Arith<R>],
        r: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        let mut summands = Vec::with_capacity(xs.len());
        for x in xs {
            check_rescale(x.spec.format.frac(), x.spec.format.bound(), &r)?;
            summands.push(x.share.raw_components().0);
        }
        let fresh = self.truncate(&summands, r)?;
        xs.iter()
            .zip(fresh)
            .map(|(x, (mine, next))| self.arith(&x.spec.shape, r.to, mine, next))
            .collect()
    }

    /// Fresh components of `x / 2^s` from this party's additive summands of every x.
    pub(super) fn truncate(&mut self, z: &[&[R]], r: Rescale) -> Result<Fresh<R>, Error> {
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

    /// A fresh replicated sharing of values given by summands.
    fn reshare(&mut self, z: &[&[R]]) -> Result<Fresh<R>, Error> {
        let lens = || z.iter().map(|z| z.len());
        let mut out = Shares::new(self, lens());
        let pieces = self.pieces(lens(), 1, |n| R::BYTES * n)?;
        if self.me == Rep3Party::P0 {
            for mut piece in pieces {
                let mut r = piece.pads_less(part(&piece, z))?;
                lanes::map(r.as_mut_slice(), R::neg);
                let [a, b] = piece.hand_out_components(r)?;
                out.put(&piece, a.as_slice(), b.as_slice());
                self.send_hand(piece)?;
            }
        } else {
            for (mut piece, c) in self.open(pieces, z, R::ZERO)? {
                self.hear_hand(&mut piece)?;
                let own = piece.take::<R>(c.len())?;
                out.put(&piece, own.as_slice(), c.as_slice());
            }
        }
        Ok(out.into_tensors().collect())
    }

    /// Parties 1 and 2 learn `c = x + addend + r`.
    fn open(
        &mut self,
        pieces: Vec<Piece>,
        z: &[&[R]],
        addend: R,
    ) -> Result<Vec<(Piece, RingVec<R>)>, Error> {
        // One of the two adds it.
        let addend = if self.me == Rep3Party::P1 {
            addend
        } else {
            R::ZERO
        };
        self.swap(
            pieces.into_iter().map(|p| (p, ())).collect(),
            |_, piece, ()| {
                let z = part(piece, z);
                let mut c = RingVec::with_capacity(z.len());
                piece.pad_blocks::<R>(z.len(), |range, pad| {
                    c.extend_from_slice(z.get(range.clone()).unwrap_or_default());
                    let c = c.as_mut_slice().get_mut(range).unwrap_or_default();
                    lanes::zip(c, pad, |z, pad| z.add(pad).add(addend));
                })?;
                Ok((message(&c), c))
            },
            |_, mut c, theirs| {
                c.add_assign(&words::<R>(theirs));
                Ok(c)
            },
        )
    }

    fn truncate_stochastic<T: Ring>(&mut self, z: &[&[R]], s: u32) -> Result<Fresh<R>, Error> {
        let lens = || z.iter().map(|z| z.len());
        let mut out = Shares::new(self, lens());
        let pieces = self.pieces(lens(), 2, |n| n * (R::BYTES + T::BYTES))?;
        if self.me == Rep3Party::P0 {
            for mut piece in pieces {
                let r = piece.pads_less(part(&piece, z))?;
                let mut shares = hand_out_shifted(&mut piece, &r, s)?;
                hand_out_top::<R, T>(&mut piece, &r)?;
                // The wrap, modulo 2^s: its pads become part of components 0 and 1.
                let pads = piece.both_pads::<T>(r.len())?;
                for (y, m) in shares.iter_mut().zip(&pads) {
                    lanes::zip(y.as_mut_slice(), m.as_slice(), |y, m| y.add(lift(m, s)));
                }
                let [a, b] = shares;
                out.put(&piece, a.as_slice(), b.as_slice());
                self.send_hand(piece)?;
            }
        } else {
            let opened = self.open(pieces, z, offset())?;
            self.swap(
                opened,
                |this, piece, c| {
                    let n = c.len();
                    this.hear_hand(piece)?;
                    let mut own = piece.take::<R>(n)?;
                    let mut d = piece.take::<T>(n)?;
                    let m = piece.pad::<T>(n)?;
                    lanes::zip2(d.as_mut_slice(), c.as_slice(), m.as_slice(), |t, c, m| {
                        t.mul(T::ONE.sub(T::from_u64(top(c).to_u64()))).sub(m)
                    });
                    lanes::zip(own.as_mut_slice(), m.as_slice(), |y, m| y.add(lift(m, s)));
                    Ok((message(&d), (own, c, d)))
                },
                |piece, (own, mut c, mut d), theirs| {
                    d.add_assign(&words::<T>(theirs));
                    lanes::zip(c.as_mut_slice(), d.as_slice(), |c, d| {
                        c.shr(s).sub(offset::<R>().shr(s)).add(lift(d, s))
                    });
                    out.put(piece, own.as_slice(), c.as_slice());
                    Ok(())
                },
            )?;
        }
        Ok(out.into_tensors().collect())
    }

    fn truncate_exact<T: Ring>(&mut self, z: &[&[R]], r: Rescale) -> Result<Fresh<R>, Error> {
        let s = r.shift;
        let half = match r.mode {
            Truncation::Nearest => R::ONE.shl(s - 1),
            Truncation::Exact | Truncation::Stochastic | Truncation::Local => R::ZERO,
        };
        let adder = Adder::new(s as usize);
        let lens = || z.iter().map(|z| z.len());
        let mut out = Shares::new(self, lens());
        let pieces = self.pieces(lens(), 2 + adder.swaps().count(), |n| {
            handed_exact::<R, T>(&adder, n)
        })?;
        if self.me == Rep3Party::P0 {
            for mut piece in pieces {
                let r = piece.pads_less(part(&piece, z))?;
                let shifted = hand_out_shifted(&mut piece, &r, s)?;
                hand_out_top::<R, T>(&mut piece, &r)?;
                // kappa: party 0 adds r mod 2^s, the others the complement of c mod 2^s; planes drop the higher bits.
                let v = planes(r.len(), s as usize, |known| {
                    lanes::zip(known, r.as_slice(), |_, r| r.to_u64());
                })?;
                let [mut kappa, other] = hand_out_carry(&mut piece, &adder, v.as_slice(), &[])?;
                lanes::zip(kappa.as_mut_slice(), other.as_slice(), |a, b| a ^ b);
                let mut masks = r;
                lanes::masks(masks.as_mut_slice(), kappa.as_slice());
                hand_out_bits(&mut piece, &masks)?;
                let mut shares = piece.both_pads::<R>(masks.len())?;
                for (y, shifted) in shares.iter_mut().zip(&shifted) {
                    y.add_assign(shifted.as_slice());
                }
                let [a, b] = shares;
                out.put(&piece, a.as_slice(), b.as_slice());
                self.send_hand(piece)?;
            }
        } else {
            let me = self.me;
            let opened = self.open(pieces, z, offset::<R>().add(half))?;
            let begin = |this: &mut Self, piece: &mut Piece, c: RingVec<R>| {
                let n = c.len();
                this.hear_hand(piece)?;
                let own = piece.take::<R>(n)?;
                let wrap = piece.take::<T>(n)?;
                let u = planes(n, s as usize, |known| {
                    lanes::zip(known, c.as_slice(), |_, c| !c.to_u64());
                })?;
                Ok(Before {
                    u,
                    add: None,
                    along: (own, wrap, c),
                })
            };
            let carried = self.carry(&adder, opened, begin)?;
            self.swap(
                carried,
                |_, piece, (kappa, (own, wrap, c))| {
                    let mut masks = RingVec::zeros(c.len());
                    lanes::masks(masks.as_mut_slice(), kappa.open.as_slice());
                    let mut y = take_bits(me, piece, &masks)?;
                    lanes::zip2(
                        y.as_mut_slice(),
                        wrap.as_slice(),
                        c.as_slice(),
                        |kappa, t, c| {
                            let wraps = R::from_u64(t.to_u64()).mul(R::ONE.sub(top(c)));
                            wraps.shl(R::BITS - s).sub(kappa)
                        },
                    );
                    let (message, ours) = say_summand(piece, y)?;
                    Ok((message, (ours, own, c)))
                },
                |piece, (ours, own, c), theirs| {
                    let [mut pad, mut open] = hear_summand(ours, theirs);
                    pad.add_assign(own.as_slice());
                    lanes::zip(open.as_mut_slice(), c.as_slice(), |y, c| {
                        y.add(c.shr(s).sub(offset::<R>().shr(s)))
                    });
                    out.put(piece, pad.as_slice(), open.as_slice());
                    Ok(())
                },
            )?;
        }
        Ok(out.into_tensors().collect())
    }

    fn truncate_local(&mut self, z: &[&[R]], s: u32) -> Result<Fresh<R>, Error> {
        z.iter().map(|z| self.truncate_local_one(z, s)).collect()
    }

    fn truncate_local_one(&mut self, z: &[R], s: u32) -> Result<(RingVec<R>, RingVec<R>), Error> {
        let n = z.len();
        let mut z = RingVec::from(z.to_vec());
        let mut pads = self.pads()?;
        let shift = |v: &mut RingVec<R>| {
            for v in v.as_mut_slice() {
                *v = R::from_i128(v.to_i128() >> s);
            }
        };
        match self.me {
            Rep3Party::P0 => {
                z.add_assign(draw::<R>(pads.zeroth()?, n).as_slice());
                let mut u = draw::<R>(pads.zeroth()?, n);
                let y1 = draw::<R>(pads.first()?, n);
                self.exchange(vec![(Rep3Party::P1, message(&z))], [])?;
                self.exchange(vec![], [])?;
                shift(&mut u);
                Ok((u, y1))
            }
            Rep3Party::P1 => {
                let y1 = draw::<R>(pads.first()?, n);
                let [a, b] = self.exchange(
                    vec![],
                    [(Rep3Party::P0, R::BYTES * n), (Rep3Party::P2, R::BYTES * n)],
                )?;
                z.add_assign(&words::<R>(&a));
                z.add_assign(&words::<R>(&b));
                shift(&mut z);
                z.sub_assign(y1.as_slice());
                self.exchange(vec![(Rep3Party::P2, message(&z))], [])?;
                Ok((y1, z))
            }
            Rep3Party::P2 => {
                z.sub_assign(draw::<R>(pads.zeroth()?, n).as_slice());
                let mut u = draw::<R>(pads.zeroth()?, n);
                z.sub_assign(u.as_slice());
                self.exchange(vec![(Rep3Party::P1, message(&z))], [])?;
                let [y2] = self.exchange(vec![], [(Rep3Party::P1, R::BYTES * n)])?;
                shift(&mut u);
                Ok((words(&y2).into_owned().into(), u))
            }
        }
    }
}

/// What a piece covers of the summands.
fn part<'a, R>(piece: &Piece, z: &[&'a [R]]) -> &'a [R] {
    piece.of(z.get(piece.tensor).copied().unwrap_or_default())
}

/// Party 0: hands `-(r >> s)` out; returns both parts.
fn hand_out_shifted<R: Ring>(
    piece: &mut Piece,
    r: &RingVec<R>,
    s: u32,
) -> Result<[RingVec<R>; 2], Error> {
    let mut shifted = r.duplicate();
    lanes::map(shifted.as_mut_slice(), |r| r.shr(s).neg());
    piece.hand_out_components(shifted)
}

/// Party 0: hands the top bit of r out, modulo the word T.
fn hand_out_top<R: Ring, T: Ring>(piece: &mut Piece, r: &RingVec<R>) -> Result<(), Error> {
    let mut t = RingVec::<T>::zeros(r.len());
    lanes::zip(t.as_mut_slice(), r.as_slice(), |_, r| {
        T::from_u64(top(r).to_u64())
    });
    piece.hand_out(&t, T::sub)
}

/// Bytes that party 0 hands out for an exact truncation of n elements.
fn handed_exact<R: Ring, T: Ring>(adder: &Adder, n: usize) -> usize {
    n * (2 * R::BYTES + T::BYTES) + 8 * adder.handed_planes() * n.div_ceil(64)
}
