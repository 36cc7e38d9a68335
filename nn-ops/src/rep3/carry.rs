//! The carry of a sum of a number that party 0 knows and one that parties 1 and 2 know, in as many swaps as the adder has
//! levels and one. The arguments are in `bits` and [`gates`](crate::parts::gates).

use piquet_core::{Ring, RingVec};
use piquet_secret_sharing::Rep3Party;

use super::bits::{hear_masked, say_masked};
use super::party::Rep3;
use super::piece::{Piece, Pieces};
use crate::Error;
use crate::parts::adder::{Adder, Group};
use crate::parts::gates::{Digits, Masked, evaluate, look_up, mask_products, one_hot, xor};

/// Party 0: hands out all that the carry needs beside `v`'s planes. Of the plane `extra`, which may be
/// empty, the parties get summands beside the tables. Returns the masks of the carry: components 0 and 1.
pub(super) fn hand_out_carry(
    piece: &mut Piece,
    adder: &Adder,
    v: &[u64],
    extra: &[u64],
) -> Result<[RingVec<u64>; 2], Error> {
    let w = piece.words();
    let tables = one_hot(adder, v, w, extra);
    piece.hand_out(&tables, Ring::xor)?;
    let mut count = adder.digits().len();
    let mut pads = piece.both_pads::<u64>((2 * count - 1) * w)?;
    for groups in adder.levels() {
        let [mask, other] = &mut pads;
        xor(mask.as_mut_slice(), other.as_slice());
        let digits = Digits {
            planes: mask.as_slice(),
            words: w,
            digits: count,
        };
        piece.hand_out(&mask_products(groups, &digits), Ring::xor)?;
        count = groups.len();
        pads = piece.both_pads((2 * count - 1) * w)?;
    }
    Ok(pads)
}

/// A piece before the carry: u's planes, what is added to the carry, and what else is carried along.
pub(super) struct Before<X> {
    pub(super) u: RingVec<u64>,
    /// A plane that both know, if party 0 handed out a plane beside the tables: both are added.
    pub(super) add: Option<RingVec<u64>>,
    pub(super) along: X,
}

/// A piece on its way through the levels.
struct State<X> {
    digits: Masked,
    add: Option<RingVec<u64>>,
    along: X,
}

impl<R: Ring> Rep3<R> {
    /// Parties 1 and 2: the carry of `u + v`, in as many swaps as [`Adder::swaps`] says. `begin` also hears what party 0
    /// handed out, if that was not heard before.
    pub(super) fn carry<A, X>(
        &mut self,
        adder: &Adder,
        pieces: Pieces<A>,
        mut begin: impl FnMut(&mut Self, &mut Piece, A) -> Result<Before<X>, Error>,
    ) -> Result<Pieces<(Masked, X)>, Error> {
        let me = self.me;
        let last = |level: usize| level == adder.levels().len();
        // At the end: this party's part of what is added.
        let finish = move |summand: &mut RingVec<u64>, add: Option<RingVec<u64>>| {
            if let Some(add) = add {
                xor(summand.as_mut_slice(), add.as_slice());
            }
        };
        let mut states = self.swap(
            pieces,
            |this, piece, state| {
                let mut before = begin(this, piece, state)?;
                let w = piece.words();
                let tables = piece.take::<u64>(adder.table_planes() * w)?;
                if let Some(add) = &mut before.add {
                    if me != Rep3Party::P1 {
                        add.as_mut_slice().fill(0);
                    }
                    xor(add.as_mut_slice(), piece.take::<u64>(w)?.as_slice());
                }
                let mut summand = look_up(
                    adder,
                    me == Rep3Party::P1,
                    tables.as_slice(),
                    before.u.as_slice(),
                    w,
                );
                let mut add = before.add;
                if last(0) {
                    finish(&mut summand, add.take());
                }
                let (message, digits) = say_masked(piece, summand)?;
                Ok((message, (digits, add, before.along)))
            },
            |_, (digits, add, along), theirs| {
                Ok(State {
                    digits: hear_masked(digits, theirs),
                    add,
                    along,
                })
            },
        )?;
        let mut count = adder.digits().len();
        for (level, groups) in adder.levels().iter().enumerate() {
            let planes: usize = groups.iter().map(Group::products).sum();
            states = self.swap(
                states,
                |_, piece, mut state| {
                    let w = piece.words();
                    let products = piece.take::<u64>(planes * w)?;
                    let mut summand = evaluate(
                        groups,
                        me == Rep3Party::P1,
                        &state.digits,
                        count,
                        products.as_slice(),
                        w,
                    );
                    if last(level + 1) {
                        finish(&mut summand, state.add.take());
                    }
                    let (message, digits) = say_masked(piece, summand)?;
                    Ok((message, State { digits, ..state }))
                },
                |_, state, theirs| {
                    let digits = hear_masked(state.digits, theirs);
                    Ok(State { digits, ..state })
                },
            )?;
            count = groups.len();
        }
        Ok(states
            .into_iter()
            .map(|(piece, s)| (piece, (s.digits, s.along)))
            .collect())
    }
}
