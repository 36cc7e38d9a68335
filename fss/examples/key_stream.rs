//! Signs of many shared numbers, with keys that a dealer wrote into two files before anybody knew the numbers.
//!
//! ```text
//! cargo run --release -p piquet-fss --example key_stream
//! ```
//!
//! The files are read block by block: what is in memory is one block and its keys, however long the files are. A
//! party that opens what it computed would send its share of the result as well; here both are joined to check them.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use getrandom::SysRng;
use piquet_core::wire::SessionId;
use piquet_core::{BitVec, RingVec};
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::Gate;
use piquet_fss::gates::sign::Sign;
use piquet_fss::mask::Mask;
use piquet_fss::stream::KeyStream;
use piquet_fss::{Cpu, P0, P1, Role};
use rand_core::{Rng, UnwrapErr};

type Failure = Box<dyn Error + Send + Sync>;

/// Bits of the numbers.
const BITS: u32 = 38;
/// Numbers in all, and in a block.
const NUMBERS: usize = 8192;
const BLOCK: usize = 512;
/// A set of keys is dealt once and used once.
const SET: u64 = 0;

fn main() -> Result<(), Failure> {
    let mut rng = UnwrapErr(SysRng);
    let session = SessionId::random(&mut rng);
    let name = format!("piquet-key-stream-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder)?;
    let files = [0, 1].map(|party| folder.join(format!("party-{party}")));

    // The dealer's day. The seeds go to the parties, the dealer's own is forgotten.
    let start = Instant::now();
    let mut dealer = Dealer::new(session, SET, &Seed::random(&mut rng));
    deal(&mut dealer, &files)?;
    let bytes = std::fs::metadata(&files[0])?.len();
    println!(
        "dealt {NUMBERS} signs of {BITS} bits in {:?}: {:.1} bytes a sign and party",
        start.elapsed(),
        bytes as f64 / NUMBERS as f64
    );

    // Later: numbers x, shared between the parties.
    let low = (1 << BITS) - 1;
    let x: Vec<u64> = (0..NUMBERS).map(|_| rng.next_u64() & low).collect();
    let first: Vec<u64> = (0..NUMBERS).map(|_| rng.next_u64() & low).collect();
    let second: Vec<u64> = x
        .iter()
        .zip(&first)
        .map(|(x, s)| x.wrapping_sub(*s))
        .collect();
    let (to_second, from_first) = channel();
    let (to_first, from_second) = channel();
    let start = Instant::now();
    let (s0, s1) = std::thread::scope(|scope| {
        let stream = KeyStream::<P0>::new(session, SET, dealer.seed::<P0>());
        let wire = (to_second, from_second);
        let one = scope.spawn(|| party(stream, &files[0], &first, wire));
        let stream = KeyStream::<P1>::new(session, SET, dealer.seed::<P1>());
        let two = party(stream, &files[1], &second, (to_first, from_first));
        (one.join(), two)
    });
    let mut signs = s0.map_err(|_| "a party panicked")??;
    signs.xor_assign(&s1?);
    println!("evaluated in {:?}", start.elapsed());
    std::fs::remove_dir_all(&folder)?;

    let wrong = signs
        .to_bools()
        .zip(&x)
        .filter(|(sign, x)| *sign != (**x >> (BITS - 1) == 0));
    match wrong.count() {
        0 => println!("all {NUMBERS} signs are right"),
        n => return Err(format!("{n} signs are wrong").into()),
    }
    Ok(())
}

/// Writes both files, block after block: fresh masks, and signs of what will be masked by them.
fn deal(dealer: &mut Dealer, files: &[PathBuf; 2]) -> Result<(), Failure> {
    let (mask, sign) = (Mask::<u64>::new(BITS)?, Sign::<u64>::new(BITS)?);
    let mut out = [File::create(&files[0])?, File::create(&files[1])?].map(BufWriter::new);
    let [mut b0, mut b1] = [Vec::new(), Vec::new()];
    for _ in 0..NUMBERS / BLOCK {
        let r: RingVec<u64> = dealer.deal(&mask, BLOCK, (), [&mut b0, &mut b1])?;
        dealer.deal(&sign, BLOCK, r.as_slice(), [&mut b0, &mut b1])?;
        for (out, block) in out.iter_mut().zip([&mut b0, &mut b1]) {
            out.write_all(block)?;
            block.clear();
        }
    }
    for mut out in out {
        out.flush()?;
    }
    Ok(())
}

/// One party: its shares of the signs of the numbers of which it has shares.
fn party<P: Role>(
    mut stream: KeyStream<P>,
    file: &Path,
    shares: &[u64],
    (to, from): (Sender<Vec<u8>>, Receiver<Vec<u8>>),
) -> Result<BitVec, Failure> {
    let (mask, sign) = (Mask::<u64>::new(BITS)?, Sign::<u64>::new(BITS)?);
    let (mut file, mut block) = (File::open(file)?, Vec::new());
    let mut signs = BitVec::default();
    for shares in shares.chunks(BLOCK) {
        let masks = next(&mut stream, &mut file, &mut block, &mask, shares.len())?;
        let keys = next(&mut stream, &mut file, &mut block, &sign, shares.len())?;
        let (opening, message) = masks.open(shares)?;
        to.send(message)?;
        let masked = opening.finish(&from.recv()?)?;
        signs.extend_from(&keys.evaluate(masked.as_slice(), &Cpu::new())?);
    }
    Ok(signs)
}

/// The keys of the next block, through a buffer of its length.
fn next<P: Role, G: Gate>(
    stream: &mut KeyStream<P>,
    file: &mut File,
    block: &mut Vec<u8>,
    gate: &G,
    count: usize,
) -> Result<G::Keys<P>, Failure> {
    block.resize(KeyStream::<P>::block_len(gate, count), 0);
    file.read_exact(block)?;
    Ok(stream.take(gate, count, block)?)
}
