//! The OT receiver: all seeds of all trees, and the choices.

use core::fmt;
use std::sync::Arc;

use piquet_core::rows::RowPrg;
use piquet_core::wire::{DecodeError, Encode, SessionId};
use piquet_core::{BitVec, Block, FixedKeyHash, prefetch, transpose};
use zeroize::Zeroizing;

use super::batch::{Plan, chunks, room};
use super::check::ReceiverCheck;
use super::{
    Bits, CHALLENGE_LEN, CHUNK_BLOCKS, Choices, Counters, FAR, RESPONSE_LEN, kinds, setup, shape,
};
use crate::cot::ReceiverContext;
use crate::{ChosenCots, Error, Malicious, ReceivedCots, Security, SemiHonest, SentOts};

/// An OT receiver: makes correlated OTs under its peer's Δ.
pub struct Receiver<M: Security> {
    pub(super) counters: Counters,
    prg: RowPrg,
    /// 2^k for each tree.
    seeds: Zeroizing<Vec<Block>>,
    context: Arc<ReceiverContext<M>>,
    /// The rows of a chunk.
    scratch: Zeroizing<Vec<u8>>,
    /// What was recycled.
    spare: Zeroizing<Vec<Block>>,
}

/// A batch of an OT receiver in the making. See [`ReceiverBatch::piece`].
pub struct ReceiverBatch<M: Security> {
    pub(super) receiver: Receiver<M>,
    pub(super) batch: Batch,
}

/// What is made so far.
pub(super) struct Batch {
    pub(super) plan: Plan,
    /// The choices, whole blocks.
    choices: Zeroizing<Vec<u64>>,
    /// The outputs; if malicious the rows of bits, chunk by chunk, until the challenge comes.
    macs: Zeroizing<Vec<Block>>,
    /// The sacrificed block of the choices and of each row.
    last: Zeroizing<Vec<u8>>,
}

/// Correlated OTs that the peer has not challenged yet: there is no way to them but [`UncheckedReceiver::answer`].
pub struct UncheckedReceiver(pub(super) ReceiverBatch<Malicious>);

/// [`UncheckedReceiver`] with choices of this party's own.
pub struct UncheckedChosen(UncheckedReceiver);

impl<M: Security> Receiver<M> {
    /// From 128 base OTs in which the peer chose with the bits of Δ. Appends the message for the OT sender; none for
    /// k = 1.
    ///
    /// # Errors
    /// [`Error::Length`] if there are not 128.
    pub fn setup(
        session: SessionId,
        k: Bits,
        base: SentOts<M>,
        out: &mut Vec<u8>,
    ) -> Result<Self, Error> {
        let seeds = setup::full(session, k, base, out)?;
        Ok(Self::new(session, k, seeds))
    }
    fn new(session: SessionId, k: Bits, seeds: Zeroizing<Vec<Block>>) -> Self {
        Self {
            counters: Counters::new(session, k),
            prg: RowPrg::new(&session, "softspoken rows"),
            seeds,
            context: ReceiverContext::new(session),
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
    /// Absolute index of the next correlation.
    #[must_use]
    pub fn next_index(&self) -> u64 {
        self.counters.cots
    }
    /// Gives the memory of correlations that are spent to the next batch. See [`super::Sender::recycle`].
    pub fn recycle(&mut self, mut cots: ReceivedCots<M>) {
        if cots.macs.capacity() > self.spare.capacity() {
            core::mem::swap(&mut *self.spare, &mut cots.macs);
        }
    }
    /// `n` set-ups of the same Δ for threads or sub-protocols. See [`super::Sender::split`].
    #[must_use]
    pub fn split(&mut self, n: usize) -> Vec<Self> {
        let one = |_| {
            let session = self.counters.child();
            let mut seeds = self.seeds.clone();
            FixedKeyHash::new(&session, "softspoken child").cr(&mut seeds);
            Self::new(session, self.counters.k, seeds)
        };
        (0..n).map(one).collect()
    }

    fn begin(&mut self, n: usize, choices: Option<&BitVec>) -> Result<Batch, Error> {
        self.counters.admit::<M>(n)?;
        let kind = match choices {
            Some(_) => Choices::Chosen,
            None => Choices::Random,
        };
        let plan = Plan::new(kind, n);
        let macs = room(&mut self.spare, plan.padded());
        let mut words = Zeroizing::new(vec![0; plan.padded() / 64]);
        if let Some(c) = choices {
            words[..c.words().len()].copy_from_slice(c.words());
        }
        Ok(Batch {
            plan,
            choices: words,
            macs,
            last: Zeroizing::default(),
        })
    }
    /// Rows and corrections of a chunk, `blocks` pieces each; `u` is read if choices are chosen, written if not.
    fn rows(
        &self,
        choices: Choices,
        u: &mut [u8],
        corrections: &mut [u8],
        rows: &mut [u8],
    ) -> Result<(), Error> {
        let k = self.counters.k.get();
        let first = self.counters.blocks;
        if choices == Choices::Chosen {
            return self
                .prg
                .fold_onto(k as u32, &self.seeds, first, u, corrections, rows)
                .map_err(shape);
        }
        let (seeds, more_seeds) = self.seeds.split_at(1 << k);
        let (head, tail) = rows.split_at_mut(k * u.len());
        self.prg
            .fold(k as u32, seeds, first, u, head)
            .and_then(|()| {
                self.prg
                    .fold_onto(k as u32, more_seeds, first, u, corrections, tail)
            })
            .map_err(shape)
    }
    /// What the trees give by themselves: rows of `stride` bytes, one u for each tree, and its k of v.
    pub(crate) fn small_rows(
        &mut self,
        n: usize,
        stride: usize,
    ) -> Result<[Zeroizing<Vec<u8>>; 2], Error> {
        self.counters.admit::<SemiHonest>(n)?;
        let k = self.counters.k;
        let mut u = Zeroizing::new(vec![0; k.trees() * stride]);
        let mut v = Zeroizing::new(vec![0; 128 * stride]);
        self.prg
            .fold(
                k.get() as u32,
                &self.seeds,
                self.counters.blocks,
                &mut u,
                &mut v,
            )
            .map_err(shape)?;
        self.counters.small(stride / 16);
        Ok([u, v])
    }
    /// Appends the next message of a batch.
    fn put(&mut self, batch: &mut Batch, out: &mut Vec<u8>) -> Result<(), Error> {
        let k = self.counters.k;
        let (piece, rows) = (batch.plan.piece(), batch.plan.rows(k));
        out.reserve(batch.plan.message_len::<M>(k));
        self.counters.header(batch.plan.kind()).encode(out);
        let at = batch.plan.done;
        let mut u = &mut bytemuck::must_cast_slice_mut::<u64, u8>(&mut batch.choices)[16 * at..];
        // Rows that go to memory themselves come too soon for it.
        let far = !M::MALICIOUS && batch.macs.len() > FAR;
        let mut macs = &mut batch.macs[128 * at..];
        let mut scratch = core::mem::take(&mut self.scratch);
        for blocks in chunks(piece.blocks) {
            if far {
                prefetch::to_write(&macs[..128 * blocks]);
            }
            let corrections = append(out, 16 * rows * blocks);
            let (now_u, later_u) = u.split_at_mut(16 * blocks);
            let (now, later) = macs.split_at_mut(128 * blocks);
            if M::MALICIOUS {
                let v = bytemuck::must_cast_slice_mut(now);
                self.rows(batch.plan.choices, now_u, corrections, v)?;
            } else {
                let v = &mut scratch[..128 * 16 * blocks];
                self.rows(batch.plan.choices, now_u, corrections, v)?;
                transpose::rows_to_blocks(v, now).map_err(shape)?;
            }
            (u, macs) = (later_u, later);
            self.counters.blocks += blocks as u64;
        }
        self.scratch = scratch;
        if M::MALICIOUS && piece.last {
            batch.last = Zeroizing::new(vec![0; 129 * 16]);
            let (u, v) = batch.last.split_at_mut(16);
            // The choices that are sacrificed are random in any case: the first correction stays 0.
            let random = k.trees() - 1;
            let corrections = &mut append(out, 16 * rows)[16 * (rows - random)..];
            self.rows(Choices::Random, u, corrections, v)?;
            self.counters.blocks += 1;
        }
        batch.plan.done += piece.blocks;
        Ok(())
    }
    fn give(&mut self, mut batch: Batch) -> ReceivedCots<M> {
        let n = batch.plan.n;
        let mut macs = core::mem::take(&mut *batch.macs);
        // What is over is wiped with the rest: the vector's wipe covers its capacity.
        macs.truncate(n);
        let first = self.counters.cots;
        self.counters.cots += n as u64;
        ReceivedCots {
            context: Arc::clone(&self.context),
            first,
            choices: BitVec::from_words(n, core::mem::take(&mut *batch.choices)),
            macs,
        }
    }
    fn batch(mut self, n: usize, choices: Option<&BitVec>) -> Result<ReceiverBatch<M>, Error> {
        let batch = self.begin(n, choices)?;
        let receiver = self;
        Ok(ReceiverBatch { receiver, batch })
    }
    /// Begins a batch of `n` with random choices whose messages are made one by one.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`].
    pub fn begin_batch(self, n: usize) -> Result<ReceiverBatch<M>, Error> {
        self.batch(n, None)
    }
    /// Begins a batch with these choices, which is not to come out as one with random ones.
    pub(super) fn begin_chosen(self, choices: &BitVec) -> Result<ReceiverBatch<M>, Error> {
        self.batch(choices.len(), Some(choices))
    }
    fn put_all(&mut self, batch: &mut Batch, out: &mut Vec<u8>) -> Result<(), Error> {
        while !batch.plan.is_done() {
            self.put(batch, out)?;
        }
        Ok(())
    }
}

/// `n` more bytes of `out`.
fn append(out: &mut Vec<u8>, n: usize) -> &mut [u8] {
    let at = out.len();
    out.resize(at + n, 0);
    &mut out[at..]
}

impl Receiver<SemiHonest> {
    /// `n` correlated OTs with random choices; appends the message for the OT sender.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`]; nothing has happened then.
    pub fn extend(
        &mut self,
        n: usize,
        out: &mut Vec<u8>,
    ) -> Result<ReceivedCots<SemiHonest>, Error> {
        let mut batch = self.begin(n, None)?;
        self.put_all(&mut batch, out)?;
        Ok(self.give(batch))
    }
    /// Correlated OTs with these choices; appends the message for the OT sender.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`]; nothing has happened then.
    pub fn extend_chosen(
        &mut self,
        choices: &BitVec,
        out: &mut Vec<u8>,
    ) -> Result<ChosenCots<SemiHonest>, Error> {
        let mut batch = self.begin(choices.len(), Some(choices))?;
        self.put_all(&mut batch, out)?;
        Ok(ChosenCots(self.give(batch)))
    }
}

impl Receiver<Malicious> {
    /// `n` correlated OTs with random choices; appends the message for the OT sender, who answers with a challenge.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`].
    pub fn extend(self, n: usize, out: &mut Vec<u8>) -> Result<UncheckedReceiver, Error> {
        self.batch(n, None)?.all(out)
    }
    /// Correlated OTs with these choices. See [`Receiver::extend`].
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Spent`].
    pub fn extend_chosen(
        self,
        choices: &BitVec,
        out: &mut Vec<u8>,
    ) -> Result<UncheckedChosen, Error> {
        let batch = self.batch(choices.len(), Some(choices))?;
        Ok(UncheckedChosen(batch.all(out)?))
    }
}

impl<M: Security> ReceiverBatch<M> {
    /// Messages are left to be made.
    #[must_use]
    pub fn has_more(&self) -> bool {
        !self.batch.plan.is_done()
    }
    /// Appends the next message; nothing if there is none.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn piece(mut self, out: &mut Vec<u8>) -> Result<Self, Error> {
        if self.has_more() {
            self.receiver.put(&mut self.batch, out)?;
        }
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
    pub(super) fn give(mut self) -> Result<(Receiver<M>, ReceivedCots<M>), Error> {
        self.complete()?;
        let cots = self.receiver.give(self.batch);
        Ok((self.receiver, cots))
    }
    pub(super) fn answer(
        mut self,
        challenge: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(Receiver<M>, ReceivedCots<M>), Error> {
        self.complete()?;
        let (got, want) = (challenge.len(), CHALLENGE_LEN);
        if got != want {
            return Err(DecodeError::Length { got, want }.into());
        }
        let header = self.receiver.counters.header(kinds::SOFTSPOKEN_CHALLENGE);
        let mut key = Block::ZERO;
        bytemuck::bytes_of_mut(&mut key).copy_from_slice(header.check(challenge)?);

        // Rows were left as they are, where the outputs go: hashed and transposed in one pass now, they cost a copy within
        // the first cache. Transposed at once they would cost another transpose back, expanded anew another 2^k/k AES.
        let mut check = ReceiverCheck::new(key);
        let batch = &mut self.batch;
        let mut u = bytemuck::must_cast_slice::<u64, u8>(&batch.choices);
        let mut macs = &mut batch.macs[..];
        for blocks in chunks(batch.plan.done) {
            let (now, later) = macs.split_at_mut(128 * blocks);
            let (now_u, later_u) = u.split_at(16 * blocks);
            let v = &mut self.receiver.scratch[..128 * 16 * blocks];
            v.copy_from_slice(bytemuck::must_cast_slice(now));
            check.add(now_u, v, blocks)?;
            transpose::rows_to_blocks(v, now).map_err(shape)?;
            (u, macs) = (later_u, later);
        }
        let (last_u, last_v) = batch.last.split_at(16);
        let (u, v) = check.finish(last_u, last_v)?;
        out.reserve(RESPONSE_LEN);
        let header = self.receiver.counters.header(kinds::SOFTSPOKEN_RESPONSE);
        header.encode(out);
        out.extend_from_slice(bytemuck::must_cast_slice(&u));
        out.extend_from_slice(bytemuck::must_cast_slice(&v));
        self.give()
    }
}

impl ReceiverBatch<SemiHonest> {
    /// The correlations, and the OT receiver for the next batch.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if messages are still to be made.
    pub fn finish(self) -> Result<(Receiver<SemiHonest>, ReceivedCots<SemiHonest>), Error> {
        self.give()
    }
}

impl ReceiverBatch<Malicious> {
    /// All messages are made.
    ///
    /// # Errors
    /// [`Error::Exhausted`] if messages are still to be made.
    pub fn finish(self) -> Result<UncheckedReceiver, Error> {
        self.complete()?;
        Ok(UncheckedReceiver(self))
    }
    fn all(mut self, out: &mut Vec<u8>) -> Result<UncheckedReceiver, Error> {
        self.receiver.put_all(&mut self.batch, out)?;
        self.finish()
    }
}

impl UncheckedReceiver {
    /// Answers the OT sender's challenge: appends the answer.
    ///
    /// The correlations are this party's from here on. Whether the OT sender accepts is for the messages that follow to
    /// show: it has none of them if it does not.
    ///
    /// # Errors
    /// [`Error::Decode`].
    pub fn answer(
        self,
        challenge: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(Receiver<Malicious>, ReceivedCots<Malicious>), Error> {
        self.0.answer(challenge, out)
    }
}

impl UncheckedChosen {
    /// Answers the OT sender's challenge. See [`UncheckedReceiver::answer`].
    ///
    /// # Errors
    /// [`Error::Decode`].
    pub fn answer(
        self,
        challenge: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(Receiver<Malicious>, ChosenCots<Malicious>), Error> {
        let (receiver, cots) = self.0.answer(challenge, out)?;
        Ok((receiver, ChosenCots(cots)))
    }
}

impl<M: Security> fmt::Debug for Receiver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.counters;
        write!(
            f,
            "Receiver(k = {}, {}, next {})",
            c.k.get(),
            M::NAME,
            c.cots
        )
    }
}

impl<M: Security> fmt::Debug for ReceiverBatch<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = &self.batch.plan;
        write!(f, "ReceiverBatch({} of {}, {})", 128 * p.done, p.n, M::NAME)
    }
}

impl fmt::Debug for UncheckedChosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for UncheckedReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UncheckedReceiver({})", self.0.batch.plan.n)
    }
}
