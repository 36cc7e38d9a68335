//! Triples under encryption. Both parties run on this core one after the other, each with its own clock; a row counts
//! with the slower one, as if each had a core. The limit is what that party's transforms take.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use piquet_bench_harness::{Limit, Table};
use piquet_core::Ring;
use piquet_core::wire::{Machine, SessionId, Step};
use piquet_he_bridge::CipherModulus;
use piquet_he_bridge::native::ntt::Ntt;
use piquet_he_bridge::native::prime::{Prime, ntt_primes};
use piquet_he_bridge::triples::elements::{Client, Elements, SLOTS, Server};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SESSION: SessionId = SessionId([7; 32]);

pub(crate) fn rows(t: &mut Table) {
    let ntt = Ntt::new(Prime::new(ntt_primes(SLOTS, 50, 1)[0]), SLOTS);
    let mut x = vec![1; SLOTS];
    let transforms = t.limit("transforms of the slower party, measured here", 1.0, || {
        ntt.forward(&mut x);
    });
    elements::<u32>(t, &transforms);
    elements::<u64>(t, &transforms);
}

/// Runs both machines to their ends, each with its own clock.
fn clocked<A: Machine, B: Machine>(a: A, b: B) -> ((A::Output, B::Output), [Duration; 2])
where
    A::Error: core::fmt::Debug,
    B::Error: core::fmt::Debug,
{
    struct Party<M: Machine> {
        machine: Option<M>,
        output: Option<M::Output>,
        took: Duration,
        wire: Vec<u8>,
        read: usize,
    }
    impl<M: Machine> Party<M>
    where
        M::Error: core::fmt::Debug,
    {
        fn new(machine: M) -> Self {
            Self {
                machine: Some(machine),
                output: None,
                took: Duration::ZERO,
                wire: Vec::new(),
                read: 0,
            }
        }
        /// Steps until a message is missing.
        fn advance(&mut self, inbox: &[u8]) {
            while let Some(m) = self.machine.take() {
                let want = m.expects();
                if inbox.len() - self.read < want {
                    self.machine = Some(m);
                    return;
                }
                let start = Instant::now();
                let step = m.step(&inbox[self.read..][..want], &mut self.wire).unwrap();
                self.took += start.elapsed();
                self.read += want;
                match step {
                    Step::Send(m) | Step::Recv(m) => self.machine = Some(m),
                    Step::Done(output) => self.output = Some(output),
                }
            }
        }
    }
    let (mut a, mut b) = (Party::new(a), Party::new(b));
    while a.machine.is_some() || b.machine.is_some() {
        a.advance(&b.wire);
        b.advance(&a.wire);
    }
    let outputs = (a.output.unwrap(), b.output.unwrap());
    (outputs, [a.took, b.took])
}

/// Triples of the whole word, a second.
fn elements<R: Ring>(t: &mut Table, transforms: &Limit) {
    let n = 4 * SLOTS;
    let made = Arc::new(Elements::new(R::BITS).unwrap());
    let mut rng = ChaCha20Rng::from_seed([26; 32]);
    let mut keys = Vec::new();
    let client = Client::new(made.clone(), SESSION, &mut rng, &mut keys);
    let server = Server::new(made.clone(), SESSION, &keys).unwrap();
    let mut instance = 0;
    let mut run = || {
        instance += 1;
        let a = client.run::<R, _>(instance, n, &mut rng).unwrap();
        let b = server.run::<R, _>(instance, n, &mut rng).unwrap();
        clocked(a, b)
    };
    let (x, y) = run().0;
    let [x, y] = [x, y].map(|t| t.into_parts());
    for g in 0..n {
        let [a, b, c] = [0, 1, 2].map(|i| x[i].as_slice()[g].add(y[i].as_slice()[g]));
        assert!(a.mul(b) == c);
    }
    // For each prime of the slots: the client brings two polynomials from slots and into points, and multiplies a response by its
    // key modulo two primes or three; the server has as many to multiply by, a ternary one, and both halves of a response to bring back.
    let [client, server] = made.params().fold([0.0; 2], |[client, server], p| {
        let CipherModulus::Primes(q) = p.modulus() else {
            return [client, server];
        };
        let q = q.len() as f64;
        let exact = f64::from((p.second_bits() + 15).div_ceil(49));
        [client + 3.0 + 2.0 * q + 2.0 * exact, server + 3.0 + 5.0 * q]
    });
    let slower = client.max(server) / SLOTS as f64;
    let id = format!("triples-he-{}", R::BITS);
    t.bench(&id)
        .work(n as u64)
        .bytes(made.sent(n).iter().sum::<usize>() as f64 / n as f64)
        .limit(&Limit::of(
            transforms.per_second() / slower,
            "transforms of the slower party, measured here",
        ))
        .samples(10)
        .rate_of_parties(|| run().1);
}
