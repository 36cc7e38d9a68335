//! Table look-up.
