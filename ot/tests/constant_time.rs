//! No branch and no address depends on a secret: choice bits, scalars, Delta, seeds and pads are undefined memory to
//! valgrind's memcheck while the protocols run. Messages are declared public where they leave a party.
//!
//! The cases are the ignored tests of this file; `judged` runs each under valgrind, where that is installed.

mod support {
    pub(crate) mod memcheck;
}

use piquet_core::BitVec;
use piquet_core::wire::SessionId;
use piquet_ot::{ReceivedOts, Security, SentOts, base};
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
];

#[test]
fn judged() {
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
