//! Parties, dealer and client, who run a function once and open it, or run it again at every step.

use piquet_nn_ops::engine::Spec;
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::rep3::{Rep3, Rep3Client};
use piquet_nn_ops::semi2k::{Demand, Semi2k, Semi2kClient, Semi2kDealer};
use piquet_nn_ops::session::{Agreement, Session, run_in_memory};
use piquet_nn_ops::transport::{Cast, Peer};
use rand_core::UnwrapErr;

use crate::job::Job;
use crate::loopback::{Failure, Steps};

/// What all peers know.
pub(crate) struct Play {
    /// Who is there, besides the client.
    pub(crate) cast: Cast,
    /// The result.
    pub(crate) spec: Spec,
    /// What is dealt, in `semi2k`; nothing is in `rep3`.
    pub(crate) demand: Option<Demand>,
}

/// The client shares the inputs, and is the one who learns something.
macro_rules! client {
    ($client:expr, $play:expr, $job:expr, $steps:expr) => {{
        let (mut client, mut rng) = ($client, UnwrapErr(getrandom::SysRng));
        if let Some(op) = $job.operation.table() {
            client.weights(op, $job.inputs.plain_table(), &mut rng)?;
        }
        for (spec, v) in $job.operation.operands.iter().zip(&$job.inputs.values) {
            client.input(spec, v, &mut rng)?;
        }
        let got = match $steps {
            Some(steps) => steps.each(|| Ok(())).map(|()| None)?,
            None => Some(client.result(&$play.spec)?),
        };
        client.finish()?;
        Ok(got)
    }};
}

/// A party of either engine, once it is there.
fn party<E: Layers>(e: &mut E, job: &Job, steps: Option<&Steps>) -> Result<(), Failure> {
    let given = job.operation.take(e, None)?;
    match steps {
        Some(steps) => steps.each(|| {
            job.operation.run(e, &given)?;
            Ok(())
        }),
        None => {
            let y = job.operation.run(e, &given)?;
            let y = job.operation.number(e, y)?;
            e.reveal(&y)?;
            Ok(())
        }
    }
}

impl Play {
    /// What a peer does; the client gets the result if there are no steps.
    pub(crate) fn part(
        &self,
        s: Session,
        job: &Job,
        steps: Option<&Steps>,
    ) -> Result<Option<Vec<i64>>, Failure> {
        let mut rng = UnwrapErr(getrandom::SysRng);
        let pool = Pool::new(1)?;
        match (s.me(), &self.demand) {
            (Peer::Client, None) => client!(Rep3Client::<u64>::new(s)?, self, job, steps),
            (Peer::Client, Some(_)) => client!(Semi2kClient::<u64>::new(s)?, self, job, steps),
            (Peer::Party(_), None) => {
                let mut e = Rep3::<u64>::new(s, pool, &mut rng)?;
                party(&mut e, job, steps)?;
                e.finish()?;
                Ok(None)
            }
            (Peer::Party(_), Some(demand)) => {
                let mut e = Semi2k::<u64>::new(s, pool, demand, &mut rng)?;
                party(&mut e, job, steps)?;
                e.finish()?;
                Ok(None)
            }
            (Peer::Dealer, Some(demand)) => {
                let mut dealer = Semi2kDealer::<u64>::new(s, pool, &mut rng)?;
                dealer.deal(demand)?;
                if let Some(steps) = steps {
                    steps.each(|| Ok(()))?;
                }
                dealer.finish()?;
                Ok(None)
            }
            (Peer::Dealer, None) => Err("a dealer has nothing to deal".into()),
        }
    }

    /// What the client of a run in memory gets.
    pub(crate) fn opened(&self, job: &Job) -> Result<Vec<i64>, Failure> {
        let agreement = Agreement {
            engine: "bench".into(),
            program: [0; 32],
            ring_bits: 64,
            options: [0; 32],
            computational_bits: 128,
            statistical_bits: 0,
        };
        let mut got = None;
        for r in run_in_memory(self.cast.with_client(), &agreement, |s| {
            self.part(s, job, None)
        }) {
            got = got.or(r?);
        }
        Ok(got.ok_or("nobody has a result")?)
    }
}
