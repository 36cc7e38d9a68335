//! The same states in an asynchronous program: `cargo run --release -p piquet-ot --example tokio`
//!
//! The crate does no I/O, so an executor needs no support from it: [`drive`] below is all. A step computes for less than
//! a millisecond (a piece of 2^16 correlated OTs), except for base OTs and the set-ups, of a few; whoever cannot stop
//! an executor's thread for so long runs `machine.step` in `spawn_blocking`.

use std::error::Error;

use getrandom::SysRng;
use piquet_core::wire::{Machine, SessionId, Step};
use piquet_ot::softspoken::{Bits, Choices, ReceiverRun, ReceiverSetUp, SenderRun};
use piquet_ot::{Delta, Malicious, ReceivedOts, SentOts, base, softspoken};
use rand_core::UnwrapErr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn Error + Send + Sync>;

/// Random OTs, secure against malicious parties.
const OTS: usize = 1_000_000;

/// Runs a machine over an asynchronous connection.
async fn drive<M, S>(mut machine: M, stream: &mut S) -> Result<M::Output, Failure>
where
    M: Machine<Error: Error + Send + Sync + 'static>,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut inbox, mut out) = (Vec::new(), Vec::new());
    loop {
        out.clear();
        let step = machine.step(&inbox, &mut out)?;
        stream.write_all(&out).await?;
        inbox.clear();
        match step {
            Step::Send(next) => machine = next,
            Step::Recv(next) => {
                stream.flush().await?;
                // The length is this party's own knowledge, not the peer's word.
                inbox.resize(next.expects(), 0);
                stream.read_exact(&mut inbox).await?;
                machine = next;
            }
            Step::Done(output) => {
                stream.flush().await?;
                return Ok(output);
            }
        }
    }
}

async fn sender(mut wire: TcpStream, session: SessionId) -> Result<SentOts<Malicious>, Failure> {
    let mut rng = UnwrapErr(SysRng);
    let delta = Delta::random(&mut rng);
    let base = base::Receiver::machine(session.child("base"), &delta.choices(), &mut rng)?;
    let base = drive(base, &mut wire).await?;
    let setup = softspoken::Sender::setup(session.child("extension"), Bits::Four, base)?;
    let state = drive(setup, &mut wire).await?;
    let batch = SenderRun::<Malicious>::new(state, Choices::Random, OTS, &mut rng)?;
    let (_, cots) = drive(batch, &mut wire).await?;
    Ok(cots.into_random_ots())
}

async fn receiver(
    mut wire: TcpStream,
    session: SessionId,
) -> Result<ReceivedOts<Malicious>, Failure> {
    let mut rng = UnwrapErr(SysRng);
    let base = base::Sender::machine(session.child("base"), 128, &mut rng)?;
    let base = drive(base, &mut wire).await?;
    let setup = ReceiverSetUp::new(session.child("extension"), Bits::Four, base);
    let state = drive(setup, &mut wire).await?;
    let (_, cots) = drive(ReceiverRun::new(state, OTS)?, &mut wire).await?;
    Ok(cots.into_random_ots())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let session = SessionId::random(&mut UnwrapErr(SysRng)); // in earnest agreed over the network
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (sent, received) = tokio::try_join!(
        async { sender(listener.accept().await?.0, session).await },
        async { receiver(TcpStream::connect(address).await?, session).await },
    )?;
    for ((m, c), mine) in sent
        .messages()
        .iter()
        .zip(received.choices().to_bools())
        .zip(received.messages())
    {
        if m[usize::from(c)] != *mine {
            return Err("the parties disagree".into());
        }
    }
    println!(
        "{} random OTs: the receiver has the message of each of its choices",
        sent.len()
    );
    Ok(())
}
