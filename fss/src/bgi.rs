//! The tree of E. Boyle, N. Gilboa, Y. Ishai.
