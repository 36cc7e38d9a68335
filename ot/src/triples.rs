//! Multiplication triples between two parties, from correlated OTs with each party as sender.
//!
//! [`bits`]: AND of random bits, without a message. [`gilboa`]: products in Z_2^k. [`matrix`]: products of matrices over
//! Z_2^k. The last two hold against semi-honest parties only, and say so in their types: a sender that puts different
//! factors into the OTs of one product gets a wrong triple, and learns bits of the other's factor from whether the
//! result is noticed. They take `SemiHonest` correlations and nothing else; malicious ones are weakened on purpose
//! ([`SentCots::weaken`](crate::SentCots::weaken)).
//!
//! The triples are one-time carriers of `piquet_core::correlation`, which a crate of secret sharing spends.

pub mod bits;
pub mod gilboa;
pub mod matrix;
