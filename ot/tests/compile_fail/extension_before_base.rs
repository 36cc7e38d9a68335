use piquet_core::wire::SessionId;
use piquet_ot::softspoken::{Bits, Sender};
use piquet_ot::{Error, Malicious, base, iknp};

/// Base OTs that wait for the peer's message are no base OTs.
fn base_unfinished(session: SessionId, base: base::Receiver) -> Result<(), Error> {
    Sender::<Malicious>::setup(session, Bits::Four, base)?;
    Ok(())
}

/// Nor does a set-up extend that waits for the peer's.
fn set_up_unfinished(session: SessionId, base: piquet_ot::ReceivedOts<Malicious>) -> Result<(), Error> {
    Sender::setup(session, Bits::Four, base)?.begin_batch();
    Ok(())
}

/// IKNP takes semi-honest ones, weakened on purpose.
fn not_weakened(session: SessionId, base: piquet_ot::SentOts<Malicious>) -> Result<(), Error> {
    iknp::receiver(session, base)?;
    Ok(())
}

fn main() {}
