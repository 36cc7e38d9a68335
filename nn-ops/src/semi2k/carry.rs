//! The carry of a sum of a number that the dealer knows and a number that was opened, shared by exclusive or.
//!
//! The gates are those of `parts::gates`. The dealt number v is a function of a mask that the dealer knows; what was opened
//! gives u to all. So generate and propagate bits of digits are local, by dealt tables; then each level masks its bits
//! by free ones, opens them, and takes up to four digits together by dealt products of the masks: as many openings as
//! the adder has levels, the result shared and not opened.
//!
//! Security: tables, masks and products of masks are all functions of what the dealer knows, and of each the n - 1 parties that
//! collude lack a share that is independent of everything else, so what they hold of it is uniform, however many such vectors
//! belong to the same v. What is opened, at every level, is masked by a free vector that masks nothing else, so it is uniform
//! too. The view is simulated by drawing it, and the result stays shared.
//!
//! (Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020, eprint 2020/338, take the shared bits of a mask (edaBits) and
//! a carry-lookahead circuit of AND triples instead: a dealer who knows the mask can do better.)

use piquet_core::{Ring, RingVec};

use super::hand::Hand;
use super::party::Semi2k;
use super::piece::{Piece, Pieces, sum_bits};
use crate::Error;
use crate::parts::adder::{Adder, Group};
use crate::parts::gates::{Digits, Masked, evaluate, look_up, mask_products, one_hot, xor};
use crate::parts::words::message;

/// Dealer: tables of the planes of v, with the plane `extra`, which may be empty, then masks and their products.
pub(super) fn deal_carry(hand: &mut Hand, adder: &Adder, v: &[u64], extra: &[u64], words: usize) {
    hand.deal_bits(one_hot(adder, v, words, extra).as_slice());
    let mut count = adder.digits().len();
    for groups in adder.levels() {
        let masks = hand.free_bits((2 * count - 1) * words);
        let digits = Digits {
            planes: masks.as_slice(),
            words,
            digits: count,
        };
        hand.deal_bits(mask_products(groups, &digits).as_slice());
        count = groups.len();
    }
}

/// This party's summands of generate and propagate bits of all digits, from the planes of u; `one` is set at one party.
pub(super) fn begin_carry(
    piece: &mut Piece,
    adder: &Adder,
    one: bool,
    u: &[u64],
) -> Result<RingVec<u64>, Error> {
    let words = piece.words();
    let tables = piece.batch.dependent::<u64>(adder.table_planes() * words)?;
    Ok(look_up(adder, one, tables.as_slice(), u, words))
}

impl<R: Ring> Semi2k<R> {
    /// This party's share of the carry, from what [`begin_carry`] gave.
    pub(super) fn carry<X>(
        &mut self,
        adder: &Adder,
        mut states: Pieces<(RingVec<u64>, X)>,
    ) -> Result<Pieces<(RingVec<u64>, X)>, Error> {
        let one = self.adds();
        let mut count = adder.digits().len();
        for groups in adder.levels() {
            let products: usize = groups.iter().map(Group::products).sum();
            states = self.open(
                states,
                |piece, (summand, x)| {
                    let pad = piece.batch.free::<u64>(summand.len())?;
                    let mut open = summand;
                    xor(open.as_mut_slice(), pad.as_slice());
                    Ok((message(&open), (Masked { open, pad }, x)))
                },
                |piece, (masked, x), theirs| {
                    let words = piece.words();
                    let digits = Masked {
                        open: sum_bits(masked.open, theirs),
                        ..masked
                    };
                    let products = piece.batch.dependent::<u64>(products * words)?;
                    let summand = evaluate(groups, one, &digits, count, products.as_slice(), words);
                    Ok((summand, x))
                },
            )?;
            count = groups.len();
        }
        Ok(states)
    }
}
