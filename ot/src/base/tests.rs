use super::*;
use curve25519_dalek::ristretto::CompressedRistretto;
use piquet_core::wire::{DecodeError, Header, run_pair};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SESSION: SessionId = SessionId([7; 32]);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

#[test]
fn first() {
    let mut r = rng(1);
    for n in [1, 2, 7, 127, 128, 129] {
        let choices = BitVec::random(n, &mut r);
        let s = Sender::machine(SESSION, n, &mut rng(2)).unwrap();
        let t = Receiver::machine(SESSION, &choices, &mut rng(3)).unwrap();
        let (s, t, _) = run_pair(s, t);
        let (s, t) = (s.unwrap(), t.unwrap());
        for (i, c) in choices.to_bools().enumerate() {
            assert!(s.messages()[i][usize::from(c)] == t.messages()[i]);
            assert!(s.messages()[i][usize::from(!c)] != t.messages()[i]);
        }
    }
}
