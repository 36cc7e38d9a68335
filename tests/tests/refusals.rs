//! What the command is asked in vain: it says what is wrong, before any party is started.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use common::{Running, Scratch, npy};

const CHELSEA: &[u8] = include_bytes!("../../bench-suite/data/chelsea.png");

/// A folder with the file `name` in it, and what the command says to it.
fn refuse_input(name: &str, bytes: &[u8], words: &[&str]) {
    let scratch = Scratch::new();
    scratch.write(name, bytes);
    let end = scratch.run(&format!("infer --model tiny --input @{name}"));
    end.names(&[&[name], words].concat()).within(20);
    scratch.assert_clean();
}

#[test]
fn files_that_are_no_pictures() {
    refuse_input(
        "notes.png",
        b"Not a picture at all, whatever its name.\n",
        &["neither a PNG nor a JPEG"],
    );
    refuse_input(
        "half.png",
        &CHELSEA[..CHELSEA.len() / 2],
        &["neither a PNG nor a JPEG"],
    );
    refuse_input("empty.jpg", b"", &["neither a PNG nor a JPEG"]);
    refuse_input(
        "other.png",
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
        &["neither a PNG nor a JPEG", "Gif"],
    );
}

#[test]
fn arrays_that_do_not_fit() {
    let ones = |shape: &[usize]| npy::bytes(shape, (0..shape.iter().product()).map(|_| 1.0));
    refuse_input("flat.npy", &ones(&[768]), &["[768]", "[1, 3, 16, 16]"]);
    refuse_input(
        "large.npy",
        &ones(&[1, 3, 32, 32]),
        &["[1, 3, 32, 32]", "[1, 3, 16, 16]"],
    );
    let good = ones(&[1, 3, 16, 16]);
    refuse_input("short.npy", &good[..good.len() - 4], &["NPY"]);
    refuse_input("text.npy", b"1 2 3\n", &["magic"]);
    let nan = npy::bytes(&[1, 3, 16, 16], (0..768).map(|_| f32::NAN));
    refuse_input("nan.npy", &nan, &["finite"]);
}

#[test]
fn values_beyond_their_declared_range() {
    let scratch = Scratch::new();
    for (name, value) in [("huge.npy", 1e30), ("large.npy", -1e4)] {
        let array = npy::bytes(&[1, 3, 16, 16], (0..768).map(|_| value));
        scratch.write(name, array);
        let end = scratch.run(&format!("infer --model tiny --input @{name}"));
        end.names(&["beyond the declared range", "--margin-bits"])
            .within(20);
    }
    scratch.assert_clean();
}

#[test]
fn words_that_mean_nothing_here() {
    let scratch = Scratch::new();
    for (words, told) in [
        (
            "infer --model resnet51",
            &["resnet51", "resnet50", "tiny"][..],
        ),
        ("plan --model resnet51", &["resnet51", "squeezenet1_1"]),
        ("infer --model tiny --parties 4", &["rep3", "3 parties"]),
        ("infer --model tiny --input @missing.png", &["missing.png"]),
        (
            "infer --model tiny --config @missing.toml",
            &["missing.toml"],
        ),
        (
            "party --config @missing.toml --id 0",
            &["party 0", "missing.toml"],
        ),
        ("plan --from @missing.json", &["missing.json"]),
        ("infer --model tiny --frac 99", &["piquet"]),
    ] {
        scratch.run(words).names(told).within(20);
    }
    // What the command line itself refuses.
    for (words, told) in [
        ("infer --model tiny --truncation sometimes", "sometimes"),
        ("infer --model tiny --network fast", "fast"),
        ("infer --model tiny --engine rep4", "known are: rep3"),
        ("infer --model tiny --deadline 0", "0"),
        ("infer --model tiny --batch 0", "0"),
        ("deal", "deal"),
    ] {
        let end = scratch.run(words);
        assert_eq!(end.code, Some(2), "{end:#?}");
        assert!(end.err.contains(told), "{end:#?}");
    }
    scratch.assert_clean();
}

#[test]
fn a_cpu_level_that_is_none() {
    let scratch = Scratch::new();
    let words = "infer --model tiny";
    let mut command = scratch.piquet(words);
    command.env("PIQUET_CPU", "bogus");
    let end = Running::start(command, words).wait();
    end.names(&["PIQUET_CPU=bogus", "portable", "avx2", "avx512"])
        .within(20);
    scratch.assert_clean();
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let scratch = Scratch::new();
    for option in ["--json", "--output"] {
        let words = format!("infer --model tiny {option} @no/such/folder");
        scratch.run(&words).names(&["no/such/folder"]).within(30);
    }
    scratch.assert_clean();
}

#[test]
fn lists_are_printed() {
    let scratch = Scratch::new();
    for (words, listed) in [
        ("models", &["resnet50", "squeezenet1_1", "tiny"][..]),
        ("engines", &["rep3"]),
        ("--help", &["infer", "party", "dealer", "plan", "certs"]),
    ] {
        let end = scratch.run(words);
        end.good();
        for name in listed {
            assert!(end.out.contains(name), "{end:#?}");
        }
    }
}
