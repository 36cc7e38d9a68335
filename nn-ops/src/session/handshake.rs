//! No start without agreement.
//!
//! Everyone tells everyone what it was started with, together with a fresh nonce, and compares field by field. The
//! session identifier is a hash of all nonces, so nobody picks it alone and one honest nonce makes it fresh; then
//! everyone tells everyone the identifier, so that a peer who told two stories about its nonce is found out.

use std::collections::BTreeMap;

use piquet_core::wire::{DecodeError, Reader, SessionId};
use rand_core::CryptoRng;

use super::Session;
use crate::transport::{Cast, NetError, Peer};

/// What must be equal at all parties, or none starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// Name of the protocol suite.
    pub engine: String,
    /// Digest of the program, for a model its shapes and formats.
    pub program: [u8; 32],
    /// Width of the arithmetic ring.
    pub ring_bits: u16,
    /// Digest of every other option that the parties must share.
    pub options: [u8; 32],
    /// Computational security in bits.
    pub computational_bits: u16,
    /// Statistical security in bits.
    pub statistical_bits: u16,
}

/// Longest engine name and version on the wire.
const TEXT: usize = 32;
const NONCE: usize = 32;
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// An [`Agreement`] with what the transport knows, as it crosses the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    version: Text,
    engine: Text,
    parties: u8,
    dealer: bool,
    client: bool,
    program: [u8; 32],
    ring_bits: u16,
    options: [u8; 32],
    computational_bits: u16,
    statistical_bits: u16,
}

/// Short text of fixed size, filled up with zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Text([u8; TEXT]);

impl Text {
    fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; TEXT];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        (!text.contains('\0')).then_some(Self(bytes))
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes: [u8; TEXT] = r.array()?;
        let len = bytes.iter().position(|&b| b == 0).unwrap_or(TEXT);
        let (text, rest) = bytes.split_at(len);
        let shown = core::str::from_utf8(text).is_ok_and(|t| !t.contains(char::is_control));
        if !shown || rest.iter().any(|&b| b != 0) {
            return Err(DecodeError::Range("text"));
        }
        Ok(Self(bytes))
    }

    fn show(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        text.trim_end_matches('\0').to_owned()
    }
}

impl Terms {
    pub(crate) const LEN: usize = 2 * TEXT + 2 + 2 * 32 + 3 * 2;

    fn new(agreement: &Agreement, cast: Cast) -> Result<Self, NetError> {
        let parties = cast.parties;
        let too_long = NetError::Usage {
            what: "the engine's name must be text of at most 32 bytes",
        };
        Ok(Self {
            version: Text::new(VERSION).ok_or(too_long.clone())?,
            engine: Text::new(&agreement.engine).ok_or(too_long)?,
            parties: u8::try_from(parties).map_err(|_| NetError::PartyCount { parties })?,
            dealer: cast.dealer,
            client: cast.client,
            program: agreement.program,
            ring_bits: agreement.ring_bits,
            options: agreement.options,
            computational_bits: agreement.computational_bits,
            statistical_bits: agreement.statistical_bits,
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN + NONCE);
        let others = u8::from(self.client) | u8::from(self.dealer) << 1;
        out.extend_from_slice(&self.version.0);
        out.extend_from_slice(&self.engine.0);
        out.extend_from_slice(&[self.parties, others]);
        out.extend_from_slice(&self.program);
        out.extend_from_slice(&self.options);
        for bits in [
            self.ring_bits,
            self.computational_bits,
            self.statistical_bits,
        ] {
            out.extend_from_slice(&bits.to_le_bytes());
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let version = Text::decode(&mut r)?;
        let engine = Text::decode(&mut r)?;
        let parties = r.u8()?;
        let others = r.u8()?;
        if others > 3 {
            return Err(DecodeError::Range("others than parties"));
        }
        let (program, options) = (r.array()?, r.array()?);
        let mut bits = || r.array().map(u16::from_le_bytes);
        let (ring_bits, computational_bits, statistical_bits) = (bits()?, bits()?, bits()?);
        r.end()?;
        Ok(Self {
            version,
            engine,
            parties,
            dealer: others & 2 != 0,
            client: others & 1 != 0,
            program,
            ring_bits,
            options,
            computational_bits,
            statistical_bits,
        })
    }

    /// Every field by its name, the most telling first.
    fn fields(&self) -> [(&'static str, String); 10] {
        let hex = |d: &[u8; 32]| blake3::Hash::from(*d).to_hex().to_string();
        [
            ("version", self.version.show()),
            ("engine", self.engine.show()),
            ("number of parties", self.parties.to_string()),
            ("presence of a dealer", self.dealer.to_string()),
            ("presence of a client", self.client.to_string()),
            ("program digest", hex(&self.program)),
            ("ring bits", self.ring_bits.to_string()),
            ("options digest", hex(&self.options)),
            (
                "computational security",
                self.computational_bits.to_string(),
            ),
            ("statistical security", self.statistical_bits.to_string()),
        ]
    }

    fn compare(&self, peer: Peer, theirs: &Self) -> Result<(), NetError> {
        for ((field, ours), (_, theirs)) in self.fields().into_iter().zip(theirs.fields()) {
            if ours != theirs {
                return Err(NetError::Disagreement {
                    peer,
                    field,
                    theirs,
                    ours,
                });
            }
        }
        Ok(())
    }
}

/// Two exchanges: terms with nonces, then the identifier that follows from them.
pub(super) fn run<R: CryptoRng>(
    session: &mut Session,
    agreement: &Agreement,
    rng: &mut R,
) -> Result<SessionId, NetError> {
    let ours = Terms::new(agreement, session.cast())?;
    let peers = session.peers();
    let mut nonce = [0; NONCE];
    rng.fill_bytes(&mut nonce);
    let mut nonces = BTreeMap::from([(session.me(), nonce)]);

    let mut hello = ours.encode();
    hello.extend_from_slice(&nonce);
    for (&peer, hello) in peers.iter().zip(session.exchange_all(&peers, &hello)?) {
        let mut r = Reader::new(&hello);
        let read = r.bytes(Terms::LEN).and_then(Terms::decode);
        let (theirs, nonce) = read
            .and_then(|terms| Ok((terms, r.array()?)))
            .map_err(|problem| NetError::BadHandshake { peer, problem })?;
        ours.compare(peer, &theirs)?;
        nonces.insert(peer, nonce);
    }

    let mut h = blake3::Hasher::new_derive_key("piquet 2026 session identifier");
    h.update(&ours.encode());
    for (peer, nonce) in &nonces {
        h.update(&[peer.to_byte()]);
        h.update(nonce);
    }
    let id = SessionId(*h.finalize().as_bytes());
    for (&peer, theirs) in peers.iter().zip(session.exchange_all(&peers, &id.0)?) {
        if theirs != id.0 {
            return Err(NetError::SessionMismatch { peer });
        }
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decoding_is_exact(bytes in proptest::collection::vec(any::<u8>(), Terms::LEN - 1..Terms::LEN + 2)) {
            if let Ok(terms) = Terms::decode(&bytes) {
                prop_assert_eq!(terms.encode(), bytes);
            }
        }
    }
}
