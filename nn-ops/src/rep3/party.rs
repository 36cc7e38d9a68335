//! One party of the engine: its state, its messages, and the local operations.

use std::sync::Arc;

use piquet_core::{Prg, Ring, RingVec, lanes};
use piquet_secret_sharing::{Prss, Rep3Bits, Rep3Party, Rep3Vec};

use super::linear::Rep3Weights;
use super::piece::Talker;
use crate::Error;
use crate::engine::{
    Dot, Engine, LinearOp, MatMul, PlainWeights, Power, Rescale, Spec, Weighed, bias_format,
    check_combination, check_format, check_gather, concat_format, concat_rows, gather_runs,
    scaled_format, sum_format,
};
use crate::layer::Layers;
use crate::ledger::Phase;
use crate::model::{Format, Shape};
use crate::parts::shelf::Shelf;
use crate::parts::words::{check_ring, to_ring};
use crate::pool::Pool;
use crate::session::Session;
use crate::transport::{PartyId, Peer};
use rand_core::CryptoRng;

/// A replicated share of a fixed-point tensor.
#[derive(Debug)]
pub struct Rep3Arith<R: Ring> {
    pub(super) spec: Spec,
    pub(super) share: Rep3Vec<R>,
    /// Where its room goes.
    shelf: Arc<Shelf<R>>,
}

impl<R: Ring> Drop for Rep3Arith<R> {
    fn drop(&mut self) {
        let none = Rep3Vec::public(self.share.party(), &[]);
        let (mine, next) = core::mem::replace(&mut self.share, none).into_raw_components();
        self.shelf.put(mine);
        self.shelf.put(next);
    }
}

/// One of the three parties.
#[derive(Debug)]
pub struct Rep3<R: Ring> {
    pub(super) me: Rep3Party,
    pub(super) session: Session,
    pub(super) prss: Prss,
    pub(super) pool: Pool,
    /// Pads drawn so far.
    pub(super) draws: u64,
    pub(super) sharings: u64,
    pub(super) shelf: Arc<Shelf<R>>,
}

/// The streams of one step by component, each common to the two parties that hold it: party 0 has both, party 1 the
/// first, party 2 the zeroth. The one that parties 1 and 2 have in common masks nothing from either, so nobody gets it here.
pub(super) struct Pads {
    zeroth: Option<Prg>,
    first: Option<Prg>,
}

const NOT_OURS: Error = Error::Ownership("a pad is not this party's");

impl Pads {
    /// The stream that parties 0 and 2 share.
    pub(super) fn zeroth(&mut self) -> Result<&mut Prg, Error> {
        self.zeroth.as_mut().ok_or(NOT_OURS)
    }
    /// The stream that parties 0 and 1 share.
    pub(super) fn first(&mut self) -> Result<&mut Prg, Error> {
        self.first.as_mut().ok_or(NOT_OURS)
    }
    /// Party 0: the stream that it shares with `party`.
    pub(super) fn of(&mut self, party: Talker) -> Result<&mut Prg, Error> {
        match party {
            Talker::First => self.first(),
            Talker::Second => self.zeroth(),
        }
    }
    /// The stream that party 1 or 2 shares with party 0.
    pub(super) fn own(&mut self) -> Result<&mut Prg, Error> {
        match (&mut self.zeroth, &mut self.first) {
            (Some(own), None) | (None, Some(own)) => Ok(own),
            _ => Err(NOT_OURS),
        }
    }
}

impl<R: Ring> Rep3<R> {
    pub(super) fn pads(&mut self) -> Result<Pads, Error> {
        let step = self.prss.step(self.draws)?;
        self.draws += 1;
        let streams = step.into_streams();
        let (zeroth, first) = match self.me {
            Rep3Party::P0 => (Some(streams.mine), Some(streams.next)),
            Rep3Party::P1 => (None, Some(streams.mine)),
            Rep3Party::P2 => (Some(streams.next), None),
        };
        Ok(Pads { zeroth, first })
    }

    /// One step of the program: sends to some, waits for others.
    pub(super) fn exchange<const N: usize>(
        &mut self,
        out: Vec<(Rep3Party, Vec<u8>)>,
        want: [(Rep3Party, usize); N],
    ) -> Result<[Vec<u8>; N], Error> {
        let peer = |p: Rep3Party| Peer::party(p.index() as u8);
        let out = out.into_iter().map(|(p, m)| (peer(p), m)).collect();
        let want = want.map(|(p, n)| (peer(p), n));
        let got = self.session.exchange(out, &want)?;
        let n = got.len();
        got.try_into().map_err(|_| Error::Length {
            what: "messages",
            got: n,
            want: N,
        })
    }

    pub(super) fn arith(
        &self,
        shape: &Shape,
        format: Format,
        mine: RingVec<R>,
        next: RingVec<R>,
    ) -> Result<Rep3Arith<R>, Error> {
        check_ring::<R>(format.width())?;
        if mine.len() != shape.elements() {
            return Err(Error::Length {
                what: "share",
                got: mine.len(),
                want: shape.elements(),
            });
        }
        Ok(Rep3Arith {
            spec: Spec {
                shape: shape.clone(),
                format,
            },
            share: Rep3Vec::from_raw_components(self.me, mine, next)?,
            shelf: self.shelf.clone(),
        })
    }

    /// Applies a local linear map to both components.
    fn map2(
        &self,
        shape: &Shape,
        format: Format,
        xs: &[&Rep3Arith<R>],
        f: impl Fn(&[&[R]]) -> RingVec<R>,
    ) -> Result<Rep3Arith<R>, Error> {
        let (mine, next): (Vec<_>, Vec<_>) = xs.iter().map(|x| x.share.raw_components()).unzip();
        self.arith(shape, format, f(&mine), f(&next))
    }
}

impl<R: Ring> Rep3<R> {
    /// A party over a session whose handshake is done; agrees seeds with the two others, drawn from `rng`.
    pub fn new<G: CryptoRng>(mut session: Session, pool: Pool, rng: &mut G) -> Result<Self, Error> {
        let index = match (session.me(), session.parties()) {
            (Peer::Party(id), 3) => id.index(),
            _ => {
                return Err(Error::Ownership(
                    "rep3 runs among exactly three computing parties",
                ));
            }
        };
        let me = Rep3Party::from_index(index)?;
        let seeds = session.pair_seeds(rng)?;
        let seed = |with: Rep3Party| {
            seeds
                .get(&PartyId(with.index() as u8))
                .ok_or(Error::Ownership("a seed with another party is missing"))
        };
        let prss = Prss::new(me, &session.id(), seed(me.prev())?, seed(me.next())?);
        Ok(Self {
            me,
            prss,
            session,
            pool,
            draws: 0,
            sharings: 0,
            shelf: Arc::new(Shelf::new()),
        })
    }

    /// Ends the session in good order and returns its ledger.
    pub fn finish(self) -> Result<crate::ledger::Ledger, Error> {
        Ok(self.session.finish()?)
    }
}

impl<R: Ring> Engine for Rep3<R> {
    type Arith = Rep3Arith<R>;
    type Bits = Rep3Bits;
    type Weights = Rep3Weights<R>;

    fn spec<'a>(&self, x: &'a Rep3Arith<R>) -> &'a Spec {
        &x.spec
    }

    fn prepare(
        &mut self,
        op: &LinearOp,
        weights: Option<PlainWeights<'_>>,
    ) -> Result<Rep3Weights<R>, Error> {
        if weights.is_some() {
            return Err(Error::Ownership("in rep3 the client owns the weights"));
        }
        Rep3Weights::receive(self, op)
    }

    fn prepare_bias(&mut self, spec: &Spec, bias: Option<&[i64]>) -> Result<Rep3Arith<R>, Error> {
        if bias.is_some() {
            return Err(Error::Ownership("in rep3 the client owns the weights"));
        }
        self.input(spec, None)
    }

    fn input(&mut self, spec: &Spec, value: Option<&[i64]>) -> Result<Rep3Arith<R>, Error> {
        if value.is_some() {
            return Err(Error::Ownership("in rep3 the client owns the input"));
        }
        check_format(spec.format)?;
        check_ring::<R>(spec.format.width())?;
        let share = self.receive(spec.len())?;
        Ok(Rep3Arith {
            spec: spec.clone(),
            share,
            shelf: self.shelf.clone(),
        })
    }

    fn reveal(&mut self, x: &Rep3Arith<R>) -> Result<Option<Vec<i64>>, Error> {
        self.send_result(x)?;
        Ok(None)
    }

    fn constant(&mut self, spec: &Spec, value: &[i64]) -> Result<Rep3Arith<R>, Error> {
        if value.len() != spec.len() {
            return Err(Error::Length {
                what: "constant",
                got: value.len(),
                want: spec.len(),
            });
        }
        check_format(spec.format)?;
        check_ring::<R>(spec.format.width())?;
        let raw: Vec<R> = value.iter().map(|v| R::from_i128(i128::from(*v))).collect();
        Ok(Rep3Arith {
            spec: spec.clone(),
            share: Rep3Vec::public(self.me, &raw),
            shelf: self.shelf.clone(),
        })
    }

    fn add(&mut self, a: &Rep3Arith<R>, b: &Rep3Arith<R>) -> Result<Rep3Arith<R>, Error> {
        let format = sum_format("add", &a.spec, &b.spec)?;
        self.map2(&a.spec.shape, format, &[a, b], |xs| match xs {
            [a, b] => self.shelf.zip(a, b, R::add),
            _ => RingVec::default(),
        })
    }

    fn sub(&mut self, a: &Rep3Arith<R>, b: &Rep3Arith<R>) -> Result<Rep3Arith<R>, Error> {
        let format = sum_format("sub", &a.spec, &b.spec)?;
        self.map2(&a.spec.shape, format, &[a, b], |xs| match xs {
            [a, b] => self.shelf.zip(a, b, R::sub),
            _ => RingVec::default(),
        })
    }

    fn add_bias(&mut self, x: &Rep3Arith<R>, bias: &Rep3Arith<R>) -> Result<Rep3Arith<R>, Error> {
        let format = bias_format(&x.spec, &bias.spec)?;
        self.map2(&x.spec.shape, format, &[x, bias], |xs| match xs {
            [x, bias] => {
                let mut out = self.shelf.copy(x);
                for row in out.as_mut_slice().chunks_mut(bias.len().max(1)) {
                    lanes::zip(row, bias, R::add);
                }
                out
            }
            _ => RingVec::default(),
        })
    }

    fn mul_public(
        &mut self,
        x: &Rep3Arith<R>,
        factors: &[i64],
        frac: u32,
    ) -> Result<Rep3Arith<R>, Error> {
        let format = scaled_format(&x.spec, factors, frac)?;
        let factors: Vec<R> = factors.iter().map(to_ring).collect();
        self.map2(&x.spec.shape, format, &[x], |xs| match xs {
            [x] => self.shelf.scaled(x, &factors),
            _ => RingVec::default(),
        })
    }

    fn combine(
        &mut self,
        terms: &[(&Rep3Arith<R>, i64)],
        constant: i64,
        to: Format,
    ) -> Result<Rep3Arith<R>, Error> {
        let specs: Vec<_> = terms.iter().map(|(x, f)| (&x.spec, *f)).collect();
        let shape = check_combination(&specs, to)?;
        check_ring::<R>(to.width())?;
        let public = Rep3Vec::public(self.me, &[to_ring::<R>(&constant)]);
        let one = |of: fn(&Rep3Vec<R>) -> &[R]| {
            let terms = terms.iter().map(|(x, f)| (of(&x.share), to_ring(f)));
            let constant = of(&public).first().copied().unwrap_or(R::ZERO);
            self.shelf.combination(&terms.collect::<Vec<_>>(), constant)
        };
        let mine = one(|x| x.raw_components().0);
        let next = one(|x| x.raw_components().1);
        self.arith(shape, to, mine, next)
    }

    fn gather(
        &mut self,
        x: &Rep3Arith<R>,
        run: usize,
        index: &[u32],
        shape: &Shape,
    ) -> Result<Rep3Arith<R>, Error> {
        check_gather(&x.spec, run, index, shape)?;
        self.map2(shape, x.spec.format, &[x], |xs| {
            let mut out = self.shelf.take(shape.elements());
            if let [x] = xs {
                gather_runs(x, run, index, |row| out.extend_from_slice(row));
            }
            out
        })
    }

    fn concat(&mut self, xs: &[&Rep3Arith<R>], shape: &Shape) -> Result<Rep3Arith<R>, Error> {
        let specs: Vec<_> = xs.iter().map(|x| &x.spec).collect();
        let format = concat_format(&specs, shape)?;
        self.map2(shape, format, xs, |parts| {
            let parts: Vec<_> = parts
                .iter()
                .zip(&specs)
                .map(|(p, s)| (*p, s.shape.channels()))
                .collect();
            let mut out = self.shelf.take(shape.elements());
            concat_rows(&parts, |row| out.extend_from_slice(row));
            out
        })
    }

    fn declare(&mut self, mut x: Rep3Arith<R>, format: Format) -> Result<Rep3Arith<R>, Error> {
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

    fn xor(&mut self, a: &Rep3Bits, b: &Rep3Bits) -> Result<Rep3Bits, Error> {
        Ok(a.duplicate().xor(b)?)
    }

    fn not(&mut self, a: &Rep3Bits) -> Result<Rep3Bits, Error> {
        Ok(a.duplicate().not())
    }

    fn linear(
        &mut self,
        xs: &[&Rep3Arith<R>],
        op: &LinearOp,
        weights: &Rep3Weights<R>,
        rescale: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        weights.apply(self, xs, op, rescale)
    }

    fn mul(
        &mut self,
        pairs: &[(&Rep3Arith<R>, &Rep3Arith<R>)],
        rescale: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        self.mul_impl(pairs, rescale)
    }

    fn dot(
        &mut self,
        sums: &[Dot<'_, Rep3Arith<R>>],
        rescale: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        self.dot_impl(sums, rescale)
    }

    fn matmul(
        &mut self,
        pairs: &[(&Rep3Arith<R>, &Rep3Arith<R>)],
        op: &MatMul,
        rescale: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        self.matmul_impl(pairs, op, rescale)
    }

    fn bits(
        &mut self,
        xs: &[&Rep3Arith<R>],
        range: core::ops::Range<u32>,
    ) -> Result<Vec<Vec<Rep3Bits>>, Error> {
        self.decompose(xs, range)
    }

    fn weigh(
        &mut self,
        bits: &[(&[&Rep3Bits], &Shape)],
        sums: &[Weighed<'_>],
    ) -> Result<Vec<Vec<Rep3Arith<R>>>, Error> {
        self.weigh_bits(bits, sums)
    }

    fn rescale(
        &mut self,
        xs: &[&Rep3Arith<R>],
        rescale: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        self.rescale_impl(xs, rescale)
    }

    fn non_negative(&mut self, xs: &[&Rep3Arith<R>]) -> Result<Vec<Rep3Bits>, Error> {
        self.compare(xs)
    }

    fn and(&mut self, pairs: &[(&Rep3Bits, &Rep3Bits)]) -> Result<Vec<Rep3Bits>, Error> {
        self.and_bits(pairs)
    }

    fn select(&mut self, pairs: &[(&Rep3Bits, &Rep3Arith<R>)]) -> Result<Vec<Rep3Arith<R>>, Error> {
        self.select_impl(pairs)
    }

    fn to_arith(
        &mut self,
        bits: &[(&Rep3Bits, &Shape)],
        format: Format,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        self.integers(bits, format)
    }

    fn begin_phase(&mut self, phase: Phase) {
        self.session.begin_phase(phase);
    }

    fn begin_layer(&mut self, name: &str, op: &str) {
        self.session.begin_layer(name, op);
    }

    fn end_layer(&mut self) {
        self.session.end_layer();
    }
}

/// Powers of two multiply by what is known; all else is as it is written for all engines.
impl<R: Ring> Layers for Rep3<R> {
    fn power(
        &mut self,
        xs: &[&Rep3Arith<R>],
        power: &Power,
    ) -> Result<Option<Vec<Rep3Arith<R>>>, Error> {
        self.power_impl(xs, power)
    }
}
