//! One party of the engine: its state, and the local operations.

use std::sync::Arc;

use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::{PairwisePrss, Party, XorVec};
use rand_core::CryptoRng;

use super::demand::Demand;
use super::linear::Semi2kWeights;
use super::source::{Dealt, Source, Streams, Turns};
use crate::Error;
use crate::engine::{
    Dot, Engine, LinearOp, MatMul, PlainWeights, Power, Rescale, Spec, Weighed, bias_format,
    check_combination, check_format, check_gather, concat_format, concat_rows, gather_runs,
    scaled_format, sum_format,
};
use crate::layer::Layers;
use crate::ledger::{Ledger, Phase};
use crate::model::{Format, Shape};
use crate::parts::shelf::Shelf;
use crate::parts::words::{check_ring, to_ring};
use crate::pool::Pool;
use crate::session::Session;
use crate::transport::Peer;

/// An additive share of a fixed-point tensor.
#[derive(Debug)]
pub struct Semi2kArith<R: Ring> {
    pub(super) spec: Spec,
    pub(super) share: RingVec<R>,
    /// Where its room goes.
    shelf: Arc<Shelf<R>>,
}

impl<R: Ring> Drop for Semi2kArith<R> {
    fn drop(&mut self) {
        self.shelf.put(core::mem::take(&mut self.share));
    }
}

/// The lanes on which parties meet those who compute nothing: the owner of model, input and result, the dealer, and the
/// owner again for accounts. The parties take many steps among themselves that neither sees.
#[derive(Debug)]
pub(super) struct Lanes {
    pub(super) owner: Session,
    pub(super) dealer: Session,
    pub(super) accounts: Session,
}

impl Lanes {
    /// The same at everyone.
    pub(super) fn fork(session: &mut Session) -> Result<Self, Error> {
        let mut forks = session.fork(3)?.into_iter();
        match (forks.next(), forks.next(), forks.next()) {
            (Some(owner), Some(dealer), Some(accounts)) => Ok(Self {
                owner,
                dealer,
                accounts,
            }),
            _ => Err(Error::Length {
                what: "forks",
                got: 0,
                want: 3,
            }),
        }
    }
}

/// `Ok` if there are 2 to 10 parties, a dealer and a client.
pub(super) fn check_cast(session: &Session) -> Result<Party, Error> {
    let cast = session.cast();
    if !cast.dealer || !cast.client {
        return Err(Error::Ownership(
            "semi2k runs among 2 to 10 parties with a dealer and a client",
        ));
    }
    Ok(Party::new(0, cast.parties)?)
}

/// One of the parties.
#[derive(Debug)]
pub struct Semi2k<R: Ring> {
    pub(super) me: Party,
    pub(super) others: Vec<Peer>,
    pub(super) session: Session,
    pub(super) owner: Session,
    pub(super) accounts: Session,
    pub(super) pool: Pool,
    /// Sharings of zero, for results.
    pub(super) zeros: PairwisePrss,
    pub(super) results: u64,
    /// In common with the owner of the input, from its first message on.
    pub(super) shares: Option<Streams>,
    pub(super) sharings: u64,
    /// Of what the client shares.
    pub(super) turns: Turns,
    pub(super) source: Box<dyn Source>,
    /// Sets of weights so far.
    pub(super) weights: usize,
    pub(super) shelf: Arc<Shelf<R>>,
    /// Why there is no correlated randomness, if there is none.
    unfetched: Option<Error>,
}

impl<R: Ring> Semi2k<R> {
    /// A party over a session whose handshake is done, for programs that spend `demand`; agrees seeds with the others,
    /// drawn from `rng`, and hears one from the dealer.
    pub fn new<G: CryptoRng>(
        mut session: Session,
        pool: Pool,
        demand: &Demand,
        rng: &mut G,
    ) -> Result<Self, Error> {
        let count = check_cast(&session)?.count();
        let me = match session.me() {
            Peer::Party(id) => Party::new(id.index(), count)?,
            Peer::Dealer | Peer::Client => {
                return Err(Error::Ownership("dealer and client compute nothing"));
            }
        };
        check_ring::<R>(demand.width())?;
        if demand.parties() != count {
            return Err(Error::Length {
                what: "parties of a demand",
                got: demand.parties(),
                want: count,
            });
        }
        let lanes = Lanes::fork(&mut session)?;
        let seeds: Vec<[u8; 32]> = session.pair_seeds(rng)?.values().map(|s| **s).collect();
        let seeds = zeroize::Zeroizing::new(seeds);
        let zeros = PairwisePrss::new(me, &session.id(), &seeds)?;
        let others = me.peers().map(|p| Peer::party(p.index() as u8)).collect();
        let source = Box::new(Dealt::new(me, &mut session, lanes.dealer, demand)?);
        Ok(Self {
            me,
            others,
            session,
            owner: lanes.owner,
            accounts: lanes.accounts,
            pool,
            zeros,
            results: 0,
            shares: None,
            sharings: 0,
            turns: Turns::new(count),
            source,
            weights: 0,
            shelf: Arc::new(Shelf::new()),
            unfetched: None,
        })
    }

    /// Whether this is the one party that adds what is public.
    pub(super) fn adds(&self) -> bool {
        self.me.index() == 0
    }

    /// Ends the session in good order and returns its ledger.
    pub fn finish(self) -> Result<Ledger, Error> {
        self.source.finish()?;
        Ok(self.session.finish()?)
    }

    pub(super) fn arith(
        &self,
        shape: &Shape,
        format: Format,
        share: RingVec<R>,
    ) -> Result<Semi2kArith<R>, Error> {
        check_ring::<R>(format.width())?;
        if share.len() != shape.elements() {
            return Err(Error::Length {
                what: "share",
                got: share.len(),
                want: shape.elements(),
            });
        }
        Ok(Semi2kArith {
            spec: Spec {
                shape: shape.clone(),
                format,
            },
            share,
            shelf: self.shelf.clone(),
        })
    }

    /// Tensors of these shapes and formats.
    pub(super) fn ariths<'a>(
        &self,
        specs: impl Iterator<Item = (&'a Shape, Format)>,
        shares: Vec<RingVec<R>>,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        specs
            .zip(shares)
            .map(|((shape, format), share)| self.arith(shape, format, share))
            .collect()
    }
}

const CLIENT_OWNS: Error = Error::Ownership("in semi2k the client owns model, input and result");

impl<R: Ring> Engine for Semi2k<R> {
    type Arith = Semi2kArith<R>;
    type Bits = XorVec;
    type Weights = Semi2kWeights<R>;

    fn spec<'a>(&self, x: &'a Semi2kArith<R>) -> &'a Spec {
        &x.spec
    }

    fn prepare(
        &mut self,
        op: &LinearOp,
        weights: Option<PlainWeights<'_>>,
    ) -> Result<Semi2kWeights<R>, Error> {
        match weights {
            Some(_) => Err(CLIENT_OWNS),
            None => Semi2kWeights::receive(self, op),
        }
    }

    fn prepare_bias(&mut self, spec: &Spec, bias: Option<&[i64]>) -> Result<Semi2kArith<R>, Error> {
        self.input(spec, bias)
    }

    fn input(&mut self, spec: &Spec, value: Option<&[i64]>) -> Result<Semi2kArith<R>, Error> {
        if value.is_some() {
            return Err(CLIENT_OWNS);
        }
        if let Some(e) = self.unfetched.take() {
            return Err(e);
        }
        check_format(spec.format)?;
        let share = self.receive(spec.len())?;
        self.arith(&spec.shape, spec.format, share)
    }

    fn reveal(&mut self, x: &Semi2kArith<R>) -> Result<Option<Vec<i64>>, Error> {
        self.send_result(x)?;
        Ok(None)
    }

    fn constant(&mut self, spec: &Spec, value: &[i64]) -> Result<Semi2kArith<R>, Error> {
        if value.len() != spec.len() {
            return Err(Error::Length {
                what: "constant",
                got: value.len(),
                want: spec.len(),
            });
        }
        check_format(spec.format)?;
        let share = match self.adds() {
            true => value.iter().map(to_ring).collect(),
            false => RingVec::zeros(value.len()),
        };
        self.arith(&spec.shape, spec.format, share)
    }

    fn add(&mut self, a: &Semi2kArith<R>, b: &Semi2kArith<R>) -> Result<Semi2kArith<R>, Error> {
        let format = sum_format("add", &a.spec, &b.spec)?;
        let sum = self
            .shelf
            .zip(a.share.as_slice(), b.share.as_slice(), R::add);
        self.arith(&a.spec.shape, format, sum)
    }

    fn sub(&mut self, a: &Semi2kArith<R>, b: &Semi2kArith<R>) -> Result<Semi2kArith<R>, Error> {
        let format = sum_format("sub", &a.spec, &b.spec)?;
        let difference = self
            .shelf
            .zip(a.share.as_slice(), b.share.as_slice(), R::sub);
        self.arith(&a.spec.shape, format, difference)
    }

    fn add_bias(
        &mut self,
        x: &Semi2kArith<R>,
        bias: &Semi2kArith<R>,
    ) -> Result<Semi2kArith<R>, Error> {
        let format = bias_format(&x.spec, &bias.spec)?;
        let mut out = self.shelf.copy(x.share.as_slice());
        for row in out.as_mut_slice().chunks_mut(bias.spec.len().max(1)) {
            lanes::zip(row, bias.share.as_slice(), R::add);
        }
        self.arith(&x.spec.shape, format, out)
    }

    fn mul_public(
        &mut self,
        x: &Semi2kArith<R>,
        factors: &[i64],
        frac: u32,
    ) -> Result<Semi2kArith<R>, Error> {
        let format = scaled_format(&x.spec, factors, frac)?;
        let factors: Vec<R> = factors.iter().map(to_ring).collect();
        let out = self.shelf.scaled(x.share.as_slice(), &factors);
        self.arith(&x.spec.shape, format, out)
    }

    fn combine(
        &mut self,
        terms: &[(&Semi2kArith<R>, i64)],
        constant: i64,
        to: Format,
    ) -> Result<Semi2kArith<R>, Error> {
        let specs: Vec<_> = terms.iter().map(|(x, f)| (&x.spec, *f)).collect();
        let shape = check_combination(&specs, to)?;
        let constant = match self.adds() {
            true => to_ring(&constant),
            false => R::ZERO,
        };
        let terms = terms.iter().map(|(x, f)| (x.share.as_slice(), to_ring(f)));
        let sum = self.shelf.combination(&terms.collect::<Vec<_>>(), constant);
        self.arith(shape, to, sum)
    }

    fn gather(
        &mut self,
        x: &Semi2kArith<R>,
        run: usize,
        index: &[u32],
        shape: &Shape,
    ) -> Result<Semi2kArith<R>, Error> {
        check_gather(&x.spec, run, index, shape)?;
        let mut out = self.shelf.take(shape.elements());
        gather_runs(x.share.as_slice(), run, index, |row| {
            out.extend_from_slice(row);
        });
        self.arith(shape, x.spec.format, out)
    }

    fn concat(&mut self, xs: &[&Semi2kArith<R>], shape: &Shape) -> Result<Semi2kArith<R>, Error> {
        let specs: Vec<_> = xs.iter().map(|x| &x.spec).collect();
        let format = concat_format(&specs, shape)?;
        let parts: Vec<_> = xs
            .iter()
            .map(|x| (x.share.as_slice(), x.spec.shape.channels()))
            .collect();
        let mut out = self.shelf.take(shape.elements());
        concat_rows(&parts, |row| out.extend_from_slice(row));
        self.arith(shape, format, out)
    }

    fn declare(&mut self, mut x: Semi2kArith<R>, format: Format) -> Result<Semi2kArith<R>, Error> {
        if x.spec.format.frac() != format.frac() {
            return Err(Error::FormatMismatch {
                op: "declare",
                left: x.spec.format,
                right: format,
            });
        }
        check_format(format)?;
        x.spec.format = format;
        Ok(x)
    }

    fn xor(&mut self, a: &XorVec, b: &XorVec) -> Result<XorVec, Error> {
        Ok(a.duplicate().xor(b)?)
    }

    fn not(&mut self, a: &XorVec) -> Result<XorVec, Error> {
        Ok(a.duplicate().not())
    }

    fn linear(
        &mut self,
        xs: &[&Semi2kArith<R>],
        op: &LinearOp,
        weights: &Semi2kWeights<R>,
        rescale: Rescale,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        weights.apply(self, xs, op, rescale)
    }

    fn mul(
        &mut self,
        pairs: &[(&Semi2kArith<R>, &Semi2kArith<R>)],
        rescale: Rescale,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        self.mul_impl(pairs, rescale)
    }

    fn dot(
        &mut self,
        sums: &[Dot<'_, Semi2kArith<R>>],
        rescale: Rescale,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        self.dot_impl(sums, rescale)
    }

    fn matmul(
        &mut self,
        pairs: &[(&Semi2kArith<R>, &Semi2kArith<R>)],
        op: &MatMul,
        rescale: Rescale,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        self.matmul_impl(pairs, op, rescale)
    }

    fn bits(
        &mut self,
        xs: &[&Semi2kArith<R>],
        range: core::ops::Range<u32>,
    ) -> Result<Vec<Vec<XorVec>>, Error> {
        self.bits_impl(xs, &range)
    }

    fn weigh(
        &mut self,
        bits: &[(&[&XorVec], &Shape)],
        sums: &[Weighed<'_>],
    ) -> Result<Vec<Vec<Semi2kArith<R>>>, Error> {
        self.weigh_impl(bits, sums)
    }

    fn rescale(
        &mut self,
        xs: &[&Semi2kArith<R>],
        rescale: Rescale,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        self.rescale_impl(xs, rescale)
    }

    fn non_negative(&mut self, xs: &[&Semi2kArith<R>]) -> Result<Vec<XorVec>, Error> {
        self.compare(xs)
    }

    fn and(&mut self, pairs: &[(&XorVec, &XorVec)]) -> Result<Vec<XorVec>, Error> {
        self.and_impl(pairs)
    }

    fn select(
        &mut self,
        pairs: &[(&XorVec, &Semi2kArith<R>)],
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        self.select_impl(pairs)
    }

    fn to_arith(
        &mut self,
        bits: &[(&XorVec, &Shape)],
        format: Format,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        self.integers(bits, format)
    }

    /// Between set-up and the input comes the correlated randomness.
    fn begin_phase(&mut self, phase: Phase) {
        if phase == Phase::Online {
            self.session.begin_phase(Phase::Offline);
            self.unfetched = self.source.fetch(&mut self.session).err();
        }
        self.session.begin_phase(phase);
    }

    fn begin_layer(&mut self, name: &str, op: &str) {
        self.session.begin_layer(name, op);
    }

    fn end_layer(&mut self) {
        self.session.end_layer();
    }
}

/// Rectification selects by what the comparison has opened, powers of two multiply by what is opened of the exponent; all else is as it is written for all engines.
impl<R: Ring> Layers for Semi2k<R> {
    fn relu(&mut self, xs: &[&Semi2kArith<R>]) -> Result<Vec<Semi2kArith<R>>, Error> {
        self.rectify(xs)
    }

    fn power(
        &mut self,
        xs: &[&Semi2kArith<R>],
        power: &Power,
    ) -> Result<Option<Vec<Semi2kArith<R>>>, Error> {
        self.power_impl(xs, power)
    }
}
