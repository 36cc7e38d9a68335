//! Every function on every engine: its errors over its domain, its bytes, its rounds, its time.
//!
//! 16 fraction bits in `Z_2^64`, 100,000 elements (rows of 1000 for softmax, of 800 for layer norm), the default rounding
//! (`stochastic`). Inputs fill the declared domain evenly, on a linear or a logarithmic scale, and touch its ends. The result of
//! each engine is opened once and held to correctly rounded `f64`: the table has the largest error in units in the
//! last place (where one relative to the result is allowed, of results below 2^16 units) and, of results of at least
//! 2^16 units, over the correct value; a function that does not keep its promise fails the bench.
//!
//! Parties of one thread each in this process, over loop-back TCP with mutual TLS. Bytes of an element are those of the plan, to
//! which tests hold the ledger, online; what a dealer deals before is not among them, as it is not in the
//! figures of others. `semi2k` is two parties. The limit of a row is what its bytes take through the sockets of parties
//! that do nothing else, measured in the same run.

#[path = "functions/catalogue.rs"]
mod catalogue;
mod loopback;

use std::sync::Arc;

use catalogue::{Job, jobs};
use loopback::{Failure, Rig, Steps, certified, sockets};
use piquet_bench_harness::{Limit, Table};
use piquet_nn_ops::engine::{Engine, Spec};
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::plain::Plain;
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::rep3::{Rep3, Rep3Client, Rep3Cost};
use piquet_nn_ops::semi2k::{Demand, Demands, Semi2k, Semi2kClient, Semi2kCost, Semi2kDealer};
use piquet_nn_ops::session::{Agreement, Session, run_in_memory};
use piquet_nn_ops::transport::tcp::Security;
use piquet_nn_ops::transport::{Cast, Peer};
use piquet_nn_ops::walk::{Visitor, Walk};
use rand_core::UnwrapErr;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut t = Table::new("piquet-nn-ops", piquet_core::cpu::detect()?.name());
    bench(&mut t).map_err(|e| -> Box<dyn std::error::Error> { e })?;
    t.finish()
}

fn bench(t: &mut Table) -> Result<(), Failure> {
    let parties = [0, 1, 2].map(Peer::party);
    let (three, two) = (
        certified(&[&parties[..], &[Peer::Client]].concat())?,
        certified(&[parties[0], parties[1], Peer::Dealer, Peer::Client])?,
    );
    let wire3 = wire(t, &certified(&parties)?)?;
    let wire2 = wire(t, &certified(&parties[..2])?)?;
    for job in jobs()? {
        let job = Arc::new(job);
        plain_row(t, &job)?;
        rep3_row(t, &job, &wire3, &three)?;
        semi2k_row(t, &job, &wire2, &two)?;
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

fn inputs<E: Engine>(e: &mut E, job: &Job, own: bool) -> Result<Vec<E::Arith>, Failure> {
    let inputs = job.inputs.iter();
    let all = inputs.map(|(spec, v)| e.input(spec, own.then_some(v.as_slice())));
    Ok(all.collect::<Result<_, _>>()?)
}

/// A visitor that has seen the online phase, and the spec of the result.
fn walk<V: Visitor>(visitor: V, job: &Job) -> Result<(V, Spec), Failure> {
    let mut e = Walk::new(visitor);
    e.begin_phase(Phase::Setup);
    let x: Vec<Spec> = inputs(&mut e, job, false)?;
    e.begin_phase(Phase::Online);
    let y = job.run(&mut e, &x)?;
    Ok((e.into_visitor(), y))
}

fn plain_row(t: &mut Table, job: &Arc<Job>) -> Result<(), Failure> {
    let mut e = Plain::new(Pool::new(1)?);
    let x = inputs(&mut e, job, true)?;
    let (ulp, relative) = job.hold(job.run(&mut e, &x)?.raw())?;
    let mut outcome = Ok(());
    t.bench(&job.id("plain"))
        .accuracy(ulp, relative)
        .samples(10)
        .time(|| {
            if outcome.is_ok() {
                outcome = job.run(&mut e, &x).map(|_| ());
            }
        });
    outcome
}

fn rep3_row(
    t: &mut Table,
    job: &Arc<Job>,
    wire: &Limit,
    security: &[(Peer, Security)],
) -> Result<(), Failure> {
    let (cost, spec) = walk(Rep3Cost::new(64), job)?;
    let total = cost.plan().total(Phase::Online);
    let got = opened(Cast::parties(3).with_client(), |s| {
        rep3_peer(s, job, &spec, None)
    })?;
    let (ulp, relative) = job.hold(&got)?;
    let peer = job.clone();
    let rig = Rig::new(sockets(security)?, move |s, steps| {
        rep3_peer(s, &peer, &spec, Some(steps)).map(|_| ())
    })?;
    let mut outcome = Ok(());
    t.bench(&job.id("rep3"))
        .bytes(total.bytes as f64)
        .rounds(total.rounds)
        .accuracy(ulp, relative)
        .limit(&wire.per(total.bytes as f64))
        .threads(3)
        .samples(10)
        .time(|| {
            if outcome.is_ok() {
                outcome = rig.step();
            }
        });
    outcome
}

/// The client shares the inputs; then the function is run and opened to it, or run again at every step.
fn rep3_peer(
    s: Session,
    job: &Job,
    spec: &Spec,
    steps: Option<&Steps>,
) -> Result<Option<Vec<i64>>, Failure> {
    let mut rng = UnwrapErr(getrandom::SysRng);
    if s.me() == Peer::Client {
        let mut client = Rep3Client::<u64>::new(s)?;
        for (spec, v) in &job.inputs {
            client.input(spec, v, &mut rng)?;
        }
        let got = match steps {
            Some(steps) => {
                steps.each(|| Ok(()))?;
                None
            }
            None => Some(client.result(spec)?),
        };
        client.finish()?;
        return Ok(got);
    }
    let mut e = Rep3::<u64>::new(s, Pool::new(1)?, &mut rng)?;
    let x = inputs(&mut e, job, false)?;
    match steps {
        Some(steps) => steps.each(|| {
            job.run(&mut e, &x)?;
            Ok(())
        })?,
        None => {
            let y = job.run(&mut e, &x)?;
            e.reveal(&y)?;
        }
    }
    e.finish()?;
    Ok(None)
}

fn semi2k_row(
    t: &mut Table,
    job: &Arc<Job>,
    wire: &Limit,
    security: &[(Peer, Security)],
) -> Result<(), Failure> {
    let (cost, spec) = walk(Semi2kCost::new(2, 64), job)?;
    let (demands, _) = walk(Demands::new(2, 64), job)?;
    let demand = Arc::new(demands.finish()?);
    let total = cost.plan().total(Phase::Online);
    let cast = Cast::parties(2).with_dealer().with_client();
    let got = opened(cast, |s| semi2k_peer(s, job, &spec, &demand, None))?;
    let (ulp, relative) = job.hold(&got)?;
    // What was dealt is spent once: every sample has parties of its own, to whom it was dealt before the clock starts.
    let fresh = || {
        let (peer, demand, spec) = (job.clone(), demand.clone(), spec.clone());
        Rig::new(sockets(security)?, move |s, steps| {
            semi2k_peer(s, &peer, &spec, &demand, Some(steps)).map(|_| ())
        })
    };
    let mut outcome = Ok(());
    t.bench(&job.id("semi2k"))
        .bytes(total.bytes as f64)
        .rounds(total.rounds)
        .accuracy(ulp, relative)
        .limit(&wire.per(total.bytes as f64))
        .threads(2)
        .samples(10)
        .time_of(fresh, |rig| {
            let step = rig.and_then(|rig| rig.step());
            if outcome.is_ok() {
                outcome = step;
            }
        });
    outcome
}

fn semi2k_peer(
    s: Session,
    job: &Job,
    spec: &Spec,
    demand: &Demand,
    steps: Option<&Steps>,
) -> Result<Option<Vec<i64>>, Failure> {
    let mut rng = UnwrapErr(getrandom::SysRng);
    let pool = Pool::new(1)?;
    match s.me() {
        Peer::Client => {
            let mut client = Semi2kClient::<u64>::new(s)?;
            for (spec, v) in &job.inputs {
                client.input(spec, v, &mut rng)?;
            }
            let got = match steps {
                Some(steps) => {
                    steps.each(|| Ok(()))?;
                    None
                }
                None => Some(client.result(spec)?),
            };
            client.finish()?;
            Ok(got)
        }
        Peer::Dealer => {
            let mut dealer = Semi2kDealer::<u64>::new(s, pool, &mut rng)?;
            dealer.deal(demand)?;
            if let Some(steps) = steps {
                steps.each(|| Ok(()))?;
            }
            dealer.finish()?;
            Ok(None)
        }
        Peer::Party(_) => {
            let mut e = Semi2k::<u64>::new(s, pool, demand, &mut rng)?;
            e.begin_phase(Phase::Setup);
            let x = inputs(&mut e, job, false)?;
            e.begin_phase(Phase::Online);
            match steps {
                Some(steps) => steps.each(|| {
                    job.run(&mut e, &x)?;
                    Ok(())
                })?,
                None => {
                    let y = job.run(&mut e, &x)?;
                    e.reveal(&y)?;
                }
            }
            e.finish()?;
            Ok(None)
        }
    }
}

/// What the client of a run in memory gets.
fn opened(
    cast: Cast,
    peer: impl Fn(Session) -> Result<Option<Vec<i64>>, Failure> + Sync,
) -> Result<Vec<i64>, Failure> {
    let agreement = Agreement {
        engine: "bench".into(),
        program: [0; 32],
        ring_bits: 64,
        options: [0; 32],
        computational_bits: 128,
        statistical_bits: 0,
    };
    let mut got = None;
    for r in run_in_memory(cast, &agreement, peer) {
        got = got.or(r?);
    }
    Ok(got.ok_or("nobody has a result")?)
}
