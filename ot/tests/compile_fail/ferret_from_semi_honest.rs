use piquet_core::wire::SessionId;
use piquet_ot::ferret::{Params, Receiver, Sender, SenderSetUp};
use piquet_ot::{Error, Malicious, ReceivedCots, SemiHonest, SentCots};
use rand_core::CryptoRng;

fn sender(
    session: SessionId,
    base: SentCots<SemiHonest>,
    rng: &mut impl CryptoRng,
) -> Result<SenderSetUp<Malicious>, Error> {
    Sender::set_up(session, Params::standard(), base, rng)
}

fn receiver(
    session: SessionId,
    base: ReceivedCots<SemiHonest>,
    rng: &mut impl CryptoRng,
) -> Result<(), Error> {
    Receiver::<Malicious>::set_up(session, Params::standard(), base, rng)?;
    Ok(())
}

/// The correlations that seeded one instance seed no other.
fn twice(session: SessionId, base: SentCots<Malicious>, rng: &mut impl CryptoRng) -> Result<(), Error> {
    Sender::set_up(session, Params::standard(), base, rng)?;
    Sender::set_up(session, Params::standard(), base, rng)?;
    Ok(())
}

/// Nothing is taken from an expansion that the check has not passed.
fn expanding(sender: Sender<Malicious>) -> Result<(), Error> {
    let expansion = sender.expand()?;
    expansion.available();
    Ok(())
}

fn main() {}
