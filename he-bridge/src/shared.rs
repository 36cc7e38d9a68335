//! Products of a shared input with shared weights: each party has a share of either.
//!
//! **Protocol.** (X_0 + X_1)(W_0 + W_1): X_0 W_0 and X_1 W_1 each party calculates by itself; X_0 W_1 and X_1 W_0 are two products of
//! [`crate::linear`], the first with party 0 as the client and party 1 as the server, the second with the roles exchanged. Either party
//! has a key of its own for that, and the other's public key. What a party sums up is its share of the product modulo t.
//!
//! **Parameters.** A share is uniform modulo t. As weights are multiplied as the representatives of least absolute value, the bound
//! to declare is t / 2 ([`bound`]), and q has to have about twice as many bits as t and 55 more: degree 8192 for t beyond 2^25.
//!
//! **Order.** The product of step 2 s begins, party 0's first; when party 0 has its share, the product of step 2 s + 1 follows. Local
//! products are calculated while the other party encrypts. **Cost**: twice that of [`Layer::bytes`], half of it each way.
//!
//! **Security**: that of [`crate::linear`] for two products one after the other, each party once as client and once as server; the
//! two have independent keys and randomness, so the simulators of the two stand side by side. In the approximate mode the errors add up:
//! two units at most.

use core::fmt;

use piquet_core::linalg::{PackedWeights, conv2d};
use piquet_core::wire::{Machine, Step};
use piquet_core::{RingVec, wipe_vec};
use rand_core::CryptoRng;

use crate::backend::Backend;
use crate::linear::{Layer, client, residues, server};
use crate::native::prime::Prime;
use crate::{Error, PlainModulus};

/// The bound on weights that are residues modulo t: t / 2.
#[must_use]
pub fn bound(t: PlainModulus) -> u64 {
    match t {
        PlainModulus::Bits(k) => 1 << (k - 1),
        PlainModulus::Prime(t) => t / 2,
    }
}

/// A party's share of the weights, ready for products by itself and as a server; for any number of them.
pub struct Weights<B: Backend> {
    remote: server::Weights<B>,
    local: Local,
}

/// Weights for products in the clear. Wiped on drop by what holds them.
enum Local {
    /// Modulo 2^k, a divisor of 2^64.
    Words(PackedWeights<u64>),
    /// Modulo a prime below 2^60.
    Wide(PackedWeights<u128>),
}

impl<B: Backend> Weights<B> {
    /// From a share, residues modulo t as `[out][in / groups][kh][kw]`.
    pub fn new(layer: &Layer<B>, share: &[u64]) -> Result<Self, Error> {
        let (shape, t) = (layer.encoding().shape(), layer.backend().params().plain());
        residues("share of the weights", share, t)?;
        let mut centred: Vec<i64> = share.iter().map(|w| t.centred(*w)).collect();
        let remote = server::Weights::new(layer, &centred);
        wipe_vec(&mut centred);
        let local = match t {
            PlainModulus::Bits(_) => Local::Words(PackedWeights::pack(shape, share)?),
            PlainModulus::Prime(_) => {
                let wide: RingVec<u128> = share.iter().map(|w| u128::from(*w)).collect();
                Local::Wide(PackedWeights::pack(shape, wide.as_slice())?)
            }
        };
        Ok(Self {
            remote: remote?,
            local,
        })
    }
    /// Adds the product of a share of the input with this share to `out`.
    fn add_local(&self, layer: &Layer<B>, x: &[u64], out: &mut [u64]) -> Result<(), Error> {
        let (shape, t) = (layer.encoding().shape(), layer.backend().params().plain());
        match (&self.local, t) {
            (Local::Words(w), _) => {
                let mut y = RingVec::zeros(out.len());
                conv2d(shape, &[(x, w)], y.as_mut_slice())?;
                for (o, y) in out.iter_mut().zip(y.as_slice()) {
                    *o = t.add(*o, t.reduce(*y));
                }
            }
            // x = x_0 + 2^30 x_1, so that a product has 90 bits at most, and their sum no more than 128 as long as there are
            // no more than 2^38 of them.
            (Local::Wide(w), PlainModulus::Prime(t)) => {
                let p = Prime::new(t);
                for (shift, factor) in [(0, 1), (30, (1 << 30) % t)] {
                    let half = |x: &u64| u128::from((x >> shift) & ((1 << 30) - 1));
                    let half: RingVec<u128> = x.iter().map(half).collect();
                    let mut y = RingVec::zeros(out.len());
                    conv2d(shape, &[(half.as_slice(), w)], y.as_mut_slice())?;
                    for (o, y) in out.iter_mut().zip(y.as_slice()) {
                        *o = p.add(*o, p.mul(p.reduce_wide(*y), factor));
                    }
                }
            }
            // Weights are made for the layer that they are used with.
            (Local::Wide(_), PlainModulus::Bits(_)) => return Err(Error::Foreign("weights")),
        }
        Ok(())
    }
}

impl<B: Backend> fmt::Debug for Weights<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weights").finish_non_exhaustive()
    }
}

/// What a party brings to a product; all of it serves any number of them.
pub struct Party<'a, B: Backend> {
    /// The layer, the same at both.
    pub layer: &'a Layer<B>,
    /// This party's own key.
    pub key: &'a client::Key<B>,
    /// The other party's.
    pub peer: &'a server::PublicKey<B>,
    /// This party's share of the weights.
    pub weights: &'a Weights<B>,
}

impl<B: Backend> Clone for Party<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend> Copy for Party<'_, B> {}

impl<B: Backend> fmt::Debug for Party<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Party")
            .field("layer", self.layer)
            .finish_non_exhaustive()
    }
}

/// One product at one party: [`Machine`] to its share of the output, `[batch][height][width][out]`.
pub struct Product<'a, B: Backend> {
    half: Half<'a, B>,
    rest: Rest<'a, B>,
}

enum Half<'a, B: Backend> {
    Client(client::Product<'a, B>),
    Server(server::Product<'a, B>),
}

/// What is there whichever half is under way.
struct Rest<'a, B: Backend> {
    party: Party<'a, B>,
    input: &'a [u64],
    output: RingVec<u64>,
    next: Option<Half<'a, B>>,
    /// Whether the party's own product is still to be added.
    local: bool,
}

impl<'a, B: Backend> Product<'a, B> {
    /// Party 0's side of product number `step`, below 2^63, of this share of the input. Both keys are of one session, and a step of it is
    /// used once.
    pub fn first<R: CryptoRng + ?Sized>(
        party: Party<'a, B>,
        step: u64,
        input: &'a [u64],
        rng: &mut R,
    ) -> Result<Self, Error> {
        let steps = steps(&party, step)?;
        let client = client::Product::new(party.layer, party.key, steps[0], input, rng)?;
        let server = serve(party, steps[1], rng)?;
        Ok(Self {
            half: Half::Client(client),
            rest: Rest {
                party,
                input,
                output: RingVec::zeros(party.layer.output_len()),
                next: Some(Half::Server(server)),
                local: true,
            },
        })
    }
    /// Party 1's side.
    pub fn second<R: CryptoRng + ?Sized>(
        party: Party<'a, B>,
        step: u64,
        input: &'a [u64],
        rng: &mut R,
    ) -> Result<Self, Error> {
        let steps = steps(&party, step)?;
        let server = serve(party, steps[0], rng)?;
        let client = client::Product::new(party.layer, party.key, steps[1], input, rng)?;
        let mut rest = Rest {
            party,
            input,
            output: RingVec::zeros(party.layer.output_len()),
            next: Some(Half::Client(client)),
            local: true,
        };
        rest.add_local()?;
        Ok(Self {
            half: Half::Server(server),
            rest,
        })
    }
}

/// The steps of the two products.
fn steps<B: Backend>(party: &Party<'_, B>, step: u64) -> Result<[u64; 2], Error> {
    if step >> 63 != 0 {
        return Err(Error::Parameter {
            what: "step of a shared product",
            got: step,
            domain: "below 2^63",
        });
    }
    if party.key.session() != party.peer.session() {
        return Err(Error::Foreign("key"));
    }
    Ok([2 * step, 2 * step + 1])
}

fn serve<'a, B: Backend, R: CryptoRng + ?Sized>(
    party: Party<'a, B>,
    step: u64,
    rng: &mut R,
) -> Result<server::Product<'a, B>, Error> {
    let Party {
        layer,
        peer,
        weights,
        ..
    } = party;
    server::Product::new(layer, peer, &weights.remote, step, None, rng)
}

impl<B: Backend> Rest<'_, B> {
    fn add(&mut self, share: &[u64]) {
        let t = self.party.layer.backend().params().plain();
        for (o, y) in self.output.as_mut_slice().iter_mut().zip(share) {
            *o = t.add(*o, *y);
        }
    }
    fn add_local(&mut self) -> Result<(), Error> {
        if core::mem::take(&mut self.local) {
            let Party { layer, weights, .. } = self.party;
            weights.add_local(layer, self.input, self.output.as_mut_slice())?;
        }
        Ok(())
    }
}

/// A step of either half.
enum Turn<'a, B: Backend> {
    Send(Half<'a, B>),
    Recv(Half<'a, B>),
    Done(RingVec<u64>),
}

impl<'a, B: Backend> Turn<'a, B> {
    fn new<M: Machine<Output = RingVec<u64>>>(step: Step<M>, half: fn(M) -> Half<'a, B>) -> Self {
        match step {
            Step::Send(m) => Self::Send(half(m)),
            Step::Recv(m) => Self::Recv(half(m)),
            Step::Done(share) => Self::Done(share),
        }
    }
}

impl<B: Backend> Machine for Product<'_, B> {
    type Output = RingVec<u64>;
    type Error = Error;
    fn expects(&self) -> usize {
        match &self.half {
            Half::Client(m) => m.expects(),
            Half::Server(m) => m.expects(),
        }
    }
    fn step(self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        let Self { half, mut rest } = self;
        let turn = match half {
            Half::Client(m) => Turn::new(m.step(inbox, out)?, Half::Client),
            Half::Server(m) => Turn::new(m.step(inbox, out)?, Half::Server),
        };
        Ok(match turn {
            Turn::Send(half) => Step::Send(Self { half, rest }),
            Turn::Recv(half) => Step::Recv(Self { half, rest }),
            Turn::Done(share) => {
                rest.add(share.as_slice());
                match rest.next.take() {
                    Some(half) => {
                        rest.add_local()?;
                        Step::Send(Self { half, rest })
                    }
                    None => Step::Done(rest.output),
                }
            }
        })
    }
}

impl<B: Backend> fmt::Debug for Product<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Product")
            .field("layer", self.rest.party.layer)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
