//! A peer that falsifies, loses or repeats a message: everyone ends, in time, with a value or with a typed error.
//!
//! The engine is secure against semi-honest parties only, so a wrong result is allowed. A panic and a hang are not.
//! The messages are enumerated, not sampled: each one that any peer sends in a session that takes every protocol step,
//! from the handshake to the reports, meets every mutation. Those of the steps that functions are made of meet what an
//! engine could trip over; what the session refuses by itself is tried on the others.

use crate::common;
use crate::dealt;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use crate::common::{Outcome, Script, peer, specs};
use crate::everything::{Everything, Functions, case};
use piquet_nn_ops::Error;
use piquet_nn_ops::session::{Limits, Session, run_over};
use piquet_nn_ops::transport::tamper::{Fate, Intercepted, tamper};
use piquet_nn_ops::transport::{Cast, Peer, memory};

/// How long a session may stand still. Only lost messages take that long.
const DEADLINE: Duration = Duration::from_millis(300);
/// A session that takes longer hangs.
const HANG: Duration = Duration::from_secs(60);

/// Messages between two parties before the engine's first.
const PREAMBLE: u64 = 3;

/// What happens to one message.
#[derive(Debug, Clone, Copy)]
enum Mutation {
    /// One byte at this place, counted around, changes.
    Flip(usize, u8),
    Truncate,
    Extend,
    Empty,
    Drop,
    Duplicate,
    /// It claims to belong to another step.
    Step,
    /// It claims to belong to another session.
    Session,
    HangUp,
}

impl Mutation {
    fn apply(self, frame: &mut Intercepted, payload: &mut Vec<u8>) -> Fate {
        match self {
            Self::Flip(at, by) => {
                let n = payload.len().max(1);
                if let Some(byte) = payload.get_mut(at % n) {
                    *byte ^= by;
                }
            }
            Self::Truncate => drop(payload.pop()),
            Self::Extend => payload.push(0),
            Self::Empty => payload.clear(),
            Self::Step => frame.step ^= 1,
            Self::Session => frame.session ^= 1 << 40,
            Self::Drop => return Fate::Drop,
            Self::Duplicate => return Fate::Duplicate,
            Self::HangUp => return Fate::HangUp,
        }
        Fate::Deliver
    }
}

type Place = (Peer, Peer, u64);

/// Sees every message, and may change it.
type Rewrite = Arc<dyn Fn(&mut Intercepted, &mut Vec<u8>) -> Fate + Send + Sync>;
/// One session in which `rewrite` sees every message.
type Run = Arc<dyn Fn(Duration, Rewrite) -> Vec<Result<Outcome, Error>> + Send + Sync>;

/// Runs a program at everyone of a cast.
fn session(
    cast: Cast,
    deadline: Duration,
    rewrite: Rewrite,
    program: impl Fn(Session) -> Result<Outcome, Error> + Sync,
) -> Vec<Result<Outcome, Error>> {
    let links = memory::mesh(cast).unwrap();
    let links = links.into_iter().map(|l| {
        let rewrite = rewrite.clone();
        tamper(l, move |frame, payload| rewrite(frame, payload))
    });
    let limits = Limits {
        deadline,
        ..Limits::default()
    };
    run_over(links.collect(), &common::agreement(), limits, program)
}

fn of_rep3(script: impl Script + Send + 'static) -> Run {
    let case = case(|i| (i as i64 * 37) % 255 - 127);
    let outputs = specs(&case, &script);
    Arc::new(move |deadline, rewrite| {
        session(Cast::parties(3).with_client(), deadline, rewrite, |s| {
            peer(s, &case, &outputs, &script, 1)
        })
    })
}

fn of_semi2k(script: impl Script + Send + 'static) -> Run {
    let case = case(|i| (i as i64 * 37) % 255 - 127);
    let outputs = specs(&case, &script);
    let demand = dealt::demand(2, &case, &script);
    Arc::new(move |deadline, rewrite| {
        session(dealt::cast(2), deadline, rewrite, |s| {
            let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
            dealt::peer(s, &case, &demand, &outputs, &script, 1, &mut rng)
        })
    })
}

#[test]
fn no_message_makes_a_peer_of_rep3_panic_or_hang() {
    ends_well(of_rep3(Everything), 0);
}

#[test]
fn no_message_makes_a_peer_of_semi2k_panic_or_hang() {
    ends_well(of_semi2k(Everything), 0);
}

#[test]
fn no_message_of_functions_makes_a_peer_of_rep3_panic_or_hang() {
    ends_well(of_rep3(Functions), PREAMBLE);
}

#[test]
fn no_message_of_functions_makes_a_peer_of_semi2k_panic_or_hang() {
    ends_well(of_semi2k(Functions), PREAMBLE);
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Whether the receiver of a message says of its sender that something is wrong with it; or someone was too slow for the
/// deadline before it could.
fn blames((from, to, _): Place, got: &[Result<Outcome, Error>]) -> bool {
    let at = match to {
        Peer::Party(id) => usize::from(id.0),
        Peer::Dealer => got.len() - 2,
        Peer::Client => got.len() - 1,
    };
    let slow = got.iter().flat_map(|r| r.as_ref().err());
    let slow = slow.map(Error::to_string).any(|e| e.contains("stalled"));
    let said =
        matches!(&got[at], Err(e @ Error::Net(_)) if e.to_string().contains(&from.to_string()));
    slow || said
}

/// Each message from number `first` on between any two meets every mutation; if that is not the first of all, those of
/// lengths and contents.
fn ends_well(run: Run, first: u64) {
    static COUNT_PANICS: Once = Once::new();
    COUNT_PANICS.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            before(info);
        }));
    });

    // Which messages there are.
    let seen: Arc<Mutex<BTreeMap<Place, usize>>> = Arc::default();
    let record = seen.clone();
    let watch = move |frame: &mut Intercepted, payload: &mut Vec<u8>| {
        let place = (frame.from, frame.to, frame.index);
        record.lock().unwrap().insert(place, payload.len());
        Fate::Deliver
    };
    let honest = run(HANG, Arc::new(watch));
    assert!(honest.iter().all(Result::is_ok), "nobody lies yet");
    let mut places = seen.lock().unwrap().clone();
    places.retain(|(.., index), _| *index >= first);
    let least = if first == 0 { 200 } else { 100 };
    assert!(places.len() > least, "{} messages", places.len());

    let mut jobs = Vec::new();
    for (i, (place, len)) in places.iter().enumerate() {
        let mut mutations = vec![
            Mutation::Truncate,
            Mutation::Extend,
            Mutation::Empty,
            Mutation::HangUp,
        ];
        // What a session refuses by itself, it refuses whatever the engine does.
        if first == 0 {
            mutations.extend([
                Mutation::Drop,
                Mutation::Duplicate,
                Mutation::Step,
                Mutation::Session,
            ]);
        }
        // The ends, where headers and tails are, and two places inside.
        for (k, at) in [0, len.saturating_sub(1), 31 * i + 1, 17 * i + 9]
            .into_iter()
            .enumerate()
        {
            mutations.push(Mutation::Flip(at, [1, 0x80, 0xff, 0x10][k]));
        }
        jobs.extend(mutations.into_iter().map(|m| (*place, m)));
    }
    let total = jobs.len();
    let jobs = Arc::new(Mutex::new(jobs));
    let (done, ended) = channel();
    // Most of the time of a session that lost a message is waiting, so many run at once.
    for _ in 0..24 {
        let (jobs, done, run) = (jobs.clone(), done.clone(), run.clone());
        std::thread::spawn(move || {
            loop {
                let job = jobs.lock().unwrap().pop();
                let Some((place, mutation)) = job else { return };
                let rewrite = move |frame: &mut Intercepted, payload: &mut Vec<u8>| {
                    if place == (frame.from, frame.to, frame.index) {
                        mutation.apply(frame, payload)
                    } else {
                        Fate::Deliver
                    }
                };
                let got = run(DEADLINE, Arc::new(rewrite));
                let errors = got.iter().filter(|r| r.is_err()).count();
                done.send((place, mutation, errors, blames(place, &got)))
                    .unwrap();
            }
        });
    }
    drop(done);
    let mut refused = 0;
    let mut count = 0;
    loop {
        match ended.recv_timeout(HANG) {
            Ok((place, mutation, errors, blamed)) => {
                count += 1;
                refused += usize::from(errors > 0);
                // Lengths are known to the receiver, and a stream that ends is noticed.
                let must = matches!(
                    mutation,
                    Mutation::Truncate | Mutation::Extend | Mutation::Session | Mutation::HangUp
                );
                assert!(!must || errors > 0, "{mutation:?} of {place:?} went unseen");
                assert!(
                    !must || blamed,
                    "{mutation:?} of {place:?} was blamed on nobody"
                );
            }
            Err(RecvTimeoutError::Timeout) => panic!("a session hangs, after {count} of {total}"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "a peer panicked");
    assert_eq!(count, total);
    // Half of what is tried changes lengths or ends a stream; of all messages also what the session refuses.
    let enough = if first == 0 { total / 2 + 1 } else { total / 2 };
    assert!(refused >= enough, "{refused} of {total} were refused");
}
