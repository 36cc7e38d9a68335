//! Multiplication triples between two parties, under encryption: c = a * b, all of them shared by addition modulo 2^k.
//!
//! [`elements`]: products of elements, many to a ciphertext. They are one-time carriers of `piquet_core::correlation`, the same that other
//! crates make from oblivious transfer, and a crate of secret sharing spends them. Secure against semi-honest parties, and typed so: a
//! server that multiplies by what it should not, or a client whose ciphertexts are none, gets wrong triples or learns from
//! whether they are noticed.

pub mod elements;
