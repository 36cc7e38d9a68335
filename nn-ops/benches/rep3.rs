//! Operations of `rep3`: three parties of one thread each in this process, over loop-back TCP with mutual TLS.
//!
//! Each row comes in `Z_2^64` and, with the suffix `-z32`, in `Z_2^32`. Comparisons, of values in ReLU and of differences in
//! the pool, are on windows of 32 bits in `Z_2^64`, and on the widest that there are in `Z_2^32`: 31 bits. A network
//! declares less: the windows of its calibrated layers are near 19 bits, and cost accordingly less.
//!
//! Inputs come from a stated seed, fill their window and touch its ends; outputs are opened to a client and held to the oracle before anything is timed.
//! Bytes are those of the plan, to which tests hold the ledger. The limit of a row is what its bytes take through
//! the sockets of three parties that do nothing else, or what its multiply-accumulates take on all cores, whichever is
//! longer, both measured in the same run.

mod loopback;

use std::sync::Arc;

use loopback::{Failure, Rig, certified, sockets};
use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::linalg::ConvShape;
use piquet_core::{Block, Prg, Ring};
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, PlainWeights, Rescale, Spec, Truncation};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::model::{Format, MaxPool, Shape};
use piquet_nn_ops::plain::Plain;
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::rep3::{Rep3, Rep3Client, Rep3Cost};
use piquet_nn_ops::session::Session;
use piquet_nn_ops::transport::Peer;
use piquet_nn_ops::transport::tcp::Security;
use piquet_nn_ops::walk::Walk;
use rand_core::UnwrapErr;

const SEED: u128 = 2026;
const FRAC: u32 = 12;
const WEIGHT_FRAC: u32 = 14;
/// Raw operands of the product are below 2 to this: 8 before the point.
const FACTOR_BOUND: u32 = 15;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut t = Table::new("piquet-nn-ops", piquet_core::cpu::detect()?.name());
    bench(&mut t).map_err(|e| -> Box<dyn std::error::Error> { e })?;
    t.finish()
}

fn bench(t: &mut Table) -> Result<(), Failure> {
    let parties = [0, 1, 2].map(Peer::party);
    let all = [&parties[..], &[Peer::Client]].concat();
    let wire = wire(t, &certified(&parties)?)?;
    let security = certified(&all)?;
    let cores = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(3);
    let macs = limits::multiply_accumulates_u64(t).per_second() * cores as f64;
    for work in [
        relu("rep3-relu-1e6", 64, 31)?,
        max_pool("rep3-maxpool-stem", 64, 30)?,
        matmul("rep3-matmul-1024", 64, WEIGHT_FRAC, FACTOR_BOUND + 10)?,
    ] {
        row::<u64>(t, work, &wire, macs, &security)?;
    }
    let macs = limits::multiply_accumulates_u32(t).per_second() * cores as f64;
    for work in [
        relu("rep3-relu-1e6-z32", 32, 30)?,
        max_pool("rep3-maxpool-stem-z32", 32, 29)?,
        // Weights below 1/32 keep every sum, and so its product, within 30 bits.
        matmul(
            "rep3-matmul-1024-z32",
            32,
            WEIGHT_FRAC - 5,
            FACTOR_BOUND + 1,
        )?,
    ] {
        row::<u32>(t, work, &wire, macs, &security)?;
    }
    Ok(())
}

/// Bytes a second that three parties together push around the ring.
fn wire(t: &Table, security: &[(Peer, Security)]) -> Result<Limit, Failure> {
    const SIZE: usize = 8 << 20;
    let rig = Rig::new(sockets(security)?, |mut s, steps| {
        let around = |by: u8| move |p: Peer| Peer::party((party(p) + by) % 3);
        let (to, from) = (around(2)(s.me()), around(1)(s.me()));
        steps.each(|| {
            s.exchange(vec![(to, vec![1; SIZE])], &[(from, SIZE)])?;
            Ok(())
        })?;
        s.finish()?;
        Ok(())
    })?;
    let mut outcome = Ok(());
    let is = "bytes through the TLS of three idle parties, measured here";
    let limit = t.limit(is, 3.0 * SIZE as f64, || {
        if outcome.is_ok() {
            outcome = rig.step();
        }
    });
    outcome.map(|()| limit)
}

fn party(p: Peer) -> u8 {
    match p {
        Peer::Party(id) => id.index() as u8,
        Peer::Dealer | Peer::Client => 3,
    }
}

enum Kind {
    Relu,
    MaxPool(MaxPool, Shape),
    Product(LinearOp, Vec<i64>, Rescale),
}

/// One row.
struct Work {
    id: &'static str,
    spec: Spec,
    input: Vec<i64>,
    kind: Kind,
}

/// Raw numbers with |v| < 2^bound: every other one uniform, the rest of all magnitudes, and first of all zero and the ends.
fn random(n: usize, bound: u32, stream: u128) -> Vec<i64> {
    let mut words = vec![0u64; 2 * n];
    Prg::new(Block::from_u128(SEED + stream)).fill_ring(&mut words);
    let limit = (1i64 << bound) - 1;
    let mut all: Vec<i64> = words
        .chunks_exact(2)
        .enumerate()
        .map(|(i, w)| {
            let uniform = (w[0] as i64 >> (63 - bound)).clamp(-limit, limit);
            let less = if i % 2 == 0 {
                0
            } else {
                w[1] % u64::from(bound)
            };
            uniform >> less
        })
        .collect();
    for (place, v) in all.iter_mut().zip([0, 1, -1, limit, -limit]) {
        *place = v;
    }
    all
}

fn work(id: &'static str, shape: Shape, format: Format, kind: Kind) -> Work {
    Work {
        id,
        input: random(shape.elements(), format.bound(), 0),
        spec: Spec { shape, format },
        kind,
    }
}

fn relu(id: &'static str, width: u32, bound: u32) -> Result<Work, Failure> {
    let format = Format::new(width, FRAC, bound)?;
    let shape = Shape::nchw(1, 64, 125, 125)?;
    Ok(work(id, shape, format, Kind::Relu))
}

fn max_pool(id: &'static str, width: u32, bound: u32) -> Result<Work, Failure> {
    let pool = MaxPool::new(3, 2).padding(1);
    let (shape, out) = (Shape::nchw(1, 64, 112, 112)?, Shape::nchw(1, 64, 56, 56)?);
    let format = Format::new(width, FRAC, bound)?;
    Ok(work(id, shape, format, Kind::MaxPool(pool, out)))
}

fn matmul(id: &'static str, width: u32, weight_bound: u32, bound: u32) -> Result<Work, Failure> {
    let n = 1024;
    let out = Shape::new(&[n, n])?;
    let op = LinearOp {
        name: "product".to_owned(),
        shape: ConvShape::matmul(n, n, n),
        out: out.clone(),
        frac: WEIGHT_FRAC,
        bias: false,
    };
    let rescale = Rescale {
        shift: WEIGHT_FRAC,
        mode: Truncation::Stochastic,
        to: Format::new(width, FRAC, bound)?,
    };
    let weights = random(n * n, weight_bound, 1);
    let format = Format::new(width, FRAC, FACTOR_BOUND)?;
    Ok(work(id, out, format, Kind::Product(op, weights, rescale)))
}

impl Work {
    fn prepare<E: Layers>(&self, e: &mut E, own: bool) -> Result<Option<E::Weights>, Error> {
        let Kind::Product(op, weights, _) = &self.kind else {
            return Ok(None);
        };
        let plain = own.then_some(PlainWeights { weights, bias: &[] });
        e.prepare(op, plain).map(Some)
    }

    fn run<E: Layers>(
        &self,
        e: &mut E,
        weights: Option<&E::Weights>,
        x: &E::Arith,
    ) -> Result<Option<E::Arith>, Error> {
        Ok(match (&self.kind, weights) {
            (Kind::Relu, _) => e.relu(&[x])?.pop(),
            (Kind::MaxPool(pool, out), _) => Some(e.max_pool(x, pool, out)?),
            (Kind::Product(op, _, r), Some(w)) => e.linear(&[x], op, w, *r)?.pop(),
            (Kind::Product(..), None) => None,
        })
    }

    fn oracle(&self) -> Result<Vec<i64>, Failure> {
        let mut e = Plain::new(Pool::new(1)?);
        let w = self.prepare(&mut e, true)?;
        let x = piquet_nn_ops::engine::Engine::input(&mut e, &self.spec, Some(&self.input))?;
        let y = self.run(&mut e, w.as_ref(), &x)?.ok_or("no result")?;
        Ok(y.raw().to_vec())
    }

    /// Bytes of the plan, and the format and shape of the result.
    fn plan(&self) -> Result<(u64, Spec), Failure> {
        let mut e = Walk::new(Rep3Cost::new(self.spec.format.width()));
        piquet_nn_ops::engine::Engine::begin_phase(&mut e, Phase::Online);
        let y = self
            .run(&mut e, Some(&()), &self.spec)?
            .ok_or("no result")?;
        Ok((e.into_visitor().plan().total(Phase::Online).bytes, y))
    }

    /// What each peer does: the client sends, checks, and waits; parties repeat the operation.
    fn peer<R: Ring>(&self, s: Session, steps: &loopback::Steps) -> Result<(), Failure> {
        let mut rng = UnwrapErr(getrandom::SysRng);
        if s.me() != Peer::Client {
            let mut e = Rep3::<R>::new(s, Pool::new(1)?, &mut rng)?;
            let w = self.prepare(&mut e, false)?;
            let x = piquet_nn_ops::engine::Engine::input(&mut e, &self.spec, None)?;
            let y = self.run(&mut e, w.as_ref(), &x)?.ok_or("no result")?;
            piquet_nn_ops::engine::Engine::reveal(&mut e, &y)?;
            drop(y);
            steps.each(|| {
                self.run(&mut e, w.as_ref(), &x)?;
                Ok(())
            })?;
            e.finish()?;
            return Ok(());
        }
        let mut client = Rep3Client::<R>::new(s)?;
        if let Kind::Product(op, weights, _) = &self.kind {
            client.weights(op, PlainWeights { weights, bias: &[] }, &mut rng)?;
        }
        client.input(&self.spec, &self.input, &mut rng)?;
        let got = client.result(&self.plan()?.1)?;
        let want = self.oracle()?;
        let off = |(g, w): (&i64, &i64)| !(0..=1).contains(&(g - w));
        if got.len() != want.len() || got.iter().zip(&want).any(off) {
            return Err(format!("{}: not the oracle's result", self.id).into());
        }
        steps.each(|| Ok(()))?;
        client.finish()?;
        Ok(())
    }
}

fn row<R: Ring>(
    t: &mut Table,
    work: Work,
    wire: &Limit,
    macs: f64,
    security: &[(Peer, Security)],
) -> Result<(), Failure> {
    let (bytes, _) = work.plan()?;
    let on_wire = bytes as f64 / wire.per_second();
    let limit = match &work.kind {
        Kind::Product(op, ..) if 5.0 * op.shape.macs() as f64 / macs > on_wire => Limit::of(
            macs / (5.0 * op.shape.macs() as f64),
            "multiply-accumulates on all cores, measured here",
        ),
        _ => wire.per(bytes as f64),
    };
    let (id, peer) = (work.id, Arc::new(work));
    let rig = Rig::new(sockets(security)?, move |s, steps| peer.peer::<R>(s, steps))?;
    let mut outcome = Ok(());
    t.bench(id)
        .bytes(bytes as f64)
        .limit(&limit)
        .threads(3)
        .samples(10)
        .time(|| {
            if outcome.is_ok() {
                outcome = rig.step();
            }
        });
    outcome
}
