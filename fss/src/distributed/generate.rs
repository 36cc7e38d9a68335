//! The two parties' states, from the choices to the keys.

use core::mem;

use piquet_core::correlation::{ReceivedOts, SemiHonest, SentOts};
use piquet_core::wire::{DecodeError, Encode, Header, Machine, Step};
use piquet_core::{BitVec, wipe_vec};

use super::correlate::{self, Secret};
use super::{Batch, Block, CryptoRng, Error, GgmHash, Keys, Own, RingVec, Role, mask, same, wipe};
use crate::dealer::{get, put};
use crate::kinds::{
    DISTRIBUTED_CHOICES, DISTRIBUTED_LEAF, DISTRIBUTED_LEVEL, DISTRIBUTED_TRANSFERS,
};
use crate::shape::TILE;

/// Leaves whose values are summed at a time.
const RUN: usize = 256;

/// One party. [`Batch::rounds`] messages each way, in [`Batch::bytes`] bytes.
pub struct Generator<P: Role> {
    common: Common<P>,
    state: State,
}

/// What does not change, and what is known so far.
struct Common<P: Role> {
    batch: Batch,
    roots: Secret,
    betas: RingVec<u128>,
    triples: [RingVec<u128>; 3],
    /// Corrections of levels, level-major over all keys, in the end those of leaves too.
    corrections: Vec<Block>,
    role: core::marker::PhantomData<P>,
}

enum State {
    Begin {
        choices: BitVec,
        sent: SentOts<SemiHonest>,
        received: ReceivedOts<SemiHonest>,
    },
    Choices {
        choices: BitVec,
        sent: SentOts<SemiHonest>,
        received: ReceivedOts<SemiHonest>,
    },
    Transfers {
        choices: BitVec,
        received: ReceivedOts<SemiHonest>,
        shares: Secret,
    },
    Level {
        shares: Secret,
        level: u32,
        /// For each key room for all leaves, and in front the children of that level, without their correction.
        nodes: Secret,
        own: Vec<Block>,
    },
    Product {
        own: Vec<u128>,
    },
    Leaf {
        own: Vec<u128>,
    },
}

impl<P: Role> Generator<P> {
    /// Begins with this party's shares and correlations.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Parameter`] for triples of other bits than the values have.
    pub fn new<G: CryptoRng + ?Sized>(
        batch: Batch,
        own: Own<'_>,
        rng: &mut G,
    ) -> Result<Self, Error> {
        let n = batch.keys;
        same("points", own.alphas.len(), n)?;
        same("values", own.betas.len(), n)?;
        same("OTs to send", own.sent.len(), batch.ots())?;
        same("OTs to receive", own.received.len(), batch.ots())?;
        let triples = own.triples.as_ref().map_or(0, |t| t.len());
        same("triples", triples, batch.triples())?;
        let triples = match (own.triples, batch.product()) {
            (Some(t), Some(k)) if t.bits() != k => {
                return Err(Error::Parameter {
                    what: "bits of the triples",
                    got: t.bits().into(),
                    domain: "those of the values",
                });
            }
            (Some(t), Some(_)) => t.into_parts(),
            _ => [0; 3].map(RingVec::zeros),
        };
        let mut roots = Secret(vec![Block::ZERO; n]);
        rng.fill_bytes(bytemuck::must_cast_slice_mut(&mut roots.0));
        for x in &mut roots.0 {
            *x = Block::from_u128((x.to_u128() & !1) | u128::from(P::INDEX));
        }
        // Bit i of α, the highest first; party 0 flips its share: what is multiplied is 1 ⊕ α_i.
        let mut choices = BitVec::zeros(batch.ots());
        let flip = u32::from(P::INDEX) ^ 1;
        for level in 0..batch.domain() {
            let bits = own.alphas.iter().enumerate();
            for (j, alpha) in bits {
                let bit = (alpha >> (batch.domain() - 1 - level) & 1) ^ flip;
                let at = level as usize * n + j;
                if let Some(word) = choices.words_mut().get_mut(at / 64) {
                    *word |= u64::from(bit) << (at % 64);
                }
            }
        }
        let low = mask(batch.shape.value());
        Ok(Self {
            common: Common {
                batch,
                roots,
                betas: own.betas.iter().map(|b| b & low).collect(),
                triples,
                corrections: Vec::with_capacity(n * batch.shape.corrections()),
                role: core::marker::PhantomData,
            },
            state: State::Begin {
                choices,
                sent: own.sent,
                received: own.received,
            },
        })
    }
}

impl<P: Role> core::fmt::Debug for Generator<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Generator({:?})", self.common.batch)
    }
}

impl<P: Role> Machine for Generator<P> {
    type Output = Keys<P>;
    type Error = Error;

    fn expects(&self) -> usize {
        let batch = &self.common.batch;
        Header::LEN
            + match &self.state {
                State::Begin { .. } => return 0,
                State::Choices { .. } => batch.ots().div_ceil(8),
                State::Transfers { .. } => 16 * batch.ots(),
                State::Level { .. } => 16 * batch.keys,
                State::Product { .. } => batch.product().map_or(0, |k| batch.openings(k)),
                State::Leaf { .. } => batch.leaves(),
            }
    }

    fn step(self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        let want = self.expects();
        if inbox.len() != want {
            let got = inbox.len();
            return Err(Error::Message(DecodeError::Length { got, want }));
        }
        let Self { mut common, state } = self;
        let batch = common.batch;
        let state = match state {
            State::Begin {
                choices,
                sent,
                received,
            } => {
                let mut masked = choices.duplicate();
                masked.xor_assign(received.choices());
                batch.header::<P>(DISTRIBUTED_CHOICES, 0).encode(out);
                out.extend_from_slice(masked.as_bytes());
                State::Choices {
                    choices,
                    sent,
                    received,
                }
            }
            State::Choices {
                choices,
                sent,
                received,
            } => {
                let body = check(batch.header::<P::Peer>(DISTRIBUTED_CHOICES, 0), inbox)?;
                let masked = BitVec::from_bytes(batch.ots(), body).map_err(Error::Message)?;
                batch.header::<P>(DISTRIBUTED_TRANSFERS, 0).encode(out);
                let root = |i| common.root(i);
                let shares = correlate::send(sent.messages(), &masked, root, out);
                State::Transfers {
                    choices,
                    received,
                    shares,
                }
            }
            State::Transfers {
                choices,
                received,
                mut shares,
            } => {
                let body = check(batch.header::<P::Peer>(DISTRIBUTED_TRANSFERS, 0), inbox)?;
                let root = |i| common.root(i);
                correlate::receive(received.messages(), &choices, body, root, &mut shares);
                let mut nodes = Secret(vec![Block::ZERO; batch.keys << batch.domain()]);
                let first = nodes.0.iter_mut().step_by(1 << batch.domain());
                for (node, root) in first.zip(&common.roots.0) {
                    *node = *root;
                }
                common.level(shares, 0, nodes, out)
            }
            State::Level {
                shares,
                level,
                nodes,
                own,
            } => {
                let body = check(batch.header::<P::Peer>(DISTRIBUTED_LEVEL, level), inbox)?;
                let theirs = body.as_chunks::<16>().0;
                let sums = own.iter().zip(theirs).map(|(a, b)| *a ^ Block::from(*b));
                common.corrections.extend(sums);
                if level + 1 < batch.domain() {
                    common.level(shares, level + 1, nodes, out)
                } else {
                    common.leaves(nodes, out)
                }
            }
            State::Product { own } => {
                let k = batch.shape.value();
                let body = check(batch.header::<P::Peer>(DISTRIBUTED_LEAF, 0), inbox)?;
                let (e, f) = body.split_at(body.len() / 2);
                let n = batch.keys;
                let e = get::<u128>(e, k, n).map_err(Error::Message)?;
                let f = get::<u128>(f, k, n).map_err(Error::Message)?;
                common.product(&own, [&e, &f], out)
            }
            State::Leaf { own } => {
                let k = batch.shape.value();
                let step = batch.product().map_or(0, |_| 1);
                let body = check(batch.header::<P::Peer>(DISTRIBUTED_LEAF, step), inbox)?;
                let theirs = get::<u128>(body, k, batch.keys).map_err(Error::Message)?;
                let add = batch.product().is_some();
                let leaves = own.iter().zip(&theirs).map(|(a, b)| {
                    let sum = if add { a.wrapping_add(*b) } else { a ^ b };
                    Block::from_u128(sum & mask(k))
                });
                common.corrections.extend(leaves);
                return Ok(Step::Done(common.keys()));
            }
        };
        Ok(Step::Recv(Self { common, state }))
    }
}

fn check(header: Header, inbox: &[u8]) -> Result<&[u8], Error> {
    header.check(inbox).map_err(Error::Message)
}

impl<P: Role> Common<P> {
    /// The root of the key of OT `i`.
    fn root(&self, i: usize) -> Block {
        let at = i % self.batch.keys;
        self.roots.0.get(at).copied().unwrap_or_default()
    }
    /// Hashes the nodes of `level` and says this party's halves of its corrections.
    fn level(&self, shares: Secret, level: u32, mut nodes: Secret, out: &mut Vec<u8>) -> State {
        let n = self.batch.keys;
        let hash = GgmHash::new(self.batch.hash());
        let mut own = Vec::with_capacity(n);
        let of_level = shares.0.chunks(n).nth(level as usize).unwrap_or_default();
        self.batch.header::<P>(DISTRIBUTED_LEVEL, level).encode(out);
        let keys = nodes.0.chunks_mut(1 << self.batch.domain()).enumerate();
        for ((j, nodes), share) in keys.zip(of_level) {
            let half = *share ^ grow(&hash, self.last(level, j), nodes, 1 << level);
            out.extend_from_slice(&<[u8; 16]>::from(half));
            own.push(half);
        }
        State::Level {
            shares,
            level,
            nodes,
            own,
        }
    }
    /// The correction that the nodes of `level` of key `j` still lack; the root lacks none.
    fn last(&self, level: u32, j: usize) -> Block {
        let at = (level as usize).checked_sub(1);
        let at = at.and_then(|above| self.corrections.get(above * self.batch.keys + j));
        at.copied().unwrap_or_default()
    }
    /// Sums up the leaves and says the first of what makes their corrections.
    fn leaves(&self, mut nodes: Secret, out: &mut Vec<u8>) -> State {
        let batch = &self.batch;
        let k = batch.shape.value();
        let hash = GgmHash::new(batch.hash());
        let xor = batch.product().is_none();
        let mut values = [Block::ZERO; RUN];
        let keys = nodes.0.chunks_mut(1 << batch.domain()).enumerate();
        let sums = keys.map(|(j, leaves)| {
            let last = self.last(batch.domain(), j);
            let (mut w, mut t) = (0u128, 0u128);
            for leaves in leaves.chunks_mut(RUN) {
                correct(last, leaves);
                let values = values.get_mut(..leaves.len()).unwrap_or_default();
                hash.values(leaves, values);
                for (value, leaf) in values.iter().zip(leaves) {
                    let v = value.to_u128();
                    w = if xor { w ^ v } else { w.wrapping_add(v) };
                    t += leaf.to_u128() & 1;
                }
            }
            (w, t)
        });
        let low = mask(k);
        let mut factors = [
            RingVec::<u128>::zeros(batch.keys),
            RingVec::zeros(batch.keys),
        ];
        let [s, u] = factors.each_mut().map(RingVec::as_mut_slice);
        for ((((w, t), beta), s), u) in sums.zip(self.betas.as_slice()).zip(s).zip(u) {
            (*s, *u) = match (xor, P::INDEX) {
                (true, _) => (0, w ^ beta),
                (false, 0) => (t, beta.wrapping_sub(w)),
                (false, _) => (t.wrapping_neg() & low, beta.wrapping_add(w)),
            };
            *u &= low;
        }
        wipe(&mut values);
        let [mut s, mut u] = factors;
        batch.header::<P>(DISTRIBUTED_LEAF, 0).encode(out);
        if xor {
            put(out, k, u.as_slice());
            let own = u.as_slice().to_vec();
            return State::Leaf { own };
        }
        let [a, b, _] = &self.triples;
        s.sub_assign(a.as_slice());
        u.sub_assign(b.as_slice());
        put(out, k, s.as_slice());
        put(out, k, u.as_slice());
        let own = [s.as_slice(), u.as_slice()].concat();
        State::Product { own }
    }
    /// With both factors opened under the triple, says this party's share of the product.
    fn product(&self, own: &[u128], theirs: [&[u128]; 2], out: &mut Vec<u8>) -> State {
        let k = self.batch.shape.value();
        let [a, b, c] = &self.triples;
        let (e, f) = own.split_at(own.len() / 2);
        let opened = e.iter().zip(theirs[0]).zip(f.iter().zip(theirs[1]));
        let triples = a.as_slice().iter().zip(b.as_slice()).zip(c.as_slice());
        let own = opened
            .zip(triples)
            .map(|(((e0, e1), (f0, f1)), ((a, b), c))| {
                let (e, f) = (e0.wrapping_add(*e1), f0.wrapping_add(*f1));
                let mut z = c.wrapping_add(e.wrapping_mul(*b));
                z = z.wrapping_add(f.wrapping_mul(*a));
                if P::INDEX == 0 {
                    z = z.wrapping_add(e.wrapping_mul(f));
                }
                z & mask(k)
            });
        let own: Vec<_> = own.collect();
        self.batch.header::<P>(DISTRIBUTED_LEAF, 1).encode(out);
        put(out, k, &own);
        State::Leaf { own }
    }
    /// The keys, tile by tile.
    fn keys(mut self) -> Keys<P> {
        let n = self.batch.keys;
        let mut corrections = Vec::with_capacity(self.corrections.len());
        for first in (0..n).step_by(TILE) {
            for level in self.corrections.chunks(n) {
                let tile = level.iter().skip(first).take(TILE);
                corrections.extend(tile);
            }
        }
        wipe_vec(&mut self.corrections);
        let roots = mem::take(&mut self.roots.0);
        Keys::new(self.batch, roots, corrections)
    }
}

/// Puts the children of the first `width` nodes, which lack the correction `last`, in place of them, without theirs.
/// The sum of what the nodes hash to, once they are corrected.
fn grow(hash: &GgmHash, last: Block, nodes: &mut [Block], width: usize) -> Block {
    let mut parents = [Block::ZERO; RUN];
    let mut sum = Block::ZERO;
    // From the end: children come to lie where nodes are that have been read.
    for end in (1..=width).rev().step_by(RUN) {
        let begin = end.saturating_sub(RUN);
        let (Some(from), Some(parents)) = (nodes.get(begin..end), parents.get_mut(..end - begin))
        else {
            break; // there are `width` nodes and as many more
        };
        parents.copy_from_slice(from);
        correct(last, parents);
        let children = nodes.get_mut(2 * begin..2 * end).unwrap_or_default();
        hash.expand(Block::ZERO, parents, children);
        let left = children.iter().step_by(2);
        sum = left.fold(sum, |sum, h| sum ^ *h);
    }
    wipe(&mut parents);
    sum
}

/// Adds the correction to both children of a node with control bit 1; the difference of the children is the node.
fn correct(correction: Block, children: &mut [Block]) {
    for pair in children.as_chunks_mut::<2>().0 {
        let t = ((pair[0] ^ pair[1]).to_u128() & 1).wrapping_neg();
        let c = correction & Block::from_u128(t);
        pair[0] ^= c;
        pair[1] ^= c;
    }
}
