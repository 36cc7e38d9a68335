//! Conjunction of bits by triples (Beaver, CRYPTO 1991).
//!
//! With free bits a, b and dealt `a b`, the parties open `d = x ^ a` and `e = y ^ b`; then `x y = a b ^ d b ^ e a ^ d
//! e`. One round, 2 bits to each party. The words of all pairs of a call are joined: messages are as long for many
//! short operands as for a long one.
//!
//! Security: a and b are free bits, each the mask of one bit, so d and e are uniform to any n - 1 parties; each
//! message is masked by its sender's own shares of them.

use piquet_core::{BitVec, Ring, RingVec, lanes};
use piquet_secret_sharing::XorVec;

use super::hand::Hand;
use super::item::Item;
use super::party::Semi2k;
use super::piece::{fresh, sum_bits};
use crate::Error;
use crate::parts::gates::{and, xor};
use crate::parts::pieces::covered;
use crate::parts::words::message;

/// Dealer: triples for so many words.
pub(super) fn deal_and(hand: &mut Hand, words: usize) {
    let (a, b) = (hand.free_bits(words), hand.free_bits(words));
    hand.deal_bits(and(a.as_slice(), b.as_slice()).as_slice());
}

impl<R: Ring> Semi2k<R> {
    pub(super) fn and_impl(&mut self, pairs: &[(&XorVec, &XorVec)]) -> Result<Vec<XorVec>, Error> {
        for (x, y) in pairs {
            if x.len() != y.len() {
                return Err(Error::Length {
                    what: "bits of a conjunction",
                    got: y.len(),
                    want: x.len(),
                });
            }
        }
        let one = self.adds();
        let x: Vec<&[u64]> = pairs.iter().map(|(x, _)| x.raw_share().words()).collect();
        let y: Vec<&[u64]> = pairs.iter().map(|(_, y)| y.raw_share().words()).collect();
        let lens: Vec<usize> = pairs.iter().map(|(x, _)| x.len()).collect();
        let item = Item::And { lens };
        let mut out = RingVec::with_capacity(item.lens().iter().sum::<usize>() / 64);
        let (_, pieces) = self.begin(&item, 1)?;
        self.open(
            fresh(pieces),
            |piece, ()| {
                let masks = piece.batch.free::<u64>(2 * piece.words())?;
                let mut open = RingVec::with_capacity(masks.len());
                for part in covered(&x, piece.word_range()).chain(covered(&y, piece.word_range())) {
                    open.extend_from_slice(part);
                }
                xor(open.as_mut_slice(), masks.as_slice());
                Ok((message(&open), (masks, open)))
            },
            |piece, (masks, open), theirs| {
                let words = piece.words();
                let open = sum_bits(open, theirs);
                let (a, b) = masks.as_slice().split_at(words);
                let (d, e) = open.as_slice().split_at(words);
                let mut z = piece.batch.dependent::<u64>(words)?;
                lanes::zip4(z.as_mut_slice(), a, b, d, e, |z, a, b, d, e| {
                    z ^ (d & b) ^ (e & a)
                });
                if one {
                    lanes::zip2(z.as_mut_slice(), d, e, |z, d, e| z ^ (d & e));
                }
                out.extend_from_slice(z.as_slice());
                Ok(())
            },
        )?;
        let mut rest = out.as_slice();
        let mut results = Vec::with_capacity(pairs.len());
        for (x, _) in pairs {
            let words = x.len().div_ceil(64);
            let (part, after) = rest.split_at_checked(words).unwrap_or_default();
            let bits = BitVec::from_words(x.len(), part.to_vec());
            results.push(XorVec::from_raw_share(self.me, bits));
            rest = after;
        }
        Ok(results)
    }
}
