//! The side that has Δ.

use core::fmt;
use core::mem;
use std::sync::Arc;

use piquet_core::sparse::LocalCode;
use piquet_core::wire::{Header, Machine, SessionId, Step};
use piquet_core::{Block, FixedKeyHash, gf128};
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::buffer::{Buffer, room};
use super::check::{self, Fold};
use super::params::{CHECK, Params, Stage};
use super::toss::{self, Committed};
use super::{hash_label, wire};
use crate::cot::SenderContext;
use crate::half_tree::{HIGH, HalfTrees};
use crate::inbox::nothing;
use crate::{Error, MAX_COTS, Security, SentCots, kinds};

/// The sender between two expansions.
pub struct Sender<M: Security> {
    context: Arc<SenderContext<M>>,
    params: Params,
    /// Stages and expansions done.
    round: u64,
    codes: [u8; 32],
    salts: Zeroizing<[u8; 32]>,
    /// What the next stage takes.
    seed: Vec<Block>,
    ready: Buffer,
    spare: Vec<Block>,
    /// Index of the first correlation of `ready`, and of the one after its last.
    first: u64,
    end: u64,
}

impl<M: Security> Sender<M> {
    /// The set-up, a [`Machine`] that gives the sender. `base` has [`Params::base_cots`] correlations at least, of which
    /// those beyond are dropped.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if there are fewer; [`Error::Parameter`] if Δ has bit 0 clear
    /// (see [`Delta::random_odd`](crate::Delta::random_odd)).
    pub fn set_up<G: CryptoRng + ?Sized>(
        session: SessionId,
        params: Params,
        mut base: SentCots<M>,
        rng: &mut G,
    ) -> Result<SenderSetUp<M>, Error> {
        params.check::<M>()?;
        let want = params.base_cots::<M>();
        if base.len() < want {
            let have = base.len();
            return Err(Error::Exhausted { want, have });
        }
        let delta = Arc::clone(&base.context.delta);
        delta.usable()?;
        if !delta.is_odd() {
            return Err(Error::Parameter {
                what: "bit 0 of Delta",
                got: 0,
                domain: "1",
            });
        }
        let mut seed = mem::take(&mut base.keys);
        seed[want..].zeroize();
        seed.truncate(want);
        for q in &mut seed {
            *q = *q & HIGH;
        }
        let mut salts = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *salts);
        let session = super::session(&session, &base.context.session, base.first);
        Ok(SenderSetUp(SetUp::Commit {
            share: Committed::new(rng),
            sender: Box::new(Self {
                context: SenderContext::new(session, delta),
                params,
                round: 0,
                codes: [0; 32],
                salts,
                seed,
                ready: Buffer::default(),
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
    pub fn take(&mut self, n: usize) -> Result<SentCots<M>, Error> {
        let keys = self.ready.take(n)?;
        let first = self.first;
        self.first += n as u64;
        Ok(SentCots {
            context: Arc::clone(&self.context),
            first,
            keys,
        })
    }
    /// Gives the memory of spent correlations to the next expansion. It is not wiped before it is overwritten.
    pub fn recycle(&mut self, mut spent: SentCots<M>) {
        if spent.keys.len() > self.spare.len() {
            mem::swap(&mut self.spare, &mut spent.keys);
        }
    }
    /// One expansion, a [`Machine`] that gives the sender back with [`Params::cots_per_expansion`] more correlations.
    ///
    /// # Errors
    /// [`Error::Spent`] if there would be more than [`MAX_COTS`].
    pub fn expand(self) -> Result<SenderExpansion<M>, Error> {
        self.context.delta.usable()?;
        if self.end + self.params.cots_per_expansion::<M>() as u64 > MAX_COTS {
            return Err(Error::Spent);
        }
        self.stage()
    }

    fn stage(mut self) -> Result<SenderExpansion<M>, Error> {
        let at = usize::try_from(self.round).unwrap_or(usize::MAX - 1);
        let stage = self.params.stage(at);
        let kept = self.params.kept::<M>(at);
        let main = at >= self.params.set_up.len();
        let session = self.context.session;
        let mut salt = [0; wire::SALT];
        let mut h = blake3::Hasher::new_keyed(&self.salts);
        h.update(&self.round.to_le_bytes());
        h.finalize_xof().fill(&mut salt);
        let hash = FixedKeyHash::new(&session, &hash_label(self.round));
        let own = if main { stage.trees - kept } else { 0 };
        let spare = if main {
            mem::take(&mut self.spare)
        } else {
            Vec::new()
        };
        Ok(SenderExpansion {
            next: Zeroizing::new(vec![Block::ZERO; (stage.trees - own) * stage.bin()]),
            out: Zeroizing::new(room(spare, own * stage.bin())),
            roots: super::roots(&session, &salt, stage.trees),
            code: toss::code(&self.codes, self.round, stage.k)?,
            trees: HalfTrees::new(hash, stage.depth),
            fold: M::MALICIOUS.then(|| {
                let mut fold = Fold::new(&session, self.round, stage.depth);
                fold.absorb(&salt);
                fold
            }),
            even: Zeroizing::new(vec![Block::ZERO; stage.depth]),
            body: Vec::new(),
            sender: self,
            stage,
            salt,
            part: 0,
        })
    }
}

impl<M: Security> Drop for Sender<M> {
    fn drop(&mut self) {
        self.seed.zeroize();
        self.spare.zeroize();
    }
}

impl<M: Security> fmt::Debug for Sender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ferret::Sender({} ready, {})", self.available(), M::NAME)
    }
}

/// One expansion at the sender.
pub struct SenderExpansion<M: Security> {
    sender: Sender<M>,
    stage: Stage,
    code: LocalCode,
    trees: HalfTrees,
    fold: Option<Fold>,
    salt: [u8; wire::SALT],
    roots: Vec<Block>,
    /// The first trees, which seed the next stage, and the others.
    next: Zeroizing<Vec<Block>>,
    out: Zeroizing<Vec<Block>>,
    even: Zeroizing<Vec<Block>>,
    body: Vec<u8>,
    /// Messages of corrections that were sent.
    part: usize,
}

impl<M: Security> SenderExpansion<M> {
    fn corrections(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let Stage { k, trees, depth } = self.stage;
        let (session, delta) = (&self.sender.context.session, &self.sender.context.delta);
        let (secret, paths) = self.sender.seed.split_at(k);
        let bin = self.stage.bin();
        self.body.clear();
        if self.part == 0 {
            self.body.extend_from_slice(&self.salt);
        }
        let first = self.part * wire::TREES;
        for i in first..trees.min(first + wire::TREES) {
            let q = &paths[i * depth..][..depth];
            let leaves = super::leaves(&mut self.next, &mut self.out, i, bin);
            self.trees
                .deal(delta.block(), q[0] ^ self.roots[i], leaves, &mut self.even);
            let at = self.body.len();
            for (even, q) in self.even.iter().zip(q).skip(1) {
                self.body.extend_from_slice(&<[u8; 16]>::from(*even ^ *q));
            }
            if let Some(fold) = &mut self.fold {
                fold.weigh(&self.body[at..]);
                fold.leaves(leaves);
            }
            super::encode(&self.code, secret, i * bin, leaves)?;
        }
        let header = wire::trees_header(session, self.sender.round, self.part);
        wire::send(&header, &self.body, out);
        self.part += 1;
        Ok(())
    }

    fn answer(&mut self, fold: &Fold, inbox: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let (session, round) = (&self.sender.context.session, self.sender.round);
        let request = wire::array(
            &wire::header(kinds::FERRET_REQUEST, session, round, 0),
            inbox,
        )?;
        let mask = self.sender.seed.len() - CHECK;
        let (mut v, _) = fold.finish();
        v ^= check::pack(&self.sender.seed[mask..]);
        v ^= gf128::mul(Block::from(request), self.sender.context.delta.block());
        let header = wire::header(kinds::FERRET_ANSWER, session, round, 0);
        wire::send(&header, &check::digest(session, round, v), out);
        v.zeroize();
        Ok(())
    }

    fn finish(mut self) -> Sender<M> {
        let mut sender = self.sender;
        sender.round += 1;
        let need = sender
            .params
            .stage(usize::try_from(sender.round).unwrap_or(usize::MAX))
            .inputs(M::MALICIOUS);
        self.next[need..].zeroize();
        self.next.truncate(need);
        sender.seed.zeroize();
        sender.seed = mem::take(&mut *self.next);
        sender.end += self.out.len() as u64;
        sender.ready.push(mem::take(&mut *self.out));
        sender
    }
}

impl<M: Security> Machine for SenderExpansion<M> {
    type Output = Sender<M>;
    type Error = Error;
    fn expects(&self) -> usize {
        if M::MALICIOUS && self.part * wire::TREES >= self.stage.trees {
            Header::LEN + wire::REQUEST
        } else {
            0
        }
    }
    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        self.sender.context.delta.usable()?;
        if self.part * wire::TREES < self.stage.trees {
            nothing(inbox)?;
            self.corrections(out)?;
            if self.part * wire::TREES < self.stage.trees {
                return Ok(Step::Send(self));
            }
            if self.fold.is_some() {
                return Ok(Step::Recv(self));
            }
        } else if let Some(fold) = self.fold.take() {
            self.answer(&fold, inbox, out)?;
        }
        Ok(Step::Done(self.finish()))
    }
}

impl<M: Security> fmt::Debug for SenderExpansion<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ferret::SenderExpansion({}, {})",
            self.sender.round,
            M::NAME
        )
    }
}

/// The set-up at the sender.
#[derive(Debug)]
pub struct SenderSetUp<M: Security>(SetUp<M>);

enum SetUp<M: Security> {
    Commit {
        share: Committed,
        sender: Box<Sender<M>>,
    },
    Open {
        share: Committed,
        sender: Box<Sender<M>>,
    },
    Stage(Box<SenderExpansion<M>>),
}

impl<M: Security> fmt::Debug for SetUp<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ferret set-up")
    }
}

impl<M: Security> Machine for SenderSetUp<M> {
    type Output = Sender<M>;
    type Error = Error;
    fn expects(&self) -> usize {
        match &self.0 {
            SetUp::Commit { .. } => 0,
            SetUp::Open { .. } => Header::LEN + 32,
            SetUp::Stage(e) => e.expects(),
        }
    }
    fn step(self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        match self.0 {
            SetUp::Commit { share, sender } => {
                nothing(inbox)?;
                let session = &sender.context.session;
                let header = wire::header(kinds::FERRET_COMMIT, session, 0, 0);
                wire::send(&header, &share.commitment(session), out);
                Ok(Step::Recv(Self(SetUp::Open { share, sender })))
            }
            SetUp::Open { share, mut sender } => {
                let session = sender.context.session;
                let header = wire::header(kinds::FERRET_SHARE, &session, 0, 0);
                let theirs = wire::array(&header, inbox)?;
                sender.codes = toss::seed(&session, &share.opening, &theirs);
                let header = wire::header(kinds::FERRET_OPEN, &session, 0, 0);
                wire::send(&header, &share.opening, out);
                Self::next(*sender)
            }
            SetUp::Stage(e) => match e.step(inbox, out)? {
                Step::Send(e) => Ok(Step::Send(Self(SetUp::Stage(Box::new(e))))),
                Step::Recv(e) => Ok(Step::Recv(Self(SetUp::Stage(Box::new(e))))),
                Step::Done(sender) => Self::next(sender),
            },
        }
    }
}

impl<M: Security> SenderSetUp<M> {
    fn next(sender: Sender<M>) -> Result<Step<Self>, Error> {
        if sender.round >= sender.params.set_up.len() as u64 {
            return Ok(Step::Done(sender));
        }
        Ok(Step::Send(Self(SetUp::Stage(Box::new(sender.stage()?)))))
    }
}

#[cfg(test)]
impl<M: Security> Sender<M> {
    /// As if all correlations but a few had been made.
    pub(super) fn spend_for_tests(&mut self) {
        self.end = MAX_COTS - 1;
    }
}

#[cfg(test)]
impl<M: Security> SenderExpansion<M> {
    /// Sends its one message of corrections with `offset` added to the last one of tree 0, and prepares for the check
    /// as if the
    /// path of that tree were `guess`, up to its last bit.
    pub(super) fn cheat_for_tests(&mut self, guess: usize, offset: Block, out: &mut Vec<u8>) {
        self.corrections(out).unwrap();
        let Stage { k, trees, depth } = self.stage;
        let session = self.sender.context.session;
        let body = Header::LEN + wire::SALT;
        let last = body + wire::tree(depth) - 16;
        let wrong = Block::from(<[u8; 16]>::try_from(&out[last..last + 16]).unwrap()) ^ offset;
        out[last..last + 16].copy_from_slice(&<[u8; 16]>::from(wrong));
        let mut fold = Fold::new(&session, self.sender.round, depth);
        fold.absorb(&self.salt);
        let mut leaves = vec![Block::ZERO; self.stage.bin()];
        for i in 0..trees {
            let q = &self.sender.seed[k + i * depth..][..depth];
            let root = q[0] ^ self.roots[i];
            let delta = self.sender.context.delta.block();
            self.trees.deal(delta, root, &mut leaves, &mut self.even);
            if i == 0 {
                // What the receiver will have instead, in the two leaves below the path.
                leaves[2 * guess] ^= offset;
                leaves[2 * guess + 1] ^= offset;
            }
            fold.weigh(&out[body + i * wire::tree(depth)..][..wire::tree(depth)]);
            fold.leaves(&leaves);
        }
        self.fold = Some(fold);
    }
}
