//! Stochastic truncation.
