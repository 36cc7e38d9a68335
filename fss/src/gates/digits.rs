//! The sign of a number by one-time truth tables of digits: a tenth of the key bytes of [`super::sign`], for some
//! rounds.
//!
//! As there, with x̂ = x + r modulo 2^n and x', r' the low n - 1 bits, msb(x) = msb(x̂) ⊕ msb(r) ⊕ (x̂' < r'). Here
//! r' is cut into digits of at most w bits. For each the parties hold shares of its **thermometer**, the bits T_u =
//! "digit ≥ u" for 0 < u < 2^w; with the digit v of x̂', which is public, a party looks up its share of "v <
//! digit", T_{v+1}, and of "v = digit", T_v ⊕ T_{v+1}, where T_0 = 1 and T_{2^w} = 0. That is the one-time truth
//! table of Y. Ishai, E. Kushilevitz, S. Meldgaard, C. Orlandi, A. Paskin-Cherniavsky, "On the Power of Correlated
//! Randomness in Secure Computation", TCC 2013, of two functions at once, and with the index masked by addition of
//! all digits instead of each.
//!
//! Of m neighbours (l_i, e_i), the most significant first, "less" is l_1 ⊕ e_1 l_2 ⊕ e_1 e_2 l_3 ⊕ ..., as at most
//! one of the terms is 1, and "equal" is e_1 ... e_m. A tree of such nodes of up to m digits, one level an
//! exchange, ends in "less" of all. A product Π v_i of shared bits is opened under masks, v̂_i = v_i ⊕ m_i, and Π
//! (v̂_i ⊕ m_i) is linear in shares of the products of masks, which the dealer gives: D. Beaver's triples (CRYPTO
//! 1991) for more than two factors, as in A. Patra, T. Schneider, A. Suresh, H. Yalame, "ABY2.0",
//! <https://eprint.iacr.org/2020/1225>. A product of masks that two terms have in common is given once.
//!
//! **Security** against one semi-honest party and a dealer that colludes with none. Corrections of shares are
//! uniform to a party, as the other one's draw hides them. Every opened bit is uniform, as it has a mask of its own,
//! and the peer's message is the opened bits less what the party itself sent: a simulator draws both. No assumption
//! besides the parties' generator.
//!
//! What it costs for one number, without the 18 bytes at the head of a message of a whole batch
//! ([`DigitSign::cost`], [`Sign::cost`]):
//!
//! | gate | n | key bits (bytes) | bits sent by each party | rounds | AES |
//! |---|---|---|---|---|---|
//! | [`Sign`] | 32 | 3201 (400) | 0 | 0 | 25 |
//! | digits of 4 bits, nodes of 4 | 32 | 151 (19) | 15 | 2 | 0 |
//! | digits of 2 bits, nodes of 2 | 32 | 73 (9) | 41 | 4 | 0 |
//! | [`Sign`] | 38 | 3969 (496) | 0 | 0 | 31 |
//! | digits of 4 bits, nodes of 4 | 38 | 163 (20) | 20 | 2 | 0 |
//! | digits of 2 bits, nodes of 2 | 38 | 87 (11) | 49 | 5 | 0 |
//! | [`Sign`] | 64 | 7297 (912) | 0 | 0 | 57 |
//! | digits of 4 bits, nodes of 4 | 64 | 329 (41) | 33 | 2 | 0 |
//! | digits of 2 bits, nodes of 2 | 64 | 152 (19) | 88 | 5 | 0 |
//!
//! Whoever has to move keys over the network, or off a disk, at B bits a second and waits t for a round gains from
//! digits once the batch is larger than about (rounds t B) / (difference of bits). At 1 Gbit/s and 1 ms that is
//! some 500 numbers.

use core::marker::PhantomData;

use piquet_core::transpose::{plane_words, to_planes};
use piquet_core::{BitVec, Ring, lanes, wipe_vec};

use super::sign::Sign;
use super::{Gate, GateId, ids};
use crate::dealer::Deal;
use crate::mask::{BitMask, BitMaskKeys, BitOpening};
use crate::shape::{same, within};
use crate::stream::Taken;
use crate::{Error, Role};

mod plan;

use plan::{Node, Plan};

/// x ≥ 0, for x of n bits in two's complement, by digits.
///
/// **Keys**: [`Cost::key_bits`] for each gate, rounded up to bytes for the batch; 21 bytes for n = 38 with digits
/// of 4 bits and nodes of 4. **Rounds** and **messages**: [`Cost`], and 18 bytes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigitSign<R: Ring> {
    bits: u32,
    digit: u32,
    radix: u32,
    word: PhantomData<R>,
}

/// What one gate costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Bits of a key, the same for both parties.
    pub key_bits: usize,
    /// Bits that each party sends, in all rounds.
    pub message_bits: usize,
    /// Exchanges, one after the other.
    pub rounds: usize,
    /// AES blocks of trees that each party computes.
    pub aes_blocks: usize,
}

impl<R: Ring> Sign<R> {
    /// What one gate costs.
    #[must_use]
    pub fn cost(&self) -> Cost {
        // Eight gates have as many bytes as one has bits.
        let key_bits = self.key_bytes(8);
        Cost {
            key_bits,
            message_bits: 0,
            rounds: 0,
            aes_blocks: key_bits / 128,
        }
    }
}

impl<R: Ring> DigitSign<R> {
    /// Numbers of `bits` bits, 1 to the width of R and at most 64, in digits of at most `digit` bits, 1 to 8, with
    /// nodes of at most `radix` digits, 2 to 8.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32, digit: u32, radix: u32) -> Result<Self, Error> {
        let high = R::BITS.min(64);
        let domain = "1 to the width of the word, 64 at most";
        within("bits", bits, 1, high, domain)?;
        within("bits of a digit", digit, 1, 8, "1 to 8")?;
        within("digits of a node", radix, 2, 8, "2 to 8")?;
        Ok(Self {
            bits,
            digit,
            radix,
            word: PhantomData,
        })
    }
    /// What one gate costs.
    #[must_use]
    pub fn cost(&self) -> Cost {
        let plan = self.plan();
        Cost {
            key_bits: plan.shared(),
            message_bits: plan.levels.iter().flatten().map(Node::opened).sum(),
            rounds: plan.levels.len(),
            aes_blocks: 0,
        }
    }
    fn plan(&self) -> Plan {
        Plan::new(self.bits - 1, self.digit, self.radix)
    }
    /// The bits of all numbers, one plane for each, the lowest first.
    fn planes(&self, words: &[R]) -> Vec<BitVec> {
        let (n, p) = (words.len(), plane_words(words.len()));
        let mut wide: Vec<u64> = words.iter().map(|x| x.to_u64()).collect();
        let mut planes = vec![0; self.bits as usize * p];
        // Lengths are right by construction.
        let done = to_planes(&wide, self.bits, &mut planes);
        debug_assert!(done.is_ok());
        let cut = |plane: &[u64]| BitVec::from_words(n, plane.to_vec());
        let out = planes.chunks(p).map(cut).collect();
        wipe_vec(&mut wide);
        wipe_vec(&mut planes);
        out
    }
}

/// One party's keys of [`DigitSign`]. Used once, wiped, not printed.
pub struct DigitKeys<R: Ring, P: Role> {
    gate: DigitSign<R>,
    count: usize,
    /// For each level: of all gates, one plane for each opened bit.
    masks: Vec<BitMaskKeys<P>>,
    /// Planes: msb(r), the thermometers, products of masks.
    shared: BitVec,
}

impl<R: Ring, P: Role> core::fmt::Debug for DigitKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "DigitKeys({} gates)", self.count)
    }
}

impl<R: Ring> Gate for DigitSign<R> {
    type Masks<'a> = &'a [R];
    type Dealt = ();
    type Keys<P: Role> = DigitKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::DIGITS,
            parameters: [self.bits, R::BITS, self.digit << 8 | self.radix],
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        (count * self.plan().shared()).div_ceil(8)
    }
    fn deal(&self, count: usize, masks: &[R], to: &mut Deal) -> Result<(), Error> {
        same("masks", masks.len(), count)?;
        let plan = self.plan();
        let mut r = self.planes(masks);
        let mut shared = Vec::new();
        shared.extend(r.pop());
        for width in &plan.digits {
            let digit = r.split_off(r.len() - *width as usize);
            shared.extend(thermometer(&digit, count));
        }
        for level in &plan.levels {
            let opened = level.iter().map(Node::opened).sum::<usize>();
            let m = BitMask.deal(count * opened, (), to)?;
            let mut m = split(&m, count).into_iter();
            for node in level {
                let m: Vec<_> = m.by_ref().take(node.opened()).collect();
                shared.extend(node.products().iter().map(|set| all_of(*set, &m, count)));
            }
        }
        to.share_bits(&join(&shared));
        Ok(())
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<DigitKeys<R, P>, Error> {
        let plan = self.plan();
        let opened = |level: &Vec<Node>| level.iter().map(Node::opened).sum::<usize>();
        let masks = plan
            .levels
            .iter()
            .map(|l| BitMask.take(count * opened(l), from));
        Ok(DigitKeys {
            gate: *self,
            count,
            masks: masks.collect::<Result<_, _>>()?,
            shared: from.share_bits(count * plan.shared())?,
        })
    }
}

/// For each bit of the digit, the lowest first: the planes "digit ≥ u" for 0 < u < 2^w.
fn thermometer(digit: &[BitVec], count: usize) -> Vec<BitVec> {
    let mut t: Vec<BitVec> = Vec::new();
    for bit in digit {
        // Below the weight of this bit it is enough by itself; above, the others have to make up for the rest.
        let or = |low: &BitVec| combined(low, bit, count, |l, b| l | b);
        let and = |low: &BitVec| combined(low, bit, count, |l, b| l & b);
        let mut wider: Vec<_> = t.iter().map(or).collect();
        wider.push(bit.duplicate());
        wider.extend(t.iter().map(and));
        t = wider;
    }
    t
}

fn combined(a: &BitVec, b: &BitVec, count: usize, f: impl Fn(u64, u64) -> u64) -> BitVec {
    let mut out = BitVec::zeros(count);
    lanes::zip2(out.words_mut(), a.words(), b.words(), |_, a, b| f(a, b));
    out
}

/// The product of the planes of `set`, which are at least two.
fn all_of(set: u32, planes: &[BitVec], count: usize) -> BitVec {
    let mut out = BitVec::zeros(count);
    out.not_assign();
    for (i, plane) in planes.iter().enumerate() {
        if set >> i & 1 == 1 {
            lanes::zip(out.words_mut(), plane.words(), |o, p| o & p);
        }
    }
    out
}

fn split(all: &BitVec, count: usize) -> Vec<BitVec> {
    let at = (0..all.len()).step_by(count.max(1));
    at.map(|i| all.slice(i..i + count)).collect()
}

fn join(planes: &[BitVec]) -> BitVec {
    BitVec::concat(&planes.iter().collect::<Vec<_>>())
}

/// A party's share of 1, or of 0 where `one` is false.
fn constant<P: Role>(one: bool, count: usize) -> BitVec {
    let mut v = BitVec::zeros(count);
    if one && P::INDEX == 0 {
        v.not_assign();
    }
    v
}

/// `table[v]` for the number v whose bits, the lowest first, are `index`, which are public.
fn look_up(mut table: Vec<BitVec>, index: &[BitVec]) -> BitVec {
    for bit in index {
        let mut pairs = table.into_iter();
        let mut half = Vec::new();
        while let (Some(mut a), Some(b)) = (pairs.next(), pairs.next()) {
            let select = |a: u64, b: u64, v: u64| a ^ (v & (a ^ b));
            lanes::zip2(a.words_mut(), b.words(), bit.words(), select);
            half.push(a);
        }
        table = half;
    }
    table.pop().unwrap_or_default()
}

/// Shares of "less" and "equal" of some digits; "equal" is not wanted of the last ones.
struct Pair {
    less: BitVec,
    equal: Option<BitVec>,
}

impl<R: Ring, P: Role> DigitKeys<R, P> {
    /// From x̂, whose bits above n are ignored, to the first message, or right to the result if there is but one digit.
    ///
    /// # Errors
    /// If there are not as many values as keys.
    pub fn evaluate(self, masked: &[R]) -> Result<Progress<P>, Error> {
        let count = self.count;
        same("masked values", masked.len(), count)?;
        let plan = self.gate.plan();
        let mut x = self.gate.planes(masked);
        let mut shared = split(&self.shared, count).into_iter();
        // 1 ⊕ msb(x̂) ⊕ msb(r)
        let mut out = constant::<P>(true, count);
        for top in shared
            .next()
            .iter()
            .chain(x.pop().iter().filter(|_| P::INDEX == 0))
        {
            out.xor_assign(top);
        }
        let mut pairs = Vec::new();
        for (i, width) in plan.digits.iter().enumerate() {
            let v = x.split_off(x.len() - *width as usize);
            let t: Vec<_> = shared.by_ref().take((1 << width) - 1).collect();
            let equal = (i + 1 < plan.digits.len()).then(|| {
                let from_0 = core::iter::once(constant::<P>(true, count));
                look_up(from_0.chain(t.iter().map(BitVec::duplicate)).collect(), &v)
            });
            let to_end = t.into_iter().chain([constant::<P>(false, count)]);
            let less = look_up(to_end.collect(), &v);
            let equal = equal.map(|mut e| {
                e.xor_assign(&less);
                e
            });
            pairs.push(Pair { less, equal });
        }
        let levels = plan.levels.into_iter().zip(self.masks);
        let mut rest = Vec::new();
        for (nodes, masks) in levels {
            let mut own = split(masks.shares(), count).into_iter();
            let key = |node: Node| NodeKey {
                masks: own.by_ref().take(node.opened()).collect(),
                sets: node.products(),
                products: shared.by_ref().take(node.products().len()).collect(),
                node,
            };
            let keys = nodes.into_iter().map(key).collect();
            rest.push((keys, masks));
        }
        rest.reverse();
        Tree {
            count,
            out,
            pairs,
            rest,
        }
        .advance()
    }
}

/// What is to be done next.
#[derive(Debug)]
pub enum Progress<P: Role> {
    /// The message goes to the other party, whose message [`Pending`] takes.
    Open(Pending<P>, Vec<u8>),
    /// This party's shares of x ≥ 0.
    Done(BitVec),
}

/// Waits for the other party's message.
pub struct Pending<P: Role> {
    tree: Tree<P>,
    keys: Vec<NodeKey>,
    opening: BitOpening<P>,
}

impl<P: Role> core::fmt::Debug for Pending<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (count, left) = (self.tree.count, self.tree.rest.len());
        write!(f, "Pending({count} gates, {left} rounds after this one)")
    }
}

impl<P: Role> Pending<P> {
    /// Length of the message.
    #[must_use]
    pub fn expects(&self) -> usize {
        self.opening.expects()
    }
    /// Goes on with the other party's message.
    ///
    /// # Errors
    /// A message that is not the one that is due.
    pub fn finish(mut self, message: &[u8]) -> Result<Progress<P>, Error> {
        let count = self.tree.count;
        let mut opened = split(&self.opening.finish(message)?, count).into_iter();
        let mut pairs = core::mem::take(&mut self.tree.pairs).into_iter();
        for key in self.keys {
            let mut own = pairs.by_ref().take(key.node.arity);
            let Some(first) = own.next() else { break };
            own.for_each(drop);
            let pair = if key.node.arity == 1 {
                first
            } else {
                let opened: Vec<_> = opened.by_ref().take(key.node.opened()).collect();
                key.pair::<P>(first.less, &opened)
            };
            self.tree.pairs.push(pair);
        }
        self.tree.advance()
    }
}

/// Between two levels.
struct Tree<P: Role> {
    count: usize,
    out: BitVec,
    pairs: Vec<Pair>,
    /// The levels that are left, the next one last.
    rest: Vec<(Vec<NodeKey>, BitMaskKeys<P>)>,
}

impl<P: Role> Tree<P> {
    fn advance(mut self) -> Result<Progress<P>, Error> {
        let Some((keys, masks)) = self.rest.pop() else {
            for pair in &self.pairs {
                self.out.xor_assign(&pair.less);
            }
            return Ok(Progress::Done(self.out));
        };
        let mut open = Vec::new();
        let mut pairs = self.pairs.iter();
        for key in &keys {
            let own: Vec<&Pair> = pairs.by_ref().take(key.node.arity).collect();
            if own.len() > 1 {
                open.extend(
                    own.iter()
                        .take(key.node.controls())
                        .filter_map(|p| p.equal.as_ref()),
                );
                open.extend(own.iter().skip(1).map(|p| &p.less));
            }
        }
        let (opening, message) = masks.open(&BitVec::concat(&open))?;
        let pending = Pending {
            tree: self,
            keys,
            opening,
        };
        Ok(Progress::Open(pending, message))
    }
}

/// Shares of a node's masks and of their products.
struct NodeKey {
    node: Node,
    masks: Vec<BitVec>,
    sets: Vec<u32>,
    products: Vec<BitVec>,
}

impl NodeKey {
    /// "Less" of all from that of the first, and the opened bits.
    fn pair<P: Role>(&self, mut less: BitVec, opened: &[BitVec]) -> Pair {
        for i in 1..self.node.arity {
            less.xor_assign(&self.product::<P>(self.node.term(i), opened, less.len()));
        }
        let all = self.node.both.then(|| self.node.all());
        Pair {
            equal: all.map(|set| self.product::<P>(set, opened, less.len())),
            less,
        }
    }
    /// The share of the product of all of `set`: a polynomial in opened bits whose coefficients are shares of
    /// products of masks, evaluated one bit after the other.
    fn product<P: Role>(&self, set: u32, opened: &[BitVec], count: usize) -> BitVec {
        let bits: Vec<usize> = (0..32).filter(|i| set >> i & 1 == 1).collect();
        let coefficient = |t: u32| {
            let chosen = bits.iter().enumerate().filter(|(i, _)| t >> i & 1 == 1);
            let set = chosen.fold(0, |s, (_, b)| s | 1 << b);
            match self.share(set) {
                Some(share) => share.duplicate(),
                None => constant::<P>(true, count),
            }
        };
        let mut c: Vec<BitVec> = (0..1 << bits.len()).map(coefficient).collect();
        for bit in bits.iter().rev() {
            let with = c.split_off(c.len() / 2);
            for (c, with) in c.iter_mut().zip(&with) {
                let step = |c: u64, w: u64, v: u64| w ^ (v & c);
                lanes::zip2(c.words_mut(), with.words(), opened[*bit].words(), step);
            }
        }
        c.pop().unwrap_or_default()
    }
    /// The share of the product of the masks of `set`; of none there is none.
    fn share(&self, set: u32) -> Option<&BitVec> {
        if set.count_ones() == 1 {
            return self.masks.get(set.trailing_zeros() as usize);
        }
        let at = self.sets.iter().position(|s| *s == set)?;
        self.products.get(at)
    }
}

#[cfg(test)]
mod tests;
