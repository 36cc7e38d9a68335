//! Gates: functions of masked values, without or nearly without interaction.
//!
//! A wire x of n bits is **masked** when both parties know x̂ = x + r modulo 2^n and the dealer knows r. A gate has a
//! dealer's half, which turns r into keys, and a party's half, which turns x̂ and a key into a share of the result.
//! Masks and the opening of masked values are gates too ([`crate::mask`]). A key is used once, which its type
//! enforces: a second value opened under the same mask would give away the difference of both.

use core::fmt;

use piquet_core::wire::{DecodeError, Reader};

use crate::dealer::Deal;
use crate::stream::Taken;
use crate::{Error, Role};

pub mod bit;
pub mod digits;
pub mod extend;
pub mod functions;
pub mod interval;
pub mod lookup;
pub mod max_pool;
pub mod relu;
pub mod select;
pub mod shift;
pub mod sign;
pub mod spline;
pub mod stochastic;
pub mod truncate;

/// What a block of keys is for: a gate and its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateId {
    /// Which gate.
    pub gate: u8,
    /// Its parameters, as it likes.
    pub parameters: [u32; 3],
}

impl GateId {
    /// Encoded length.
    pub const LEN: usize = 13;

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.gate);
        for p in self.parameters {
            out.extend_from_slice(&p.to_le_bytes());
        }
    }
    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            gate: r.u8()?,
            parameters: [r.u32()?, r.u32()?, r.u32()?],
        })
    }
}

/// A state that waits for the other party's message, and the message that goes there.
pub type Started<S> = (S, Vec<u8>);

/// Both halves of a gate.
pub trait Gate {
    /// What the dealer knows of the inputs.
    type Masks<'a>;
    /// What the dealer learns, for gates that follow.
    type Dealt;
    /// One-time keys of one party.
    type Keys<P: Role>: fmt::Debug;

    /// What is written into a block's head.
    fn id(&self) -> GateId;
    /// Bytes of the keys of `count` gates.
    fn key_bytes(&self, count: usize) -> usize;
    /// The dealer's half: draws and writes what [`Gate::take`] draws and reads.
    ///
    /// # Errors
    /// Masks that are not `count`.
    fn deal(
        &self,
        count: usize,
        masks: Self::Masks<'_>,
        to: &mut Deal,
    ) -> Result<Self::Dealt, Error>;
    /// One party's keys.
    ///
    /// # Errors
    /// If the block ends before.
    fn take<P: Role>(&self, count: usize, from: &mut Taken<'_, P>) -> Result<Self::Keys<P>, Error>;
}

/// Bytes that name gates.
pub(crate) mod ids {
    /// The core of truncation and extension by itself.
    #[cfg(test)]
    pub(crate) const SHIFT: u8 = 255;
    pub(crate) const MASK: u8 = 1;
    pub(crate) const BIT_MASK: u8 = 2;
    pub(crate) const SIGN: u8 = 3;
    pub(crate) const SELECT: u8 = 4;
    pub(crate) const RELU: u8 = 5;
    pub(crate) const RELU_TRUNCATE: u8 = 6;
    pub(crate) const MAX_POOL: u8 = 7;
    pub(crate) const TRUNCATE: u8 = 8;
    pub(crate) const TRUNCATE_REDUCE: u8 = 9;
    pub(crate) const EXTEND: u8 = 10;
    pub(crate) const STOCHASTIC: u8 = 11;
    pub(crate) const INTERVAL: u8 = 12;
    pub(crate) const COMPARE: u8 = 13;
    pub(crate) const LOOKUP_BITS: u8 = 15;
    pub(crate) const LOOKUP: u8 = 16;
    pub(crate) const SPLINE: u8 = 17;
    pub(crate) const DIGITS: u8 = 18;
    pub(crate) const BIT_TO_RING: u8 = 19;
    pub(crate) const GELU: u8 = 64;
    pub(crate) const SILU: u8 = 65;
    pub(crate) const SIGMOID: u8 = 66;
    pub(crate) const TANH: u8 = 67;
    pub(crate) const EXP: u8 = 68;
    pub(crate) const RECIPROCAL: u8 = 69;
    pub(crate) const RSQRT: u8 = 70;
}
