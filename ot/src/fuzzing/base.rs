//! The doors of the base OTs.

use piquet_core::wire::SessionId;
use piquet_core::{BitVec, Block};
use rand_core::{Infallible, TryCryptoRng, TryRng};

use crate::base::{Receiver, Sender, uniform};
use crate::{ReceivedOts, SentOts};

const SESSION: SessionId = SessionId([3; 32]);

/// The same bytes at every run: what is fuzzed are decoders.
struct Counter(u64);

impl TryRng for Counter {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|x| x as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        Ok(self.0 ^ (self.0 >> 29))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for b in out {
            *b = self.try_next_u32()? as u8;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

/// [`Sender::finish`] of two OTs: what it accepts has the expected length and gives two.
pub fn base_sender(data: &[u8]) {
    let Ok(s) = Sender::new(SESSION, 2, &mut Counter(1), &mut Vec::new()) else {
        return;
    };
    let want = s.expects();
    if let Ok(ots) = s.finish(data) {
        assert_eq!((data.len(), ots.len()), (want, 2));
    }
}

/// [`Receiver::finish`] of two OTs: what it accepts has the expected length and gives two.
pub fn base_receiver(data: &[u8]) {
    let choices = BitVec::from_bools(&[false, true]);
    let Ok(r) = Receiver::new(SESSION, &choices, &mut Counter(2), &mut Vec::new()) else {
        return;
    };
    let want = r.expects();
    if let Ok(ots) = r.finish(data) {
        assert_eq!((data.len(), ots.len()), (want, 2));
    }
}

/// The three messages of [`uniform`], of 50 bytes each: commitment, answer, opening.
pub fn base_uniform(data: &[u8]) {
    let (first, rest) = data.split_at(data.len().min(50));
    let (second, third) = rest.split_at(rest.len().min(50));
    let out = &mut Vec::new();
    let sent = SentOts::from_raw(vec![[Block::ZERO; 2]]);
    if let Ok(s) = uniform::Sender::new(SESSION, sent, &mut Counter(3), out) {
        let _ = s.finish(second, out);
    }
    let Some(received) = ReceivedOts::from_raw(BitVec::zeros(1), vec![Block::ZERO]) else {
        return;
    };
    if let Ok(r) = uniform::Receiver::new(SESSION, received, &mut Counter(4))
        && let Ok(answered) = r.answer(first, out)
        && let Ok(ots) = answered.finish(third)
    {
        assert_eq!((data.len(), ots.len()), (150, 1));
    }
}

/// [`mlkem::Sender::finish`](crate::base::mlkem::Sender::finish) of one OT: what it accepts has the expected length, and
/// what it refuses it does not answer.
#[cfg(feature = "ml-kem")]
pub fn base_mlkem_sender(data: &[u8]) {
    use crate::base::mlkem::Sender;
    let Ok(s) = Sender::new(SESSION, 1, &mut Counter(1)) else {
        return;
    };
    let (want, mut out) = (s.expects(), Vec::new());
    match s.finish(data, &mut out) {
        Ok(ots) => assert_eq!((data.len(), ots.len()), (want, 1)),
        Err(_) => assert!(out.is_empty()),
    }
}

/// [`mlkem::Receiver::finish`](crate::base::mlkem::Receiver::finish) of one OT: what it accepts has the expected length.
#[cfg(feature = "ml-kem")]
pub fn base_mlkem_receiver(data: &[u8]) {
    use crate::base::mlkem::Receiver;
    let choices = BitVec::from_bools(&[true]);
    let Ok(r) = Receiver::new(SESSION, &choices, &mut Counter(2), &mut Vec::new()) else {
        return;
    };
    let want = r.expects();
    if let Ok(ots) = r.finish(data) {
        assert_eq!((data.len(), ots.len()), (want, 1));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The files `accepted` of the corpora are these messages.
    #[test]
    fn what_an_honest_peer_says_is_accepted() {
        let (mut from_sender, mut from_receiver) = (Vec::new(), Vec::new());
        let choices = BitVec::from_bools(&[true, true]);
        let s = Sender::new(SESSION, 2, &mut Counter(7), &mut from_sender);
        let r = Receiver::new(SESSION, &choices, &mut Counter(8), &mut from_receiver);
        base_sender(&from_receiver);
        base_receiver(&from_sender);
        assert!(s.unwrap().finish(&from_receiver).is_ok());
        assert!(r.unwrap().finish(&from_sender).is_ok());
        let sent = SentOts::from_raw(vec![[Block::ZERO; 2]]);
        let received = ReceivedOts::from_raw(BitVec::zeros(1), vec![Block::ZERO]).unwrap();
        let (mut toss, mut answer) = (Vec::new(), Vec::new());
        let s = uniform::Sender::new(SESSION, sent, &mut Counter(5), &mut toss).unwrap();
        let r = uniform::Receiver::new(SESSION, received, &mut Counter(6)).unwrap();
        r.answer(&toss, &mut answer).unwrap();
        let mut opening = Vec::new();
        s.finish(&answer, &mut opening).unwrap();
        let toss = [toss, answer, opening].concat();
        base_uniform(&toss);
        #[cfg(feature = "ml-kem")]
        {
            use crate::base::mlkem::{Receiver, Sender};
            let (mut keys, mut ciphertexts) = (Vec::new(), Vec::new());
            let choices = BitVec::from_bools(&[false]);
            Receiver::new(SESSION, &choices, &mut Counter(9), &mut keys).unwrap();
            base_mlkem_sender(&keys);
            let s = Sender::new(SESSION, 1, &mut Counter(10)).unwrap();
            s.finish(&keys, &mut ciphertexts).unwrap();
            base_mlkem_receiver(&ciphertexts);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_finding(data: Vec<u8>) {
            base_sender(&data);
            base_receiver(&data);
            base_uniform(&data);
            #[cfg(feature = "ml-kem")]
            {
                base_mlkem_sender(&data);
                base_mlkem_receiver(&data);
            }
        }
    }
}
