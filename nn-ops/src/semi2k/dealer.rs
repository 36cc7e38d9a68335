//! The trusted dealer: makes what a demand lists, piece by piece, and forgets it.
//!
//! It holds a seed for each party and the mask of each set of weights that is still to be used, and is ahead of the parties
//! by what the session lets wait. No message of the program goes to it: after the handshake it hears signs of life, and how the
//! session ends.

use core::marker::PhantomData;

use piquet_core::linalg::PackedWeights;
use piquet_core::{Ring, RingVec};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::bits::deal_bits;
use super::conjunction::deal_and;
use super::demand::{Demand, demand};
use super::hand::Hand;
use super::item::Item;
use super::linear::{deal_product, weights_mask};
use super::party::{Lanes, check_cast};
use super::power::deal_power;
use super::product::products_of_masks;
use super::select::{deal_bit_words, deal_select};
use super::sign::{deal_relu, deal_sign};
use super::source::{SEED, Streams, Turns};
use super::truncate::deal_cut;
use super::weigh::deal_weigh;
use crate::Error;
use crate::engine::Truncation;
use crate::ledger::{Ledger, Phase};
use crate::model::Program;
use crate::parts::account::Account;
use crate::parts::pieces::ranges;
use crate::parts::words::check_ring;
use crate::pool::Pool;
use crate::session::Session;
use crate::transport::Peer;

/// The dealer's end of a run.
#[derive(Debug)]
pub struct Semi2kDealer<R: Ring> {
    session: Session,
    lanes: Lanes,
    pool: Pool,
    /// In common with each party.
    streams: Vec<Streams>,
    pieces: u64,
    turns: Turns,
    dealt: bool,
    ring: PhantomData<R>,
}

/// The mask of a set of weights, until its last use.
struct Mask<R: Ring> {
    uses: usize,
    packed: Option<PackedWeights<R>>,
}

impl<R: Ring> Semi2kDealer<R> {
    /// A dealer over a session whose handshake is done; gives each party a seed, drawn from `rng`.
    pub fn new<G: CryptoRng>(mut session: Session, pool: Pool, rng: &mut G) -> Result<Self, Error> {
        let parties = check_cast(&session)?.count();
        if session.me() != Peer::Dealer {
            return Err(Error::Ownership("only the dealer deals"));
        }
        let mut lanes = Lanes::fork(&mut session)?;
        let step = lanes.dealer.next_step()?;
        let (mut streams, mut out) = (Vec::new(), Vec::new());
        for i in 0..parties {
            let mut seed = Zeroizing::new([0; SEED]);
            rng.fill_bytes(&mut seed[..]);
            out.push((Peer::party(i as u8), seed.to_vec()));
            streams.push(Streams::new(&session.id(), &seed)?);
        }
        session.exchange_at(step, out, &[])?;
        Ok(Self {
            session,
            lanes,
            pool,
            streams,
            pieces: 0,
            turns: Turns::new(parties),
            dealt: false,
            ring: PhantomData,
        })
    }

    /// Deals what one inference of a program spends.
    pub fn serve(&mut self, program: &Program, mode: Truncation) -> Result<(), Error> {
        self.deal(&demand(self.streams.len(), program, mode)?)
    }

    /// Deals all of a demand, once in a session: masks of weights are not dealt again.
    pub fn deal(&mut self, demand: &Demand) -> Result<(), Error> {
        check_ring::<R>(demand.width())?;
        if demand.parties() != self.streams.len() {
            return Err(Error::Length {
                what: "parties of a demand",
                got: demand.parties(),
                want: self.streams.len(),
            });
        }
        if core::mem::replace(&mut self.dealt, true) {
            return Err(Error::Unsupported {
                what: "a dealer deals once in a session",
            });
        }
        let mut masks: Vec<_> = (0..demand.weights())
            .map(|index| Mask {
                uses: demand
                    .items()
                    .filter(|i| matches!(i, Item::Linear { weights, .. } if *weights == index))
                    .count(),
                packed: None,
            })
            .collect();
        self.session.begin_phase(Phase::Offline);
        for layer in demand.layers() {
            self.session.begin_layer(&layer.name, &layer.op);
            for item in &layer.items {
                self.deal_item(item, &mut masks)?;
            }
            self.session.end_layer();
        }
        Ok(())
    }

    /// Tells the client what this dealer has spent so far.
    pub fn report(&mut self) -> Result<(), Error> {
        for message in Account::of(self.session.ledger()).encode()? {
            let step = self.lanes.accounts.next_step()?;
            let out = vec![(Peer::Client, message)];
            self.session.exchange_at(step, out, &[])?;
        }
        Ok(())
    }

    /// Ends the session in good order and returns its ledger.
    pub fn finish(self) -> Result<Ledger, Error> {
        Ok(self.session.finish()?)
    }

    fn deal_item(&mut self, item: &Item, masks: &mut [Mask<R>]) -> Result<(), Error> {
        let products = self.products(item, masks)?;
        for (tensor, range) in item.ranges() {
            let n = range.len();
            let bytes = item.bytes(R::BYTES, n);
            let hears = self.turns.next(bytes);
            let hand = &mut Hand::new(&self.streams, self.pieces, hears, bytes)?;
            match item {
                Item::Linear { cut, .. } | Item::Products { cut, .. } => {
                    let product = products.get(tensor).map(RingVec::as_slice);
                    let part = product.and_then(|c| c.get(range)).unwrap_or_default();
                    deal_product(hand, part, *cut)?;
                }
                Item::Rescale { cut, .. } => {
                    let r = hand.free::<R>(n);
                    deal_cut(hand, r.as_slice(), *cut)?;
                }
                Item::Sign { window, .. } => {
                    let r = hand.free::<R>(n);
                    deal_sign(hand, r.as_slice(), *window)?;
                }
                Item::Bits { range, .. } => deal_bits(hand, n, range)?,
                Item::Relu { window, .. } => deal_relu::<R>(hand, n, *window)?,
                Item::And { .. } => deal_and(hand, n.div_ceil(64)),
                Item::Select { .. } => {
                    let r = hand.free::<R>(n);
                    deal_select(hand, r.as_slice());
                }
                Item::Power { power, .. } => deal_power::<R>(hand, n, power)?,
                Item::Integers { .. } => {
                    let sigma = hand.free_bits(n.div_ceil(64));
                    deal_bit_words::<R>(hand, sigma.as_slice(), n);
                }
                Item::Weigh { bits, .. } => deal_weigh::<R>(hand, n, *bits),
            }
            let message = hand.take_message();
            debug_assert_eq!(message.len(), bytes);
            let to = Peer::party(hears as u8);
            let step = self.lanes.dealer.next_step()?;
            self.session.exchange_at(step, vec![(to, message)], &[])?;
            self.pieces += 1;
        }
        Ok(())
    }

    /// The masks of what an item masks before there is any result.
    fn masks(&mut self, item: &Item) -> Result<Vec<RingVec<R>>, Error> {
        let lens = item.masked();
        let mut masks: Vec<_> = lens.iter().map(|n| RingVec::with_capacity(*n)).collect();
        for (tensor, range) in ranges(lens) {
            // Free vectors alone: nobody hears anything.
            let mut hand = Hand::new(&self.streams, self.pieces, 0, 0)?;
            self.pieces += 1;
            if let Some(a) = masks.get_mut(tensor) {
                a.extend_from_slice(hand.free::<R>(range.len()).as_slice());
            }
        }
        Ok(masks)
    }

    /// The products of the masks of an item's operands, among themselves or with those of its weights.
    fn products(&mut self, item: &Item, masks: &mut [Mask<R>]) -> Result<Vec<RingVec<R>>, Error> {
        let operands = self.masks(item)?;
        let Item::Linear { weights, shape, .. } = item else {
            let joined = operands.first();
            return joined.map_or(Ok(Vec::new()), |a| products_of_masks(&self.pool, item, a));
        };
        let sets = masks.len();
        let mask = masks.get_mut(*weights).ok_or(Error::Length {
            what: "sets of weights",
            got: *weights,
            want: sets,
        })?;
        let b = match mask.packed.take() {
            Some(b) => b,
            None => {
                let mut streams = self
                    .streams
                    .iter()
                    .map(|s| s.weights(*weights))
                    .collect::<Result<Vec<_>, _>>()?;
                let b = weights_mask::<R>(&mut streams, shape.weight_len());
                PackedWeights::pack(shape, b.as_slice())?
            }
        };
        let mut products = Vec::with_capacity(operands.len());
        for a in operands {
            let mut c = RingVec::zeros(shape.output_len());
            self.pool
                .conv2d(shape, &[(a.as_slice(), &b)], c.as_mut_slice())?;
            products.push(c);
        }
        mask.uses = mask.uses.saturating_sub(1);
        if mask.uses > 0 {
            mask.packed = Some(b);
        }
        Ok(products)
    }
}
