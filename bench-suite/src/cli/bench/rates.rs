//! What this machine does at best, measured in half a second at the start, for the limits of rows over loop-back.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::session::{Agreement, Session};
use piquet_nn_ops::transport::Peer;
use rand_core::UnwrapErr;
use serde::Serialize;

use crate::cli::Failure;
use crate::cli::local;
use crate::config::Config;
use crate::engines::Engine;
use crate::multiply::{self, Loop};

/// Measured for so long, each.
const PATIENCE: Duration = Duration::from_millis(60);
/// One message on its way around the ring.
const MESSAGE: usize = 8 << 20;
/// Messages between two looks at the clock, and such looks; the first stretch warms up.
const MESSAGES: usize = 3;
const STRETCHES: usize = 5;

/// Multiply-accumulates of one core in one second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Registers {
    pub(super) per_second: f64,
    /// The instructions.
    pub(super) is: &'static str,
}

/// In one second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Rates {
    /// Products modulo 2^32, on registers alone; none if there is no such instruction.
    pub(super) macs_32: Option<Registers>,
    /// As `macs_32`, modulo 2^64.
    pub(super) macs_64: Option<Registers>,
    /// Bytes that three parties together send through mutual TLS over loop-back while they do nothing else.
    pub(super) wire: f64,
}

impl Rates {
    /// Of this machine, now.
    pub(super) fn here() -> Result<Self, Failure> {
        let level = piquet_core::cpu::level().name();
        Ok(Self {
            macs_32: multiply::modulo_32(level).map(registers),
            macs_64: multiply::modulo_64(level).map(registers),
            wire: wire()?,
        })
    }

    /// Multiply-accumulates of one core in a ring of so many bits.
    pub(super) fn macs(&self, ring_bits: u32) -> Option<f64> {
        let registers = match ring_bits {
            32 => self.macs_32,
            _ => self.macs_64,
        };
        registers.map(|r| r.per_second)
    }
}

fn registers(work: Loop) -> Registers {
    const CALLS: u32 = 64;
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    while start.elapsed() < PATIENCE {
        let t = Instant::now();
        for _ in 0..CALLS {
            work.run();
        }
        best = best.min(t.elapsed().as_secs_f64() / f64::from(CALLS));
    }
    Registers {
        per_second: work.items / best,
        is: work.is,
    }
}

/// Every party sends to the previous one what it does not need, and takes as much from the next.
fn wire() -> Result<f64, Failure> {
    let engine = Engine::Rep3;
    let site = local::settle(engine.cast(3)?)?;
    let config = Config::local(&site.addresses, engine, "", Truncation::Stochastic);
    let path = site.file("parties.toml", config.to_toml()?.as_bytes())?;
    let config = Config::load(&path)?;
    let config = &config;
    let stretches = thread::scope(|scope| {
        let client = scope.spawn(|| {
            establish(config, Peer::Client)?
                .finish()
                .map_err(|e| e.into())
        });
        let parties: Vec<_> = (0..3u8)
            .map(|id| scope.spawn(move || around(config, id)))
            .collect();
        let ends: Vec<Vec<Instant>> = parties.into_iter().map(joined).collect::<Result<_, _>>()?;
        joined(client).map(|_| ends)
    })?;
    let sent = 3.0 * (MESSAGES * MESSAGE) as f64;
    Ok(sent
        / fastest(&stretches)
            .ok_or("no time was taken")?
            .as_secs_f64())
}

/// What a thread says; one that was lost is a failure, too.
fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T, Failure>>) -> Result<T, Failure> {
    thread
        .join()
        .unwrap_or_else(|_| Err("a thread was lost".into()))
}

fn establish(config: &Config, me: Peer) -> Result<Session, Failure> {
    let agreement = Agreement {
        engine: config.engine.name().to_owned(),
        program: [0; 32],
        ring_bits: 64,
        options: [0; 32],
        computational_bits: 128,
        statistical_bits: 0,
    };
    let mut rng = UnwrapErr(getrandom::SysRng);
    let links = config.connect(me)?;
    Ok(Session::establish(
        links,
        &agreement,
        config.limits(),
        &mut rng,
    )?)
}

/// What one party does; when each of its stretches ended.
fn around(config: &Config, id: u8) -> Result<Vec<Instant>, Failure> {
    let mut session = establish(config, Peer::party(id))?;
    let (to, from) = (Peer::party((id + 2) % 3), Peer::party((id + 1) % 3));
    let mut ends = Vec::with_capacity(STRETCHES);
    for _ in 0..STRETCHES {
        for _ in 0..MESSAGES {
            black_box(session.exchange(vec![(to, vec![1; MESSAGE])], &[(from, MESSAGE)])?);
        }
        ends.push(Instant::now());
    }
    session.finish()?;
    Ok(ends)
}

/// The shortest time between two moments at which the last party was through.
fn fastest(ends: &[Vec<Instant>]) -> Option<Duration> {
    let last = |i: usize| ends.iter().filter_map(|e| e.get(i).copied()).max();
    (1..STRETCHES)
        .filter_map(|i| Some(last(i)?.duration_since(last(i - 1)?)))
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_party_ends_a_stretch() {
        let start = Instant::now();
        let at = |ms: [u64; STRETCHES]| ms.map(|ms| start + Duration::from_millis(ms)).to_vec();
        let ends = [at([10, 19, 31, 40, 50]), at([9, 20, 30, 41, 49])];
        assert_eq!(fastest(&ends), Some(Duration::from_millis(9)));
        assert_eq!(fastest(&[]), None);
    }

    #[test]
    fn this_machine_has_rates() {
        let t = Instant::now();
        let rates = Rates::here().unwrap();
        assert!(rates.wire > 1e6, "{rates:?} in {:?}", t.elapsed());
        assert!(rates.macs(32).is_none_or(|r| r > 1e8), "{rates:?}");
        assert!(rates.macs(64).is_none_or(|r| r > 1e8), "{rates:?}");
    }
}
