//! The side that has the choice bits.

use core::fmt;
use core::mem;
use std::sync::Arc;

use piquet_core::sparse::LocalCode;
use piquet_core::wire::{Header, Machine, SessionId, Step};
use piquet_core::{BitVec, Block, FixedKeyHash};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::buffer::{Buffer, room};
use super::check::{self, Fold};
use super::params::{CHECK, Params, Stage};
use super::toss::{self, Share};
use super::{hash_label, wire};
use crate::cot::ReceiverContext;
use crate::half_tree::{HIGH, HalfTrees};
use crate::{Error, MAX_COTS, ReceivedCots, Security, kinds};

/// The receiver between two expansions.
pub struct Receiver<M: Security> {
    context: Arc<ReceiverContext<M>>,
    params: Params,
    /// Stages and expansions done.
    round: u64,
    codes: [u8; 32],
    /// What the next stage takes; bit 0 of each is its choice bit.
    seed: Vec<Block>,
    ready: Buffer,
    choices: BitVec,
    spare: Vec<Block>,
    /// Index of the first correlation of `ready`, and of the one after its last.
    first: u64,
    end: u64,
}

impl<M: Security> Receiver<M> {
    /// The set-up, a [`Machine`] that gives the receiver. `base` has [`Params::base_cots`] correlations at least, of which
    /// those beyond are dropped. Their choice bits have to be uniform: they are the secrets and the noise of LPN.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if there are fewer.
    pub fn set_up<G: CryptoRng + ?Sized>(
        session: SessionId,
        params: Params,
        mut base: ReceivedCots<M>,
        rng: &mut G,
    ) -> Result<ReceiverSetUp<M>, Error> {
        params.check::<M>()?;
        let want = params.base_cots::<M>();
        if base.len() < want {
            let have = base.len();
            return Err(Error::Exhausted { want, have });
        }
        let mut seed = mem::take(&mut base.macs);
        seed[want..].zeroize();
        seed.truncate(want);
        for (t, b) in seed.iter_mut().zip(base.choices.to_bools()) {
            *t = (*t & HIGH) ^ Block::from_u128(u128::from(b));
        }
        let session = super::session(&session, &base.context.session, base.first);
        Ok(ReceiverSetUp(SetUp::Start {
            share: toss::share(rng),
            receiver: Box::new(Self {
                context: ReceiverContext::new(session),
                params,
                round: 0,
                codes: [0; 32],
                seed,
                ready: Buffer::default(),
                choices: BitVec::zeros(0),
                spare: Vec::new(),
                first: 0,
                end: 0,
            }),
        }))
    }
    /// Correlations that can be taken now.
    #[must_use]
    pub fn available(&self) -> usize {
        self.ready.len()
    }
    /// How many expansions it takes until `n` correlations can be taken.
    #[must_use]
    pub fn expansions_for(&self, n: usize) -> usize {
        n.saturating_sub(self.available())
            .div_ceil(self.params.cots_per_expansion::<M>())
    }
    /// Takes the next `n` correlations. Nothing is copied if they are all that one expansion gave.
    ///
    /// # Errors
    /// [`Error::Exhausted`], and nothing happens, if fewer are there.
    pub fn take(&mut self, n: usize) -> Result<ReceivedCots<M>, Error> {
        let macs = self.ready.take(n)?;
        let choices = if n == self.choices.len() {
            mem::replace(&mut self.choices, BitVec::zeros(0))
        } else {
            let rest = self.choices.slice(n..self.choices.len());
            let first = self.choices.slice(0..n);
            self.choices = rest;
            first
        };
        let first = self.first;
        self.first += n as u64;
        Ok(ReceivedCots {
            context: Arc::clone(&self.context),
            first,
            choices,
            macs,
        })
    }
    /// Gives the memory of spent correlations to the next expansion. It is not wiped before it is overwritten.
    pub fn recycle(&mut self, mut spent: ReceivedCots<M>) {
        if spent.macs.len() > self.spare.len() {
            mem::swap(&mut self.spare, &mut spent.macs);
        }
    }
    /// One expansion, a [`Machine`] that gives the receiver back with [`Params::cots_per_expansion`] more correlations.
    ///
    /// # Errors
    /// [`Error::Spent`] if there would be more than [`MAX_COTS`].
    pub fn expand(self) -> Result<ReceiverExpansion<M>, Error> {
        if self.end + self.params.cots_per_expansion::<M>() as u64 > MAX_COTS {
            return Err(Error::Spent);
        }
        self.stage()
    }

    fn stage(mut self) -> Result<ReceiverExpansion<M>, Error> {
        let at = usize::try_from(self.round).unwrap_or(usize::MAX - 1);
        let stage = self.params.stage(at);
        let kept = self.params.kept::<M>(at);
        let main = at >= self.params.set_up.len();
        let session = self.context.session;
        let hash = FixedKeyHash::new(&session, &hash_label(self.round));
        let own = if main { stage.trees - kept } else { 0 };
        let spare = if main {
            mem::take(&mut self.spare)
        } else {
            Vec::new()
        };
        Ok(ReceiverExpansion {
            next: Zeroizing::new(vec![Block::ZERO; (stage.trees - own) * stage.bin()]),
            out: Zeroizing::new(room(spare, own * stage.bin())),
            choices: Zeroizing::new(Vec::with_capacity(own * stage.bin() / 64)),
            roots: Vec::new(),
            code: toss::code(&self.codes, self.round, stage.k)?,
            trees: HalfTrees::new(hash, stage.depth),
            fold: M::MALICIOUS.then(|| Fold::new(&session, self.round, stage.depth)),
            known: Zeroizing::new(vec![Block::ZERO; stage.depth]),
            want: None,
            receiver: self,
            stage,
            part: 0,
            started: false,
        })
    }
}

impl<M: Security> Drop for Receiver<M> {
    fn drop(&mut self) {
        self.seed.zeroize();
        self.spare.zeroize();
    }
}

impl<M: Security> fmt::Debug for Receiver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ferret::Receiver({} ready, {})",
            self.available(),
            M::NAME
        )
    }
}

/// One expansion at the receiver.
pub struct ReceiverExpansion<M: Security> {
    receiver: Receiver<M>,
    stage: Stage,
    code: LocalCode,
    trees: HalfTrees,
    fold: Option<Fold>,
    roots: Vec<Block>,
    /// The first trees, which seed the next stage, and the others with their choice bits.
    next: Zeroizing<Vec<Block>>,
    out: Zeroizing<Vec<Block>>,
    choices: Zeroizing<Vec<u64>>,
    known: Zeroizing<Vec<Block>>,
    /// Messages of corrections that were received; none is looked for by the very first step.
    part: usize,
    started: bool,
    /// The answer that the check wants.
    want: Option<[u8; 32]>,
}

impl<M: Security> ReceiverExpansion<M> {
    fn corrections(&mut self, inbox: &[u8]) -> Result<(), Error> {
        let Stage { k, trees, depth } = self.stage;
        let session = &self.receiver.context.session;
        let header = wire::trees_header(session, self.receiver.round, self.part);
        let message = wire::decode_trees(&header, trees, depth, self.part, inbox)?;
        if let Some(salt) = message.salt {
            self.roots = super::roots(session, &salt, trees);
            if let Some(fold) = &mut self.fold {
                fold.absorb(&salt);
            }
        }
        let (secret, paths) = self.receiver.seed.split_at(k);
        let bin = self.stage.bin();
        let first = self.part * wire::TREES;
        let bodies = message.corrections.chunks_exact(wire::tree(depth));
        for (i, body) in (first..).zip(bodies) {
            let t = &paths[i * depth..][..depth];
            let mut path = 0;
            for t in t {
                path = (path << 1) | (!t.to_u128() & 1) as usize;
            }
            self.known[0] = t[0] ^ self.roots[i];
            for ((known, t), c) in self.known.iter_mut().zip(t).skip(1).zip(wire::blocks(body)) {
                *known = *t ^ c;
            }
            let kept = i * bin < self.next.len();
            let leaves = super::leaves(&mut self.next, &mut self.out, i, bin);
            self.trees.puncture(path, &self.known, leaves);
            if let Some(fold) = &mut self.fold {
                fold.weigh(body);
                fold.leaves(leaves);
                fold.noise(path);
            }
            super::encode(&self.code, secret, i * bin, leaves)?;
            if !kept {
                self.choices.extend(leaves.chunks_exact(64).map(low_bits));
            }
        }
        self.part += 1;
        Ok(())
    }

    fn request(&mut self, fold: &Fold, out: &mut Vec<u8>) {
        let (session, round) = (&self.receiver.context.session, self.receiver.round);
        let mask = &self.receiver.seed[self.receiver.seed.len() - CHECK..];
        let (mut w, mut noise) = fold.finish();
        w ^= check::pack(mask);
        noise ^= Block::from_u128(u128::from(low_bits(&mask[..64])))
            ^ Block::from_u128(u128::from(low_bits(&mask[64..])) << 64);
        let header = wire::header(kinds::FERRET_REQUEST, session, round, 0);
        wire::send(&header, &<[u8; 16]>::from(noise), out);
        self.want = Some(check::digest(session, round, w));
        w.zeroize();
    }

    fn answer(&self, want: &[u8; 32], inbox: &[u8]) -> Result<(), Error> {
        let (session, round) = (&self.receiver.context.session, self.receiver.round);
        let header = wire::header(kinds::FERRET_ANSWER, session, round, 0);
        let got: [u8; 32] = wire::array(&header, inbox)?;
        if bool::from(got.ct_eq(want)) {
            Ok(())
        } else {
            Err(Error::Check)
        }
    }

    fn finish(mut self) -> Receiver<M> {
        let mut receiver = self.receiver;
        receiver.round += 1;
        let need = receiver
            .params
            .stage(usize::try_from(receiver.round).unwrap_or(usize::MAX))
            .inputs(M::MALICIOUS);
        self.next[need..].zeroize();
        self.next.truncate(need);
        receiver.seed.zeroize();
        receiver.seed = mem::take(&mut *self.next);
        receiver.end += self.out.len() as u64;
        let choices = BitVec::from_words(self.out.len(), mem::take(&mut *self.choices));
        if receiver.choices.is_empty() {
            receiver.choices = choices;
        } else {
            receiver.choices.extend_from(&choices);
        }
        receiver.ready.push(mem::take(&mut *self.out));
        receiver
    }
}

/// Bit 0 of each of 64 blocks.
fn low_bits(blocks: &[Block]) -> u64 {
    let mut word = 0;
    for (i, b) in blocks.iter().enumerate() {
        word |= (b.to_u128() as u64 & 1) << i;
    }
    word
}

impl<M: Security> Machine for ReceiverExpansion<M> {
    type Output = Receiver<M>;
    type Error = Error;
    fn expects(&self) -> usize {
        let Stage { trees, depth, .. } = self.stage;
        Header::LEN
            + if self.part * wire::TREES < trees {
                wire::trees_len(trees, depth, self.part)
            } else {
                wire::ANSWER
            }
    }
    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        if let Some(want) = self.want {
            self.answer(&want, inbox)?;
            return Ok(Step::Done(self.finish()));
        }
        if !mem::replace(&mut self.started, true) && inbox.is_empty() {
            return Ok(Step::Recv(self));
        }
        self.corrections(inbox)?;
        if self.part * wire::TREES < self.stage.trees {
            return Ok(Step::Recv(self));
        }
        if let Some(fold) = self.fold.take() {
            self.request(&fold, out);
            return Ok(Step::Recv(self));
        }
        Ok(Step::Done(self.finish()))
    }
}

impl<M: Security> fmt::Debug for ReceiverExpansion<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ferret::ReceiverExpansion({}, {})",
            self.receiver.round,
            M::NAME
        )
    }
}

/// The set-up at the receiver.
#[derive(Debug)]
pub struct ReceiverSetUp<M: Security>(SetUp<M>);

enum SetUp<M: Security> {
    Start {
        share: Share,
        receiver: Box<Receiver<M>>,
    },
    Commitment {
        share: Share,
        receiver: Box<Receiver<M>>,
    },
    Opening {
        share: Share,
        commitment: Share,
        receiver: Box<Receiver<M>>,
    },
    Stage(Box<ReceiverExpansion<M>>),
}

impl<M: Security> fmt::Debug for SetUp<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ferret set-up")
    }
}

impl<M: Security> Machine for ReceiverSetUp<M> {
    type Output = Receiver<M>;
    type Error = Error;
    fn expects(&self) -> usize {
        match &self.0 {
            SetUp::Start { .. } | SetUp::Commitment { .. } => Header::LEN + 32,
            SetUp::Opening { .. } => Header::LEN + 64,
            SetUp::Stage(e) => e.expects(),
        }
    }
    fn step(self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        match self.0 {
            SetUp::Start { share, receiver } if inbox.is_empty() => {
                Ok(Step::Recv(Self(SetUp::Commitment { share, receiver })))
            }
            SetUp::Start { share, receiver } | SetUp::Commitment { share, receiver } => {
                let session = receiver.context.session;
                let header = wire::header(kinds::FERRET_COMMIT, &session, 0, 0);
                let commitment = wire::array(&header, inbox)?;
                let header = wire::header(kinds::FERRET_SHARE, &session, 0, 0);
                wire::send(&header, &share, out);
                Ok(Step::Recv(Self(SetUp::Opening {
                    share,
                    commitment,
                    receiver,
                })))
            }
            SetUp::Opening {
                share,
                commitment,
                mut receiver,
            } => {
                let session = receiver.context.session;
                let header = wire::header(kinds::FERRET_OPEN, &session, 0, 0);
                let opening = wire::array(&header, inbox)?;
                receiver.codes = toss::open(&session, &commitment, &opening, &share)?;
                Self::next(*receiver)
            }
            SetUp::Stage(e) => match e.step(inbox, out)? {
                Step::Send(e) => Ok(Step::Send(Self(SetUp::Stage(Box::new(e))))),
                Step::Recv(e) => Ok(Step::Recv(Self(SetUp::Stage(Box::new(e))))),
                Step::Done(receiver) => Self::next(receiver),
            },
        }
    }
}

impl<M: Security> ReceiverSetUp<M> {
    fn next(receiver: Receiver<M>) -> Result<Step<Self>, Error> {
        if receiver.round >= receiver.params.set_up.len() as u64 {
            return Ok(Step::Done(receiver));
        }
        let mut stage = receiver.stage()?;
        stage.started = true;
        Ok(Step::Recv(Self(SetUp::Stage(Box::new(stage)))))
    }
}

#[cfg(test)]
impl<M: Security> Receiver<M> {
    pub(super) fn seed_for_tests(&self) -> &[Block] {
        &self.seed
    }
    pub(super) fn code_for_tests(&self, k: usize) -> LocalCode {
        toss::code(&self.codes, self.round, k).unwrap()
    }
    /// The path of tree 0.
    pub(super) fn path_for_tests(&self) -> usize {
        let Stage { k, depth, .. } = self.params.main;
        let bit = |b: &Block| (!b.to_u128() & 1) as usize;
        self.seed[k..k + depth]
            .iter()
            .fold(0, |p, b| (p << 1) | bit(b))
    }
    /// As if all correlations but a few had been made.
    pub(super) fn spend_for_tests(&mut self) {
        self.end = MAX_COTS - 1;
    }
}
