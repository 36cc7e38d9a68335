//! Three parties, replicated 2-of-3 sharing over Z_2^k, k = 32 or 64, and over bits.
//!
//! # Security
//! Against **one semi-honest party** (honest majority), in the model of universal composition with pairwise private
//! channels: party 0 receives nothing from the others once seeds are agreed; everything that parties 1 and 2 receive is
//! masked by a pseudo-random pad (AES-128 in counter mode under keys agreed by party 0 and the other one) that the receiver
//! cannot compute, used once, so its view can be simulated from its own shares. A party that deviates can make the result
//! wrong; it is not caught. Two parties together know everything.
//!
//! What leaks: the graph, all shapes, the declared formats (hence the calibrated ranges), and the timing of public
//! things. Nothing is opened on the way: the one exit is [`Engine::reveal`]. With
//! [`Calibration::disclose_positive_scales`], off by default, the program also shows of each layer whose batch norm comes
//! before its ReLU whether a factor of that norm is negative: one bit per layer ([`passes::affine_into_conv`]).
//!
//! # Protocols
//! `x = x_0 + x_1 + x_2`; party `i` holds `x_i` and `x_{i+1}`, the replicated sharing of Araki et al. (CCS 2016, eprint
//! 2016/768); mixed arithmetic follows the plan of ABY3 (eprint 2018/403), section 5. But the parties do not do the same:
//! party 0 knows `x_0 + x_1`, parties 1 and 2 both know `x_2`, so every product, comparison, selection and truncation is
//! a computation on a number that party 0 knows and a number that parties 1 and 2 know. Party 0 hands out what depends on its
//! number, hears nothing and so may be far ahead; parties 1 and 2 swap masked values. That is how ASTRA (eprint 2019/429) and
//! Trio (arXiv 2206.03776) share the work; a product takes five local ones rather than six. The argument for each step is in
//! its file: `piece` (the two moves), `linear`, `dot`, `truncate`, `bits`, `compare`, `decompose`, `select`, `weigh`, `power`.
//!
//! # Cost
//! Bits sent by all parties together, per element, payload only, and swaps between parties 1 and 2, which are the
//! rounds (party 0's first message may add one to the first step of a program); w = bound + 1 is the window of a comparison, s the
//! shift, and \[n\] stands for n rounded up to 8, 16, 32 or 64:
//!
//! | operation | bits | rounds |
//! |---|---|---|
//! | product with weights, of matrices, elementwise, sum of products | those of the one rescaling of the result | |
//! | rescaling by nothing | 3 k | 1 |
//! | rescaling, stochastic | 3 k + 3 \[s\] | 2 |
//! | rescaling, exact or nearest | 6 k + \[s\] + carry(s) | 2 + swaps(s) |
//! | rescaling, local | 3 k | 2 |
//! | comparison with zero | 1 + carry(w - 1) | swaps(w - 1) |
//! | selection | 4 k | 1 |
//! | bits lo to hi - 1 | places(lo, hi) | swaps(lo, hi) |
//! | bits to arithmetic | 3 k | 1 |
//! | t sums of m weighed bits | (m + 2 t) k | 1 |
//! | conjunction | 3 | 1 |
//! | power of two, H digits | k H and those of a stochastic rescaling by s = precision + 2^low + 2 | 2 |
//! | sum, bias, public factor, view, concatenation | 0 | 0 |
//!
//! A carry looks digits of at most 4 bits up and takes up to four digits together in a swap:
//!
//! | positions | 3 | 8 | 12 | 16 | 20 | 24 | 31 | 40 | 48 | 63 |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | bits | 9 | 34 | 59 | 91 | 103 | 132 | 173 | 228 | 286 | 356 |
//! | swaps | 1 | 2 | 2 | 2 | 3 | 3 | 3 | 3 | 3 | 4 |
//!
//! Bits need all carries into their places:
//!
//! | places | 0..4 | 0..8 | 0..12 | 0..16 | 0..24 | 0..30 | 0..40 | 0..48 | 0..63 | 16..24 | 16..30 | 32..63 |
//! |---|---|---|---|---|---|---|---|---|---|---|---|---|
//! | bits | 16 | 45 | 97 | 118 | 206 | 289 | 397 | 485 | 677 | 158 | 236 | 546 |
//! | swaps | 1 | 2 | 2 | 3 | 3 | 3 | 4 | 4 | 4 | 3 | 3 | 4 |
//!
//! A swap of more than a million elements waits for the first answers before it sends the rest: every million adds a round to each
//! swap, and the messages under way stay bounded. Local truncation takes two rounds for every operand.
//!
//! # Truncation
//! `exact` and `nearest` are what they say for every |x| < 2^(k-2) (`nearest` for x + 2^(s-1) < 2^(k-2): the oracle
//! finds what is past that). `stochastic` (the default) is `floor(x / 2^s)` plus a
//! coin that is 1 with probability frac(x / 2^s), never a wrap; the coin is `[x_low + rho >= 2^s]` for a uniform `rho`
//! that **party 0 knows**, while parties 1 and 2 know `x_low + rho mod 2^s`: the functionality that is securely
//! computed hands these to them, so it is not the ideal functionality with a hidden coin. `local` shifts shares, and
//! is garbage with probability at most |x| / 2^(k-1) per value, which asks for k = 64.
//!
//! A value outside its declared bound, or a product outside 2^(k-2), gives a wrong result without notice: the oracle, run by
//! whoever owns the input, is what finds it.

mod bits;
mod carry;
mod client;
mod compare;
mod conjunction;
mod cost;
mod decompose;
mod dot;
mod linear;
mod party;
mod piece;
mod planes;
mod power;
mod select;
mod truncate;
mod weigh;

pub use crate::parts::account::Account;
pub use client::Rep3Client;
pub use cost::Rep3Cost;
pub use linear::Rep3Weights;
pub use party::{Rep3, Rep3Arith};

#[allow(unused_imports, reason = "named in the documentation")]
use crate::{
    engine::Engine,
    model::{Calibration, passes},
};
