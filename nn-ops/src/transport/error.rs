//! What can go wrong between parties; every variant says with whom.

use std::path::PathBuf;
use std::time::Duration;

use super::{MAX_PARTIES, Peer};
use crate::session::StepId;

/// Why a connection, a handshake or an exchange failed.
///
/// It is `Clone` because a session that failed once answers every later call with the same error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The stream ended without a farewell.
    #[error("{peer} hung up")]
    HungUp {
        /// Who.
        peer: Peer,
    },
    /// Nothing moved for as long as this party is willing to wait.
    #[error("{peer} stalled: {doing} made no progress for {waited:?}")]
    Stalled {
        /// Who.
        peer: Peer,
        /// What this party was waiting for.
        doing: &'static str,
        /// For how long.
        waited: Duration,
    },
    /// The peer keeps sending what nobody has asked for yet.
    #[error("{peer} floods: {held} bytes arrived before they were wanted and more are waiting")]
    Flooding {
        /// Who.
        peer: Peer,
        /// Bytes held for it.
        held: usize,
    },
    /// The peer gave up and said why.
    #[error("{peer} aborted: {reason}")]
    Aborted {
        /// Who.
        peer: Peer,
        /// Its own words, at most 512 bytes, without control characters.
        reason: String,
    },
    /// The peer ended the session while this party still wants something from it.
    #[error("{peer} ended the session while a message from it was due")]
    Ended {
        /// Who.
        peer: Peer,
    },
    /// A message has another length than local state calls for.
    #[error("{peer} sent {got} bytes in {step}, expected {want}")]
    WrongLength {
        /// Who.
        peer: Peer,
        /// In which step.
        step: StepId,
        /// Bytes received so far, this frame included.
        got: usize,
        /// Bytes due.
        want: usize,
    },
    /// A message belongs to another step than the one due.
    #[error("{peer} sent {got}, expected {want}")]
    WrongStep {
        /// Who.
        peer: Peer,
        /// Step of the message.
        got: StepId,
        /// Step due.
        want: StepId,
    },
    /// A message that this party never asked for, or one that came twice.
    #[error("{peer} sent an unexpected message in {step}")]
    Unexpected {
        /// Who.
        peer: Peer,
        /// Step of the message.
        step: StepId,
    },
    /// A message has the length that is due, and its bytes mean nothing.
    #[error("{peer} sent what cannot be read: {problem}")]
    Unreadable {
        /// Who.
        peer: Peer,
        /// What is wrong with it.
        problem: piquet_core::wire::DecodeError,
    },
    /// A message was made for another session.
    #[error("{peer} sent a message of another session in {step}")]
    WrongSession {
        /// Who.
        peer: Peer,
        /// Step of the message.
        step: StepId,
    },
    /// A frame header breaks the format.
    #[error("{peer} sent a bad frame: {problem}")]
    BadFrame {
        /// Who.
        peer: Peer,
        /// What is wrong with it.
        problem: super::frame::FrameError,
    },
    /// The parties were started with different settings.
    #[error("{peer} disagrees on {field}: it has {theirs}, this party has {ours}")]
    Disagreement {
        /// Who.
        peer: Peer,
        /// Which setting.
        field: &'static str,
        /// Its value there.
        theirs: String,
        /// Its value here.
        ours: String,
    },
    /// What a peer said of its settings cannot be read.
    #[error("{peer} sent a bad handshake: {problem}")]
    BadHandshake {
        /// Who.
        peer: Peer,
        /// What is wrong with it.
        problem: piquet_core::wire::DecodeError,
    },
    /// A peer did not see the same nonces from all parties.
    #[error("{peer} arrived at another session identifier")]
    SessionMismatch {
        /// Who.
        peer: Peer,
    },
    /// The transport failed in a way that is not a hang-up.
    #[error("link to {peer}: {cause}")]
    Io {
        /// Who is at the other end.
        peer: Peer,
        /// The operating system's words.
        cause: String,
    },
    /// This session has no such peer, or it is this party itself.
    #[error("there is no link to {peer}")]
    NoSuchPeer {
        /// Who.
        peer: Peer,
    },
    /// Two messages to or from one peer in one step.
    #[error("more than one message with {peer} in one step")]
    TwiceInOneStep {
        /// Who.
        peer: Peer,
    },
    /// A number of parties out of range.
    #[error("{parties} parties, between 1 and {MAX_PARTIES} are possible")]
    PartyCount {
        /// The number asked for.
        parties: usize,
    },
    /// A setting is out of range or a call is out of place.
    #[error("{what}")]
    Usage {
        /// What is wrong.
        what: &'static str,
    },
    /// Step or fork numbers are used up; they never wrap.
    #[error("out of {what}")]
    Exhausted {
        /// Of what.
        what: &'static str,
    },
    /// The session was dropped on this side before it was finished.
    #[error("the session was dropped before it was finished")]
    Dropped,
    /// This party gave up by [`crate::session::Session::abort`].
    #[error("{reason}")]
    AbortedHere {
        /// Its own words.
        reason: String,
    },
    /// The operating system gave no thread.
    #[error("cannot start a thread: {cause}")]
    Thread {
        /// The operating system's words.
        cause: String,
    },
    /// The address to listen at is taken, or not ours.
    #[error("cannot listen at {address}: {cause}")]
    Bind {
        /// The address.
        address: String,
        /// The operating system's words.
        cause: String,
    },
    /// A peer is not there.
    #[error(
        "no connection with {peer} at {address} within {waited:?}: {last}{}",
        list_rejected(.rejected)
    )]
    NotConnected {
        /// Who is missing.
        peer: Peer,
        /// Where it was called, or where it should have called.
        address: String,
        /// For how long.
        waited: Duration,
        /// What the last attempt came to.
        last: String,
        /// Strangers that were turned away meanwhile, at most eight.
        rejected: Vec<String>,
    },
    /// Whoever answers is not the peer, or thinks that this is not the peer it expects.
    #[error("no trusted connection with {peer}: {cause}")]
    Untrusted {
        /// Who was called.
        peer: Peer,
        /// What is wrong with the certificate or with TLS.
        cause: String,
    },
    /// Whoever answers is no Piquet party of this version.
    #[error("whoever answers at the address of {peer} is not it: {problem}")]
    NotPiquet {
        /// Who was called.
        peer: Peer,
        /// What it said instead.
        problem: super::hello::HelloError,
    },
    /// The peer does not want this connection.
    #[error("{peer} refused the connection: {why}")]
    Refused {
        /// Who was called.
        peer: Peer,
        /// Its reason.
        why: &'static str,
    },
    /// A file with a certificate or a key is of no use.
    #[error("{}: {cause}", .path.display())]
    Credentials {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
}

fn list_rejected(rejected: &[String]) -> String {
    match rejected {
        [] => String::new(),
        some => format!("; turned away: {}", some.join(", ")),
    }
}
