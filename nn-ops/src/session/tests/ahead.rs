//! Parties that send before anybody wants to receive.

use super::*;
use crate::session::inbox::RELIEF;
use crate::session::outbox::AHEAD;

const SIZE: usize = 64 << 10;
const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(1),
    early_bytes: 1 << 20,
};

fn pair<T: Send>(
    program: impl Fn(Session, Peer) -> Result<T, NetError> + Sync,
) -> Vec<Result<T, NetError>> {
    let links = memory::mesh(Cast::parties(2)).unwrap();
    run_over(links, &agreement(), LIMITS, |s| {
        let other = s.peers()[0];
        program(s, other)
    })
}

/// The most that was held for and of the peer.
fn held(s: &Session, peer: Peer) -> (usize, usize) {
    let line = s.shared.line(peer).unwrap();
    (line.outbox.most(), line.inbox.most())
}

#[test]
fn a_helper_that_runs_far_ahead_is_held_back() {
    let most = pair(|mut s, other| {
        let total = 64 << 20;
        for i in 0..total / SIZE {
            if s.me() == p(0) {
                s.send(other, vec![i as u8; SIZE])?;
            } else {
                if i % 128 == 0 {
                    std::thread::sleep(Duration::from_millis(20));
                }
                assert!(s.recv(other, SIZE)?.iter().all(|b| *b == i as u8));
            }
        }
        let most = held(&s, other);
        s.finish()?;
        Ok(most)
    });
    let most: Vec<_> = most.into_iter().map(Result::unwrap).collect();
    assert!((AHEAD / 2..=AHEAD).contains(&most[0].0), "{most:?}");
    // While one is waited for, more may be held than else; but nothing is waited for that is not the next to come.
    assert!((SIZE..=LIMITS.early_bytes).contains(&most[1].1), "{most:?}");
}

#[test]
fn a_message_longer_than_the_queue_goes_alone() {
    let most = pair(|mut s, other| {
        for _ in 0..3 {
            everyone_to_everyone(&mut s, 2 * AHEAD)?;
        }
        let most = held(&s, other);
        s.finish()?;
        Ok(most)
    });
    for most in most {
        assert!(most.unwrap().0 < 2 * AHEAD + 4096);
    }
}

/// Each party sends `steps` messages on a fork of its own, then receives the other's.
fn send_first(steps: usize) -> Vec<Result<(usize, usize), NetError>> {
    pair(|mut s, other| {
        let mut lanes = s.fork(2)?;
        let (ours, theirs) = if s.me() == p(0) { (0, 1) } else { (1, 0) };
        for i in 0..steps {
            lanes[ours].send(other, vec![i as u8; SIZE])?;
        }
        for i in 0..steps {
            assert!(
                lanes[theirs]
                    .recv(other, SIZE)?
                    .iter()
                    .all(|b| *b == i as u8)
            );
        }
        s.join(lanes)?;
        let most = held(&s, other);
        s.finish()?;
        Ok(most)
    })
}

#[test]
fn two_parties_may_send_each_other_what_is_promised_before_they_receive() {
    let promised = RELIEF * LIMITS.early_bytes + AHEAD;
    for most in send_first(promised / (SIZE + 128)) {
        let (out, back) = most.unwrap();
        assert!(
            out <= AHEAD && back <= RELIEF * LIMITS.early_bytes,
            "{back}"
        );
    }
}

#[test]
fn who_sends_more_than_that_before_it_receives_is_told() {
    let began = Instant::now();
    for end in send_first((64 << 20) / SIZE) {
        let e = end.unwrap_err();
        assert!(
            matches!(
                e,
                NetError::Stalled { .. } | NetError::Flooding { .. } | NetError::Aborted { .. }
            ),
            "{e}"
        );
    }
    assert!(began.elapsed() < 4 * LIMITS.deadline);
}

#[test]
fn what_is_waited_for_is_reached_behind_what_is_not() {
    let ends = pair(|mut s, other| {
        let mut lanes = s.fork(2)?;
        let steps = 6 * LIMITS.early_bytes / SIZE;
        if s.me() == p(0) {
            for _ in 0..steps {
                lanes[0].send(other, vec![1; SIZE])?;
            }
            lanes[1].send(other, vec![2])?;
        } else {
            assert_eq!(lanes[1].recv(other, 1)?, [2]);
            for _ in 0..steps {
                lanes[0].recv(other, SIZE)?;
            }
        }
        s.join(lanes)?;
        s.finish()
    });
    for end in ends {
        end.unwrap();
    }
}
