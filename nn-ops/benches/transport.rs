//! Throughput and latency of sessions between two parties of this process: in memory, over TCP, and over TLS.

mod loopback;

use loopback::{Failure, Rig, certified, sockets};
use piquet_bench_harness::{Table, limits};
use piquet_nn_ops::session::Session;
use piquet_nn_ops::transport::tcp::Security;
use piquet_nn_ops::transport::{Cast, Links, Peer, memory};

/// Bytes of a message: as large as those of a wide layer.
const SIZE: usize = 8 << 20;
/// Messages of one step.
const MESSAGES: usize = 8;
/// Bytes of a message of a small piece of work, of which a sender has several under way.
const SMALL: usize = 64 << 10;
/// Small messages that go before any is received.
const BURST: usize = 16;
/// Bursts of one step.
const BURSTS: usize = 16;
/// Rounds of one step, so that waking the threads does not count.
const PINGS: usize = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut t = Table::new("piquet-nn-ops", piquet_core::cpu::detect()?.name());
    let both = [Peer::party(0), Peer::party(1)];
    rows(&mut t, "memory", || Ok(memory::mesh(Cast::parties(2))?)).map_err(plain)?;
    let tcp = both.map(|p| (p, Security::InsecurePlaintext));
    rows(&mut t, "tcp", || Ok(sockets(&tcp)?)).map_err(plain)?;
    let tls = certified(&both).map_err(plain)?;
    rows(&mut t, "tls", || Ok(sockets(&tls)?)).map_err(plain)?;
    t.finish()
}

fn plain(e: Failure) -> Box<dyn std::error::Error> {
    e
}

fn rows(
    t: &mut Table,
    name: &str,
    links: impl Fn() -> Result<Vec<Links>, Failure>,
) -> Result<(), Failure> {
    let copy = limits::copied_bytes(t, SIZE);
    let mut row = |what: &str, step: fn(&mut Session) -> Result<(), Failure>| {
        let rig = Rig::new(links()?, move |mut s, steps| {
            steps.each(|| step(&mut s))?;
            s.finish()?;
            Ok(())
        })?;
        let mut outcome = rig.step();
        let mut step = || {
            if outcome.is_ok() {
                outcome = rig.step();
            }
        };
        let bench = t.bench(&format!("session-{name}-{what}")).samples(10);
        match what {
            "round" => bench.work(PINGS as u64).time(&mut step),
            "one-way" => bench
                .work((MESSAGES * SIZE) as u64)
                .limit(&copy)
                .rate(&mut step),
            "64k" => bench
                .work((2 * BURSTS * BURST * SMALL) as u64)
                .limit(&copy)
                .rate(&mut step),
            _ => bench
                .work((2 * MESSAGES * SIZE) as u64)
                .limit(&copy)
                .rate(&mut step),
        }
        outcome
    };
    row("one-way", one_way)?;
    row("both-ways", both_ways)?;
    row("64k", bursts)?;
    row("round", rounds)
}

fn one_way(s: &mut Session) -> Result<(), Failure> {
    let peer = s.peers()[0];
    if s.me() < peer {
        for _ in 0..MESSAGES {
            s.send(peer, vec![1; SIZE])?;
        }
        s.recv(peer, 1)?;
    } else {
        for _ in 0..MESSAGES {
            s.recv(peer, SIZE)?;
        }
        s.send(peer, vec![0])?;
    }
    Ok(())
}

fn both_ways(s: &mut Session) -> Result<(), Failure> {
    let peer = s.peers()[0];
    for _ in 0..MESSAGES {
        s.exchange(vec![(peer, vec![1; SIZE])], &[(peer, SIZE)])?;
    }
    Ok(())
}

/// Each party sends on a lane of its own, so that both can send before they receive.
fn bursts(s: &mut Session) -> Result<(), Failure> {
    let peer = s.peers()[0];
    let mut lanes = s.fork(2)?;
    let (ours, theirs) = if s.me() < peer { (0, 1) } else { (1, 0) };
    for _ in 0..BURSTS {
        for _ in 0..BURST {
            lanes[ours].send(peer, vec![1; SMALL])?;
        }
        for _ in 0..BURST {
            lanes[theirs].recv(peer, SMALL)?;
        }
    }
    s.join(lanes)?;
    Ok(())
}

fn rounds(s: &mut Session) -> Result<(), Failure> {
    let peer = s.peers()[0];
    for _ in 0..PINGS {
        s.exchange(vec![(peer, vec![1; 8])], &[(peer, 8)])?;
    }
    Ok(())
}
