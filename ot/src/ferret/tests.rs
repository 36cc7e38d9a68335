mod estimate;

use std::sync::Arc;

use super::params::Stage;
use super::*;
use crate::{Delta, Malicious, ReceivedCots, Security, SemiHonest, SentCots, ideal};
use piquet_core::wire::{
    DecodeError, Header, Machine, RunError, Step, run_pair, run_pair_tampered,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SESSION: SessionId = SessionId([9; 32]);

const SMALL: Params = Params::insecure(
    &[Stage {
        k: 50,
        trees: 40,
        depth: 5,
    }],
    Stage {
        k: 300,
        trees: 70,
        depth: 6,
    },
);

fn base<M: Security>(params: Params, rng: &mut ChaCha20Rng) -> (SentCots<M>, ReceivedCots<M>) {
    let n = params.base_cots::<M>();
    ideal::cots(SESSION, Delta::random_odd(rng), n, rng)
}

fn set_up<M: Security>(params: Params, seed: u8) -> (Sender<M>, Receiver<M>) {
    let rng = &mut ChaCha20Rng::from_seed([seed; 32]);
    let (s, r) = base(params, rng);
    let s = Sender::set_up(SESSION, params, s, rng).unwrap();
    let r = Receiver::set_up(SESSION, params, r, rng).unwrap();
    let (s, r, trace) = run_pair(s, r);
    assert_eq!(
        [trace.sent_by(0), trace.sent_by(1)],
        params.set_up_bytes::<M>()
    );
    (s.unwrap(), r.unwrap())
}

fn expand<M: Security>(params: Params, s: Sender<M>, r: Receiver<M>) -> (Sender<M>, Receiver<M>) {
    let (s, r, trace) = run_pair(s.expand().unwrap(), r.expand().unwrap());
    assert_eq!(
        [trace.sent_by(0), trace.sent_by(1)],
        params.expansion_bytes::<M>()
    );
    (s.unwrap(), r.unwrap())
}

fn correlated<M: Security>(s: SentCots<M>, r: ReceivedCots<M>) {
    assert_eq!((s.len(), s.first_index()), (r.len(), r.first_index()));
    let (q, delta) = s.into_raw();
    let (b, t) = r.into_raw();
    for (i, b) in b.to_bools().enumerate() {
        let d = if b { delta.block() } else { Block::ZERO };
        assert!(q[i] ^ d == t[i], "{i}");
        assert_eq!(t[i].to_u128() & 1 == 1, b);
    }
}

fn whole_runs<M: Security>() {
    let (mut s, mut r) = set_up::<M>(SMALL, 1);
    let per = SMALL.cots_per_expansion::<M>();
    let mut index = 0;
    for n in [1, 2, 7, 127, 128, 129, 1023, 1025, per, 0, 3 * per + 5, 63] {
        for _ in 0..s.expansions_for(n) {
            (s, r) = expand(SMALL, s, r);
        }
        let (got, have) = (s.take(n).unwrap(), r.take(n).unwrap());
        assert_eq!(got.first_index(), index);
        index += n as u64;
        correlated(got, have);
    }
}

#[test]
fn the_correlation_holds_over_many_expansions_and_odd_requests() {
    whole_runs::<SemiHonest>();
    whole_runs::<Malicious>();
}

#[test]
fn communication_is_at_most_a_twentieth_of_a_byte() {
    fn bytes<M: Security>() -> f64 {
        let p = Params::standard();
        let n = 1usize << 25;
        let expansions = n.div_ceil(p.cots_per_expansion::<M>());
        let one: usize = p.expansion_bytes::<M>().iter().sum();
        let set_up: usize = p.set_up_bytes::<M>().iter().sum();
        // Base correlations from SoftSpokenOT with k = 8: two bytes each.
        (expansions * one + set_up + 2 * p.base_cots::<M>()) as f64 / n as f64
    }
    let (semi, mal) = (bytes::<SemiHonest>(), bytes::<Malicious>());
    assert!(
        (0.0496..0.0498).contains(&semi),
        "as the module says: {semi}"
    );
    let [s, r] = Params::standard().expansion_bytes::<SemiHonest>();
    assert_eq!((s, r), (747_302, 0));
    let [s, r] = Params::light().expansion_bytes::<SemiHonest>();
    let per = s as f64 / Params::light().cots_per_expansion::<SemiHonest>() as f64;
    assert!(r == 0 && (0.153..0.156).contains(&per), "{per}");
    assert!(semi <= 0.05 && mal <= 0.05, "{semi} {mal}");
    assert!(Params::standard().check::<Malicious>().is_ok());
    assert!(Params::standard().check::<SemiHonest>().is_ok());
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes if not optimised")]
fn the_standard_parameters_work() {
    for (p, least) in [(Params::light(), 1_400_000), (Params::standard(), 1 << 24)] {
        let (s, r) = set_up::<Malicious>(p, 2);
        let (mut s, mut r) = expand(p, s, r);
        let n = s.available();
        assert!(n >= least);
        correlated(s.take(n).unwrap(), r.take(n).unwrap());
    }
}

/// No set-up: what is tested is the first expansion.
const BARE: Params = Params::insecure(
    &[],
    Stage {
        k: 100,
        trees: 60,
        depth: 6,
    },
);

#[test]
fn noise_is_regular_and_choices_are_balanced() {
    let (s, r) = set_up::<Malicious>(BARE, 3);
    let stage = BARE.main;
    let secret = r.seed_for_tests()[..stage.k].to_vec();
    let code = r.code_for_tests(stage.k);
    let (_, mut r) = expand(BARE, s, r);
    let n = r.available();
    let (_, mut leaves) = r.take(n).unwrap().into_raw();
    encode(&code, &secret, stage.n() - n, &mut leaves).unwrap();
    for bin in leaves.chunks(stage.bin()) {
        let hits = bin.iter().filter(|w| w.to_u128() & 1 == 1).count();
        assert_eq!(hits, 1, "one error in each bin");
    }
    let (mut s, mut r) = set_up::<SemiHonest>(SMALL, 4);
    let (mut ones, mut all) = (0, 0);
    for _ in 0..20 {
        (s, r) = expand(SMALL, s, r);
        let n = r.available();
        let _ = s.take(n).unwrap();
        ones += r
            .take(n)
            .unwrap()
            .choices()
            .to_bools()
            .filter(|b| *b)
            .count();
        all += n;
    }
    let off = (ones as f64 - all as f64 / 2.0) / (all as f64 / 4.0).sqrt();
    assert!(off.abs() < 5.0, "{ones} of {all}");
}

/// A sender that changes the last correction of tree 0, guesses all but the last bit of its path, and answers the
/// check as if the guess were right.
struct Guesses {
    inner: SenderExpansion<Malicious>,
    guess: usize,
    offset: Block,
}

impl Machine for Guesses {
    type Output = ();
    type Error = Error;
    fn expects(&self) -> usize {
        self.inner.expects()
    }
    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        if inbox.is_empty() {
            self.inner.cheat_for_tests(self.guess, self.offset, out);
            return Ok(Step::Recv(self));
        }
        match self.inner.step(inbox, out)? {
            Step::Done(_) => Ok(Step::Done(())),
            _ => Err(Error::Check),
        }
    }
}

#[test]
fn a_cheating_sender_survives_as_often_as_its_guess_is_right() {
    let mut survived = 0;
    let mut expected = 0;
    for seed in 0..200 {
        let (s, r) = set_up::<Malicious>(BARE, seed);
        let path = r.path_for_tests();
        let evil = Guesses {
            inner: s.expand().unwrap(),
            guess: 5,
            offset: Block::from_u128(1 << 77),
        };
        let (_, r, _) = run_pair(evil, r.expand().unwrap());
        let right = path >> 1 == 5;
        expected += usize::from(right);
        match r {
            Ok(_) => survived += 1,
            Err(e) => assert_eq!(e, RunError::Protocol(Error::Check)),
        }
    }
    assert_eq!(
        survived, expected,
        "it survives if and only if the guess is right"
    );
    // 200 / 2^5
    assert!((1..=16).contains(&survived), "{survived}");
}

#[test]
fn every_flipped_bit_is_caught_or_refused() {
    // In the malicious protocol; messages: trees in one part, request, answer.
    for (from, at) in [
        (0u8, 40usize),
        (0, 60),
        (0, 1000),
        (0, 4000),
        (1, 18),
        (1, 33),
    ] {
        for bit in [0, 7] {
            let (s, r) = set_up::<Malicious>(BARE, 5);
            let mut done = false;
            let tamper = |f: u8, _: usize, m: &mut Vec<u8>| {
                if f == from && !done && at < m.len() {
                    m[at] ^= 1 << bit;
                    done = true;
                }
            };
            let (_, r, _) = run_pair_tampered(s.expand().unwrap(), r.expand().unwrap(), tamper);
            assert_eq!(
                r.err(),
                Some(RunError::Protocol(Error::Check)),
                "{from} {at}"
            );
        }
    }
    // The answer.
    let (s, r) = set_up::<Malicious>(BARE, 5);
    let tamper = |f: u8, _: usize, m: &mut Vec<u8>| {
        if f == 0 && m.len() == Header::LEN + 32 {
            m[30] ^= 1;
        }
    };
    let (_, r, _) = run_pair_tampered(s.expand().unwrap(), r.expand().unwrap(), tamper);
    let e = r.err().unwrap();
    assert_eq!(e, RunError::Protocol(Error::Check));
}

#[test]
fn a_check_that_failed_elsewhere_under_the_same_delta_ends_it() {
    let rng = &mut ChaCha20Rng::from_seed([8; 32]);
    let (unused, _) = base::<Malicious>(BARE, rng);
    unused.context.delta.burn();
    let refused = Sender::set_up(SESSION, BARE, unused, rng);
    assert_eq!(refused.err(), Some(Error::Check));
    // Between two expansions, and in the middle of one.
    for running in [false, true] {
        let (s, r) = base::<Malicious>(BARE, rng);
        let delta = Arc::clone(&s.context.delta);
        let s = Sender::set_up(SESSION, BARE, s, rng).unwrap();
        let r = Receiver::set_up(SESSION, BARE, r, rng).unwrap();
        let (s, _, _) = run_pair(s, r);
        let s = s.unwrap();
        if running {
            let s = s.expand().unwrap();
            delta.burn();
            let mut out = Vec::new();
            assert_eq!(s.step(&[], &mut out).err(), Some(Error::Check));
            assert!(out.is_empty());
        } else {
            delta.burn();
            assert_eq!(s.expand().err(), Some(Error::Check));
        }
    }
}

#[test]
fn a_share_that_was_not_committed_to_is_refused() {
    let rng = &mut ChaCha20Rng::from_seed([6; 32]);
    let (s, r) = base::<Malicious>(BARE, rng);
    let s = Sender::set_up(SESSION, BARE, s, rng).unwrap();
    let r = Receiver::set_up(SESSION, BARE, r, rng).unwrap();
    let tamper = |from: u8, _: usize, m: &mut Vec<u8>| {
        if from == 0 && m.len() == Header::LEN + 64 {
            m[50] ^= 4;
        }
    };
    let (_, r, _) = run_pair_tampered(s, r, tamper);
    assert_eq!(r.err(), Some(RunError::Protocol(Error::Check)));
}

#[test]
fn messages_of_another_shape_kind_session_or_round_are_refused() {
    let first = |seed| {
        let (s, r) = set_up::<Malicious>(BARE, seed);
        let mut out = Vec::new();
        let _ = s.expand().unwrap().step(&[], &mut out).unwrap();
        (out, r)
    };
    let feed = |change: &dyn Fn(&mut Vec<u8>)| {
        let (mut m, r) = first(7);
        change(&mut m);
        r.expand().unwrap().step(&m, &mut Vec::new()).err().unwrap()
    };
    let decode = |e: Error| match e {
        Error::Decode(d) => d,
        e => panic!("{e}"),
    };
    let short = decode(feed(&|m| m.truncate(m.len() - 1)));
    assert!(matches!(short, DecodeError::Length { .. }));
    let long = decode(feed(&|m| m.push(0)));
    assert!(matches!(long, DecodeError::Length { .. }));
    let version = decode(feed(&|m| m[0] = 9));
    assert_eq!(version, DecodeError::Version { got: 9, want: 1 });
    let kind = decode(feed(&|m| m[1] = 0x54));
    assert_eq!(
        kind,
        DecodeError::Kind {
            got: 0x54,
            want: 0x53
        }
    );
    assert_eq!(decode(feed(&|m| m[5] ^= 1)), DecodeError::Context);
    assert_eq!(decode(feed(&|m| m[12] ^= 1)), DecodeError::Context);
    // The same message again, an expansion later.
    let (s, r) = set_up::<SemiHonest>(BARE, 8);
    let mut m = Vec::new();
    let Ok(Step::Done(s)) = s.expand().unwrap().step(&[], &mut m) else {
        panic!()
    };
    let Ok(Step::Done(r)) = r.expand().unwrap().step(&m, &mut Vec::new()) else {
        panic!()
    };
    assert_eq!(s.available(), r.available());
    let e = r.expand().unwrap().step(&m, &mut Vec::new()).err().unwrap();
    assert_eq!(e, Error::Decode(DecodeError::Context));
}

#[test]
fn too_few_an_even_delta_and_too_many_are_refused() {
    let rng = &mut ChaCha20Rng::from_seed([9; 32]);
    let n = SMALL.base_cots::<SemiHonest>();
    assert_eq!(n, 50 + 40 * 5);
    assert_eq!(SMALL.base_cots::<Malicious>(), n + 128);
    let (s, r) = ideal::cots::<SemiHonest, _>(SESSION, Delta::random_odd(rng), n - 1, rng);
    let short = Error::Exhausted {
        want: n,
        have: n - 1,
    };
    assert_eq!(
        Sender::set_up(SESSION, SMALL, s, rng).err(),
        Some(short.clone())
    );
    assert_eq!(Receiver::set_up(SESSION, SMALL, r, rng).err(), Some(short));
    let even = Delta::from_raw(Block::from_u128(2));
    let (s, _) = ideal::cots::<SemiHonest, _>(SESSION, even, n, rng);
    let e = Sender::set_up(SESSION, SMALL, s, rng).err();
    assert!(matches!(e, Some(Error::Parameter { got: 0, .. })));

    let (mut s, mut r) = set_up::<SemiHonest>(SMALL, 10);
    assert_eq!(s.take(1).err(), Some(Error::Exhausted { want: 1, have: 0 }));
    s.spend_for_tests();
    r.spend_for_tests();
    assert_eq!(s.expand().err(), Some(Error::Spent));
    assert_eq!(r.expand().err(), Some(Error::Spent));
}

#[test]
fn nothing_secret_is_printed() {
    let (s, r) = set_up::<Malicious>(SMALL, 11);
    assert_eq!(format!("{s:?}"), "ferret::Sender(0 ready, malicious)");
    assert_eq!(format!("{r:?}"), "ferret::Receiver(0 ready, malicious)");
    let (s, r) = (s.expand().unwrap(), r.expand().unwrap());
    assert_eq!(format!("{s:?}"), "ferret::SenderExpansion(1, malicious)");
    assert_eq!(format!("{r:?}"), "ferret::ReceiverExpansion(1, malicious)");
}

#[test]
fn recycled_memory_gives_the_same_correlations() {
    let run = |recycle: bool| {
        let (mut s, mut r) = set_up::<SemiHonest>(SMALL, 12);
        let mut all = Vec::new();
        for _ in 0..3 {
            (s, r) = expand(SMALL, s, r);
            let n = s.available();
            let (x, y) = (s.take(n).unwrap(), r.take(n).unwrap());
            all.extend_from_slice(&x.keys);
            if recycle {
                s.recycle(x);
                r.recycle(y);
            } else {
                correlated(x, y);
            }
        }
        all
    };
    assert!(run(true) == run(false));
}

/// The bytes on the wire, of a seeded run with two expansions: a change of format shows here.
fn trace<M: Security>() -> String {
    let rng = &mut ChaCha20Rng::from_seed([13; 32]);
    let (s, r) = base::<M>(SMALL, rng);
    let s = Sender::set_up(SESSION, SMALL, s, rng).unwrap();
    let r = Receiver::set_up(SESSION, SMALL, r, rng).unwrap();
    let mut hash = blake3::Hasher::new();
    let mut absorb = |t: &piquet_core::wire::Trace| {
        for (from, m) in &t.messages {
            hash.update(&[*from]);
            hash.update(&(m.len() as u64).to_le_bytes());
            hash.update(m);
        }
    };
    let (s, r, t) = run_pair(s, r);
    absorb(&t);
    let (mut s, mut r) = (s.unwrap(), r.unwrap());
    for _ in 0..2 {
        let (x, y, t) = run_pair(s.expand().unwrap(), r.expand().unwrap());
        absorb(&t);
        (s, r) = (x.unwrap(), y.unwrap());
    }
    hash.finalize().to_hex()[..16].to_string()
}

#[test]
fn the_wire_is_as_it_was() {
    assert_eq!(trace::<SemiHonest>(), "a020094350af7809");
    assert_eq!(trace::<Malicious>(), "8a8d18befbd21af3");
}
