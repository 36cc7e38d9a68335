//! The owner of model, input and result, who computes nothing, and the parties' side of its messages.
//!
//! A vector is shared with components 0 and 1 expanded from seeds, so party 0 gets two seeds and parties 1 and 2 get
//! one seed and component 2: two ring elements per element over all. For the result, party 0 sends `x_0 + x_1` and party 1 sends
//! `x_2`: the sum is all that the client learns.

use core::marker::PhantomData;

use piquet_core::wire::{Decode, Encode};
use piquet_core::{Ring, RingVec};
use piquet_secret_sharing::replicated::{SeededRep3, SeededShape, split_seeded};
use piquet_secret_sharing::{Rep3Party, Rep3Vec};
use rand_core::CryptoRng;

use super::linear::shared_len;
use super::party::{Rep3, Rep3Arith};
use crate::Error;
use crate::engine::{LinearOp, PlainWeights, Spec};
use crate::layer::only;
use crate::ledger::{Ledger, Phase};
use crate::model::{Program, QuantizedParams};
use crate::parts::account::{Account, LENGTH};
use crate::parts::words::{check_ring, message, to_ring, words};
use crate::run;
use crate::session::Session;
use crate::transport::Peer;

/// The client's end of a run with three parties.
#[derive(Debug)]
pub struct Rep3Client<R: Ring> {
    session: Session,
    sharings: u64,
    ring: PhantomData<R>,
}

impl<R: Ring> Rep3Client<R> {
    /// A client over a session whose handshake is done.
    pub fn new(session: Session) -> Result<Self, Error> {
        if session.me() != Peer::Client || session.parties() != 3 {
            return Err(Error::Ownership(
                "a rep3 client faces exactly three computing parties",
            ));
        }
        Ok(Self {
            session,
            sharings: 0,
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

    /// What each party has spent, as it says itself.
    pub fn reports(&mut self) -> Result<Vec<Account>, Error> {
        let from_each = |n: [usize; 3]| [0u8, 1, 2].map(|i| (Peer::party(i), n[usize::from(i)]));
        let lengths = meet(&mut self.session, vec![], &from_each([LENGTH; 3]))?;
        let mut due = [0; 3];
        for (i, (due, bytes)) in (0u8..).zip(due.iter_mut().zip(&lengths)) {
            let length = Account::length(bytes);
            *due = length.map_err(|e| self.session.refuse(Peer::party(i), e))?;
        }
        let accounts = meet(&mut self.session, vec![], &from_each(due))?;
        (0u8..)
            .zip(&accounts)
            .map(|(i, bytes)| {
                let account = Account::decode(bytes);
                Ok(account.map_err(|e| self.session.refuse(Peer::party(i), e))?)
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
        self.share(all.as_slice(), rng)
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
        self.share(
            value.iter().map(to_ring).collect::<RingVec<R>>().as_slice(),
            rng,
        )
    }

    /// Waits for the result.
    pub fn result(&mut self, spec: &Spec) -> Result<Vec<i64>, Error> {
        let n = R::BYTES * spec.len();
        let want = [(Peer::party(0), n), (Peer::party(1), n)];
        let got = meet(&mut self.session, vec![], &want)?;
        let [a, b] = &got[..] else {
            return Err(Error::Length {
                what: "messages",
                got: got.len(),
                want: 2,
            });
        };
        let mut sum = RingVec::from(words::<R>(a).into_owned());
        sum.add_assign(&words::<R>(b));
        Ok(sum.as_slice().iter().map(|v| v.to_i128() as i64).collect())
    }

    /// Ends the session in good order.
    pub fn finish(self) -> Result<Ledger, Error> {
        Ok(self.session.finish()?)
    }

    fn share<G: CryptoRng + ?Sized>(&mut self, x: &[R], rng: &mut G) -> Result<(), Error> {
        let shares = split_seeded(x, self.session.id(), self.sharings, rng)?;
        self.sharings += 1;
        let out = shares
            .iter()
            .map(|s| {
                let mut m = Vec::with_capacity(s.encoded_len());
                s.encode(&mut m);
                (Peer::party(s.shape().party.index() as u8), m)
            })
            .collect();
        meet(&mut self.session, out, &[])?;
        Ok(())
    }
}

/// One step between client and parties. The parties take many steps among themselves that the client does not see, so
/// client and parties meet on forks, one for each meeting, which all four count alike.
fn meet(
    session: &mut Session,
    out: Vec<(Peer, Vec<u8>)>,
    want: &[(Peer, usize)],
) -> Result<Vec<Vec<u8>>, Error> {
    let mut fork = only(session.fork(1)?)?;
    let got = fork.exchange(out, want)?;
    session.join(vec![fork])?;
    Ok(got)
}

impl<R: Ring> Rep3<R> {
    /// This party's share of the next vector that the client shares.
    pub(super) fn receive(&mut self, len: usize) -> Result<Rep3Vec<R>, Error> {
        let shape = SeededShape {
            session: self.session.id(),
            step: self.sharings,
            party: self.me,
            len,
        };
        self.sharings += 1;
        let bytes = shape.encoded_len::<R>().ok_or(Error::Length {
            what: "share",
            got: len,
            want: usize::MAX / 16,
        })?;
        let got = meet(&mut self.session, vec![], &[(Peer::Client, bytes)])?;
        let message = got.first().map(Vec::as_slice).unwrap_or_default();
        let share = SeededRep3::<R>::decode(&shape, message)
            .map_err(|e| self.session.refuse(Peer::Client, e))?;
        // A large layer need not be there twice.
        drop(got);
        Ok(share.expand()?)
    }

    /// Tells the client what this party has spent so far.
    pub fn report(&mut self) -> Result<(), Error> {
        for message in Account::of(self.session.ledger()).encode()? {
            meet(&mut self.session, vec![(Peer::Client, message)], &[])?;
        }
        Ok(())
    }

    /// Sends this party's part of a result to the client.
    pub(super) fn send_result(&mut self, x: &Rep3Arith<R>) -> Result<(), Error> {
        let (mine, next) = x.share.raw_components();
        let part: RingVec<R> = match self.me {
            Rep3Party::P0 => mine.iter().zip(next).map(|(a, b)| a.add(*b)).collect(),
            Rep3Party::P1 => next.to_vec().into(),
            Rep3Party::P2 => RingVec::zeros(0),
        };
        let out = match self.me {
            Rep3Party::P0 | Rep3Party::P1 => {
                vec![(Peer::Client, message(&part))]
            }
            Rep3Party::P2 => vec![],
        };
        meet(&mut self.session, out, &[])?;
        Ok(())
    }
}
