//! Piecewise polynomials.
