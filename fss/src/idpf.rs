//! Incremental point functions.
