//! SoftSpokenOT: correlated OTs from 128 base OTs, 16/k bytes and 2^k/k AES for each.
//!
//! After L. Roy, "SoftSpokenOT: Quieter OT Extension from Small-Field Silent VOLE in the Minicrypt Model", CRYPTO 2022,
//! <https://eprint.iacr.org/2022/192>, for k in {1, 2, 4, 8}.
//!
//! **What it gives.** Correlated OTs as in [`crate::SentCots`], any number at a time, random choices or chosen ones, under
//! one Δ whose bits are the choices of the base OTs. A party that deviates may choose its own outputs freely (the
//! endemic kind); the hash that makes random OTs of correlated ones is where they become independent of that. With
//! chosen choices the OT receiver's bits are its input.
//!
//! **How.** Each group of k bits of Δ has a tree of 2^k seeds ([set-up](Receiver::setup)): the OT receiver has all of
//! them, the OT sender all but the one at the index Δ_i that the group spells. Stretched to rows r_x, they are a VOLE
//! over GF(2^k) without a message: with u_i = Σ_x r_x and v_i = Σ_x x r_x the OT sender knows w_i = Σ_x (x ⊕ Δ_i) r_x =
//! v_i ⊕ Δ_i u_i, as the missing seed has coefficient 0. Corrections c_i = u_i ⊕ u make all trees agree on one u, the
//! choices: c_0 is nothing if choices are random (u = u_0). The 128 rows of bits of v and of w, transposed, are the
//! correlations.
//!
//! **Security.** [`SemiHonest`](crate::SemiHonest): pseudorandomness of the rows and of the trees, both in the random
//! permutation model for AES. [`Malicious`](crate::Malicious), with abort: the same, a random oracle in the check of the
//! set-up (see `setup.rs`), and a universal hash over the rows of each batch, before the transpose (see `check.rs`). A
//! cheating OT receiver passes with probability 2^-j if its cheats depend on j bits of Δ, which it then knows; one that
//! passes for certain knows nothing. A cheating OT sender can only lie about the hash key, which hides nothing from
//! itself. A check that fails leaves neither outputs nor state. Endemic base OTs suffice: a corrupt party of a base OT
//! that chooses its own messages chooses seeds or masks that are its own to choose, and the other messages stay
//! pseudorandom; they are hashed with the session before they are used.
//!
//! **Cost.** For n OTs in pieces of 2^13, R = 128/k − 1 rows (128/k with chosen choices):
//!
//! | | |
//! |---|---|
//! | base OTs | 128, their receiver being the OT sender |
//! | set-up | OT receiver to OT sender, none for k = 1: 18 + 32 (k − 1) 128/k bytes, malicious 32 (128/k + 1) more |
//! | extension | OT receiver to OT sender: 16 R ⌈n/128⌉ + 18 ⌈n/2^13⌉ bytes, malicious 16 R more |
//! | check | malicious: 34 bytes to the OT receiver, 18 + 16 · 129 back |
//! | rounds | one message an extension; two more if malicious |
//! | AES | 2^k/k for each OT at the OT receiver, (2^k − 1)/k at the OT sender |
//! | memory | 16 bytes an OT for the outputs; the OT receiver of a malicious batch keeps its rows in their place |
//!
//! **Bytes.** A set-up message has the corrections of one tree after another, then the sums of check values of all trees,
//! then their hash. A message of corrections is in chunks of 2^10 OTs, the last one what is left: all rows of a chunk, one
//! after another. After the last chunk of a malicious batch stand 128 bits of each row, which are sacrificed. The key of
//! the check is drawn when the batch begins.
//!
//! A batch that is not a multiple of 128 costs as much as the next multiple: what is over is made and wiped. Indices of
//! correlations count what is given out; the limit of [`crate::MAX_COTS`] counts what is made.
//!
//! **Constant time** in Δ, choices, seeds and rows. Lengths, indices and whether a check failed are public.

//!
//! ```
//! use piquet_core::wire::SessionId;
//! use piquet_ot::softspoken::{Bits, Choices, Receiver, Sender};
//! use piquet_ot::{Delta, Error, Malicious, ideal};
//! # use rand_core::SeedableRng;
//! # let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
//!
//! let session = SessionId::random(&mut rng); // agreed by both
//! let delta = Delta::random(&mut rng);
//! // In earnest: 128 base OTs over the network, in which the OT sender chooses with the bits of its Delta.
//! let (sent, received) = ideal::random_ots::<Malicious, _>(&delta.choices(), &mut rng);
//!
//! let mut message = Vec::new();
//! let receiver = Receiver::setup(session, Bits::Four, sent, &mut message)?;
//! let sender = Sender::setup(session, Bits::Four, received)?.finish(&message)?;
//!
//! let (mut corrections, mut challenge, mut answer) = (vec![], vec![], vec![]);
//! let receiver = receiver.extend(1000, &mut corrections)?;
//! let sender = sender.extend(Choices::Random, 1000, &corrections, &mut rng, &mut challenge)?;
//! let (receiver, mine) = receiver.answer(&challenge, &mut answer)?;
//! let (sender, yours) = sender.verify(&answer)?;
//! assert_eq!((mine.len(), yours.len()), (1000, 1000));
//! # Ok::<(), Error>(())
//! ```
//!
//! There is no extension before a set-up, and no output before the check:
//!
//! ```compile_fail,E0599
//! # use piquet_ot::{Malicious, softspoken::{Choices, SenderSetUp}};
//! fn early(sender: SenderSetUp<Malicious>, message: &[u8]) {
//!     let _ = sender.begin_batch(Choices::Random, 10, message);
//! }
//! ```
//! ```compile_fail,E0599
//! # use piquet_ot::softspoken::UncheckedSender;
//! fn unchecked(outputs: UncheckedSender) -> usize {
//!     outputs.len()
//! }
//! ```
//! ```compile_fail,E0308
//! # use piquet_core::wire::SessionId;
//! # use piquet_ot::{Error, Malicious, ReceivedOts, SemiHonest, softspoken::{Bits, Sender, SenderSetUp}};
//! fn weaker_base(s: SessionId, base: ReceivedOts<SemiHonest>) -> Result<SenderSetUp<Malicious>, Error> {
//!     Sender::<Malicious>::setup(s, Bits::Two, base)
//! }
//! ```

use piquet_core::ShapeError;
use piquet_core::wire::{Header, SessionId};

use crate::{Error, MAX_COTS, Security, kinds};

mod batch;
mod check;
mod ggm;
mod machine;
mod receiver;
mod sender;
mod setup;
#[cfg(test)]
mod tests;

pub use machine::{ChosenRun, ReceiverRun, ReceiverSetUp, SenderRun};
pub use receiver::{Receiver, ReceiverBatch, UncheckedChosen, UncheckedReceiver};
pub use sender::{Sender, SenderBatch, SenderSetUp, UncheckedSender};

/// Correlated OTs in one message of a batch: pieces of 2^13, the last one what is left: the message of a piece stays in the second cache until it is sent.
pub const PIECE: usize = 1 << 13;
/// 128-bit pieces of a row that are worked on at a time: rows, transpose and outputs stay in the first caches.
pub(crate) const CHUNK_BLOCKS: usize = 8;
/// Correlations of a batch from which on outputs are in no near cache, and are asked for before they are computed: 2 MiB.
const FAR: usize = 1 << 17;

/// k, the bits of Δ that share a tree: bandwidth 16/k bytes against 2^k/k AES for each OT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bits {
    /// k = 1: IKNP, with the check of this protocol if malicious
    One = 1,
    /// k = 2: half the bytes for no more work
    Two = 2,
    /// k = 4: a quarter of the bytes, twice the work
    Four = 4,
    /// k = 8: an eighth of the bytes, 16 times the work
    Eight = 8,
}

impl Bits {
    /// k
    #[must_use]
    pub const fn get(self) -> usize {
        self as usize
    }
    /// Trees, 128 / k.
    #[must_use]
    pub const fn trees(self) -> usize {
        128 / self.get()
    }
}

impl TryFrom<u32> for Bits {
    type Error = Error;
    fn try_from(k: u32) -> Result<Self, Error> {
        match k {
            1 => Ok(Self::One),
            2 => Ok(Self::Two),
            4 => Ok(Self::Four),
            8 => Ok(Self::Eight),
            _ => Err(Error::Parameter {
                what: "k",
                got: k.into(),
                domain: "1, 2, 4 or 8",
            }),
        }
    }
}

/// Who decides on the choices of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choices {
    /// Nobody: they come out uniform.
    Random,
    /// The OT receiver, for one row of corrections more.
    Chosen,
}

/// Bytes of the set-up message, OT receiver to OT sender; 0 is no message.
#[must_use]
pub fn setup_len<M: Security>(k: Bits) -> usize {
    setup::message_len::<M>(k)
}

/// Bytes of all messages of corrections of a batch of `n`.
#[must_use]
pub fn extension_len<M: Security>(k: Bits, choices: Choices, n: usize) -> usize {
    let rows = k.trees() - usize::from(choices == Choices::Random);
    let blocks = n.div_ceil(128) + usize::from(M::MALICIOUS);
    16 * rows * blocks + n.div_ceil(PIECE) * Header::LEN
}

/// Bytes of the challenge of a malicious batch.
pub const CHALLENGE_LEN: usize = Header::LEN + 16;
/// Bytes of the answer to it.
pub const RESPONSE_LEN: usize = Header::LEN + 16 * 129;

/// What both parties count.
#[derive(Debug)]
struct Counters {
    session: SessionId,
    k: Bits,
    /// Correlations given out.
    cots: u64,
    /// Blocks of each stream that are spent.
    blocks: u64,
    /// Messages of this state.
    step: u64,
    /// Children that were split off.
    children: u64,
}

impl Counters {
    fn new(session: SessionId, k: Bits) -> Self {
        Self {
            session,
            k,
            cots: 0,
            blocks: 0,
            step: 0,
            children: 0,
        }
    }
    /// The header of the next message.
    fn header(&mut self, kind: u8) -> Header {
        let step = self.step;
        self.step += 1;
        Header {
            kind,
            session: self.session,
            step,
        }
    }
    /// Refuses a batch of 0, and one that would go beyond the limit.
    fn admit<M: Security>(&self, n: usize) -> Result<(), Error> {
        if n == 0 {
            return Err(Error::Empty);
        }
        let blocks = n.div_ceil(128) as u64 + u64::from(M::MALICIOUS);
        if blocks > MAX_COTS / 128 - self.blocks {
            return Err(Error::Spent);
        }
        Ok(())
    }
    /// Counts small-field VOLE as a step, though it has no message: parties that disagree about it are told so by the next.
    fn small(&mut self, blocks: usize) {
        self.blocks += blocks as u64;
        self.step += 1;
    }
    /// The session of the next child.
    fn child(&mut self) -> SessionId {
        let child = self
            .session
            .child(&format!("piquet-ot softspoken {}", self.children));
        self.children += 1;
        child
    }
}

/// Lengths of buffers are this module's own, so this is not reached; it is no reason to panic either.
fn shape(e: ShapeError) -> Error {
    let (got, want) = match e {
        ShapeError::Length { got, want } => (got, want),
        _ => (0, 0),
    };
    Error::Length {
        what: "rows of a chunk",
        got,
        want,
    }
}
