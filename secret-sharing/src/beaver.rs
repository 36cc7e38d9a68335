//! Products of additive shares from triples, for 2 to 10 parties.
//!
//! Beaver, CRYPTO 1991: with shares of random `a`, `b` and of `c = a * b`, the parties open `d = x - a` and
//! `e = y - b`, and `x * y = c + d * b + a * e + d * e`. `*` is any bilinear map: elementwise, a matrix product, a
//! convolution ([`Product`]), or AND of packed bits.
//!
//! A product is a chain of values: [`TripleBatch::start`] consumes the triple and gives the [`Opening`] to send and a
//! [`Pending`]; [`Pending::finish`] consumes that and the peers' openings. So a triple masks one pair of factors and no
//! more. Between two parties the same chain is a [`wire::Machine`](piquet_core::wire::Machine), [`Multiply`].
//!
//! Cost: one round; every party sends each peer `|a| + |b|` elements and 20 bytes. Security: perfect against `n - 1`
//! semi-honest parties, given triples that nobody knows; a party that deviates changes the result unnoticed.
//!
//! ```
//! use piquet_core::wire::{SessionId, run_pair};
//! use piquet_secret_sharing::{additive, beaver::Multiply, dealer::{Demand, Item, TrustedDealer}};
//! # use rand_core::SeedableRng;
//! # let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
//! let session = SessionId([7; 32]);
//! let item = Item::mul::<u64>(2);
//! let demand = Demand::try_from_iter([item])?;
//! let xs = additive::split(&[3u64, 4], 2, &mut rng)?;
//! let ys = additive::split(&[5u64, 6], 2, &mut rng)?;
//! let mut machines = Vec::new();
//! for (i, mut material) in TrustedDealer::deal(&demand, 2, &mut rng)?.into_iter().enumerate() {
//!     let triples = material.next_mul::<u64>(2)?;
//!     let (opening, pending) = triples.start(session, 0, &xs[i], &ys[i])?;
//!     machines.push(Multiply::new(opening, pending)?);
//! }
//! let (b, a) = (machines.pop().unwrap(), machines.pop().unwrap());
//! let (z0, z1, _) = run_pair(a, b);
//! assert_eq!(additive::open(&[z0.unwrap(), z1.unwrap()])?.as_slice(), [15, 24]);
//! # Ok::<(), piquet_secret_sharing::Error>(())
//! ```

mod bits;
mod machine;
mod product;
mod ring;

pub use bits::{BitOpening, BitOpeningShape, BitPending, BitTripleBatch, BitTriples};
pub use machine::{Exchange, Multiply};
pub use product::Product;
pub use ring::{Opening, OpeningShape, Pending, TripleBatch, Triples};

use crate::{Error, Party};

/// `Ok` for one of two parties.
fn one_of_two(party: Party) -> Result<(), Error> {
    match party.count() {
        2 => Ok(()),
        got => Err(Error::ShareSet { want: 2, got }),
    }
}

/// `Ok` if `from` holds one opening of each peer of `me`.
fn each_peer_once(me: Party, from: impl ExactSizeIterator<Item = Party>) -> Result<(), Error> {
    let len = from.len();
    let mut seen = 0u16;
    for p in from {
        if p.count() == me.count() && p != me {
            seen |= 1 << p.index();
        }
    }
    let (want, got) = (me.count() - 1, seen.count_ones() as usize);
    if got == want && len == want {
        Ok(())
    } else {
        Err(Error::ShareSet { want, got })
    }
}
