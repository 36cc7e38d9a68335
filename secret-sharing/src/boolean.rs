//! XOR shares of packed bits, n-of-n ([`XorVec`]) and 2-of-3 replicated ([`Rep3Bits`]).
//!
//! The schemes of [`additive`](crate::additive) and [`replicated`](crate::replicated) over Z_2, 64 bits to the word
//! (Araki et al., eprint 2016/768, section 2.1). Types of their own: an arithmetic share never passes for a boolean one.

mod replicated;
mod xor;

pub use replicated::{
    Rep3BitProduct, Rep3BitReshare, Rep3Bits, ZeroBits, open as open_rep3, split as split_rep3,
};
pub use xor::{XorVec, open as open_xor, split as split_xor};
