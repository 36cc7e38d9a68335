//! Every function on every engine: its errors over its domain, its bytes, its rounds, its time.
//!
//! 16 fraction bits in `Z_2^64` (20 of the wide layer norm), 100,000 results or about as many, the default rounding
//! (`stochastic`). Inputs fill the declared domain evenly, on a linear or a logarithmic scale, and touch its ends, or
//! are random. The result of each engine is opened once and held to correctly rounded `f64`: the table has the
//! largest error in units in the last place (where one relative to the result is allowed, of results below 2^16
//! units) and, of results of at least 2^16 units, over the correct value; a function that does not keep its promise
//! fails the bench. Tables, shifts to the left, bits and truncations other than `stochastic` are exact.
//!
//! Parties of one thread each in this process, over loop-back TCP with mutual TLS. Bytes are those of the plan, to
//! which tests hold the ledger, online; what a dealer deals before is not among them, as it is not in the figures of
//! others. Bits that a function of bits takes are there before. `semi2k` is two parties. The limit of a row is what
//! its bytes take through the sockets of parties that do nothing else, measured in the same run.

#[path = "functions/catalogue.rs"]
mod catalogue;
#[path = "functions/job.rs"]
mod job;
mod loopback;
#[path = "functions/operations.rs"]
mod operations;
#[path = "functions/peers.rs"]
mod peers;

use std::sync::Arc;

use catalogue::jobs;
use job::Job;
use loopback::{Failure, Rig, certified, sockets};
use operations::Made;
use peers::Play;
use piquet_bench_harness::{Limit, Table};
use piquet_nn_ops::engine::Spec;
use piquet_nn_ops::plain::Plain;
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::rep3::Rep3Cost;
use piquet_nn_ops::semi2k::{Demands, Semi2kCost};
use piquet_nn_ops::transport::tcp::Security;
use piquet_nn_ops::transport::{Cast, Peer};
use piquet_nn_ops::walk::{Visitor, Walk};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut t = Table::new("piquet-nn-ops", piquet_core::cpu::detect()?.name());
    bench(&mut t).map_err(|e| -> Box<dyn std::error::Error> { e })?;
    t.finish()
}

/// Parties of an engine, and what their sockets can do.
struct Suite {
    name: &'static str,
    cast: Cast,
    security: Vec<(Peer, Security)>,
    wire: Limit,
}

impl Suite {
    fn new(t: &Table, name: &'static str, cast: Cast) -> Result<Self, Failure> {
        let parties: Vec<Peer> = Cast::parties(cast.parties).peers().collect();
        let everyone: Vec<Peer> = cast.with_client().peers().collect();
        Ok(Self {
            name,
            cast,
            security: certified(&everyone)?,
            wire: wire(t, &certified(&parties)?)?,
        })
    }
}

fn bench(t: &mut Table) -> Result<(), Failure> {
    let rep3 = Suite::new(t, "rep3", Cast::parties(3))?;
    let semi2k = Suite::new(t, "semi2k", Cast::parties(2).with_dealer())?;
    for job in jobs()? {
        let job = Arc::new(job);
        plain_row(t, &job)?;
        for suite in [&rep3, &semi2k] {
            row(t, &job, suite)?;
        }
    }
    Ok(())
}

/// Bytes a second that parties together push around the ring of them.
fn wire(t: &Table, security: &[(Peer, Security)]) -> Result<Limit, Failure> {
    const SIZE: usize = 8 << 20;
    let n = security.len() as u8;
    let rig = Rig::new(sockets(security)?, move |mut s, steps| {
        let me = match s.me() {
            Peer::Party(id) => id.index() as u8,
            Peer::Dealer | Peer::Client => n,
        };
        let (to, from) = (Peer::party((me + n - 1) % n), Peer::party((me + 1) % n));
        steps.each(|| {
            s.exchange(vec![(to, vec![1; SIZE])], &[(from, SIZE)])?;
            Ok(())
        })?;
        s.finish()?;
        Ok(())
    })?;
    let mut outcome = Ok(());
    let is = "bytes through the TLS of idle parties, measured here";
    let limit = t.limit(is, f64::from(n) * SIZE as f64, || {
        if outcome.is_ok() {
            outcome = rig.step();
        }
    });
    outcome.map(|()| limit)
}

/// A visitor that has seen all of it, and the spec of the result, or of the number that is made of it to be opened.
fn walk<V: Visitor>(visitor: V, job: &Job, opened: bool) -> Result<(V, Spec), Failure> {
    let mut e = Walk::new(visitor);
    let given = job.operation.take(&mut e, None)?;
    let y = job.operation.run(&mut e, &given)?;
    let spec = match (opened, y) {
        (true, y) => job.operation.number(&mut e, y)?,
        (false, Made::Value(y)) => y,
        // Nothing opens bits as they are.
        (false, Made::Bits(_)) => job.operation.operands.first().ok_or("no operand")?.clone(),
    };
    Ok((e.into_visitor(), spec))
}

fn plain_row(t: &mut Table, job: &Arc<Job>) -> Result<(), Failure> {
    let mut e = Plain::new(Pool::new(1)?);
    let given = job.operation.take(&mut e, Some(&job.inputs))?;
    let y = job.operation.run(&mut e, &given)?;
    let (ulp, relative) = job.hold(job.operation.number(&mut e, y)?.raw())?;
    let mut outcome = Ok(());
    t.bench(&job.id("plain"))
        .accuracy(ulp, relative)
        .samples(10)
        .time(|| {
            if outcome.is_ok() {
                outcome = job.operation.run(&mut e, &given).map(|_| ());
            }
        });
    Ok(outcome?)
}

/// What parties do, and open or not.
fn play(cast: Cast, job: &Job, opened: bool) -> Result<Play, Failure> {
    let (demands, spec) = walk(Demands::new(cast.parties, 64), job, opened)?;
    let demand = match cast.dealer {
        true => Some(demands.finish()?),
        false => None,
    };
    Ok(Play { cast, spec, demand })
}

/// One engine's row: its accuracy from a run that is opened, its time from others that are not.
fn row(t: &mut Table, job: &Arc<Job>, suite: &Suite) -> Result<(), Failure> {
    let cast = suite.cast;
    let plan = match cast.dealer {
        true => walk(Semi2kCost::new(cast.parties, 64), job, false)?
            .0
            .plan()
            .clone(),
        false => walk(Rep3Cost::new(64), job, false)?.0.plan().clone(),
    };
    let cost = job.operation.cost(&plan)?;
    let (ulp, relative) = job.hold(&play(cast, job, true)?.opened(job)?)?;
    let play = Arc::new(play(cast, job, false)?);
    let fresh = || {
        let (job, play) = (job.clone(), play.clone());
        Rig::new(sockets(&suite.security)?, move |s, steps| {
            play.part(s, &job, Some(steps)).map(|_| ())
        })
    };
    let mut outcome = Ok(());
    let mut step = |rig: Result<&Rig, Failure>| {
        let step = rig.and_then(Rig::step);
        if outcome.is_ok() {
            outcome = step;
        }
    };
    let bench = t
        .bench(&job.id(suite.name))
        .bytes(cost.bytes as f64)
        .rounds(cost.rounds)
        .accuracy(ulp, relative)
        .limit(&suite.wire.per(cost.bytes as f64))
        .threads(cast.parties)
        .samples(10);
    if play.demand.is_none() {
        let rig = fresh()?;
        bench.time(|| step(Ok(&rig)));
    } else {
        // What was dealt is spent once: every sample has parties of its own, to whom it was dealt before the clock
        // starts.
        bench.time_of(fresh, |rig| match rig {
            Ok(rig) => step(Ok(&rig)),
            Err(e) => step(Err(e)),
        });
    }
    outcome
}
