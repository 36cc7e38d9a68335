//! The doors for fuzzers.
