//! A set of keys as two streams of blocks.
//!
//! A party's seed is derived from the dealer's, and from it the generator of a block, the point of the tags and the AES key of
//! their pads. What is random is drawn by both parties from their generators in the same order; the payload is what cannot
//! be drawn.

use super::gates::Gate;
use super::tree::{self, Corrections, Shape};
use super::{Pi, Prg, Session, array, derive, message, mul, tree_pi};
use super::{pack, pack_words, unpack, unpack_words};

/// One party's secrets of a set.
pub(crate) struct Side {
    pub(crate) party: u8,
    key: [u8; 32],
    point: u128,
}

/// Version, kind, session, position; party, set; the gate and its parameters, the number of gates.
pub(crate) fn head(
    session: &Session,
    set: u64,
    position: u64,
    party: u8,
    gate: (u8, [u32; 3]),
    count: usize,
) -> Vec<u8> {
    let (id, parameters) = gate;
    let mut body = vec![party];
    body.extend(set.to_le_bytes());
    body.push(id);
    body.extend(parameters.iter().flat_map(|p| p.to_le_bytes()));
    body.extend((count as u32).to_le_bytes());
    message(session, 0x70, position, &body)
}

/// What the dealer gives to a party: 16 bytes.
pub(crate) fn party_seed(dealer: [u8; 16], session: &Session, set: u64, party: u8) -> [u8; 16] {
    let parts: [&[u8]; 4] = [&dealer, session, &set.to_le_bytes(), &[party]];
    array(&derive("piquet 2026 seed of a party", &parts, 16))
}

impl Side {
    pub(crate) fn new(seed: [u8; 16], session: &Session, set: u64, party: u8) -> Self {
        let parts: [&[u8]; 4] = [&seed, session, &set.to_le_bytes(), &[party]];
        let keys = derive("piquet 2026 key stream", &parts, 48);
        Self {
            party,
            key: array(&keys[..32]),
            point: u128::from_le_bytes(array(&keys[32..])),
        }
    }
    /// The randomness of the block under a head, and the permutation of its tag.
    pub(crate) fn block(&self, head: &[u8]) -> (Prg, Pi) {
        let mut h = blake3::Hasher::new_keyed(&self.key);
        h.update(head);
        let mut keys = [0; 32];
        h.finalize_xof().fill(&mut keys);
        let [prg, tag] = [&keys[..16], &keys[16..]].map(array);
        (Prg::new(prg), Pi::new(tag))
    }
    /// What the party has in the block: after 44 bytes of head, before 16 bytes of tag.
    pub(crate) fn take<'a>(
        &self,
        session: &Session,
        set: u64,
        position: u64,
        block: &'a [u8],
    ) -> Taken<'a> {
        let (head, rest) = block.split_at(44);
        Taken {
            pi: block_pi(session, set, position),
            party: self.party.into(),
            prg: self.block(head).0,
            payload: &rest[..rest.len() - 16],
        }
    }
    /// The tag: the bytes as blocks of 16, filled up with zeros, then their number, as coefficients of a polynomial without
    /// a constant term, whose value is encrypted.
    pub(crate) fn tag(&self, pi: &Pi, bytes: &[u8]) -> u128 {
        let mut sum = 0;
        for chunk in bytes.chunks(16) {
            let mut block = [0; 16];
            block[..chunk.len()].copy_from_slice(chunk);
            sum = mul(sum ^ u128::from_le_bytes(block), self.point);
        }
        pi.of(mul(sum ^ bytes.len() as u128, self.point))
    }
}

/// The permutation of the trees of a block.
pub(crate) fn block_pi(session: &Session, set: u64, position: u64) -> Pi {
    tree_pi(session, &format!("key set {set}, block {position}"))
}

/// A block in the making, by somebody who knows both parties' randomness.
pub(crate) struct Deal {
    pub(crate) pi: Pi,
    pub(crate) prgs: [Prg; 2],
    pub(crate) payload: Vec<u8>,
}

impl Deal {
    /// Uniform words of `word` bits of which the low `k` count: the sums of what both draw.
    pub(crate) fn random(&mut self, word: u32, k: u32, n: usize) -> Vec<u128> {
        let [a, b] = [0, 1].map(|p| self.prgs[p].words(word, k, n));
        let sum = |(a, b): (&u128, &u128)| super::low(a.wrapping_add(*b), k);
        a.iter().zip(&b).map(sum).collect()
    }
    pub(crate) fn random_bits(&mut self, n: usize) -> Vec<bool> {
        let [a, b] = [0, 1].map(|p| self.prgs[p].bits(n));
        a.iter().zip(&b).map(|(a, b)| a ^ b).collect()
    }
    /// Shares: what is written is the value less what both draw. Up to 64 bits without gaps, else in whole bytes each.
    pub(crate) fn share(&mut self, word: u32, k: u32, values: &[u128]) {
        let r = self.random(word, k, values.len());
        let c: Vec<_> = values
            .iter()
            .zip(&r)
            .map(|(v, r)| super::low(v.wrapping_sub(*r), k))
            .collect();
        let wide = if k <= 64 { k } else { k.div_ceil(8) * 8 };
        self.payload.extend(pack_words(&c, wide));
    }
    pub(crate) fn share_bits(&mut self, values: &[bool]) {
        let r = self.random_bits(values.len());
        let c: Vec<_> = values.iter().zip(&r).map(|(v, r)| v ^ r).collect();
        self.payload.extend(pack(&c));
    }
    /// Point functions: party b's roots are drawn, and their control bits set to b.
    pub(crate) fn trees(&mut self, shape: Shape, points: &[(u128, u128)]) {
        let [a, b] = [0, 1].map(|p| roots(&mut self.prgs[p], p as u8, points.len()));
        let key = |((alpha, beta), (a, b)): (&(u128, u128), (&u128, &u128))| {
            tree::generate(&self.pi, shape, *alpha, *beta, [*a, *b])
        };
        let keys: Vec<_> = points.iter().zip(a.iter().zip(&b)).map(key).collect();
        let blocks = tree::write(&keys);
        self.payload
            .extend(blocks.iter().flat_map(|b| b.to_le_bytes()));
    }
}

fn roots(prg: &mut Prg, party: u8, n: usize) -> Vec<u128> {
    (0..n)
        .map(|_| (prg.block() & !1) | u128::from(party))
        .collect()
}

/// A block in the hands of a party.
pub(crate) struct Taken<'a> {
    pub(crate) pi: Pi,
    pub(crate) party: usize,
    pub(crate) prg: Prg,
    pub(crate) payload: &'a [u8],
}

impl Taken<'_> {
    fn next(&mut self, n: usize) -> Vec<u8> {
        let (head, rest) = self.payload.split_at(n);
        self.payload = rest;
        head.to_vec()
    }
    pub(crate) fn random(&mut self, word: u32, k: u32, n: usize) -> Vec<u128> {
        self.prg.words(word, k, n)
    }
    pub(crate) fn random_bits(&mut self, n: usize) -> Vec<bool> {
        self.prg.bits(n)
    }
    pub(crate) fn share(&mut self, word: u32, k: u32, n: usize) -> Vec<u128> {
        let own = self.prg.words(word, k, n);
        let wide = if k <= 64 { k } else { k.div_ceil(8) * 8 };
        let bytes = self.next((n * wide as usize).div_ceil(8));
        let c = unpack_words(&bytes, n, wide);
        let add = |(v, c): (&u128, &u128)| {
            let c = if self.party == 1 { *c } else { 0 };
            super::low(v.wrapping_add(c), k)
        };
        own.iter().zip(&c).map(add).collect()
    }
    pub(crate) fn share_bits(&mut self, n: usize) -> Vec<bool> {
        let own = self.prg.bits(n);
        let c = unpack(&self.next(n.div_ceil(8)));
        let add = |(v, c): (&bool, &bool)| v ^ (*c && self.party == 1);
        own.iter().zip(&c).map(add).collect()
    }
    /// Roots and corrections.
    pub(crate) fn trees(&mut self, shape: Shape, n: usize) -> Vec<(u128, Corrections)> {
        let bytes = self.next(16 * n * (shape.levels() as usize + 1));
        let blocks: Vec<_> = bytes
            .chunks(16)
            .map(|b| u128::from_le_bytes(array(b)))
            .collect();
        let keys = tree::read(shape, &blocks, n);
        let roots = roots(&mut self.prg, self.party as u8, n);
        roots.into_iter().zip(keys).collect()
    }
}

/// All blocks of a set, in both streams.
pub(crate) struct Set {
    pub(crate) session: Session,
    pub(crate) set: u64,
    pub(crate) sides: [Side; 2],
}

impl Set {
    pub(crate) fn new(session: Session, set: u64, dealer: [u8; 16]) -> Self {
        let side = |p| Side::new(party_seed(dealer, &session, set, p), &session, set, p);
        Self {
            session,
            set,
            sides: [side(0), side(1)],
        }
    }
    /// The block at `position`: what the dealer learns, and what is in each stream.
    pub(crate) fn deal<G: Gate>(
        &self,
        position: u64,
        gate: &G,
        masks: &[u128],
        count: usize,
    ) -> (Vec<u128>, [Vec<u8>; 2]) {
        let heads = [0, 1].map(|p| head(&self.session, self.set, position, p, gate.id(), count));
        let keys = [0, 1].map(|p: usize| self.sides[p].block(&heads[p]));
        let [(a, tag0), (b, tag1)] = keys;
        let mut to = Deal {
            pi: block_pi(&self.session, self.set, position),
            prgs: [a, b],
            payload: Vec::new(),
        };
        let dealt = gate.deal(masks, count, &mut to);
        let block = |p: usize, pi: &Pi| {
            let mut block = [&heads[p][..], &to.payload].concat();
            let tag = self.sides[p].tag(pi, &block);
            block.extend(tag.to_le_bytes());
            block
        };
        let blocks = [block(0, &tag0), block(1, &tag1)];
        (dealt, blocks)
    }
    pub(crate) fn take<'a>(&self, position: u64, party: usize, block: &'a [u8]) -> Taken<'a> {
        self.sides[party].take(&self.session, self.set, position, block)
    }
}
