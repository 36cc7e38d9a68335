//! Comparisons from one point function, by the parity of its prefixes.
//!
//! The key of a point function of one-bit values at α answers "α ≤ x" for every x: the shares of the values at 0, ..., x sum to
//! it, and the control bits of a walk to x are the shares of whole subtrees (K. Storrier, A. Vadapalli, A. Lyons, R. Henry,
//! "Grotto", 2023/108; K. Gupta and others, "SIGMA", 2023/1269). The tree ends 7 levels early, so that a comparison of n bits
//! is n - 7 corrections and a leaf: 16 (n - 6) bytes, and n - 6 AES.
