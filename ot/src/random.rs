//! Random OTs: correlated OTs whose correlation the hash has broken.
//!
//! **Functionality.** For each OT the sender gets two blocks, the receiver a random bit and one of the two. A corrupt
//! party may have its own outputs as it likes (it has a say in q_i or t_i), so the OTs are endemic; whoever needs
//! messages or choices of its own sends corrections ([`crate::chosen`]).
//!
//! **Protocol.** Messages H(i, q_i) and H(i, q_i ⊕ Δ), of which the receiver knows H(i, t_i): the last step of every OT
//! extension since Y. Ishai, J. Kilian, K. Nissim, E. Petrank (CRYPTO 2003); H after the adversary, see the crate's
//! documentation. **Security**: semi-honest or malicious, as that of the correlated OTs, in the random permutation model.
//!
//! **Cost**: no bytes. AES blocks for each OT: sender 2, receiver 1; against malicious parties 4 and 2.
//!
//! Constant time in keys, Δ and choices.

use core::mem;

use piquet_core::{Block, wipe, wipe_vec};

use crate::pads::CHUNK;
use crate::{ReceivedCots, ReceivedOts, Security, SentCots, SentOts};

impl<M: Security> SentCots<M> {
    /// Both messages of each OT.
    #[must_use]
    pub fn into_random_ots(self) -> SentOts<M> {
        self.into_random_ots_in(Vec::new()).0
    }
    /// [`SentCots::into_random_ots`] in the storage `room`, whatever is in it, so that no fresh memory is touched where
    /// it suffices: that of OTs that were spent ([`SentOts::into_raw`]), as a rule. Beside it what is left of the
    /// correlated OTs: none, and the storage that they were in, for their extension to recycle or else to be wiped.
    #[must_use]
    pub fn into_random_ots_in(mut self, mut room: Vec<[Block; 2]>) -> (SentOts<M>, Self) {
        let n = self.len();
        if room.capacity() < n {
            wipe_vec(&mut room);
            room = Vec::with_capacity(n);
        }
        room.clear();
        let [mut zero, mut one] = [[Block::ZERO; CHUNK]; 2];
        for at in (0..n).step_by(CHUNK) {
            let c = CHUNK.min(n - at);
            let (zero, one) = (&mut zero[..c], &mut one[..c]);
            self.pads(at, zero, one);
            room.extend(zero.iter().zip(one).map(|(a, b)| [*a, *b]));
        }
        wipe(&mut zero);
        wipe(&mut one);
        self.keys.clear();
        self.first += n as u64;
        (SentOts::from_raw(room), self)
    }
}

impl<M: Security> ReceivedCots<M> {
    /// The chosen message of each OT, in the storage of the t_i.
    #[must_use]
    pub fn into_random_ots(mut self) -> ReceivedOts<M> {
        let mut messages = mem::take(&mut self.macs);
        self.context.hash.hash(self.first, &mut messages);
        self.give(messages)
    }
    /// [`ReceivedCots::into_random_ots`] in the storage `room`. See [`SentCots::into_random_ots_in`].
    #[must_use]
    pub fn into_random_ots_in(mut self, mut room: Vec<Block>) -> (ReceivedOts<M>, Self) {
        let n = self.len();
        if room.capacity() < n {
            wipe_vec(&mut room);
            room = Vec::with_capacity(n);
        }
        room.resize(n, Block::ZERO);
        self.pads(0, &mut room);
        self.macs.clear();
        self.first += n as u64;
        (self.give(room), self)
    }
    fn give(&mut self, messages: Vec<Block>) -> ReceivedOts<M> {
        let choices = mem::take(&mut self.choices);
        #[expect(clippy::expect_used, reason = "a choice and a t_i for each OT")]
        ReceivedOts::from_raw(choices, messages).expect("equal numbers")
    }
}

#[cfg(test)]
mod tests {
    use piquet_core::wire::SessionId;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::{Delta, Malicious, SemiHonest, ideal};

    fn made<M: Security>(n: usize) -> (SentOts<M>, ReceivedOts<M>) {
        let mut rng = ChaCha20Rng::from_seed([n as u8; 32]);
        let delta = Delta::random(&mut rng);
        let (mut s, mut r) = ideal::cots::<M, _>(SessionId([1; 32]), delta, n + 3, &mut rng);
        drop((s.take(3).unwrap(), r.take(3).unwrap()));
        assert_eq!((s.first_index(), r.first_index()), (3, 3));
        let room = vec![[Block::from_u128(7); 2]; 500];
        let (s, left) = s.into_random_ots_in(room);
        assert!(left.is_empty() && left.first_index() == 3 + n as u64);
        assert!(left.keys.capacity() >= n);
        let room = vec![Block::from_u128(7); n / 2];
        let (again, left) = duplicate(&r).into_random_ots_in(room);
        assert!(left.is_empty() && left.macs.capacity() >= n);
        let r = r.into_random_ots();
        assert!(again.messages() == r.messages());
        (s, r)
    }

    fn duplicate<M: Security>(r: &ReceivedCots<M>) -> ReceivedCots<M> {
        ReceivedCots {
            context: r.context.clone(),
            first: r.first,
            choices: r.choices.duplicate(),
            macs: r.macs.clone(),
        }
    }

    fn holds<M: Security>(n: usize) {
        let (s, r) = made::<M>(n);
        assert_eq!((s.len(), r.len()), (n, n));
        for ((m, c), got) in s
            .messages()
            .iter()
            .zip(r.choices().to_bools())
            .zip(r.messages())
        {
            assert!(m[usize::from(c)] == *got && m[usize::from(!c)] != *got);
        }
    }

    #[test]
    fn the_receiver_has_the_message_of_its_choice() {
        for n in [0, 1, 2, 7, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025] {
            holds::<SemiHonest>(n);
            holds::<Malicious>(n);
        }
    }

    #[test]
    fn pieces_are_as_the_whole() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        let make = || {
            let mut rng = ChaCha20Rng::from_seed([4; 32]);
            let delta = Delta::random(&mut rng);
            ideal::cots::<Malicious, _>(SessionId([1; 32]), delta, 700, &mut rng)
        };
        let whole = make().0.into_random_ots();
        let (mut pieces, mut got) = (make().0, Vec::new());
        while !pieces.is_empty() {
            let n = (Block::random(&mut rng).to_u128() as usize % 300).min(pieces.len());
            got.extend(pieces.take(n).unwrap().into_random_ots().into_raw());
        }
        assert!(whole.messages() == got);
    }

    #[test]
    fn the_hash_is_bound_to_session_index_and_adversary() {
        let keys = |session: u8, first: usize| {
            let mut rng = ChaCha20Rng::from_seed([5; 32]);
            let delta = Delta::random(&mut rng);
            let (mut s, _) =
                ideal::cots::<Malicious, _>(SessionId([session; 32]), delta, 3, &mut rng);
            drop(s.take(first).unwrap());
            s.keys[0] = Block::from_u128(1);
            s
        };
        let first = |s: SentCots<Malicious>| s.into_random_ots().messages()[0][0];
        let one = first(keys(1, 0));
        assert_ne!(one, first(keys(2, 0)));
        assert_ne!(one, first(keys(1, 1)));
        assert_ne!(one, keys(1, 0).weaken().into_random_ots().messages()[0][0]);
        let weak = |first| keys(1, first).weaken().into_random_ots().messages()[0][0];
        assert_eq!(weak(0), weak(1), "the semi-honest hash has no tweak");
    }
}
