//! Doors of SoftSpokenOT and IKNP, with the states of a fixed honest run behind them.

use piquet_core::wire::SessionId;
use piquet_core::{Block, Prg};

use crate::softspoken::{Bits, Choices, Receiver, Sender, extension_len, setup_len};
use crate::{Delta, Error, Malicious, ReceivedOts, Security, SemiHonest, SentOts, ideal};

const SESSION: SessionId = SessionId([5; 32]);
/// Correlations of a batch.
const N: usize = 130;

fn base<M: Security>() -> (SentOts<M>, ReceivedOts<M>) {
    let mut rng = Prg::new(Block::from_u128(1));
    let delta = Delta::random(&mut rng);
    ideal::random_ots(&delta.choices(), &mut rng)
}

fn pair<M: Security>(k: Bits) -> Result<(Sender<M>, Receiver<M>), Error> {
    let (sent, received) = base();
    let mut message = Vec::new();
    let r = Receiver::setup(SESSION, k, sent, &mut message)?;
    Ok((Sender::setup(SESSION, k, received)?.finish(&message)?, r))
}

fn first(data: &[u8]) -> Option<(Bits, bool, &[u8])> {
    let (how, data) = data.split_first()?;
    let k = [Bits::One, Bits::Two, Bits::Four, Bits::Eight][usize::from(how & 3)];
    Some((k, how & 4 != 0, data))
}

fn only_two_errors<T>(r: Result<T, Error>) -> bool {
    match r {
        Ok(_) => true,
        Err(Error::Decode(_) | Error::Check) => false,
        Err(e) => unreachable!("{e}"),
    }
}

/// The set-up message: the first byte says k, and whether it is malicious.
pub fn softspoken_setup(data: &[u8]) {
    fn run<M: Security>(k: Bits, data: &[u8]) {
        if let Ok(setup) = Sender::<M>::setup(SESSION, k, base().1)
            && only_two_errors(setup.finish(data))
        {
            assert_eq!(data.len(), setup_len::<M>(k));
        }
    }
    match first(data) {
        Some((k, true, data)) => run::<Malicious>(k, data),
        Some((k, false, data)) => run::<SemiHonest>(k, data),
        None => {}
    }
}

/// Corrections of a batch: the first byte says k, and whether its choices are chosen.
pub fn softspoken_extension(data: &[u8]) {
    let Some((k, chosen, data)) = first(data) else {
        return;
    };
    let Ok((mut s, _)) = pair::<SemiHonest>(k) else {
        return;
    };
    let choices = if chosen {
        Choices::Chosen
    } else {
        Choices::Random
    };
    if only_two_errors(s.extend(choices, N, data)) {
        assert_eq!(data.len(), extension_len::<SemiHonest>(k, choices, N));
        assert_eq!(s.next_index(), N as u64);
    } else {
        assert_eq!(s.next_index(), 0);
    }
}

/// The challenge, which any key makes.
pub fn softspoken_challenge(data: &[u8]) {
    let run = || {
        let (_, r) = pair::<Malicious>(Bits::Two)?;
        r.extend(N, &mut Vec::new())?.answer(data, &mut Vec::new())
    };
    only_two_errors(run());
}

/// The answer to the challenge: only the right one is accepted.
pub fn softspoken_response(data: &[u8]) {
    let run = || {
        let (s, r) = pair::<Malicious>(Bits::Two)?;
        let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
        let mut rng = Prg::new(Block::from_u128(2));
        let r = r.extend(N, &mut a)?;
        let s = s.extend(Choices::Random, N, &a, &mut rng, &mut b)?;
        r.answer(&b, &mut c)?;
        s.verify(data)?;
        Ok(c)
    };
    let answer = run();
    if let Ok(right) = &answer {
        assert_eq!(data, right);
    }
    only_two_errors(answer);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_are_a_finding(data: Vec<u8>) {
            super::softspoken_setup(&data);
            super::softspoken_extension(&data);
            super::softspoken_challenge(&data);
            super::softspoken_response(&data);
        }
    }
}
