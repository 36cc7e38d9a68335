//! Valgrind's memcheck as a judge of constant time, after A. Langley's ctgrind: secrets are declared undefined
//! memory, and memcheck reports every branch and every address that depends on them.
//!
//! Outside of valgrind the requests do nothing. Valgrind shows programs a processor without AVX-512, so that what is
//! judged are the AVX2 and AES-NI kernels; the AVX-512 kernels have the same structure.
#![allow(unsafe_code)]

use std::convert::Infallible;
use std::path::Path;
use std::process::Command;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};

const MAKE_MEM_UNDEFINED: u64 = 0x4d43_0001;
const MAKE_MEM_DEFINED: u64 = 0x4d43_0002;

/// One of valgrind's client requests (valgrind.h, amd64).
#[cfg(target_arch = "x86_64")]
fn request(code: u64, start: usize, len: usize) {
    let args = [code, start as u64, len as u64, 0, 0, 0];
    let mut _result = 0u64;
    // SAFETY: the rotations add up to 128 bits and the exchange is of a register with itself, so outside of valgrind
    // this changes nothing but flags. Under valgrind it reads `args`; the requests used here change shadow memory only.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") args.as_ptr(),
            inout("rdx") _result,
            options(nostack),
        );
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn request(_: u64, _: usize, _: usize) {}

/// Declares the content secret.
pub(crate) fn secret<T>(x: &[T]) {
    request(MAKE_MEM_UNDEFINED, x.as_ptr() as usize, size_of_val(x));
}

/// Declares the content public: it goes over the wire, or the caller opens it. What is read through the result is read
/// from memory, not from a register that was loaded before.
pub(crate) fn public<T>(x: &[T]) -> &[T] {
    request(MAKE_MEM_DEFINED, x.as_ptr() as usize, size_of_val(x));
    std::hint::black_box(x)
}

/// A generator whose every output is secret.
pub(crate) struct SecretRng(ChaCha20Rng);

impl SecretRng {
    pub(crate) fn new(seed: u8) -> Self {
        Self(ChaCha20Rng::from_seed([seed; 32]))
    }
}

impl TryRng for SecretRng {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let x = [self.0.next_u32()];
        secret(&x);
        Ok(x[0])
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let x = [self.0.next_u64()];
        secret(&x);
        Ok(x[0])
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(out);
        secret(out);
        Ok(())
    }
}

impl TryCryptoRng for SecretRng {}

/// What memcheck says of the ignored test `case` of this binary.
pub(crate) enum Verdict {
    Clean,
    Dependent(String),
    NoValgrind,
}

/// The environment variable that says which part of a case is meant.
pub(crate) const PART: &str = "PIQUET_PART";

/// Runs the ignored test `case` of this binary, or a part of it, under memcheck.
///
/// Valgrind lacks some encodings that compilers choose for AVX2, such as that of a move between registers as a store
/// (`c5 79 d6 d1`). Where it stops at one, the portable kernels alone are judged.
pub(crate) fn judge(case: &str, part: &str) -> Verdict {
    let verdict =
        judge_at("portable", case, part).unwrap_or_else(|text| panic!("{case} {part}: {text}"));
    let Verdict::Clean = verdict else {
        return verdict;
    };
    judge_at("avx2", case, part).unwrap_or_else(|_| {
        eprintln!("{case} {part}: valgrind does not know an instruction; judged at the portable level alone");
        Verdict::Clean
    })
}

/// Nothing but a report if valgrind met an instruction that it does not know.
fn judge_at(level: &str, case: &str, part: &str) -> Result<Verdict, String> {
    let found = std::env::var_os("PATH")
        .is_some_and(|p| std::env::split_paths(&p).any(|d| d.join("valgrind").exists()));
    if !found || cfg!(not(target_arch = "x86_64")) {
        return Ok(Verdict::NoValgrind);
    }
    let exe = std::env::current_exe().unwrap();
    let out = Command::new("valgrind")
        .args(["--quiet", "--error-exitcode=99", "--undef-value-errors=yes"])
        .arg(concat!(
            "--suppressions=",
            env!("CARGO_MANIFEST_DIR"),
            "/tests/support/memcheck.supp"
        ))
        .arg(Path::new(&exe))
        .env("PIQUET_CPU", level)
        .env(PART, part)
        .args(["--ignored", "--exact", case, "--test-threads=1"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    let ran = String::from_utf8_lossy(&out.stdout).contains("1 passed");
    match out.status.code() {
        Some(0) if ran => Ok(Verdict::Clean),
        Some(99) => Ok(Verdict::Dependent(text)),
        None if text.contains("Illegal opcode") => Err(text),
        other => panic!("{case} under valgrind ended with {other:?}:\n{text}"),
    }
}
