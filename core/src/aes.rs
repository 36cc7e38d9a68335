//! AES-128 (FIPS 197) in batches: the permutation under [`crate::Prg`] and [`crate::FixedKeyHash`].
//!
//! Three kernels with the same output: VAES-512 (up to 32 blocks in flight, masked tails), AES-NI (8 in flight), and
//! the RustCrypto `aes` crate, which is also the oracle of the tests. All are constant time in key and data.
//! Assumed: AES-128 is a pseudorandom permutation (under a secret key) or an ideal one (under a public key).

use core::fmt;

use crate::Block;
use crate::cpu::{self, Level};

mod io;
#[cfg(target_arch = "x86_64")]
pub(crate) mod kernel;
#[cfg(target_arch = "x86_64")]
mod ni;
mod portable;
#[cfg(target_arch = "x86_64")]
mod vaes;

use io::Io;

/// What is computed of each block `x` with index `i`; π is the permutation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// π(i), `x` is not read
    Counter,
    /// π(x)
    Ecb,
    /// π(x) ⊕ x
    Cr,
    /// π(σ(x)) ⊕ σ(x)
    Ccr,
    /// π(π(x) ⊕ i) ⊕ π(x)
    Tccr,
}

/// A [`Kind`] known at compile time, so that each kernel is compiled once per kind.
pub(crate) trait Op {
    const KIND: Kind;
}

macro_rules! op {
    ($($name:ident),*) => {$(
        pub(crate) struct $name;
        impl Op for $name {
            const KIND: Kind = Kind::$name;
        }
    )*};
}
op!(Counter, Ecb, Cr, Ccr, Tccr);

/// An expanded AES-128 key. Wiped on drop, not printed, not cloned.
pub struct Aes128(Kernel);

enum Kernel {
    Portable(Box<aes::Aes128>),
    #[cfg(target_arch = "x86_64")]
    Ni(cpu::AesNi, ni::Schedule),
    #[cfg(target_arch = "x86_64")]
    Vaes(cpu::Vaes512, ni::Schedule),
}

impl Aes128 {
    /// Expands `key`.
    #[must_use]
    pub fn new(key: Block) -> Self {
        Self::with_level(key, cpu::level())
    }
    /// [`Aes128::new`] with the kernels of `level`, or the next lower ones that this processor has.
    #[must_use]
    pub fn with_level(key: Block, level: Level) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(ni) = cpu::AesNi::at(level) {
            let schedule = ni::Schedule::new(ni, key);
            return Self(match cpu::Vaes512::at(level) {
                Some(vaes) => Kernel::Vaes(vaes, schedule),
                None => Kernel::Ni(ni, schedule),
            });
        }
        let _ = level;
        Self(Kernel::Portable(portable::expand(key)))
    }
    /// Encrypts every block in place, each by itself (ECB).
    pub fn encrypt(&self, blocks: &mut [Block]) {
        self.map_in_place::<Ecb>(blocks, 0);
    }
    /// Fills the blocks of `out` (a multiple of 16 bytes) with π(first), π(first + 1), ..., wrapping at 2^64.
    pub(crate) fn counter(&self, first: u64, out: &mut [u8]) {
        self.run::<Counter>(Io::fill(out), first);
    }
    /// Replaces block j by the function `O` of it, with index `first + j` modulo 2^64.
    pub(crate) fn map_in_place<O: Op>(&self, blocks: &mut [Block], first: u64) {
        self.run::<O>(Io::in_place(blocks), first);
    }
    /// Sets `dst[j]` to the function `O` of `src[j]`; the shorter length wins.
    pub(crate) fn map<O: Op>(&self, src: &[Block], dst: &mut [Block], first: u64) {
        self.run::<O>(Io::from_to(src, dst), first);
    }

    /// True if the level has AES instructions.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn has_vectors(&self) -> bool {
        !matches!(self.0, Kernel::Portable(_))
    }
    /// What `kernel` gives, if the level has AES instructions.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn vectors<K: kernel::Kernel>(&self, kernel: K) -> Option<K::Output> {
        match &self.0 {
            Kernel::Portable(_) => None,
            Kernel::Ni(proof, key) => Some(kernel::ni(*proof, key, kernel)),
            Kernel::Vaes(proof, key) => Some(kernel::vaes(*proof, key, kernel)),
        }
    }

    #[inline]
    fn run<O: Op>(&self, io: Io<'_>, first: u64) {
        match &self.0 {
            Kernel::Portable(key) => portable::run::<O>(key, io, first),
            #[cfg(target_arch = "x86_64")]
            Kernel::Ni(proof, key) => ni::run::<O>(*proof, key, io, first),
            #[cfg(target_arch = "x86_64")]
            Kernel::Vaes(proof, key) => vaes::run::<O>(*proof, key, io, first),
        }
    }
}

impl fmt::Debug for Aes128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aes128(..)")
    }
}

#[cfg(test)]
mod tests;
