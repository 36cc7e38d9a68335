//! Exact truncation.
