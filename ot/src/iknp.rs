//! IKNP: the OT extension of Ishai, Kilian, Nissim and Petrank, for semi-honest parties.
//!
//! Y. Ishai, J. Kilian, K. Nissim, E. Petrank, "Extending Oblivious Transfers Efficiently", CRYPTO 2003, in the form of
//! G. Asharov, Y. Lindell, T. Schneider, M. Zohner, "More Efficient Oblivious Transfer and Extensions for Faster Secure
//! Computation", CCS 2013, <https://eprint.iacr.org/2013/552>: with the two seeds k_i^0, k_i^1 of base OT i and the
//! choices r, the OT receiver keeps the row t_i = G(k_i^0) and sends u_i = G(k_i^0) ⊕ G(k_i^1) ⊕ r; the OT sender, who
//! chose with bit Δ_i, has q_i = G(k_i^{Δ_i}) ⊕ Δ_i u_i = t_i ⊕ Δ_i r. Transposed, these are the correlations.
//!
//! It is SoftSpokenOT with k = 1 ([`crate::softspoken`]), and the same code: messages, memory, counting and costs are
//! written there. With random choices r is what would make u_0 nothing, and 127 rows are sent instead of 128: 15.9
//! bytes an OT instead of 16.
//!
//! For semi-honest parties only, by type. There is no malicious IKNP here: the consistency check that was published for
//! it (eprint 2015/546) rests on a lemma that is false (L. Roy, CRYPTO 2022). Malicious k = 1 is that of
//! [`crate::softspoken`], with that paper's check.
//!
//! ```
//! use piquet_core::wire::SessionId;
//! use piquet_ot::softspoken::Choices;
//! use piquet_ot::{Delta, Error, SemiHonest, iknp, ideal};
//! # use rand_core::SeedableRng;
//! # let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
//!
//! let session = SessionId::random(&mut rng); // agreed by both
//! let delta = Delta::random(&mut rng);
//! // In earnest: 128 base OTs over the network, in which the OT sender chooses with the bits of its Delta.
//! let (sent, received) = ideal::random_ots::<SemiHonest, _>(&delta.choices(), &mut rng);
//! let mut receiver = iknp::receiver(session, sent)?;
//! let mut sender = iknp::sender(session, received)?;
//!
//! let mut message = Vec::new();
//! let mine = receiver.extend(1000, &mut message)?; // choices, and a block for each
//! let yours = sender.extend(Choices::Random, 1000, &message)?; // two blocks for each, that differ by Delta
//! assert_eq!((mine.len(), yours.len()), (1000, 1000));
//! # Ok::<(), Error>(())
//! ```

use piquet_core::wire::SessionId;

use crate::softspoken::{self, Bits};
use crate::{Error, ReceivedOts, SemiHonest, SentOts};

/// The OT sender. See [`softspoken::Sender`].
pub type Sender = softspoken::Sender<SemiHonest>;
/// The OT receiver. See [`softspoken::Receiver`].
pub type Receiver = softspoken::Receiver<SemiHonest>;

/// From 128 base OTs in which this party chose with the bits of its Δ. No message.
///
/// # Errors
/// [`Error::Length`] if there are not 128.
pub fn sender(session: SessionId, base: ReceivedOts<SemiHonest>) -> Result<Sender, Error> {
    softspoken::Sender::setup(session, Bits::One, base)?.finish(&[])
}

/// From 128 base OTs in which the peer chose with the bits of its Δ. No message.
///
/// # Errors
/// [`Error::Length`] if there are not 128.
pub fn receiver(session: SessionId, base: SentOts<SemiHonest>) -> Result<Receiver, Error> {
    let mut nothing = Vec::new();
    softspoken::Receiver::setup(session, Bits::One, base, &mut nothing)
}
