//! The owner of model, input and result, who computes nothing, and the parties' side of its messages.
//!
//! The owner has a seed in common with each party. Of a vector all parties but one expand their shares, and that one (they
//! take turns) hears what makes the shares add up: one ring element per element over all, and nothing of any n - 1
//! parties' shares tells them about the vector. For the result each party sends its share plus its share of zero (`PairwisePrss`):
//! uniform but for the sum, which is all that the owner learns.

use core::marker::PhantomData;

use piquet_core::{Prg, Ring, RingVec};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::linear::shared_len;
use super::party::{Lanes, Semi2k, Semi2kArith, check_cast};
use super::source::{SEED, Streams, Turns};
use crate::Error;
use crate::engine::{LinearOp, PlainWeights, Spec};
use crate::layer::only;
use crate::ledger::{Ledger, Phase};
use crate::model::{Program, QuantizedParams};
use crate::parts::account::{Account, LENGTH};
use crate::parts::words::{blocks, check_ring, draw, message, to_ring, words};
use crate::run;
use crate::session::Session;
use crate::transport::Peer;

/// The stream of the owner's vector `index` at one party.
fn vector(streams: &Streams, index: u64) -> Result<Prg, Error> {
    streams.at("vector", index)
}

/// The client's end of a run.
#[derive(Debug)]
pub struct Semi2kClient<R: Ring> {
    session: Session,
    lanes: Lanes,
    parties: usize,
    /// In common with each party, from the first vector on.
    streams: Vec<Streams>,
    sharings: u64,
    turns: Turns,
    ring: PhantomData<R>,
}

impl<R: Ring> Semi2kClient<R> {
    /// A client over a session whose handshake is done.
    pub fn new(mut session: Session) -> Result<Self, Error> {
        let parties = check_cast(&session)?.count();
        if session.me() != Peer::Client {
            return Err(Error::Ownership("only the client owns anything"));
        }
        Ok(Self {
            lanes: Lanes::fork(&mut session)?,
            session,
            parties,
            streams: Vec::new(),
            sharings: 0,
            turns: Turns::new(parties),
            ring: PhantomData,
        })
    }

    /// Set-up and one inference: the client's part of [`crate::run::infer`]. The result is in memory order.
    pub fn infer<G: CryptoRng + ?Sized>(
        &mut self,
        program: &Program,
        params: &QuantizedParams,
        input: &[i64],
        rng: &mut G,
    ) -> Result<Vec<i64>, Error> {
        check_ring::<R>(program.width()?)?;
        params.prove(program)?;
        self.session.begin_phase(Phase::Setup);
        for op in run::linear_ops(program)? {
            self.session.begin_layer(&op.name, "weights");
            self.weights(&op, run::plain_weights(params, &op)?, rng)?;
        }
        for (name, role, spec) in run::lone_params(program)? {
            self.session.begin_layer(&name, "weights");
            self.input(&spec, &run::plain_param(params, &name, role, &spec)?, rng)?;
        }
        self.session.begin_phase(Phase::Online);
        self.session.begin_layer("input", "input");
        self.input(&run::input_spec(program)?, input, rng)?;
        self.session.begin_layer("result", "reveal");
        let result = self.result(&run::output_spec(program)?)?;
        self.session.end_layer();
        Ok(result)
    }

    /// What this client has spent so far.
    #[must_use]
    pub fn account(&self) -> Account {
        Account::of(self.session.ledger())
    }

    /// What each party and then the dealer has spent, as they say themselves.
    pub fn reports(&mut self) -> Result<Vec<Account>, Error> {
        let peers: Vec<_> = self.session.peers();
        let step = self.lanes.accounts.next_step()?;
        let want: Vec<_> = peers.iter().map(|p| (*p, LENGTH)).collect();
        let lengths = self.session.exchange_at(step, Vec::new(), &want)?;
        let want = peers
            .iter()
            .zip(&lengths)
            .map(|(p, bytes)| {
                let length = Account::length(bytes);
                Ok((*p, length.map_err(|e| self.session.refuse(*p, e))?))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let step = self.lanes.accounts.next_step()?;
        let accounts = self.session.exchange_at(step, Vec::new(), &want)?;
        peers
            .iter()
            .zip(&accounts)
            .map(|(p, bytes)| {
                let account = Account::decode(bytes);
                Ok(account.map_err(|e| self.session.refuse(*p, e))?)
            })
            .collect()
    }

    /// Shares the weights of one operation.
    pub fn weights<G: CryptoRng + ?Sized>(
        &mut self,
        op: &LinearOp,
        w: PlainWeights<'_>,
        rng: &mut G,
    ) -> Result<(), Error> {
        let all: RingVec<R> = w.weights.iter().chain(w.bias).map(to_ring).collect();
        let want = shared_len(op);
        if w.weights.len() != op.shape.weight_len() || all.len() != want {
            return Err(Error::Length {
                what: "weights and bias",
                got: all.len(),
                want,
            });
        }
        self.share(all, rng)
    }

    /// Shares the input.
    pub fn input<G: CryptoRng + ?Sized>(
        &mut self,
        spec: &Spec,
        value: &[i64],
        rng: &mut G,
    ) -> Result<(), Error> {
        if value.len() != spec.len() {
            return Err(Error::Length {
                what: "input",
                got: value.len(),
                want: spec.len(),
            });
        }
        self.share(value.iter().map(to_ring).collect(), rng)
    }

    /// Waits for the result.
    pub fn result(&mut self, spec: &Spec) -> Result<Vec<i64>, Error> {
        let step = self.lanes.owner.next_step()?;
        let want: Vec<_> = (0..self.parties)
            .map(|i| (Peer::party(i as u8), R::BYTES * spec.len()))
            .collect();
        let mut sum = RingVec::<R>::zeros(spec.len());
        for share in self.session.exchange_at(step, Vec::new(), &want)? {
            sum.add_assign(&words::<R>(&share));
        }
        Ok(sum.as_slice().iter().map(|v| v.to_i128() as i64).collect())
    }

    /// Ends the session in good order.
    pub fn finish(self) -> Result<Ledger, Error> {
        Ok(self.session.finish()?)
    }

    fn share<G: CryptoRng + ?Sized>(
        &mut self,
        mut rest: RingVec<R>,
        rng: &mut G,
    ) -> Result<(), Error> {
        if self.streams.is_empty() {
            let step = self.lanes.owner.next_step()?;
            let mut out = Vec::new();
            for i in 0..self.parties {
                let mut seed = Zeroizing::new([0; SEED]);
                rng.fill_bytes(&mut seed[..]);
                out.push((Peer::party(i as u8), seed.to_vec()));
                self.streams.push(Streams::new(&self.session.id(), &seed)?);
            }
            self.session.exchange_at(step, out, &[])?;
        }
        let hears = self.turns.next(R::BYTES * rest.len());
        for (i, streams) in self.streams.iter().enumerate() {
            if i != hears {
                let mut stream = vector(streams, self.sharings)?;
                let len = rest.len();
                let rest = rest.as_mut_slice();
                blocks(&mut stream, len, |range, block: &[R]| {
                    let rest = rest.get_mut(range).unwrap_or_default();
                    piquet_core::lanes::zip(rest, block, R::sub);
                });
            }
        }
        self.sharings += 1;
        let step = self.lanes.owner.next_step()?;
        let out = vec![(Peer::party(hears as u8), message(&rest))];
        self.session.exchange_at(step, out, &[])?;
        Ok(())
    }
}

impl<R: Ring> Semi2k<R> {
    /// This party's share of the next vector that the client shares.
    pub(super) fn receive(&mut self, len: usize) -> Result<RingVec<R>, Error> {
        let index = self.sharings;
        self.sharings += 1;
        if self.shares.is_none() {
            let step = self.owner.next_step()?;
            let want = [(Peer::Client, SEED)];
            let seed = only(self.session.exchange_at(step, Vec::new(), &want)?)?;
            self.shares = Some(Streams::decode(&self.session.id(), seed)?);
        }
        let streams = self.shares.as_ref().ok_or(Error::Length {
            what: "seeds",
            got: 0,
            want: 1,
        })?;
        let step = self.owner.next_step()?;
        let hears = self.turns.next(R::BYTES * len);
        if hears != self.me.index() {
            return Ok(draw(&mut vector(streams, index)?, len));
        }
        let want = [(Peer::Client, R::BYTES * len)];
        let share = only(self.session.exchange_at(step, Vec::new(), &want)?)?;
        // Wiped when it is dropped.
        let share = RingVec::<u8>::from(share);
        Ok(words::<R>(share.as_slice()).into_owned().into())
    }

    /// Tells the client what this party has spent so far.
    pub fn report(&mut self) -> Result<(), Error> {
        for message in Account::of(self.session.ledger()).encode()? {
            let step = self.accounts.next_step()?;
            let out = vec![(Peer::Client, message)];
            self.session.exchange_at(step, out, &[])?;
        }
        Ok(())
    }

    /// Sends this party's part of a result to the client.
    pub(super) fn send_result(&mut self, x: &Semi2kArith<R>) -> Result<(), Error> {
        let zero = self.zeros.step(self.results)?;
        self.results += 1;
        let mut part = zero.zero_ring::<R>(x.spec.len()).into_raw_share();
        part.add_assign(x.share.as_slice());
        let step = self.owner.next_step()?;
        let out = vec![(Peer::Client, message(&part))];
        self.session.exchange_at(step, out, &[])?;
        Ok(())
    }
}
