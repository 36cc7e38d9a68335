//! IKNP between two threads over loop-back TCP, one core a party, beside what such sockets carry when nothing is
//! computed: `cargo bench -p piquet-bench-suite --bench ot_tcp`. The row belongs to `piquet-ot`.
//!
//! The states run as any user's would: as machines under `wire::drive` over a `Channel`.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use piquet_bench_harness::Table;
use piquet_core::cpu;
use piquet_core::wire::{Channel, SessionId, drive, run_pair};
use piquet_ot::softspoken::{Bits, Choices, PIECE, ReceiverRun, SenderRun, extension_len};
use piquet_ot::{Delta, SemiHonest, base, iknp};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Correlated OTs of a batch.
const OTS: usize = 1 << 22;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let level = cpu::detect()?;
    let mut t = Table::new("piquet-ot", level.name());
    let bytes = extension_len::<SemiHonest>(Bits::One, Choices::Random, OTS);
    let bytes_per_ot = bytes as f64 / OTS as f64;

    let [mut near, mut far] = pair()?;
    let mut inbox = vec![0; 16 * PIECE];
    let sink = Background::new(move || {
        for n in pieces(bytes, inbox.len()) {
            far.recv(&mut inbox[..n])?;
        }
        Ok(())
    });
    let filler = vec![7; 16 * PIECE];
    let wire = t.limit(
        "loop-back TCP without computation, measured here",
        bytes as f64,
        || {
            sink.alongside(|| {
                for n in pieces(bytes, filler.len()) {
                    near.send(black_box(&filler[..n]))?;
                }
                Ok(())
            });
        },
    );

    // A party has one core: what it computes comes on top of what it moves. The OT receiver has more of both.
    let (mut alone, _) = parties()?;
    let mut message = Vec::new();
    let compute = t.limit("the OT receiver without a wire", OTS as f64, || {
        let mut step = || -> Result<(), Failure> {
            let mut batch = alone.take()?.begin_batch(OTS)?;
            while batch.has_more() {
                message.clear();
                batch = batch.piece(&mut message)?;
            }
            let (mut state, cots) = batch.finish()?;
            state.recycle(cots);
            alone.put(state);
            Ok(())
        };
        must(step());
    });
    let both = 1.0 / (bytes_per_ot / wire.per_second() + 1.0 / compute.per_second());

    let [mut near, mut far] = pair()?;
    let (mut receiver, mut sender) = parties()?;
    let peer = Background::new(move || {
        let run = SenderRun::<SemiHonest>::new(sender.take()?, Choices::Random, OTS)?;
        let (mut state, cots) = drive(run, &mut far)?;
        state.recycle(cots);
        sender.put(state);
        Ok(())
    });
    t.bench("cot-iknp-tcp")
        .work(OTS as u64)
        .bytes(bytes_per_ot)
        .threads(2)
        .samples(10)
        .limit(&wire.per(bytes_per_ot))
        .rate(|| {
            peer.alongside(|| {
                let run = ReceiverRun::new(receiver.take()?, OTS)?;
                let (mut state, cots) = drive(run, &mut near)?;
                state.recycle(cots);
                receiver.put(state);
                Ok(())
            });
        });
    println!(
        "cot-iknp-tcp: the OT receiver alone {:.1} M/s; moving and computing one after the other on its core {:.1} M/s",
        compute.per_second() / 1e6,
        both / 1e6
    );
    t.finish().map_err(|e| e.to_string().into())
}

/// Both parties of IKNP, after base OTs; what they make is compared once before anything is measured.
fn parties() -> Result<(State<iknp::Receiver>, State<iknp::Sender>), Failure> {
    let mut rng = ChaCha20Rng::from_seed([26; 32]);
    let session = SessionId::random(&mut rng);
    let delta = Delta::random(&mut rng);
    let (sent, received, _) = run_pair(
        base::Sender::machine(session, 128, &mut rng)?,
        base::Receiver::machine(session, &delta.choices(), &mut rng)?,
    );
    let mut receiver = iknp::receiver(session, sent?.weaken())?;
    let mut sender = iknp::sender(session, received?.weaken())?;
    let mut message = Vec::new();
    let mine = receiver.extend(1000, &mut message)?;
    let yours = sender.extend(Choices::Random, 1000, &message)?;
    let (choices, macs) = mine.into_raw();
    let (keys, delta) = yours.into_raw();
    for ((b, t), q) in choices.to_bools().zip(macs).zip(keys) {
        assert!(t == if b { q ^ delta.block() } else { q });
    }
    Ok((State(Some(receiver)), State(Some(sender))))
}

/// A state between two batches.
struct State<T>(Option<T>);

impl<T> State<T> {
    fn take(&mut self) -> Result<T, Failure> {
        self.0
            .take()
            .ok_or_else(|| "an earlier batch failed".into())
    }
    fn put(&mut self, state: T) {
        self.0 = Some(state);
    }
}

/// A thread that does the same again and again, when told.
struct Background {
    begin: mpsc::Sender<()>,
    done: mpsc::Receiver<Result<(), Failure>>,
}

impl Background {
    fn new(mut work: impl FnMut() -> Result<(), Failure> + Send + 'static) -> Self {
        let (begin, begun) = mpsc::channel();
        let (finish, done) = mpsc::channel();
        thread::spawn(move || {
            while begun.recv().is_ok() {
                if finish.send(work()).is_err() {
                    return;
                }
            }
        });
        Self { begin, done }
    }
    /// Once, while `mine` runs here.
    fn alongside(&self, mine: impl FnOnce() -> Result<(), Failure>) {
        assert!(self.begin.send(()).is_ok());
        let results = [mine(), self.done.recv().unwrap_or_else(|e| Err(e.into()))];
        results.into_iter().for_each(must);
    }
}

/// A bench that fails has to stop.
fn must(result: Result<(), Failure>) {
    assert!(result.is_ok(), "{result:?}");
}

fn pieces(bytes: usize, largest: usize) -> impl Iterator<Item = usize> {
    (0..bytes)
        .step_by(largest)
        .map(move |at| largest.min(bytes - at))
}

struct Tcp(TcpStream);

impl Channel for Tcp {
    type Error = io::Error;
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
    fn recv(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.0.read_exact(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Both ends of a connection.
fn pair() -> io::Result<[Tcp; 2]> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    Ok([Tcp(near), Tcp(far)])
}
