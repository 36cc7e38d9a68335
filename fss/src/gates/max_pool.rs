//! The largest of a window, by a tree of comparisons.
//!
//! A level of the tree takes neighbours a and b of every window to b + d (a - b), d = 1{a - b ≥ 0}: the parties open
//! a - b under a mask that they drew themselves, the sign gate gives shares of d, they open d under another, and select
//! ([`super::select`]). As their shares of the mask r are at hand, a comparison costs two shares besides the keys of
//! the sign, those of s and s r. An odd one waits for the next level.
//!
//! After N. Jawalkar and others, "Orca", 2023/206, and K. Gupta and others, "SIGMA", 2023/1269; secure against one
//! semi-honest party and a dealer that colludes with none. Every opened value has a mask of its own, uniform given what
//! one party holds, so that a simulator draws what is opened level by level; between levels there are fresh shares, and
//! nothing else.

use piquet_core::{BitVec, Ring, RingVec};

use super::select::Products;
use super::sign::{Sign, SignKeys};
use super::{Gate, GateId, ids};
use crate::dealer::{Deal, MAX_GATES, low_bits};
use crate::evaluator::Evaluator;
use crate::mask::{BitMask, BitMaskKeys, BitOpening, Mask, MaskKeys, Opening};
use crate::shape::{same, within};
use crate::stream::Taken;
use crate::{Error, Role};

/// Most elements of a window.
pub const MAX_WINDOW: usize = 1024;

/// The largest of `window` numbers of n bits in two's complement, of which -2^(n-2) <= x < 2^(n-2) holds, by the
/// caller's word: their differences have to fit n bits. Where it does not hold, the result is one of the window, but
/// may not be the largest.
///
/// **Keys**: `window` - 1 signs and as many times 2 n bits a gate, rounded up to bytes level by level. **Rounds**: 2
/// ⌈log2 `window`⌉. **Messages**: each way a header and n bits a pair, then a header and a bit a pair, level by level;
/// a level has ⌊m / 2⌋ pairs of the m elements that are left, and leaves ⌈m / 2⌉.
///
/// A block holds at most [`MAX_GATES`] pairs: count (`window` - 1) of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxPool<R: Ring> {
    sign: Sign<R>,
    mask: Mask<R>,
    bits: u32,
    window: usize,
}

impl<R: Ring> MaxPool<R> {
    /// Windows of `window` numbers, 1 to [`MAX_WINDOW`], of `bits` bits, 2 to the width of R and at most 64.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32, window: usize) -> Result<Self, Error> {
        let high = R::BITS.min(64);
        within(
            "bits",
            bits,
            2,
            high,
            "2 to the width of the word, 64 at most",
        )?;
        if !(1..=MAX_WINDOW).contains(&window) {
            return Err(Error::Parameter {
                what: "window",
                got: window as u64,
                domain: "1 to 1024",
            });
        }
        Ok(Self {
            sign: Sign::new(bits)?,
            mask: Mask::new(bits)?,
            bits,
            window,
        })
    }
    /// Pairs have a tree each, of which a block has no more than of gates.
    fn fits(self, count: usize) -> Result<(), Error> {
        match count * (self.window - 1) {
            0..=MAX_GATES => Ok(()),
            pairs => Err(Error::Parameter {
                what: "pairs of a block",
                got: pairs as u64,
                domain: "0 to 65536",
            }),
        }
    }
    /// Pairs of each level, of one window.
    fn levels(self) -> impl Iterator<Item = usize> {
        let mut left = self.window;
        core::iter::from_fn(move || {
            let pairs = left / 2;
            left -= pairs;
            (pairs > 0).then_some(pairs)
        })
    }
}

/// One party's keys of [`MaxPool`]. Used once, wiped, not printed.
pub struct MaxPoolKeys<R: Ring, P: Role> {
    gate: MaxPool<R>,
    count: usize,
    levels: std::vec::IntoIter<LevelKeys<R, P>>,
}

/// Keys of all pairs of a level.
struct LevelKeys<R: Ring, P: Role> {
    mask: MaskKeys<R, P>,
    sign: SignKeys<R, P>,
    bit: BitMaskKeys<P>,
    products: Products<R>,
}

impl<R: Ring, P: Role> core::fmt::Debug for MaxPoolKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "MaxPoolKeys({} gates)", self.count)
    }
}

impl<R: Ring> Gate for MaxPool<R> {
    type Masks<'a> = ();
    type Dealt = ();
    type Keys<P: Role> = MaxPoolKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::MAX_POOL,
            parameters: [self.bits, R::BITS, self.window as u32],
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        let level = |pairs| {
            let n = pairs * count;
            self.sign.key_bytes(n) + Products::<R>::bytes(self.bits, n)
        };
        self.levels().map(level).sum()
    }
    fn deal(&self, count: usize, (): (), to: &mut Deal) -> Result<(), Error> {
        self.fits(count)?;
        for pairs in self.levels() {
            let n = pairs * count;
            let r = self.mask.deal(n, (), to)?;
            self.sign.deal(n, r.as_slice(), to)?;
            let s: BitVec = BitMask.deal(n, (), to)?;
            Products::deal(self.bits, &s, r.as_slice(), to);
        }
        Ok(())
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<MaxPoolKeys<R, P>, Error> {
        self.fits(count)?;
        let mut levels = Vec::new();
        for pairs in self.levels() {
            let n = pairs * count;
            levels.push(LevelKeys {
                mask: self.mask.take(n, from)?,
                sign: self.sign.take(n, from)?,
                bit: BitMask.take(n, from)?,
                products: Products::take(self.bits, n, from)?,
            });
        }
        Ok(MaxPoolKeys {
            gate: *self,
            count,
            levels: levels.into_iter(),
        })
    }
}

/// What a step leads to.
#[derive(Debug)]
pub enum MaxPoolStep<R: Ring, P: Role> {
    /// The message goes to the other party, whose message is wanted for the next step.
    Send(Box<MaxPoolRun<R, P>>, Vec<u8>),
    /// This party's shares of the largest of each window.
    Done(RingVec<R>),
}

impl<R: Ring, P: Role> MaxPoolKeys<R, P> {
    /// Takes this party's shares modulo 2^n, whose bits above n are ignored. Element i of window j is
    /// `shares[i * count + j]`.
    ///
    /// # Errors
    /// If there are not `window` times as many shares as gates.
    pub fn start(self, shares: &[R]) -> Result<MaxPoolStep<R, P>, Error> {
        same("shares", shares.len(), self.gate.window * self.count)?;
        let left = RingVec::from(shares.to_vec());
        next(self, left)
    }
}

/// Opens the differences of the next level, if there is one.
fn next<R: Ring, P: Role>(
    mut keys: MaxPoolKeys<R, P>,
    mut left: RingVec<R>,
) -> Result<MaxPoolStep<R, P>, Error> {
    let Some(level) = keys.levels.next() else {
        low_bits(&mut left, keys.gate.bits);
        return Ok(MaxPoolStep::Done(left));
    };
    let n = level.mask.shares().len();
    let r = level.mask.shares().duplicate();
    // Pairs lie n apart, in front; an odd row is last.
    let (a, b) = left.as_slice().split_at(n);
    let mut difference = RingVec::from(a.to_vec());
    difference.sub_assign(b);
    let second = RingVec::from(b.to_vec());
    let (opening, message) = level.mask.open(difference.as_slice())?;
    let wait = Wait::Difference {
        opening,
        sign: level.sign,
        bit: level.bit,
    };
    let run = MaxPoolRun {
        keys,
        left: second,
        r,
        products: level.products,
        wait,
    };
    Ok(MaxPoolStep::Send(Box::new(run), message))
}

/// Waits for the other party's message.
pub struct MaxPoolRun<R: Ring, P: Role> {
    keys: MaxPoolKeys<R, P>,
    /// The second ones of all pairs, and an odd row.
    left: RingVec<R>,
    r: RingVec<R>,
    products: Products<R>,
    wait: Wait<R, P>,
}

enum Wait<R: Ring, P: Role> {
    Difference {
        opening: Opening<R, P>,
        sign: SignKeys<R, P>,
        bit: BitMaskKeys<P>,
    },
    Bit {
        opening: BitOpening<P>,
        masked: RingVec<R>,
    },
}

impl<R: Ring, P: Role> core::fmt::Debug for MaxPoolRun<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "MaxPoolRun({} gates)", self.keys.count)
    }
}

impl<R: Ring, P: Role> MaxPoolRun<R, P> {
    /// Length of the message.
    #[must_use]
    pub fn expects(&self) -> usize {
        match &self.wait {
            Wait::Difference { opening, .. } => opening.expects(),
            Wait::Bit { opening, .. } => opening.expects(),
        }
    }
    /// Goes on from the other party's message.
    ///
    /// # Errors
    /// A message that is not the one that is due, and what the evaluator fails with.
    pub fn step<E: Evaluator>(self, message: &[u8], e: &E) -> Result<MaxPoolStep<R, P>, E::Error> {
        match self.wait {
            Wait::Difference { opening, sign, bit } => {
                let masked = opening.finish(message)?;
                let signs = sign.evaluate(masked.as_slice(), e)?;
                let (opening, message) = bit.open(&signs)?;
                let wait = Wait::Bit { opening, masked };
                Ok(MaxPoolStep::Send(Box::new(Self { wait, ..self }), message))
            }
            Wait::Bit { opening, masked } => {
                let opened = opening.finish(message)?;
                let (x, r) = (masked.as_slice(), self.r.as_slice());
                let chosen = self.products.select::<P>(&opened, x, r);
                let mut left = self.left;
                left.add_assign(chosen.as_slice());
                Ok(next(self.keys, left)?)
            }
        }
    }
}

#[cfg(test)]
mod tests;
