//! The keys of functions, and the three openings that spend them.

use piquet_core::{BitVec, Ring, RingVec};
use zeroize::Zeroize;

use super::Function;
use crate::dealer::{Deal, low_bits, share_bytes};
use crate::gates::{Gate, bit};
use crate::mask::{BitMask, BitMaskKeys, BitOpening, Mask, MaskKeys, Opening};
use crate::shape::{TILE, same};
use crate::stream::Taken;
use crate::trees::Trees;
use crate::{Error, Evaluator, Role};

/// Points that are walked to at a time.
const BATCH: usize = 1 << 12;

/// One party's keys of [`Function`]. Used once, wiped, not printed.
pub struct FunctionKeys<R: Ring, P: Role> {
    gate: Function<R>,
    trees: Trees,
    words: BitMaskKeys<P>,
    line: Box<Line<R>>,
    round: Box<Round<R, P>>,
}

impl<R: Ring, P: Role> core::fmt::Debug for FunctionKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "FunctionKeys({} gates)", self.trees.len())
    }
}

/// Shares for a + b X, and X times a bit.
struct Line<R: Ring> {
    /// r
    mask: RingVec<u64>,
    /// Masks of the bits of a.
    a: Vec<RingVec<u64>>,
    /// Masks of the bits of b, and their products with r.
    b: Vec<[RingVec<u64>; 2]>,
    /// r, the mask of the bit, and their product.
    identity: Option<[RingVec<R>; 3]>,
}

/// What takes the low g bits away.
struct Round<R: Ring, P: Role> {
    sum: MaskKeys<u64, P>,
    trees: Trees,
    carry: BitMaskKeys<P>,
    /// - ⌊ρ / 2^g⌋
    high: RingVec<R>,
    /// The highest bit of ρ.
    top: RingVec<R>,
    /// The mask of the carry.
    bit: RingVec<R>,
}

/// Bytes of the keys of `count` gates.
pub(super) fn key_bytes<R: Ring>(gate: &Function<R>, count: usize) -> usize {
    let p = &gate.pieces;
    let n = gate.bits;
    let trees = gate.comparison.corrections() + gate.rounding.corrections();
    let a: usize = (0..p.sum).map(|t| share_bytes(p.sum - t, count)).sum();
    let b: usize = (0..p.slope).map(|t| share_bytes(p.sum - t, count)).sum();
    let identity = if p.identity {
        3 * share_bytes(n, count)
    } else {
        0
    };
    let line = share_bytes(p.sum, count) + a + 2 * b + identity;
    let round = 2 * share_bytes(n, count) + share_bytes(n - (p.sum - p.guard), count);
    16 * trees * count + line + round
}

/// Bit `t` of every word of `stride` bits, as ring elements.
fn column<R: Ring>(bits: &BitVec, stride: usize, t: usize) -> RingVec<R> {
    let n = bits.len() / stride;
    (0..n)
        .map(|j| R::from_u64(bits.get(j * stride + t).unwrap_or(false).into()))
        .collect()
}

fn product<R: Ring>(a: &RingVec<R>, b: &[R]) -> RingVec<R> {
    a.as_slice().iter().zip(b).map(|(a, b)| a.mul(*b)).collect()
}

pub(super) fn deal<R: Ring>(
    gate: &Function<R>,
    count: usize,
    masks: &[R],
    to: &mut Deal,
) -> Result<(), Error> {
    same("masks", masks.len(), count)?;
    let p = &gate.pieces;
    let n = gate.bits;
    to.trees(gate.comparison, masks, None)?;
    let stride = gate.word();
    let words = BitMask.deal(count * stride, (), to)?;
    let r: RingVec<u64> = masks.iter().map(|r| r.to_u64()).collect();
    to.share(p.sum, r.as_slice());
    for t in 0..p.sum {
        let s = column::<u64>(&words, stride, t as usize);
        to.share(p.sum - t, s.as_slice());
    }
    for t in 0..p.slope {
        let s = column::<u64>(&words, stride, (p.sum + t) as usize);
        to.share(p.sum - t, s.as_slice());
        to.share(p.sum - t, product(&s, r.as_slice()).as_slice());
    }
    if p.identity {
        let s = column::<R>(&words, stride, stride - 1);
        to.share(n, masks);
        to.share(n, s.as_slice());
        to.share(n, product(&s, masks).as_slice());
    }
    let rho = Mask::<u64>::new(p.sum)?.deal(count, (), to)?;
    to.trees(gate.rounding, rho.as_slice(), None)?;
    let carry = BitMask.deal(count, (), to)?;
    let rho = rho.as_slice().iter();
    let high: RingVec<R> = rho
        .clone()
        .map(|v| R::from_u64(v >> p.guard).neg())
        .collect();
    let top: RingVec<R> = rho.map(|v| R::from_u64(v >> (p.sum - 1))).collect();
    to.share(n, high.as_slice());
    to.share(n - (p.sum - p.guard), top.as_slice());
    to.share(n, column::<R>(&carry, 1, 0).as_slice());
    Ok(())
}

pub(super) fn take<R: Ring, P: Role>(
    gate: &Function<R>,
    count: usize,
    from: &mut Taken<'_, P>,
) -> Result<FunctionKeys<R, P>, Error> {
    let p = &gate.pieces;
    let n = gate.bits;
    let trees = from.trees(gate.comparison, count)?;
    let words = BitMask.take(count * gate.word(), from)?;
    let mask = from.share(p.sum, count)?;
    let a = (0..p.sum)
        .map(|t| from.share(p.sum - t, count))
        .collect::<Result<_, _>>()?;
    let b = (0..p.slope)
        .map(|t| Ok([from.share(p.sum - t, count)?, from.share(p.sum - t, count)?]))
        .collect::<Result<_, Error>>()?;
    let identity = match p.identity {
        true => Some([
            from.share(n, count)?,
            from.share(n, count)?,
            from.share(n, count)?,
        ]),
        false => None,
    };
    let line = Line {
        mask,
        a,
        b,
        identity,
    };
    let round = Round {
        sum: Mask::<u64>::new(p.sum)?.take(count, from)?,
        trees: from.trees(gate.rounding, count)?,
        carry: BitMask.take(count, from)?,
        high: from.share(n, count)?,
        top: from.share(n - (p.sum - p.guard), count)?,
        bit: from.share(n, count)?,
    };
    Ok(FunctionKeys {
        gate: gate.clone(),
        trees,
        words,
        line: Box::new(line),
        round: Box::new(round),
    })
}

/// A party between two openings.
#[derive(Debug)]
pub struct FunctionRun<R: Ring, P: Role>(Box<Stage<R, P>>);

/// A party that waits, and the message that goes to the other one.
pub type Started<R, P> = (FunctionRun<R, P>, Vec<u8>);

/// What a step comes to.
#[derive(Debug)]
pub enum Step<R: Ring, P: Role> {
    /// The message goes to the other party, whose next one is waited for.
    Send(FunctionRun<R, P>, Vec<u8>),
    /// This party's shares of the results.
    Done(RingVec<R>),
}

enum Stage<R: Ring, P: Role> {
    Words {
        gate: Function<R>,
        masked: Vec<R>,
        opening: BitOpening<P>,
        line: Box<Line<R>>,
        round: Box<Round<R, P>>,
    },
    Sum {
        gate: Function<R>,
        opening: Opening<u64, P>,
        out: RingVec<R>,
        trees: Trees,
        carry: BitMaskKeys<P>,
        top: RingVec<R>,
        bit: RingVec<R>,
    },
    Carry {
        gate: Function<R>,
        opening: BitOpening<P>,
        out: RingVec<R>,
        bit: RingVec<R>,
    },
}

impl<R: Ring, P: Role> core::fmt::Debug for Stage<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Words { .. } => "Words(..)",
            Self::Sum { .. } => "Sum(..)",
            Self::Carry { .. } => "Carry(..)",
        })
    }
}

/// Bit `at` of opened bits: all ones or nothing.
fn opened<R: Ring>(bits: &BitVec, at: usize) -> R {
    let word = bits.words().get(at / 64).copied().unwrap_or_default();
    R::from_u64(word >> (at % 64) & 1).neg()
}

/// From a share of s, this party's share of d̂ + (1 - 2 d̂) s; `open` is all ones where d̂ = 1.
fn unmasked<R: Ring, P: Role>(open: R, s: R) -> R {
    bit::lifted(s, open, bit::party_one::<R, P>())
}

/// As [`unmasked`] times x = x̂ - r, from shares of r, s and s r.
fn unmasked_times<R: Ring, P: Role>(open: R, masked: R, r: R, s: R, sr: R) -> R {
    let own = masked.and(bit::party_one::<R, P>().neg());
    let product = masked.mul(s).sub(sr);
    product.xor(open).sub(open).add(own.sub(r).and(open))
}

impl<R: Ring, P: Role> FunctionKeys<R, P> {
    /// From x̂, whose bits above n are ignored: the first message.
    ///
    /// # Errors
    /// If there are not as many values as keys, and what the evaluator fails with.
    pub fn start<E: Evaluator>(self, masked: &[R], e: &E) -> Result<Started<R, P>, E::Error> {
        let count = self.trees.len();
        same("masked values", masked.len(), count)?;
        let gate = self.gate;
        let mut words = chosen::<R, P, E>(&gate, &self.trees, masked, e)?;
        let stride = gate.word();
        let mut bits = BitVec::zeros(count * stride);
        for (j, w) in words.iter().enumerate() {
            for t in 0..stride {
                bits.set(j * stride + t, w >> t & 1 == 1);
            }
        }
        words.zeroize();
        let (opening, message) = self.words.open(&bits)?;
        let stage = Stage::Words {
            gate,
            masked: masked.to_vec(),
            opening,
            line: self.line,
            round: self.round,
        };
        Ok((FunctionRun(Box::new(stage)), message))
    }
}

/// Shares, by exclusive or, of the words of the pieces in which the values lie: the word of the first piece, and for
/// every joint at or below X what the next word differs in.
fn chosen<R: Ring, P: Role, E: Evaluator>(
    gate: &Function<R>,
    trees: &Trees,
    masked: &[R],
    e: &E,
) -> Result<Vec<u128>, E::Error> {
    let low = u64::MAX >> (64 - gate.bits);
    let half = 1u64 << (gate.bits - 1);
    let shape = gate.comparison;
    // v = X + 2^(n - 1), which is in 0..2^n, has the same mask.
    let masked: Vec<u64> = masked
        .iter()
        .map(|x| x.to_u64().wrapping_add(half) & low)
        .collect();
    let list = &gate.pieces.list;
    let own = |public: u128| if P::INDEX == 0 { public } else { 0 };
    let word = |i: usize| list.get(i).map_or(0, |p| gate.pieces.word(p));
    // All of the word where the last piece begins below; then for each joint, where it is and what changes there.
    let mut joints = vec![(0, word(0) ^ word(list.len().saturating_sub(1)))];
    joints.extend(list.iter().enumerate().skip(1).map(|(i, piece)| {
        let at = (piece.from as u64).wrapping_add(half) & low;
        (at, word(i) ^ word(i - 1))
    }));
    let points = joints.len();
    let mut out = vec![own(word(0)); masked.len()];
    let keys = TILE * (BATCH / (TILE * points)).max(1);
    let mut paths = Vec::with_capacity(points * keys.min(masked.len()));
    for (batch, masked) in masked.chunks(keys).enumerate() {
        paths.clear();
        for v in masked {
            paths.extend(joints.iter().map(|(at, _)| shape.path(v.wrapping_sub(*at))));
        }
        let mut below = trees.several_prefixes(e, batch * keys, points, &paths)?;
        let words = out.iter_mut().skip(batch * keys);
        for ((word, v), below) in words.zip(masked).zip(below.chunks_exact(points)) {
            for (i, ((at, change), b)) in joints.iter().zip(below).enumerate() {
                // v >= joint is (r <= v̂ - joint) ⊕ (r <= v̂) ⊕ (joint <= v̂); the middle term is that of the first
                // point.
                let bit = u128::from(*b) ^ own((i > 0 && at <= v).into());
                *word ^= change & bit.wrapping_neg();
            }
        }
        below.zeroize();
    }
    Ok(out)
}

impl<R: Ring, P: Role> FunctionRun<R, P> {
    /// Length of the other party's next message.
    #[must_use]
    pub fn expects(&self) -> usize {
        match &*self.0 {
            Stage::Words { opening, .. } | Stage::Carry { opening, .. } => opening.expects(),
            Stage::Sum { opening, .. } => opening.expects(),
        }
    }
    /// Takes the other party's message.
    ///
    /// # Errors
    /// A message that is not the one that is due, and what the evaluator fails with.
    pub fn step<E: Evaluator>(self, message: &[u8], e: &E) -> Result<Step<R, P>, E::Error> {
        match *self.0 {
            Stage::Words {
                gate,
                masked,
                opening,
                line,
                round,
            } => {
                let words = opening.finish(message)?;
                let (sum, mut out) = line.evaluate::<P>(&gate, &masked, &words);
                out.add_assign(round.high.as_slice());
                let (opening, message) = round.sum.open(sum.as_slice())?;
                let stage = Stage::Sum {
                    gate,
                    opening,
                    out,
                    trees: round.trees,
                    carry: round.carry,
                    top: round.top,
                    bit: round.bit,
                };
                Ok(Step::Send(Self(Box::new(stage)), message))
            }
            Stage::Sum {
                gate,
                opening,
                mut out,
                trees,
                carry,
                top,
                bit,
            } => {
                let sum = opening.finish(message)?;
                let p = &gate.pieces;
                // ⌊y / 2^g⌋ = ⌊ŷ / 2^g⌋ - ⌊ρ / 2^g⌋ - 1 + (ρ' <= ŷ') + 2^(M - g) (ŷ < ρ), where ' is modulo 2^g; as
                // y < 2^(M - 1), ŷ < ρ is that only ρ has the highest bit.
                let shares = out.as_mut_slice().iter_mut().zip(top.as_slice());
                for ((out, top), y) in shares.zip(sum.as_slice()) {
                    let low = R::from_u64((y >> (p.sum - 1) & 1) ^ 1).neg();
                    *out = out.add(top.shl(p.sum - p.guard).and(low));
                    if P::INDEX == 0 {
                        let public = (y >> p.guard).wrapping_sub(1).wrapping_sub(p.offset);
                        *out = out.add(R::from_u64(public));
                    }
                }
                let shape = gate.rounding;
                let paths: Vec<_> = sum.as_slice().iter().map(|y| shape.path(*y)).collect();
                let mut below = trees.prefixes(e, &paths)?;
                let mut bits = BitVec::zeros(below.len());
                for (j, b) in below.iter().enumerate() {
                    bits.set(j, *b == 1);
                }
                below.zeroize();
                let (opening, message) = carry.open(&bits)?;
                let stage = Stage::Carry {
                    gate,
                    opening,
                    out,
                    bit,
                };
                Ok(Step::Send(Self(Box::new(stage)), message))
            }
            Stage::Carry {
                gate,
                opening,
                mut out,
                bit,
            } => {
                let carries = opening.finish(message)?;
                let shares = out.as_mut_slice().iter_mut().zip(bit.as_slice());
                for (j, (out, s)) in shares.enumerate() {
                    *out = out.add(unmasked::<R, P>(opened(&carries, j), *s));
                }
                low_bits(&mut out, gate.bits);
                Ok(Step::Done(out))
            }
        }
    }
}

impl<R: Ring> Line<R> {
    /// Shares of a + b X modulo 2^M, and of X or 0 modulo 2^n, from the masked bits of the words.
    fn evaluate<P: Role>(
        &self,
        gate: &Function<R>,
        masked: &[R],
        words: &BitVec,
    ) -> (RingVec<u64>, RingVec<R>) {
        let p = &gate.pieces;
        let stride = gate.word();
        let mut sums = RingVec::<u64>::zeros(masked.len());
        for (t, s) in self.a.iter().enumerate() {
            let shares = sums.as_mut_slice().iter_mut().zip(s.as_slice());
            for (j, (sum, s)) in shares.enumerate() {
                let bit = unmasked::<u64, P>(opened(words, j * stride + t), *s);
                *sum = sum.wrapping_add(bit << t);
            }
        }
        for (t, [s, sr]) in self.b.iter().enumerate() {
            let shares = sums.as_mut_slice().iter_mut().zip(self.mask.as_slice());
            let shares = shares.zip(s.as_slice()).zip(sr.as_slice()).zip(masked);
            for (j, ((((sum, r), s), sr), x)) in shares.enumerate() {
                let open = opened(words, j * stride + p.sum as usize + t);
                let v = unmasked_times::<u64, P>(open, x.to_u64(), *r, *s, *sr) << t;
                // The highest bit of b counts negatively.
                let minus = t + 1 == self.b.len();
                *sum = sum.wrapping_add(if minus { v.wrapping_neg() } else { v });
            }
        }
        let mut out = RingVec::<R>::zeros(masked.len());
        if let Some([r, s, sr]) = &self.identity {
            let shares = out.as_mut_slice().iter_mut().zip(r.as_slice());
            let shares = shares.zip(s.as_slice()).zip(sr.as_slice()).zip(masked);
            for (j, ((((out, r), s), sr), x)) in shares.enumerate() {
                let open = opened(words, j * stride + stride - 1);
                *out = unmasked_times::<R, P>(open, *x, *r, *s, *sr);
            }
        }
        (sums, out)
    }
}
