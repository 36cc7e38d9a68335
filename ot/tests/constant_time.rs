//! No branch and no address depends on a secret: choice bits, scalars, Delta, seeds and pads are undefined memory to
//! valgrind's memcheck while the protocols run. Messages are declared public where they leave a party.
//!
//! The cases are the ignored tests of this file; `judged` runs each under valgrind, where that is installed.

mod support {
    pub(crate) mod memcheck;
}

use support::memcheck::{SecretRng, Verdict, judge, secret};

/// Every case, and whether memcheck must be content with it.
const CASES: &[(&str, bool)] = &[
    ("a_branch_on_a_secret", false),
    ("an_index_from_a_secret", false),
    ("arithmetic_on_a_secret", true),
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
