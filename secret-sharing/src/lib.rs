//! Shares over rings.
