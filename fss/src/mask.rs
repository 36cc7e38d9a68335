//! Masks, and the opening of masked values: from shares to what gates take.
//!
//! The dealer knows r = r_0 + r_1, the sum of what the two parties draw from their seeds; a party sends x_b + r_b.
//! **Keys**: nothing. **Cost**: n bits each way for each value, one round. The message is uniform whatever x is, as
//! long as a mask is used once.

use core::marker::PhantomData;

use piquet_core::pack::{Packer, Unpacker, packed_len};
use piquet_core::wire::{DecodeError, Encode, Header};
use piquet_core::{BitVec, Ring, RingVec};

use crate::dealer::{Deal, low_bits};
use crate::gates::{Gate, GateId, ids};
use crate::shape::{same, within};
use crate::stream::Taken;
use crate::{Error, Role, kinds};

/// Fresh masks of ring elements of n bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask<R: Ring> {
    bits: u32,
    word: PhantomData<R>,
}

impl<R: Ring> Mask<R> {
    /// Elements of `bits` bits, 1 to the width of R and at most 64.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32) -> Result<Self, Error> {
        let high = R::BITS.min(64);
        within(
            "bits",
            bits,
            1,
            high,
            "1 to the width of the word, 64 at most",
        )?;
        Ok(Self {
            bits,
            word: PhantomData,
        })
    }
}

/// One party's shares of masks. Used once, wiped, not printed.
pub struct MaskKeys<R: Ring, P: Role> {
    bits: u32,
    header: Header,
    shares: RingVec<R>,
    role: PhantomData<P>,
}

impl<R: Ring, P: Role> core::fmt::Debug for MaskKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "MaskKeys({} masks)", self.shares.len())
    }
}

impl<R: Ring> Gate for Mask<R> {
    type Masks<'a> = ();
    type Dealt = RingVec<R>;
    type Keys<P: Role> = MaskKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::MASK,
            parameters: [self.bits, R::BITS, 0],
        }
    }
    fn key_bytes(&self, _: usize) -> usize {
        0
    }
    fn deal(&self, count: usize, (): (), to: &mut Deal) -> Result<RingVec<R>, Error> {
        Ok(to.random(self.bits, count))
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<MaskKeys<R, P>, Error> {
        Ok(MaskKeys {
            bits: self.bits,
            header: from.message(kinds::MASKED),
            shares: from.random(self.bits, count),
            role: PhantomData,
        })
    }
}

impl<R: Ring, P: Role> MaskKeys<R, P> {
    /// This party's shares of the masks, for gates that compute with them.
    pub(crate) fn shares(&self) -> &RingVec<R> {
        &self.shares
    }
    /// Masks this party's shares; the message goes to the other one.
    ///
    /// # Errors
    /// If there are not as many shares as masks.
    pub fn open(self, shares: &[R]) -> Result<(Opening<R, P>, Vec<u8>), Error> {
        same("shares", shares.len(), self.shares.len())?;
        let mut masked = self.shares;
        masked.add_assign(shares);
        low_bits(&mut masked, self.bits);
        let mut out = Vec::new();
        from_party::<P>(self.header).encode(&mut out);
        let mut run = Packer::new(&mut out, self.bits);
        run.push(masked.as_slice());
        run.finish();
        let opening = Opening {
            bits: self.bits,
            header: self.header,
            own: masked,
            role: PhantomData,
        };
        Ok((opening, out))
    }
}

/// The header of what P sends: a party that is handed its own message says so.
pub(crate) fn from_party<P: Role>(header: Header) -> Header {
    let step = header.step | u64::from(P::INDEX) << 63;
    Header { step, ..header }
}

/// Waits for the other party's message.
#[derive(Debug)]
pub struct Opening<R: Ring, P: Role> {
    bits: u32,
    header: Header,
    own: RingVec<R>,
    role: PhantomData<P>,
}

impl<R: Ring, P: Role> Opening<R, P> {
    /// Length of the message.
    #[must_use]
    pub fn expects(&self) -> usize {
        let n = self.own.len();
        Header::LEN + packed_len(n, self.bits).unwrap_or(usize::MAX - Header::LEN)
    }
    /// The masked values, now known to both.
    ///
    /// # Errors
    /// A message that is not the one that is due.
    pub fn finish(self, message: &[u8]) -> Result<RingVec<R>, Error> {
        let body = from_party::<P::Peer>(self.header)
            .check(message)
            .map_err(Error::Message)?;
        let n = self.own.len();
        let mut theirs = vec![R::ZERO; n];
        Unpacker::new(body, n, self.bits)
            .map_err(Error::Message)?
            .pull(&mut theirs);
        let mut out = self.own;
        out.add_assign(&theirs);
        low_bits(&mut out, self.bits);
        Ok(out)
    }
}

/// Fresh masks of bits shared by exclusive or.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitMask;

/// One party's shares of masks of bits. Used once, wiped, not printed.
pub struct BitMaskKeys<P: Role> {
    header: Header,
    shares: BitVec,
    role: PhantomData<P>,
}

impl<P: Role> core::fmt::Debug for BitMaskKeys<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "BitMaskKeys({} masks)", self.shares.len())
    }
}

impl Gate for BitMask {
    type Masks<'a> = ();
    type Dealt = BitVec;
    type Keys<P: Role> = BitMaskKeys<P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::BIT_MASK,
            parameters: [0; 3],
        }
    }
    fn key_bytes(&self, _: usize) -> usize {
        0
    }
    fn deal(&self, count: usize, (): (), to: &mut Deal) -> Result<BitVec, Error> {
        Ok(to.random_bits(count))
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<BitMaskKeys<P>, Error> {
        Ok(BitMaskKeys {
            header: from.message(kinds::MASKED_BITS),
            shares: from.random_bits(count),
            role: PhantomData,
        })
    }
}

impl<P: Role> BitMaskKeys<P> {
    /// This party's shares of the masks.
    pub(crate) fn shares(&self) -> &BitVec {
        &self.shares
    }
    /// Masks this party's shares; the message goes to the other one.
    ///
    /// # Errors
    /// If there are not as many shares as masks.
    pub fn open(self, shares: &BitVec) -> Result<(BitOpening<P>, Vec<u8>), Error> {
        same("shares", shares.len(), self.shares.len())?;
        let mut own = self.shares;
        own.xor_assign(shares);
        let mut out = Vec::new();
        from_party::<P>(self.header).encode(&mut out);
        out.extend_from_slice(own.as_bytes());
        let opening = BitOpening {
            header: self.header,
            own,
            role: PhantomData,
        };
        Ok((opening, out))
    }
}

/// Waits for the other party's message.
#[derive(Debug)]
pub struct BitOpening<P: Role> {
    header: Header,
    own: BitVec,
    role: PhantomData<P>,
}

impl<P: Role> BitOpening<P> {
    /// Length of the message.
    #[must_use]
    pub fn expects(&self) -> usize {
        Header::LEN + self.own.len().div_ceil(8)
    }
    /// The masked bits, now known to both.
    ///
    /// # Errors
    /// A message that is not the one that is due.
    pub fn finish(self, message: &[u8]) -> Result<BitVec, Error> {
        let body = from_party::<P::Peer>(self.header)
            .check(message)
            .map_err(Error::Message)?;
        let theirs =
            BitVec::from_bytes(self.own.len(), body).map_err(|e: DecodeError| Error::Message(e))?;
        let mut out = self.own;
        out.xor_assign(&theirs);
        Ok(out)
    }
}
