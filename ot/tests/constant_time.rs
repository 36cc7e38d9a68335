//! No branch and no address depends on a secret: choice bits, scalars, Delta, seeds and pads are undefined memory to
//! valgrind's memcheck while the protocols run. Messages are declared public where they leave a party.
//!
//! The cases are the ignored tests of this file; `judged` runs each under valgrind, where that is installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod support {
    pub(crate) mod memcheck;
}

use piquet_core::BitVec;
use piquet_core::Block;
use piquet_core::correlation::MatrixShape;
use piquet_core::wire::SessionId;
use piquet_core::wire::{Machine, run_pair_tampered};
use piquet_ot::ferret::{self, Params};
use piquet_ot::one_of_n::{self, SentOneOfN};
use piquet_ot::softspoken::{
    Bits, Choices, ChosenRun, ReceiverRun, ReceiverSetUp, Sender, SenderRun,
};
use piquet_ot::triples::{bits, gilboa, matrix};
use piquet_ot::{
    Delta, Malicious, ReceivedCots, ReceivedOts, Security, SemiHonest, SentCots, SentOts, additive,
    base, ideal,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use support::memcheck::{SecretRng, Verdict, judge, public, secret};

const SESSION: SessionId = SessionId([9; 32]);

/// Every case, and whether memcheck must be content with it.
const CASES: &[(&str, bool)] = &[
    ("a_branch_on_a_secret", false),
    ("an_index_from_a_secret", false),
    ("arithmetic_on_a_secret", true),
    ("base_ots_of_two", true),
    ("base_ots_of_sixty_four", true),
    ("uniform_ots", true),
    ("softspoken_semi_honest", true),
    ("softspoken_malicious", true),
    ("softspoken_chosen", true),
    ("ferret_semi_honest", true),
    ("ferret_malicious", true),
    ("chosen_ots", true),
    ("one_of_n", true),
    ("additive", true),
    ("triples", true),
];

#[test]
fn judged() {
    if cfg!(debug_assertions) {
        eprintln!(
            "NOT CHECKED: debug assertions branch on secrets; users' builds have none, nor has --release"
        );
        return;
    }
    for (case, clean) in CASES {
        match judge(case) {
            Verdict::NoValgrind => {
                eprintln!("NOT CHECKED: there is no valgrind for this machine");
                return;
            }
            Verdict::Clean => assert!(clean, "{case}: memcheck has seen nothing"),
            Verdict::Dependent(report) => assert!(!clean, "{case}: {report}"),
        }
    }
}

fn a_secret_byte() -> u8 {
    let mut b = [3u8];
    secret(&b);
    std::hint::black_box(&mut b);
    b[0]
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn a_branch_on_a_secret() {
    if a_secret_byte() > 2 {
        std::hint::black_box(std::time::Instant::now());
    }
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn an_index_from_a_secret() {
    let table = std::hint::black_box(vec![0u8; 256]);
    std::hint::black_box(table[usize::from(a_secret_byte())]);
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn arithmetic_on_a_secret() {
    let b = piquet_core::Block::random(&mut SecretRng::new(1));
    std::hint::black_box(b ^ piquet_core::Block::from_u128(u128::from(a_secret_byte())));
}

fn opened_sent<M: Security>(ots: &SentOts<M>) {
    public(ots.messages());
}

fn opened_received<M: Security>(ots: &ReceivedOts<M>) {
    public(ots.choices().words());
    public(ots.messages());
}

/// Endemic OTs between two parties whose random numbers and choices are secret.
fn base_ots(
    n: usize,
) -> (
    SentOts<piquet_ot::Malicious>,
    ReceivedOts<piquet_ot::Malicious>,
) {
    let mut to_receiver = Vec::new();
    let sender = base::Sender::new(SESSION, n, &mut SecretRng::new(1), &mut to_receiver).unwrap();
    public(&to_receiver);
    let choices = BitVec::random(n, &mut SecretRng::new(2));
    let mut to_sender = Vec::new();
    let receiver =
        base::Receiver::new(SESSION, &choices, &mut SecretRng::new(3), &mut to_sender).unwrap();
    public(&to_sender);
    (
        sender.finish(&to_sender).unwrap(),
        receiver.finish(&to_receiver).unwrap(),
    )
}

fn agree<M: Security>(sent: &SentOts<M>, received: &ReceivedOts<M>) {
    opened_sent(sent);
    opened_received(received);
    for (i, c) in received.choices().to_bools().enumerate() {
        assert!(sent.messages()[i][usize::from(c)] == received.messages()[i]);
    }
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn base_ots_of_two() {
    let (sent, received) = base_ots(2);
    agree(&sent, &received);
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn base_ots_of_sixty_four() {
    // Enough for the receiver to make a table.
    let (sent, received) = base_ots(64);
    agree(&sent, &received);
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn uniform_ots() {
    let (sent, received) = base_ots(2);
    let (mut commitment, mut answer, mut opening) = (Vec::new(), Vec::new(), Vec::new());
    let sender =
        base::uniform::Sender::new(SESSION, sent, &mut SecretRng::new(4), &mut commitment).unwrap();
    let receiver = base::uniform::Receiver::new(SESSION, received, &mut SecretRng::new(5)).unwrap();
    public(&commitment);
    let answered = receiver.answer(&commitment, &mut answer).unwrap();
    public(&answer);
    let sent = sender.finish(&answer, &mut opening).unwrap();
    public(&opening);
    agree(&sent, &answered.finish(&opening).unwrap());
}

/// Runs both machines; what they send is public.
fn run<A: Machine, B: Machine>(a: A, b: B) -> (A::Output, B::Output)
where
    A::Error: std::fmt::Debug,
    B::Error: std::fmt::Debug,
{
    let (a, b, _) = run_pair_tampered(a, b, |_: u8, _: usize, m: &mut Vec<u8>| {
        public(m);
    });
    (a.unwrap(), b.unwrap())
}

/// Base OTs whose choices and messages are secret.
fn secret_base<M: Security>(delta: &Delta) -> (SentOts<M>, ReceivedOts<M>) {
    let (sent, received) = ideal::random_ots::<M, _>(&delta.choices(), &mut SecretRng::new(11));
    (sent, received)
}

fn correlated<M: Security>(sent: SentCots<M>, received: ReceivedCots<M>) {
    let (keys, delta) = sent.into_raw();
    let (choices, macs) = received.into_raw();
    public(choices.words());
    let delta = public(&[delta.block()])[0];
    for ((q, t), b) in public(&keys)
        .iter()
        .zip(public(&macs))
        .zip(choices.to_bools())
    {
        assert!(*t == if b { *q ^ delta } else { *q });
    }
}

fn softspoken<M: Security>(k: Bits) -> (piquet_ot::softspoken::Receiver<M>, Sender<M>) {
    let (sent, received) = secret_base::<M>(&Delta::random(&mut SecretRng::new(12)));
    run(
        ReceiverSetUp::new(SESSION, k, sent),
        Sender::setup(SESSION, k, received).unwrap(),
    )
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn softspoken_semi_honest() {
    for k in [Bits::One, Bits::Two, Bits::Four, Bits::Eight] {
        let (receiver, sender) = softspoken::<SemiHonest>(k);
        let ((_, received), (_, sent)) = run(
            ReceiverRun::new(receiver, 1300).unwrap(),
            SenderRun::<SemiHonest>::new(sender, Choices::Random, 1300).unwrap(),
        );
        correlated(sent, received);
    }
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn softspoken_malicious() {
    for k in [Bits::One, Bits::Two, Bits::Four, Bits::Eight] {
        let (receiver, sender) = softspoken::<Malicious>(k);
        let rng = &mut SecretRng::new(13);
        let ((_, received), (_, sent)) = run(
            ReceiverRun::new(receiver, 1300).unwrap(),
            SenderRun::<Malicious>::new(sender, Choices::Random, 1300, rng).unwrap(),
        );
        correlated(sent, received);
    }
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn softspoken_chosen() {
    let (receiver, sender) = softspoken::<SemiHonest>(Bits::Two);
    let choices = BitVec::random(700, &mut SecretRng::new(14));
    let ((_, received), (_, sent)) = run(
        ChosenRun::new(receiver, &choices).unwrap(),
        SenderRun::<SemiHonest>::new(sender, Choices::Chosen, 700).unwrap(),
    );
    agree(&sent.into_random_ots(), &received.into_random_ots());
}

/// Correlations whose every bit is secret, but that bit 0 of Delta is 1.
fn secret_cots<M: Security>(n: usize) -> (SentCots<M>, ReceivedCots<M>) {
    let rng = &mut SecretRng::new(15);
    ideal::cots(SESSION, Delta::random_odd(rng), n, rng)
}

fn silent<M: Security>(params: Params) {
    let (sent, received) = secret_cots::<M>(params.base_cots::<M>());
    // What is drawn here is sent: shares of the public code's seed, and salts. The secrets are in the correlations.
    let rng = &mut ChaCha20Rng::from_seed([16; 32]);
    let (sender, receiver) = run(
        ferret::Sender::set_up(SESSION, params, sent, rng).unwrap(),
        ferret::Receiver::set_up(SESSION, params, received, rng).unwrap(),
    );
    let (mut sender, mut receiver) = run(sender.expand().unwrap(), receiver.expand().unwrap());
    let n = sender.available();
    correlated(sender.take(n).unwrap(), receiver.take(n).unwrap());
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn ferret_semi_honest() {
    silent::<SemiHonest>(ideal::ferret_params());
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn ferret_malicious() {
    silent::<Malicious>(ideal::ferret_params());
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn chosen_ots() {
    let (sent, received) = secret_cots::<Malicious>(300);
    agree(&sent.into_random_ots(), &received.into_random_ots());

    let (sent, received) = secret_cots::<Malicious>(300);
    let (mut to_sender, mut to_receiver) = (Vec::new(), Vec::new());
    let choices = BitVec::random(300, &mut SecretRng::new(18));
    let received = received.choose(&choices, &mut to_sender).unwrap();
    public(&to_sender);
    let mut blocks = vec![[Block::ZERO; 2]; 300];
    secret(&blocks);
    std::hint::black_box(&mut blocks);
    sent.choose(&to_sender)
        .unwrap()
        .send_blocks(&blocks, &mut to_receiver)
        .unwrap();
    public(&to_receiver);
    let got = received.receive_blocks(&to_receiver).unwrap();
    public(&got);
    assert!(got.iter().all(|b| *b == Block::ZERO));
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn one_of_n() {
    let (sent, received) = secret_cots::<Malicious>(8 * 20);
    let indices = [7u8; 20];
    secret(&indices);
    let (mut to_sender, mut to_receiver) = (Vec::new(), Vec::new());
    // Whether an index is out of range is public; these are in range whatever their eight bits are.
    let received = one_of_n::choose(
        received,
        256,
        std::hint::black_box(&indices),
        &mut to_sender,
    )
    .unwrap();
    public(&to_sender);
    let sent = SentOneOfN::new(sent.choose(&to_sender).unwrap(), 256).unwrap();
    let messages: Vec<u64> = (0..20 * 256).collect();
    secret(&messages);
    sent.send(13, std::hint::black_box(&messages), &mut to_receiver)
        .unwrap();
    public(&to_receiver);
    let got = received.receive::<u64>(13, &to_receiver).unwrap();
    public(got.as_slice());
    // Message i of OT g is number 20 i + g.
    assert!((0..20).all(|g| got.as_slice()[g] == 20 * 7 + g as u64));
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn additive() {
    let (sent, received) = secret_cots::<SemiHonest>(300);
    let shape = additive::Shape {
        ots: 300,
        width: 1,
        bits: 37,
    };
    let delta = vec![5u64; 300];
    secret(&delta);
    let mut message = Vec::new();
    let s = additive::send(sent, shape, std::hint::black_box(&delta), &mut message).unwrap();
    public(&message);
    let r = additive::receive::<u64, _>(received, shape, &message).unwrap();
    public(s.as_slice());
    public(r.as_slice());
    for (s, r) in s.as_slice().iter().zip(r.as_slice()) {
        assert!([0, 5].contains(&(s.wrapping_add(*r) % (1 << 37))));
    }
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn triples() {
    let both = |n| {
        let (s0, r1) = secret_cots::<SemiHonest>(n);
        let (s1, r0) = secret_cots::<SemiHonest>(n);
        [(s0, r0), (s1, r1)]
    };
    for (sent, received) in both(300) {
        let _ = bits::from_cots(sent, received).unwrap();
    }
    let shape = gilboa::Shape {
        triples: 30,
        bits: 32,
    };
    let mut messages = [Vec::new(), Vec::new()];
    let mut pending = Vec::new();
    for ((sent, received), message) in both(shape.cots().unwrap()).into_iter().zip(&mut messages) {
        let rng = &mut SecretRng::new(19);
        pending.push(gilboa::start::<u32, _>(shape, sent, received, rng, message).unwrap());
        public(message);
    }
    for (p, m) in pending.into_iter().zip(messages.iter().rev()) {
        let _ = p.finish(m).unwrap();
    }
    let shape = matrix::Shape {
        matrices: MatrixShape { m: 2, k: 3, n: 5 },
        bits: 64,
    };
    let mut messages = [Vec::new(), Vec::new()];
    let mut pending = Vec::new();
    for ((sent, received), message) in both(shape.cots().unwrap()).into_iter().zip(&mut messages) {
        let rng = &mut SecretRng::new(20);
        pending.push(matrix::start::<u64, _>(shape, sent, received, rng, message).unwrap());
        public(message);
    }
    for (p, m) in pending.into_iter().zip(messages.iter().rev()) {
        let _ = p.finish(m).unwrap();
    }
}
