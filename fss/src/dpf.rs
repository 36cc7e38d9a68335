//! Distributed point functions.
