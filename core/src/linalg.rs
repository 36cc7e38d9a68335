//! Matrix products and convolutions modulo 2^k.
