//! Doors of Ferret, with the states of a fixed honest run behind them.

use piquet_core::wire::{Machine, SessionId, Step};
use piquet_core::{Block, Prg};

use crate::ferret::{Params, Receiver, ReceiverSetUp, Sender, SenderSetUp};
use crate::{Delta, Error, Malicious, ideal};

const SESSION: SessionId = SessionId([6; 32]);

fn pair() -> Result<(SenderSetUp<Malicious>, ReceiverSetUp<Malicious>), Error> {
    let params = Params::tiny();
    let mut rng = Prg::new(Block::from_u128(2));
    let delta = Delta::random_odd(&mut rng);
    let (s, r) = ideal::cots(SESSION, delta, params.base_cots::<Malicious>(), &mut rng);
    Ok((
        Sender::set_up(SESSION, params, s, &mut rng)?,
        Receiver::set_up(SESSION, params, r, &mut rng)?,
    ))
}

/// Gives `target` the first `honest` messages of `peer`, then `data`.
fn deliver<A, B>(peer: A, target: B, honest: usize, data: &[u8]) -> Result<(), Error>
where
    A: Machine<Error = Error>,
    B: Machine<Error = Error>,
{
    let (mut peer, mut target) = (Some(peer), target);
    let (mut to_peer, mut to_target) = (Vec::new(), Vec::new());
    let mut given = 0;
    loop {
        while let Some(p) = peer.take() {
            let want = p.expects();
            if to_peer.len() < want {
                peer = Some(p);
                break;
            }
            let rest = to_peer.split_off(want);
            if let Step::Send(p) | Step::Recv(p) = p.step(&to_peer, &mut to_target)? {
                peer = Some(p);
            }
            to_peer = rest;
        }
        let want = target.expects();
        if want > to_target.len() {
            return Ok(());
        }
        let rest = to_target.split_off(want);
        let message = core::mem::replace(&mut to_target, rest);
        if want > 0 && given == honest {
            return target.step(data, &mut to_peer).map(|_| ());
        }
        given += usize::from(want > 0);
        match target.step(&message, &mut to_peer)? {
            Step::Send(t) | Step::Recv(t) => target = t,
            Step::Done(_) => return Ok(()),
        }
    }
}

fn accepted(r: Result<(), Error>) -> bool {
    match r {
        Ok(_) => true,
        Err(Error::Decode(_) | Error::Check) => false,
        Err(e) => unreachable!("{e}"),
    }
}

/// The messages of the set-up to the receiver: the first byte says which.
pub fn ferret_receiver(data: &[u8]) {
    if let (Some((which, message)), Ok((s, r))) = (data.split_first(), pair()) {
        accepted(deliver(s, r, usize::from(which % 5), message));
    }
}

/// The messages of the set-up to the sender: the first byte says which.
pub fn ferret_sender(data: &[u8]) {
    if let (Some((which, message)), Ok((s, r))) = (data.split_first(), pair()) {
        accepted(deliver(r, s, usize::from(which % 2), message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Message `which` of the honest run.
    fn honest(which: usize, to_receiver: bool) -> Vec<u8> {
        let (s, r) = pair().unwrap();
        let m = core::cell::RefCell::new(Vec::new());
        let watch = |from: u8, _: usize, b: &mut Vec<u8>| {
            if (from == 0) == to_receiver {
                m.borrow_mut().push(b.clone());
            }
        };
        let _ = piquet_core::wire::run_pair_tampered(s, r, watch);
        m.into_inner().swap_remove(which)
    }

    #[test]
    fn honest_messages_are_accepted_and_others_are_not() {
        for (to_receiver, count) in [(true, 5), (false, 2)] {
            for which in 0..count {
                let message = honest(which, to_receiver);
                let go = |m: &[u8]| {
                    let (s, r) = pair().unwrap();
                    accepted(if to_receiver {
                        deliver(s, r, which, m)
                    } else {
                        deliver(r, s, which, m)
                    })
                };
                assert!(go(&message), "{to_receiver} {which}");
                assert!(!go(&message[1..]), "{to_receiver} {which}");
                // The first step of a machine has nothing to read.
                assert_eq!(go(&[]), to_receiver && which == 0, "{to_receiver} {which}");
            }
        }
    }
}
