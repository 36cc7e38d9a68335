//! Bytes between parties, without sockets.
//!
//! A message is decoded against a shape that the receiver knows from its own state, never from the peer
//! ([`Decode`]); an interactive primitive is a [`Machine`], whose bytes the caller moves.

mod codec;
mod machine;
mod run;

pub use codec::{Decode, DecodeError, Encode, Header, Reader, SessionId};
pub use machine::{Machine, Step};
pub use run::{Channel, RunError, Tamper, Trace, drive, run_pair, run_pair_tampered};
