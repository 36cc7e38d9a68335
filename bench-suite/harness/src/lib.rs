//! Bench tables.
