//! Polynomials with public coefficients.
