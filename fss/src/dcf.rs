//! Distributed comparison functions.
