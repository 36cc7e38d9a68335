//! Triples of random bits: c = a AND b, a, b and c shared by XOR.
//!
//! **Protocol.** From two random OTs for each, one with each party as sender (G. Asharov, Y. Lindell, T. Schneider,
//! M. Zohner, CCS 2013): as receiver party i has a choice a_i and the bit u_i, as sender the bits v_i and v_i ⊕ b_i, and
//! u_i = v_(1-i) ⊕ a_i b_(1-i). Then c_i = a_i b_i ⊕ u_i ⊕ v_i. The bits are bit 0 of the hashed blocks.
//!
//! **Security**: that of the correlated OTs. Nothing is sent, so a cheating party can only have its own shares as it
//! likes, or lie about them when they are spent.
//!
//! **Cost** for each triple: no bytes; two correlated OTs; each party 3 AES blocks, 6 against malicious parties. Of 128
//! hashed bits one is used; more of them would be products of one and the same a. Constant time.

use core::mem;

use piquet_core::correlation::BitTriples;
use piquet_core::{BitVec, Block, wipe};

use crate::pads::{CHUNK, exactly};
use crate::{Error, ReceivedCots, Security, SentCots};

/// This party's share of a triple for each pair of correlated OTs.
///
/// # Errors
/// [`Error::Empty`]; [`Error::Exhausted`], [`Error::Length`] unless there are as many of either kind.
pub fn from_cots<M: Security>(
    sent: SentCots<M>,
    mut received: ReceivedCots<M>,
) -> Result<BitTriples<M>, Error> {
    let n = received.len();
    exactly(sent.len(), n)?;
    let (mut b, mut c) = (BitVec::zeros(n), BitVec::zeros(n));
    let [mut zero, mut one, mut chosen] = [[Block::ZERO; CHUNK]; 3];
    for at in (0..n).step_by(CHUNK) {
        let len = CHUNK.min(n - at);
        let (zero, one, chosen) = (&mut zero[..len], &mut one[..len], &mut chosen[..len]);
        sent.pads(at, zero, one);
        received.pads(at, chosen);
        // Bit 0 of v and u in c, of both messages of the sender in b.
        let words = b.words_mut()[at / 64..]
            .iter_mut()
            .zip(&mut c.words_mut()[at / 64..]);
        let blocks = zero.chunks(64).zip(one.chunks(64)).zip(chosen.chunks(64));
        for ((b, c), ((zero, one), chosen)) in words.zip(blocks) {
            let (v, w, u) = (low_bits(zero), low_bits(one), low_bits(chosen));
            (*b, *c) = (v ^ w, v ^ u);
        }
    }
    for used in [&mut zero, &mut one, &mut chosen] {
        wipe(used);
    }
    let a = mem::take(&mut received.choices);
    let mut ab = a.duplicate();
    ab.and_assign(&b);
    c.xor_assign(&ab);
    BitTriples::from_raw(a, b, c).ok_or(Error::Empty)
}

/// Bit 0 of up to 64 blocks.
fn low_bits(blocks: &[Block]) -> u64 {
    let bits = blocks.iter().enumerate();
    bits.fold(0, |word, (i, b)| word | (b.to_u128() as u64 & 1) << i)
}

#[cfg(test)]
mod tests {
    use piquet_core::wire::SessionId;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::{Delta, Malicious, SemiHonest, ideal};

    fn shares<M: Security>(n: usize) -> [[BitVec; 3]; 2] {
        let mut rng = ChaCha20Rng::from_seed([n as u8; 32]);
        ideal::both_ways::<M, _>(SessionId([1; 32]), n, &mut rng)
            .map(|(s, r)| from_cots(s, r).unwrap().into_parts())
    }

    fn open(shares: &[[BitVec; 3]; 2], i: usize) -> Vec<bool> {
        let mut x = shares[0][i].duplicate();
        x.xor_assign(&shares[1][i]);
        x.to_bools().collect()
    }

    fn holds<M: Security>(n: usize) {
        let shares = shares::<M>(n);
        let [a, b, c] = [0, 1, 2].map(|i| open(&shares, i));
        assert_eq!(c.len(), n);
        for i in 0..n {
            assert_eq!(c[i], a[i] & b[i], "{i} of {n}");
        }
    }

    #[test]
    fn products_are_right_at_every_length() {
        for n in [
            1, 2, 7, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1025,
        ] {
            holds::<SemiHonest>(n);
            holds::<Malicious>(n);
        }
    }

    #[test]
    fn factors_and_shares_are_balanced() {
        let shares = shares::<SemiHonest>(20_000);
        for (party, share) in shares.iter().enumerate() {
            for (i, v) in share.iter().enumerate() {
                let ones = v.to_bools().filter(|b| *b).count();
                // Six standard deviations; the seed is fixed.
                assert!(ones.abs_diff(10_000) < 430, "{party} {i} {ones}");
            }
        }
        let ones = open(&shares, 2).into_iter().filter(|b| *b).count();
        assert!(ones.abs_diff(5_000) < 370, "{ones}");
    }

    #[test]
    fn numbers_have_to_agree() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let mut cots = |n| {
            let delta = Delta::random(&mut rng);
            ideal::cots::<SemiHonest, _>(SessionId([1; 32]), delta, n, &mut rng)
        };
        let result = from_cots(cots(3).0, cots(4).1);
        assert_eq!(result.unwrap_err(), Error::Exhausted { want: 4, have: 3 });
        assert!(matches!(
            from_cots(cots(4).0, cots(3).1),
            Err(Error::Length { .. })
        ));
        assert_eq!(from_cots(cots(4).0, cots(0).1).unwrap_err(), Error::Empty);
    }
}
