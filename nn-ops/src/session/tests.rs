//! Whole sessions in memory.

use super::*;
use crate::transport::frame::CHUNK;

pub(crate) fn agreement() -> Agreement {
    Agreement {
        engine: "test".into(),
        program: [1; 32],
        ring_bits: 64,
        options: [2; 32],
        computational_bits: 128,
        statistical_bits: 40,
    }
}

fn p(id: u8) -> Peer {
    Peer::party(id)
}

/// Runs the program everywhere and asserts that it ended well everywhere.
fn all_well<T: Send>(
    parties: usize,
    client: bool,
    program: impl Fn(Session) -> Result<T, NetError> + Sync,
) -> Vec<T> {
    run_in_memory(parties, client, &agreement(), program)
        .into_iter()
        .map(|r| r.unwrap())
        .collect()
}

fn pattern(from: Peer, to: Peer, len: usize) -> Vec<u8> {
    let seed = from.to_byte() ^ to.to_byte().rotate_left(3);
    (0..len)
        .map(|i| seed ^ (i as u8) ^ ((i >> 8) as u8) ^ ((i >> 16) as u8))
        .collect()
}

pub(crate) fn everyone_to_everyone(s: &mut Session, len: usize) -> Result<(), NetError> {
    let (me, peers) = (s.me(), s.peers());
    let out = peers.iter().map(|&to| (to, pattern(me, to, len)));
    let want: Vec<_> = peers.iter().map(|&from| (from, len)).collect();
    let got = s.exchange(out.collect(), &want)?;
    for (from, got) in peers.into_iter().zip(got) {
        assert!(got == pattern(from, me, len), "from {from} to {me}");
    }
    Ok(())
}

#[test]
fn everyone_agrees_and_messages_arrive() {
    let ids = all_well(3, true, |mut s| {
        for len in [0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            everyone_to_everyone(&mut s, len)?;
        }
        let id = s.id();
        s.finish()?;
        Ok(id)
    });
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[test]
fn large_messages_cross_without_deadlock() {
    all_well(3, false, |mut s| {
        everyone_to_everyone(&mut s, 64 << 20)?;
        s.finish()
    });
}

#[test]
fn rounds_are_chains_of_dependent_messages() {
    let depths = all_well(3, false, |mut s| {
        s.next_step()?;
        let start = s.ledger().depth();
        assert_eq!(start, 2, "the handshake");
        everyone_to_everyone(&mut s, 10)?;
        assert_eq!(s.ledger().depth(), start + 1);
        // 0 -> 2 -> 1
        s.begin_phase(Phase::Online);
        match s.me() {
            Peer::Party(PartyId(0)) => {
                s.send(p(2), vec![1])?;
                s.next_step()?;
            }
            Peer::Party(PartyId(2)) => {
                let m = s.recv(p(0), 1)?;
                s.send(p(1), m)?;
            }
            _ => {
                s.next_step()?;
                s.recv(p(2), 1)?;
            }
        }
        let ledger = s.finish()?;
        Ok(ledger.phases().last().unwrap().clone())
    });
    let rows: Vec<_> = depths.iter().map(std::slice::from_ref).collect();
    let merged = crate::ledger::merge(&rows).unwrap();
    assert_eq!(merged[0].rounds(), 2);
    assert_eq!(merged[0].messages, 2);
    assert_eq!(merged[0].bytes_sent, 2 * wire_len(1) + 6 * 32);
}

#[test]
fn forks_run_in_any_order() {
    all_well(3, false, |mut s| {
        let mut forks = s.fork(4)?;
        // Each party begins with another fork.
        let me = usize::from(s.me().to_byte());
        let done = std::thread::scope(|scope| {
            let threads: Vec<_> = forks
                .drain(..)
                .enumerate()
                .map(|(i, mut fork)| {
                    scope.spawn(move || {
                        std::thread::sleep(Duration::from_millis(10 * ((i + me) % 4) as u64));
                        let mut inner = fork.fork(2)?;
                        for round in 0..20 {
                            everyone_to_everyone(&mut fork, round * 100 * (i + 1))?;
                            everyone_to_everyone(&mut inner[round % 2], 7)?;
                        }
                        fork.join(inner)?;
                        Ok(fork)
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|t| t.join().unwrap())
                .collect::<Result<Vec<_>, NetError>>()
        })?;
        s.join(done)?;
        assert_eq!(s.ledger().depth(), 2 + 20);
        everyone_to_everyone(&mut s, 5)?;
        s.finish()
    });
}

#[test]
fn pair_seeds_are_equal_in_pairs_and_nowhere_else() {
    let all = all_well(4, true, |mut s| {
        let seeds = s.pair_seeds(&mut rand_core::UnwrapErr(getrandom::SysRng))?;
        s.finish()?;
        Ok(seeds)
    });
    assert!(all[4].is_empty());
    let mut seen = std::collections::HashSet::new();
    for i in 0..4u8 {
        for j in 0..i {
            let ours = &all[usize::from(i)][&PartyId(j)];
            assert_eq!(ours, &all[usize::from(j)][&PartyId(i)]);
            assert!(seen.insert(**ours));
        }
    }
}
