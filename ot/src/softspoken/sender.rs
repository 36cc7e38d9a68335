//! The OT sender: Δ, and all seeds but one of each tree.

use core::fmt;
use std::sync::Arc;

use piquet_core::rows::RowPrg;
use piquet_core::wire::{DecodeError, Encode, Reader, SessionId};
use piquet_core::{Block, FixedKeyHash, prefetch, transpose};
use rand_core::CryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::batch::{Plan, chunks, room};
use super::check::SenderCheck;
use super::{
    Bits, CHALLENGE_LEN, CHUNK_BLOCKS, Choices, Counters, FAR, RESPONSE_LEN, kinds, setup, shape,
};
use crate::cot::SenderContext;
use crate::{Delta, Error, Malicious, ReceivedOts, Security, SemiHonest, SentCots};

/// An OT sender whose set-up message has not come yet.
#[derive(Debug)]
pub struct SenderSetUp<M: Security> {
    session: SessionId,
    k: Bits,
    base: ReceivedOts<M>,
    pub(super) waiting: bool,
}

/// An OT sender: makes correlated OTs under one Δ.
pub struct Sender<M: Security> {
    pub(super) counters: Counters,
    prg: RowPrg,
    /// 2^k − 1 for each tree: leaf y is the one that stands for x = y ⊕ Δ_i.
    seeds: Zeroizing<Vec<Block>>,
    /// The bits of Δ from tree 0 on, and from tree 1 on.
    bits: Zeroizing<[[u8; 16]; 2]>,
    context: Arc<SenderContext<M>>,
    /// The rows of a chunk.
    scratch: Zeroizing<Vec<u8>>,
    /// What was recycled.
    spare: Zeroizing<Vec<Block>>,
}

/// A batch of an OT sender in the making. See [`SenderBatch::piece`].
pub struct SenderBatch<M: Security> {
    pub(super) sender: Sender<M>,
    pub(super) batch: Batch,
}

/// What is made so far.
pub(super) struct Batch {
    pub(super) plan: Plan,
    keys: Zeroizing<Vec<Block>>,
    check: Option<SenderCheck>,
}

/// Correlated OTs of a peer that has not passed the check: there is no way to them but [`UncheckedSender::verify`].
pub struct UncheckedSender(pub(super) SenderBatch<Malicious>);

impl<M: Security> SenderSetUp<M> {
    /// Bytes of the message that is due, 0 if none is.
    #[must_use]
    pub fn expects(&self) -> usize {
        setup::message_len::<M>(self.k)
    }
    /// Takes the OT receiver's message, empty for k = 1.
    ///
    /// # Errors
    /// [`Error::Decode`]; malicious [`Error::Check`].
    pub fn finish(self, message: &[u8]) -> Result<Sender<M>, Error> {
        let seeds = setup::punctured(self.session, self.k, &self.base, message)?;
        let delta = setup::delta(&self.base);
        Ok(Sender::new(self.session, self.k, seeds, Arc::new(delta)))
    }
}

impl<M: Security> Sender<M> {
    /// From 128 base OTs in which this party chose with the bits of Δ ([`Delta::choices`]).
    ///
    /// # Errors
    /// [`Error::Length`] if there are not 128.
    pub fn setup(
        session: SessionId,
        k: Bits,
        base: ReceivedOts<M>,
    ) -> Result<SenderSetUp<M>, Error> {
        setup::want_base(base.len())?;
        Ok(SenderSetUp {
            session,
            k,
            base,
            waiting: false,
        })
    }
    fn new(session: SessionId, k: Bits, seeds: Zeroizing<Vec<Block>>, delta: Arc<Delta>) -> Self {
        let bits = delta.block().to_u128();
        Self {
            counters: Counters::new(session, k),
            prg: RowPrg::new(&session, "softspoken rows"),
            seeds,
            bits: Zeroizing::new([bits.to_le_bytes(), (bits >> k.get()).to_le_bytes()]),
            context: SenderContext::new(session, delta),
            scratch: Zeroizing::new(vec![0; 128 * 16 * CHUNK_BLOCKS]),
            spare: Zeroizing::default(),
        }
    }
    /// The session of this set-up.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.counters.session
    }
    /// k.
    #[must_use]
    pub fn bits(&self) -> Bits {
        self.counters.k
    }
    /// Δ.
    #[must_use]
    pub fn delta(&self) -> Arc<Delta> {
        Arc::clone(&self.context.delta)
    }
    /// Absolute index of the next correlation.
    #[must_use]
    pub fn next_index(&self) -> u64 {
        self.counters.cots
    }
    /// Gives the memory of correlations that are spent to the next batch: fresh pages cost as much as the protocol. What
    /// they held is overwritten before anything is given out.
    pub fn recycle(&mut self, mut cots: SentCots<M>) {
        if cots.keys.capacity() > self.spare.capacity() {
            core::mem::swap(&mut *self.spare, &mut cots.keys);
        }
    }
    /// `n` set-ups of the same Δ for threads or sub-protocols, each with its own session, seeds, hash key and count of
    /// indices. The OT receiver has to split as many at the same point; children of children are as good. This one goes on.
    ///
    /// A child's seeds are this one's hashed under a key of the child's session: what is made from them is
    /// independent. [`crate::MAX_COTS`] holds for each child by itself, as each hashes under its own key.
    #[must_use]
    pub fn split(&mut self, n: usize) -> Vec<Self> {
        let one = |_| {
            let session = self.counters.child();
            let mut seeds = self.seeds.clone();
            FixedKeyHash::new(&session, "softspoken child").cr(&mut seeds);
            Self::new(
                session,
                self.counters.k,
                seeds,
                Arc::clone(&self.context.delta),
            )
        };
        (0..n).map(one).collect()
    }

    fn begin(&mut self, choices: Choices, n: usize, key: Option<Block>) -> Result<Batch, Error> {
        self.context.delta.usable()?;
        self.counters.admit::<M>(n)?;
        let plan = Plan::new(choices, n);
        let keys = room(&mut self.spare, plan.padded());
        Ok(Batch {
            plan,
            keys,
            check: key.map(SenderCheck::new),
        })
    }
    /// Rows of a chunk, `blocks` pieces each, from its corrections.
    fn rows(
        &self,
        choices: Choices,
        corrections: &[u8],
        blocks: usize,
        rows: &mut [u8],
    ) -> Result<(), Error> {
        let k = self.counters.k.get();
        let first = self.counters.blocks;
        let fold = |at: usize, seeds: &[Block], c: &[u8], rows: &mut [u8]| {
            self.prg
                .fold_punctured(k as u32, seeds, first, &self.bits[at], c, rows)
                .map_err(shape)
        };
        if choices == Choices::Chosen {
            return fold(0, &self.seeds, corrections, rows);
        }
        // The correction of tree 0 is nothing.
        let (seeds, more_seeds) = self.seeds.split_at((1 << k) - 1);
        let (head, tail) = rows.split_at_mut(16 * k * blocks);
        fold(0, seeds, &[0; 16 * CHUNK_BLOCKS][..16 * blocks], head)?;
        fold(1, more_seeds, corrections, tail)
    }
    /// What the trees give by themselves: k rows of `stride` bytes for each tree.
    pub(crate) fn small_rows(
        &mut self,
        n: usize,
        stride: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.counters.admit::<SemiHonest>(n)?;
        let k = self.counters.k;
        let nothing = vec![0; k.trees() * stride];
        let mut w = Zeroizing::new(vec![0; 128 * stride]);
        let (bits, first) = (&self.bits[0], self.counters.blocks);
        self.prg
            .fold_punctured(k.get() as u32, &self.seeds, first, bits, &nothing, &mut w)
            .map_err(shape)?;
        self.counters.small(stride / 16);
        Ok(w)
    }
    /// Takes the next message of a batch.
    fn take(&mut self, batch: &mut Batch, message: &[u8]) -> Result<(), Error> {
        let k = self.counters.k;
        let want = batch.plan.message_len::<M>(k);
        if message.len() != want || want == 0 {
            let got = message.len();
            return Err(DecodeError::Length { got, want }.into());
        }
        let header = self.counters.header(batch.plan.kind());
        let mut body = Reader::new(header.check(message)?);
        let (piece, rows) = (batch.plan.piece(), batch.plan.rows(k));
        let mut scratch = core::mem::take(&mut self.scratch);
        let far = batch.keys.len() > FAR;
        let mut keys = &mut batch.keys[128 * batch.plan.done..];
        for blocks in chunks(piece.blocks) {
            if far {
                prefetch::to_write(&keys[..128 * blocks]);
            }
            let w = &mut scratch[..128 * 16 * blocks];
            let c = body.bytes(16 * rows * blocks)?;
            self.rows(batch.plan.choices, c, blocks, w)?;
            if let Some(check) = &mut batch.check {
                check.add(w, blocks)?;
            }
            let (now, later) = keys.split_at_mut(128 * blocks);
            transpose::rows_to_blocks(w, now).map_err(shape)?;
            keys = later;
            self.counters.blocks += blocks as u64;
        }
        if let Some(check) = &mut batch.check
            && piece.last
        {
            let w = &mut scratch[..128 * 16];
            let c = body.bytes(16 * rows)?;
            self.rows(batch.plan.choices, c, 1, w)?;
            check.add_last(w)?;
            self.counters.blocks += 1;
        }
        body.end()?;
        self.scratch = scratch;
        batch.plan.done += piece.blocks;
        Ok(())
    }
    fn give(&mut self, mut batch: Batch) -> SentCots<M> {
        let mut keys = core::mem::take(&mut *batch.keys);
        // What is over is wiped with the rest: the vector's wipe covers its capacity.
        keys.truncate(batch.plan.n);
        let first = self.counters.cots;
        self.counters.cots += batch.plan.n as u64;
        SentCots {
            context: Arc::clone(&self.context),
            first,
            keys,
        }
    }
}

impl Sender<SemiHonest> {
    /// `n` correlated OTs from the message, or the messages one after another, of the OT receiver.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`], [`Error::Decode`]; nothing has happened then.
    pub fn extend(
        &mut self,
        choices: Choices,
        n: usize,
        message: &[u8],
    ) -> Result<SentCots<SemiHonest>, Error> {
        let mut batch = self.begin(choices, n, None)?;
        let (blocks, step) = (self.counters.blocks, self.counters.step);
        if let Err(e) = self.take_all(&mut batch, message) {
            (self.counters.blocks, self.counters.step) = (blocks, step);
            return Err(e);
        }
        Ok(self.give(batch))
    }
    /// Begins a batch whose messages come one by one.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`].
    pub fn begin_batch(
        mut self,
        choices: Choices,
        n: usize,
    ) -> Result<SenderBatch<SemiHonest>, Error> {
        let batch = self.begin(choices, n, None)?;
        let sender = self;
        Ok(SenderBatch { sender, batch })
    }
}

impl<M: Security> Sender<M> {
    fn take_all(&mut self, batch: &mut Batch, message: &[u8]) -> Result<(), Error> {
        let want = super::extension_len::<M>(self.counters.k, batch.plan.choices, batch.plan.n);
        if message.len() != want {
            let got = message.len();
            return Err(DecodeError::Length { got, want }.into());
        }
        let mut rest = Reader::new(message);
        while !batch.plan.is_done() {
            let piece = rest.bytes(batch.plan.message_len::<M>(self.counters.k))?;
            self.take(batch, piece)?;
        }
        Ok(rest.end()?)
    }
}

impl Sender<Malicious> {
    /// As [`Sender::begin_batch`] and all pieces at once: appends the challenge for the OT receiver to `out`.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`], [`Error::Decode`].
    pub fn extend<G: CryptoRng + ?Sized>(
        self,
        choices: Choices,
        n: usize,
        message: &[u8],
        rng: &mut G,
        out: &mut Vec<u8>,
    ) -> Result<UncheckedSender, Error> {
        let mut b = self.begin_batch(choices, n, rng)?;
        b.sender.take_all(&mut b.batch, message)?;
        b.challenge(out)
    }
    /// Begins a batch whose messages come one by one. The key of its check is drawn from `rng` now, so that rows are
    /// hashed as they come, and is sent when all are there.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`].
    pub fn begin_batch<G: CryptoRng + ?Sized>(
        mut self,
        choices: Choices,
        n: usize,
        rng: &mut G,
    ) -> Result<SenderBatch<Malicious>, Error> {
        let batch = self.begin(choices, n, Some(Block::random(rng)))?;
        let sender = self;
        Ok(SenderBatch { sender, batch })
    }
}

impl<M: Security> SenderBatch<M> {
    /// Bytes of the next message of the OT receiver; 0 when all are there.
    #[must_use]
    pub fn expects(&self) -> usize {
        self.batch.plan.message_len::<M>(self.sender.counters.k)
    }
    /// Takes the next message.
    ///
    /// # Errors
    /// [`Error::Decode`].
    pub fn piece(mut self, message: &[u8]) -> Result<Self, Error> {
        self.sender.take(&mut self.batch, message)?;
        Ok(self)
    }
    fn complete(&self) -> Result<(), Error> {
        let plan = &self.batch.plan;
        if plan.is_done() {
            return Ok(());
        }
        Err(Error::Exhausted {
            want: plan.n,
            have: 128 * plan.done,
        })
    }
    pub(super) fn give(mut self) -> Result<(Sender<M>, SentCots<M>), Error> {
        self.complete()?;
        let cots = self.sender.give(self.batch);
        Ok((self.sender, cots))
    }
    pub(super) fn send_challenge(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.sender.context.delta.usable()?;
        self.complete()?;
        let header = self.sender.counters.header(kinds::SOFTSPOKEN_CHALLENGE);
        if let Some(check) = &self.batch.check {
            out.reserve(CHALLENGE_LEN);
            header.encode(out);
            out.extend_from_slice(bytemuck::bytes_of(check.key()));
        }
        Ok(())
    }
    pub(super) fn verify(mut self, response: &[u8]) -> Result<(Sender<M>, SentCots<M>), Error> {
        self.sender.context.delta.usable()?;
        if response.len() != RESPONSE_LEN {
            return Err(DecodeError::Length {
                got: response.len(),
                want: RESPONSE_LEN,
            }
            .into());
        }
        let header = self.sender.counters.header(kinds::SOFTSPOKEN_RESPONSE);
        let mut body = Reader::new(header.check(response)?);
        let mut next = || body.array().map(Block::from);
        let u = next()?;
        let sums = match self.batch.check.take() {
            Some(check) => Zeroizing::new(check.finish()),
            None => return Err(Error::Check),
        };
        let delta = &self.sender.bits[0];
        let mut wrong = Block::ZERO;
        for (r, w) in sums.iter().enumerate() {
            let bit = Choice::from((delta[r / 8] >> (r % 8)) & 1);
            let want = *w ^ (u & super::ggm::mask(bit));
            let diff = (want ^ next()?).to_u128();
            wrong = Block::from_u128(wrong.to_u128() | diff);
        }
        if !bool::from(wrong.ct_eq(&Block::ZERO)) {
            return Err(self.sender.context.delta.burn());
        }
        self.give()
    }
}

impl SenderBatch<SemiHonest> {
    /// The correlations, and the OT sender for the next batch.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if messages are missing.
    pub fn finish(self) -> Result<(Sender<SemiHonest>, SentCots<SemiHonest>), Error> {
        self.give()
    }
}

impl SenderBatch<Malicious> {
    /// Appends the challenge for the OT receiver.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if messages are missing.
    pub fn challenge(mut self, out: &mut Vec<u8>) -> Result<UncheckedSender, Error> {
        self.send_challenge(out)?;
        Ok(UncheckedSender(self))
    }
}

impl UncheckedSender {
    /// Takes the OT receiver's answer. What fails is gone, with its set-up.
    ///
    /// # Errors
    /// [`Error::Check`] if the OT receiver deviated, [`Error::Decode`].
    pub fn verify(
        self,
        response: &[u8],
    ) -> Result<(Sender<Malicious>, SentCots<Malicious>), Error> {
        self.0.verify(response)
    }
}

impl<M: Security> fmt::Debug for Sender<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.counters;
        write!(f, "Sender(k = {}, {}, next {})", c.k.get(), M::NAME, c.cots)
    }
}

impl<M: Security> fmt::Debug for SenderBatch<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = &self.batch.plan;
        write!(f, "SenderBatch({} of {}, {})", 128 * p.done, p.n, M::NAME)
    }
}

impl fmt::Debug for UncheckedSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UncheckedSender({})", self.0.batch.plan.n)
    }
}
