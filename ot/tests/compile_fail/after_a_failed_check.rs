use piquet_ot::softspoken::{Choices, Sender, UncheckedSender};
use piquet_ot::{Error, Malicious, base};
use rand_core::CryptoRng;

/// What failed is gone, with its set-up.
fn again(unchecked: UncheckedSender, first: &[u8], second: &[u8]) -> Result<(), Error> {
    if unchecked.verify(first).is_err() {
        unchecked.verify(second)?;
    }
    Ok(())
}

/// No other batch while one is not checked.
fn beside(s: Sender<Malicious>, message: &[u8], rng: &mut impl CryptoRng) -> Result<(), Error> {
    let unchecked = s.extend(Choices::Random, 100, message, rng, &mut Vec::new());
    s.extend(Choices::Random, 100, message, rng, &mut Vec::new())?;
    Ok(())
}

/// A second opening after one that was wrong.
fn opening(state: base::uniform::Answered, first: &[u8], second: &[u8]) -> Result<(), Error> {
    if state.finish(first).is_err() {
        state.finish(second)?;
    }
    Ok(())
}

fn main() {}
