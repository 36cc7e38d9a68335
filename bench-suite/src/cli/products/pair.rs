//! One layer, run by two threads that speak over a loop-back connection.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use getrandom::SysRng;
use piquet_core::linalg::{PackedWeights, conv2d};
use piquet_core::wire::{Channel, SessionId, drive};
use piquet_core::{Block, Prg};
use piquet_he_bridge::encoding::Plan;
use piquet_he_bridge::linear::{Layer, client, server};
use piquet_he_bridge::{Mode, Native};
use rand_core::UnwrapErr;
use serde::Serialize;

use crate::cli::Failure;

/// What a layer took.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Measured {
    /// Median time of the slower party.
    pub(super) seconds: f64,
    /// Of the runs, in order.
    pub(super) runs: Vec<f64>,
    /// What both sent.
    pub(super) bytes: u64,
    /// Outputs that are one unit off; none in the exact mode.
    pub(super) off_by_one: usize,
}

/// A connection that counts what it sends.
struct Tcp {
    stream: TcpStream,
    sent: u64,
}

impl Channel for Tcp {
    type Error = io::Error;
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sent += bytes.len() as u64;
        self.stream.write_all(bytes)
    }
    fn recv(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.stream.read_exact(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connection() -> io::Result<[Tcp; 2]> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    for s in [&near, &far] {
        s.set_nodelay(true)?;
    }
    Ok([near, far].map(|stream| Tcp { stream, sent: 0 }))
}

/// Random weights up to a bound, and a random input, in shares.
struct Work {
    weights: Vec<i64>,
    shares: [Vec<u64>; 2],
    /// The product in the clear, modulo 2^64.
    product: Vec<u64>,
}

impl Work {
    fn random(plan: &Plan, bound: u64) -> Result<Self, Failure> {
        let shape = plan.encoding.shape();
        let plain = plan.params.plain();
        let mut prg = Prg::new(Block::random(&mut UnwrapErr(SysRng)));
        let mut words = |n: usize| {
            let mut v = vec![0u64; n];
            prg.fill_ring(&mut v);
            v
        };
        let span = 2 * bound + 1;
        let weights: Vec<i64> = (words(shape.weight_len()).into_iter())
            .map(|w| (w % span) as i64 - bound as i64)
            .collect();
        let share = |v: Vec<u64>| v.into_iter().map(|x| plain.reduce(x)).collect::<Vec<_>>();
        let shares = [
            share(words(shape.input_len())),
            share(words(shape.input_len())),
        ];
        let input: Vec<u64> = (shares[0].iter().zip(&shares[1]))
            .map(|(a, b)| plain.add(*a, *b))
            .collect();
        let raw: Vec<u64> = weights.iter().map(|w| *w as u64).collect();
        let mut product = vec![0; shape.output_len()];
        conv2d(
            shape,
            &[(&input, &PackedWeights::pack(shape, &raw)?)],
            &mut product,
        )?;
        Ok(Self {
            weights,
            shares,
            product,
        })
    }
    /// Outputs of which the shares add up to one unit beside the product; an error where it is more, or where the
    /// mode is exact.
    fn check(&self, plan: &Plan, shares: [&[u64]; 2]) -> Result<usize, Failure> {
        let plain = plan.params.plain();
        let most = i64::from(plan.params.mode() == Mode::Approximate);
        let mut beside = 0;
        for ((a, b), want) in shares[0].iter().zip(shares[1]).zip(&self.product) {
            let off = plain.subtract(plain.add(*a, *b), plain.reduce(*want));
            let off = plain.centred(off).abs();
            if off > most {
                return Err("the shares do not add up to the product".into());
            }
            beside += usize::from(off != 0);
        }
        Ok(beside)
    }
}

/// Runs a planned layer so often, with new randomness each time, and checks every result.
pub(super) fn measure(plan: &Plan, bound: u64, runs: usize) -> Result<Measured, Failure> {
    let backend = Arc::new(Native::new(plan.params.clone()));
    let layer = Layer::new(Arc::clone(&backend), plan.encoding.clone())?;
    let work = Work::random(plan, bound)?;
    let mut rng = UnwrapErr(SysRng);
    let session = SessionId::random(&mut rng);
    let mut message = Vec::new();
    let secret = client::Key::new(&*backend, session, 0, &mut rng, &mut message);
    let public = server::PublicKey::read(&*backend, session, 0, &message)?;
    let (mut times, mut bytes, mut off_by_one) = (Vec::new(), 0, 0);
    for step in 0..runs as u64 {
        let [near, far] = connection()?;
        let start = Barrier::new(2);
        let (client, server) = thread::scope(|scope| {
            let client = scope.spawn(|| -> Result<_, Failure> {
                let mut channel = near;
                start.wait();
                let begun = Instant::now();
                let run = client::Product::new(
                    &layer,
                    &secret,
                    step,
                    &work.shares[0],
                    &mut UnwrapErr(SysRng),
                )?;
                let share = drive(run, &mut channel)?;
                Ok((share, begun.elapsed(), channel.sent))
            });
            let server = scope.spawn(|| -> Result<_, Failure> {
                let mut channel = far;
                start.wait();
                let begun = Instant::now();
                let weights = server::Weights::new(&layer, &work.weights)?;
                let run = server::Product::new(
                    &layer,
                    &public,
                    &weights,
                    step,
                    Some(&work.shares[1]),
                    &mut UnwrapErr(SysRng),
                )?;
                let share = drive(run, &mut channel)?;
                Ok((share, begun.elapsed(), channel.sent))
            });
            (client.join(), server.join())
        });
        let fell = |_| "a party panicked";
        let (client, server) = (client.map_err(fell)??, server.map_err(fell)??);
        off_by_one = work.check(plan, [client.0.as_slice(), server.0.as_slice()])?;
        times.push(client.1.max(server.1));
        bytes = client.2 + server.2;
    }
    Ok(Measured::of(&times, bytes, off_by_one))
}

impl Measured {
    fn of(times: &[Duration], bytes: u64, off_by_one: usize) -> Self {
        let runs: Vec<f64> = times.iter().map(Duration::as_secs_f64).collect();
        let mut sorted = runs.clone();
        sorted.sort_by(f64::total_cmp);
        Self {
            seconds: sorted[sorted.len() / 2],
            bytes,
            runs,
            off_by_one,
        }
    }
}
