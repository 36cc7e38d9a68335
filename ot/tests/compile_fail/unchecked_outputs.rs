use piquet_ot::softspoken::{Choices, Receiver, ReceiverBatch, Sender};
use piquet_ot::{Error, Malicious};
use rand_core::CryptoRng;

fn sender(s: Sender<Malicious>, message: &[u8], rng: &mut impl CryptoRng) -> Result<(), Error> {
    let unchecked = s.extend(Choices::Random, 100, message, rng, &mut Vec::new())?;
    unchecked.into_random_ots();
    Ok(())
}

fn receiver(r: Receiver<Malicious>) -> Result<(), Error> {
    let unchecked = r.extend(100, &mut Vec::new())?;
    unchecked.into_random_ots();
    Ok(())
}

fn batch(b: ReceiverBatch<Malicious>) -> Result<(), Error> {
    let (receiver, cots) = b.finish()?;
    Ok(())
}

fn main() {}
