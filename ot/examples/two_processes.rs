//! IKNP and Ferret between two processes over TCP.
//!
//! ```text
//! cargo run --release -p piquet-ot --example two_processes                            # starts both processes
//! cargo run --release -p piquet-ot --example two_processes -- sender 0.0.0.0:7700     # one of them, which listens
//! cargo run --release -p piquet-ot --example two_processes -- receiver HOST:7700      # the other, which connects
//! ```
//!
//! The connection is plain TCP: put TLS below it on a network that others can write to. OT extension hides what it hides
//! from the peer, not who the peer is.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

use getrandom::SysRng;
use piquet_core::Block;
use piquet_core::wire::{Channel, Machine, RunError, SessionId, drive};
use piquet_ot::ferret::Params;
use piquet_ot::softspoken::{Bits, Choices, ReceiverRun, ReceiverSetUp, SenderRun};
use piquet_ot::{Delta, Malicious, ReceivedCots, Security, SemiHonest, SentCots};
use piquet_ot::{base, ferret, iknp, softspoken};
use rand_core::UnwrapErr;

type Failure = Box<dyn Error>;

/// Correlated OTs by IKNP.
const BY_IKNP: usize = 1_000_000;
/// Correlated OTs by Ferret.
const BY_FERRET: usize = 10_000_000;

fn main() -> Result<(), Failure> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => both(),
        ["sender", address] => {
            let listener = TcpListener::bind(address)?;
            println!("listening on {}", listener.local_addr()?);
            sender(&mut Tcp::new(listener.accept()?.0)?)
        }
        ["receiver", address] => receiver(&mut Tcp::new(TcpStream::connect(address)?)?),
        _ => Err("give nothing, or: sender ADDRESS, or: receiver ADDRESS".into()),
    }
}

/// Starts the OT sender as another process, and is the OT receiver.
fn both() -> Result<(), Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["sender", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    let address = line
        .trim()
        .strip_prefix("listening on ")
        .ok_or("it does not listen")?;
    receiver(&mut Tcp::new(TcpStream::connect(address)?)?)?;
    io::copy(&mut said, &mut io::stdout())?;
    match child.wait()?.success() {
        true => Ok(()),
        false => Err("the OT sender failed".into()),
    }
}

/// The system's generator; where it fails there is nothing to go on with.
fn system() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// Both parties have to have the same session identifier, never used before: each adds 32 bytes of its own to it.
fn agree(wire: &mut Tcp, listening: bool) -> Result<SessionId, Failure> {
    let (mine, mut theirs) = (SessionId::random(&mut system()), SessionId([0; 32]));
    wire.send(&mine.0)?;
    wire.recv(&mut theirs.0)?;
    let (first, second) = if listening {
        (mine, theirs)
    } else {
        (theirs, mine)
    };
    Ok(SessionId(first.derive_key("session of two", &second.0)))
}

fn sender(wire: &mut Tcp) -> Result<(), Failure> {
    let mut rng = system();
    let session = agree(wire, true)?;

    // 128 base OTs, in which the sender of the extension is the receiver, and chooses with the bits of Delta.
    let delta = Delta::random(&mut rng);
    let name = session.child("base for iknp");
    let base = run(
        "base OT",
        base::Receiver::machine(name, &delta.choices(), &mut rng)?,
        wire,
    )?;
    let state = iknp::sender(session.child("iknp"), base.weaken())?;
    let (_, cots) = run(
        "IKNP",
        SenderRun::<SemiHonest>::new(state, Choices::Random, BY_IKNP)?,
        wire,
    )?;
    show_sent(cots, wire)?;

    // Ferret takes its first correlations from SoftSpokenOT, all of it secure against malicious parties. Another Delta: a
    // malicious party may have learnt bits of the first one through the semi-honest protocol. Its bit 0 is 1, for Ferret.
    let delta = Delta::random_odd(&mut rng);
    let name = session.child("base for ferret");
    let base = run(
        "base OT",
        base::Receiver::machine(name, &delta.choices(), &mut rng)?,
        wire,
    )?;
    let setup = softspoken::Sender::setup(session.child("softspoken"), Bits::Four, base)?;
    let state = run("SoftSpokenOT, set-up", setup, wire)?;
    let params = Params::standard();
    let n = params.base_cots::<Malicious>();
    let seed = SenderRun::<Malicious>::new(state, Choices::Random, n, &mut rng)?;
    let (_, seed) = run("SoftSpokenOT", seed, wire)?;
    let setup = ferret::Sender::set_up(session.child("ferret"), params, seed, &mut rng)?;
    let mut state = run("Ferret, set-up", setup, wire)?;
    while state.available() < BY_FERRET {
        state = run("Ferret", state.expand()?, wire)?;
    }
    show_sent(state.take(BY_FERRET)?, wire)
}

/// The same from the other side.
fn receiver(wire: &mut Tcp) -> Result<(), Failure> {
    let mut rng = system();
    let session = agree(wire, false)?;

    let name = session.child("base for iknp");
    let base = run("base OT", base::Sender::machine(name, 128, &mut rng)?, wire)?;
    let state = iknp::receiver(session.child("iknp"), base.weaken())?;
    let (_, cots) = run("IKNP", ReceiverRun::new(state, BY_IKNP)?, wire)?;
    compare_received(cots, wire)?;

    let name = session.child("base for ferret");
    let base = run("base OT", base::Sender::machine(name, 128, &mut rng)?, wire)?;
    let setup = ReceiverSetUp::new(session.child("softspoken"), Bits::Four, base);
    let state = run("SoftSpokenOT, set-up", setup, wire)?;
    let params = Params::standard();
    let n = params.base_cots::<Malicious>();
    let (_, seed) = run("SoftSpokenOT", ReceiverRun::new(state, n)?, wire)?;
    let setup = ferret::Receiver::set_up(session.child("ferret"), params, seed, &mut rng)?;
    let mut state = run("Ferret, set-up", setup, wire)?;
    while state.available() < BY_FERRET {
        state = run("Ferret", state.expand()?, wire)?;
    }
    compare_received(state.take(BY_FERRET)?, wire)
}

/// Runs one machine to its end and says how long it took.
fn run<M: Machine>(what: &str, machine: M, wire: &mut Tcp) -> Result<M::Output, Failure>
where
    RunError<M::Error, io::Error>: Error + 'static,
{
    let begun = Instant::now();
    let before = (wire.sent, wire.received);
    let output = drive(machine, wire)?;
    println!(
        "{what}: {:.1} ms, {} bytes out, {} in",
        begun.elapsed().as_secs_f64() * 1e3,
        wire.sent - before.0,
        wire.received - before.1
    );
    Ok(output)
}

/// Shows the peer both messages of the first hundred OTs, so that it can hold them to its own. They are hashed and say
/// nothing about Delta, and they are spent.
fn show_sent<M: Security>(mut cots: SentCots<M>, wire: &mut Tcp) -> Result<(), Failure> {
    let total = cots.len();
    let random = cots.take(100)?.into_random_ots();
    for [zero, one] in random.messages() {
        wire.send(&<[u8; 16]>::from(*zero))?;
        wire.send(&<[u8; 16]>::from(*one))?;
    }
    wire.flush()?;
    println!("{total} correlated OTs sent");
    Ok(())
}

fn compare_received<M: Security>(mut cots: ReceivedCots<M>, wire: &mut Tcp) -> Result<(), Failure> {
    let total = cots.len();
    let ots = cots.take(100)?.into_random_ots();
    for (choice, mine) in ots.choices().to_bools().zip(ots.messages()) {
        let mut both = [[0; 16]; 2];
        for m in &mut both {
            wire.recv(m)?;
        }
        let [zero, one] = both.map(Block::from);
        let (theirs, other) = if choice { (one, zero) } else { (zero, one) };
        if theirs != *mine || other == *mine {
            return Err("the sender has other messages".into());
        }
    }
    println!("{total} correlated OTs received; the first 100, hashed, agree with the sender's");
    Ok(())
}

/// What the protocols need of a transport.
struct Tcp {
    stream: TcpStream,
    sent: usize,
    received: usize,
}

impl Tcp {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            sent: 0,
            received: 0,
        })
    }
}

impl Channel for Tcp {
    type Error = io::Error;
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sent += bytes.len();
        self.stream.write_all(bytes)
    }
    fn recv(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.received += bytes.len();
        self.stream.read_exact(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
