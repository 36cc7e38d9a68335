//! Minimax polynomials.
