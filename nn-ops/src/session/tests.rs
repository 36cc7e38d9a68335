//! Whole sessions in memory.

mod ahead;

use super::*;
use crate::transport::frame::{CHUNK, FrameError};
use crate::transport::shaped::{self, Shape};
use crate::transport::tamper::{Fate, Intercepted, tamper};

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
    cast: Cast,
    program: impl Fn(Session) -> Result<T, NetError> + Sync,
) -> Vec<T> {
    run_in_memory(cast, &agreement(), program)
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
    let ids = all_well(Cast::parties(3).with_dealer().with_client(), |mut s| {
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
    all_well(Cast::parties(3), |mut s| {
        everyone_to_everyone(&mut s, 64 << 20)?;
        s.finish()
    });
}

#[test]
fn rounds_are_chains_of_dependent_messages() {
    let depths = all_well(Cast::parties(3), |mut s| {
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
    all_well(Cast::parties(3), |mut s| {
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
    let all = all_well(Cast::parties(4).with_dealer().with_client(), |mut s| {
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

const SHORT: Limits = Limits {
    deadline: Duration::from_millis(300),
    early_bytes: 1 << 20,
};

/// Party 1 falsifies what it sends by `rewrite`; returns what each party of three says.
fn with_liar(
    rewrite: impl Fn(&mut Intercepted, &mut Vec<u8>) -> Fate + Send + Sync + 'static,
) -> Vec<NetError> {
    let mut links = memory::mesh(Cast::parties(3)).unwrap();
    let liar = tamper(links.remove(1), rewrite);
    links.insert(1, liar);
    let began = Instant::now();
    let ends = run_over(links, &agreement(), SHORT, |mut s| {
        let me = s.me();
        // Two steps in which all talk to all, with a length that takes two frames.
        for _ in 0..2 {
            let out = s.peers().into_iter().map(|to| (to, vec![7; CHUNK + 9]));
            let want: Vec<_> = s.peers().iter().map(|&from| (from, CHUNK + 9)).collect();
            let got = s.exchange(out.collect(), &want)?;
            assert!(got.iter().all(|m| m.iter().all(|b| *b == 7)), "{me}");
        }
        s.finish()
    });
    assert!(began.elapsed() < Duration::from_secs(5));
    ends.into_iter().map(Result::unwrap_err).collect()
}

/// The step in which the liar begins: after two of the handshake.
const FIRST: u64 = 2;

fn only(
    victim: Peer,
    lie: impl Fn(&mut Intercepted, &mut Vec<u8>) -> Fate + Send + Sync + 'static,
) -> Vec<NetError> {
    with_liar(move |frame, payload| {
        if frame.to == victim && frame.step == FIRST {
            lie(frame, payload)
        } else {
            Fate::Deliver
        }
    })
}

#[test]
fn each_lie_has_its_name_and_all_hear_of_it() {
    let liar = p(1);
    let deliver = |frame: &mut Intercepted,
                   payload: &mut Vec<u8>,
                   change: fn(&mut Intercepted, &mut Vec<u8>)| {
        change(frame, payload);
        Fate::Deliver
    };
    let said = |errors: &[NetError]| {
        // The victim names the liar; the others name the liar or repeat the victim.
        for e in &errors[1..] {
            assert!(matches!(e, NetError::Aborted { .. }), "{e}");
            assert!(e.to_string().contains("party 1"), "{e}");
        }
    };

    let e = only(p(0), move |f, b| {
        deliver(f, b, |_, b| {
            if b.len() < CHUNK {
                b.pop();
            }
        })
    });
    assert!(
        matches!(e[0], NetError::WrongLength { peer, got, want, .. } if peer == liar && got + 1 == want),
        "{}",
        e[0]
    );
    said(&e);
    let e = only(p(0), move |f, b| {
        deliver(f, b, |_, b| {
            if b.len() < CHUNK {
                b.push(1);
            }
        })
    });
    assert!(
        matches!(e[0], NetError::WrongLength { peer, got, want, .. } if peer == liar && got == want + 1),
        "{}",
        e[0]
    );
    said(&e);
    let e = only(p(0), move |f, b| deliver(f, b, |_, b| b.truncate(5)));
    assert!(
        matches!(&e[0], NetError::BadFrame { peer, problem: FrameError::ShortPiece { got: 5 } } if *peer == liar),
        "{}",
        e[0]
    );
    said(&e);
    let e = only(p(0), move |f, b| deliver(f, b, |f, _| f.step += 1));
    assert!(
        matches!(e[0], NetError::WrongStep { peer, .. } if peer == liar),
        "{}",
        e[0]
    );
    said(&e);
    let e = only(p(0), move |f, b| deliver(f, b, |f, _| f.session ^= 1));
    assert!(
        matches!(e[0], NetError::WrongSession { peer, .. } if peer == liar),
        "{}",
        e[0]
    );
    said(&e);
    let e = only(p(0), |_, b| {
        if b.len() < CHUNK {
            Fate::Duplicate
        } else {
            Fate::Deliver
        }
    });
    assert!(
        matches!(e[0], NetError::WrongStep { peer, .. } | NetError::Unexpected { peer, .. } if peer == liar),
        "{}",
        e[0]
    );
    let e = only(p(0), |_, _| Fate::Drop);
    assert!(
        matches!(e[0], NetError::WrongStep { peer, .. } | NetError::Stalled { peer, .. } if peer == liar),
        "{}",
        e[0]
    );
    let e = only(p(0), |_, _| Fate::HangUp);
    assert!(
        matches!(e[0], NetError::HungUp { peer } if peer == liar),
        "{}",
        e[0]
    );
}

#[test]
fn another_session_identifier_is_found_out() {
    let e = with_liar(|frame, payload| {
        if frame.step == 1 && frame.to == p(0) {
            payload[0] ^= 1;
        }
        Fate::Deliver
    });
    assert!(matches!(e[0], NetError::SessionMismatch { peer } if peer == p(1)));
    // Another nonce to one of them only: everyone arrives at something else.
    let e = with_liar(|frame, payload| {
        if frame.step == 0 && frame.to == p(0) {
            *payload.last_mut().unwrap() ^= 1;
        }
        Fate::Deliver
    });
    assert!(matches!(
        e[0],
        NetError::SessionMismatch { .. } | NetError::Aborted { .. }
    ));
    let e = with_liar(|frame, payload| {
        if frame.step == 0 && frame.to == p(0) {
            payload[0] = 0xff;
        }
        Fate::Deliver
    });
    assert!(matches!(e[0], NetError::BadHandshake { peer, .. } if peer == p(1)));
}

#[test]
fn every_setting_that_differs_is_named() {
    type Change = fn(&mut Agreement);
    let changes: [(&str, Change); 6] = [
        ("engine", |a| a.engine = "other".into()),
        ("program digest", |a| a.program[31] ^= 1),
        ("ring bits", |a| a.ring_bits = 32),
        ("options digest", |a| a.options[0] ^= 1),
        ("computational security", |a| a.computational_bits = 80),
        ("statistical security", |a| a.statistical_bits = 20),
    ];
    for (name, change) in changes {
        let links = memory::mesh(Cast::parties(2)).unwrap();
        let ends: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = links
                .into_iter()
                .map(|links| {
                    let mut ours = agreement();
                    if links.me() == p(1) {
                        change(&mut ours);
                    }
                    scope.spawn(move || {
                        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
                        Session::establish(links, &ours, SHORT, &mut rng).map(drop)
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let named = |r: &Result<(), NetError>| match r {
            Err(NetError::Disagreement { field, .. }) => *field == name,
            Err(NetError::Aborted { reason, .. }) => reason.contains(name),
            _ => false,
        };
        assert!(ends.iter().all(named), "{name}: {ends:?}");
    }
}

/// Runs three parties with short limits.
fn three(program: impl Fn(Session) -> Result<(), NetError> + Sync) -> Vec<Result<(), NetError>> {
    run_over(
        memory::mesh(Cast::parties(3)).unwrap(),
        &agreement(),
        SHORT,
        program,
    )
}

#[test]
fn a_silent_peer_is_named_within_the_deadline() {
    let began = Instant::now();
    let ends = three(|mut s| match s.me() {
        Peer::Party(PartyId(1)) => {
            std::thread::sleep(Duration::from_secs(1));
            s.send(p(0), vec![1]).map(drop)
        }
        Peer::Party(PartyId(0)) => s.recv(p(1), 1).map(drop),
        _ => s.recv(p(0), 1).map(drop),
    });
    assert!(
        matches!(ends[0], Err(NetError::Stalled { peer, .. }) if peer == p(1))
            || matches!(ends[0], Err(NetError::Aborted { .. })),
        "{:?}",
        ends[0]
    );
    assert!(ends.iter().all(Result::is_err));
    assert!(began.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_client_waits_while_parties_work() {
    let limits = Limits {
        deadline: Duration::from_millis(200),
        ..Limits::default()
    };
    let links = memory::mesh(Cast::parties(2).with_client()).unwrap();
    let ends = run_over(links, &agreement(), limits, |mut s| {
        let mut work = s.fork(1)?;
        match s.me() {
            Peer::Dealer | Peer::Client => drop(s.recv(p(0), 1)?),
            Peer::Party(PartyId(id)) => {
                for _ in 0..12 {
                    std::thread::sleep(Duration::from_millis(50));
                    work[0].exchange(vec![(p(1 - id), vec![0])], &[(p(1 - id), 1)])?;
                }
                let out = if id == 0 {
                    vec![(Peer::Client, vec![1])]
                } else {
                    vec![]
                };
                s.exchange(out, &[])?;
            }
        }
        s.join(work)?;
        s.finish()
    });
    for end in ends {
        end.unwrap();
    }
}

#[test]
fn a_peer_that_does_not_listen_is_named() {
    let ends = three(|mut s| {
        if s.me() == p(1) {
            // Never posts a receive; its early store fills up and its reader stops.
            std::thread::sleep(Duration::from_millis(200));
            s.next_step()?;
            return s.recv(p(2), 1).map(drop);
        }
        for _ in 0..40 {
            s.send(p(1), vec![0; 1 << 20])?;
        }
        Ok(())
    });
    assert!(
        matches!(
            ends[1],
            Err(NetError::Flooding { .. } | NetError::WrongStep { .. })
        ),
        "{:?}",
        ends[1]
    );
    assert!(ends[0].is_err() && ends[2].is_err());
}

#[test]
fn the_reason_of_an_abort_reaches_everyone_and_stays() {
    let ends = three(|mut s| {
        if s.me() == p(2) {
            s.abort("the check\nfailed");
            return Ok(());
        }
        let first = s.recv(p(2), 100).unwrap_err();
        assert_eq!(s.send(p(2), vec![1]).unwrap_err(), first);
        assert_eq!(s.fork(1)?[0].recv(p(2), 1).unwrap_err(), first);
        Err(first)
    });
    for end in &ends[..2] {
        let text = end.as_ref().unwrap_err().to_string();
        assert!(text.contains("party 2 aborted: the check failed"), "{text}");
    }
}

#[test]
fn a_message_that_nobody_asked_for_is_named_at_the_end() {
    let ends = three(|mut s| {
        if s.me() == p(1) {
            s.send(p(0), vec![1, 2, 3])?;
        } else {
            s.next_step()?;
        }
        s.finish().map(drop)
    });
    assert!(
        matches!(ends[0], Err(NetError::Unexpected { peer, .. }) if peer == p(1)),
        "{:?}",
        ends[0]
    );
}

#[test]
fn a_peer_that_leaves_early_is_named() {
    let ends = three(|mut s| {
        if s.me() == p(1) {
            return s.finish().map(drop);
        }
        s.recv(p(1), 1).map(drop)
    });
    assert!(
        matches!(ends[0], Err(NetError::Ended { peer } | NetError::Aborted { peer, .. }) if peer != p(0))
    );
    assert!(ends.iter().all(Result::is_err));
}

#[test]
fn calls_out_of_place_are_errors() {
    let ends = three(|mut s| {
        let me = s.me();
        assert_eq!(
            s.fork(1)?.pop().unwrap().finish().map(drop),
            Err(NetError::Usage {
                what: "a fork is joined, not finished"
            })
        );
        if me == p(0) {
            assert_eq!(
                s.send(p(0), vec![]),
                Err(NetError::NoSuchPeer { peer: p(0) })
            );
        } else {
            // Waits for the failure of party 0.
            let _ = s.recv(p(0), 1);
        }
        Ok(())
    });
    assert!(ends[0].is_ok());
    assert_eq!(
        once_each([p(1), p(1)].into_iter()),
        Err(NetError::TwiceInOneStep { peer: p(1) })
    );
    assert!(
        memory::mesh(Cast::parties(11)).is_err()
            && memory::mesh(Cast::parties(0).with_client()).is_err()
    );
}

#[test]
fn a_shaped_link_keeps_to_bandwidth_and_delay() {
    let shape = Shape {
        bandwidth: 4e6,
        delay: Duration::from_millis(40),
    };
    let links = memory::mesh(Cast::parties(2)).unwrap();
    let links = links
        .into_iter()
        .map(|l| shaped::shape(l, shape).unwrap())
        .collect();
    let times = run_over(links, &agreement(), Limits::default(), |mut s| {
        let mut time = |len| {
            let began = Instant::now();
            everyone_to_everyone(&mut s, len).map(|()| began.elapsed().as_secs_f64())
        };
        let (small, large) = (time(1)?, time(2 << 20)?);
        s.finish()?;
        Ok::<_, NetError>((small, large))
    });
    // Whoever begins last may find that the other has sent already.
    let times: Vec<_> = times.into_iter().map(Result::unwrap).collect();
    let small = times[0].0.max(times[1].0);
    let large = times[0].1.max(times[1].1);
    assert!((0.039..0.4).contains(&small), "{small}");
    assert!((0.5..1.5).contains(&large), "{large}");
}

#[test]
fn dropping_after_the_other_has_ended_does_not_hang() {
    let links = memory::mesh(Cast::parties(2)).unwrap();
    let began = Instant::now();
    let ends = run_over(links, &agreement(), SHORT, |s| {
        if s.me() == p(1) {
            return s.finish().map(drop);
        }
        // Time for the farewell to arrive: this party's reader has ended, its writer has not.
        std::thread::sleep(Duration::from_millis(100));
        drop(s);
        Ok(())
    });
    assert!(
        matches!(&ends[1], Err(NetError::Aborted { .. })),
        "{ends:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[test]
fn whoever_does_not_say_goodbye_is_named() {
    let ends = three(|mut s| {
        if s.me() == p(2) {
            std::thread::sleep(Duration::from_millis(800));
            return s.next_step().map(drop);
        }
        s.finish().map(drop)
    });
    // It was alive, and so waited for, until it left.
    assert!(
        ends[..2]
            .iter()
            .all(|e| matches!(e, Err(NetError::Aborted { peer, .. }) if *peer == p(2))),
        "{ends:?}"
    );
}

#[test]
fn whoever_is_done_waits_for_others_that_are_at_work() {
    let ends = three(|mut s| {
        let other = match s.me() {
            me if me == p(1) => p(2),
            me if me == p(2) => p(1),
            // A helper that has nothing left to say.
            _ => return s.finish().map(drop),
        };
        for _ in 0..8 {
            s.exchange(vec![(other, vec![7])], &[(other, 1)])?;
            std::thread::sleep(SHORT.deadline / 3);
        }
        s.finish().map(drop)
    });
    assert!(ends.iter().all(Result::is_ok), "{ends:?}");
}

/// Seeds pass through the inbox, and may lie there for a while.
#[test]
fn a_session_does_not_print_what_it_holds() {
    all_well(Cast::parties(2), |mut s| {
        let mut forks = s.fork(2)?;
        let (me, other) = (s.me(), s.peers()[0]);
        if me == p(1) {
            forks[0].send(other, vec![171; 40])?;
            forks[1].send(other, vec![1])?;
        } else {
            // The message that was sent before is here when this one is.
            forks[1].recv(other, 1)?;
            let shown = format!("{s:?}");
            assert!(shown.contains("Inbox from party 1"), "{shown}");
            assert!(!shown.contains("171, 171"), "{shown}");
            forks[0].recv(other, 40)?;
        }
        s.join(forks)?;
        s.finish()
    });
}
