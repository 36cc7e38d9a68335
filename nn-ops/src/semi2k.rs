//! Two to ten parties, additive shares over Z_2^k, k = 32 or 64, and exclusive-or shares of bits, with correlated
//! randomness from a trusted dealer.
//!
//! # Security
//! Against **all parties but one, semi-honest**, in the model of universal composition with pairwise private channels and a
//! **trusted dealer**: someone who deals correlated randomness before the input is there, gets no message of the program (but signs of life, and
//! how the session ended), and must collude
//! with no party, for the dealer and one party together open everything that this party hears. Whatever a party hears
//! from another is masked by that one's own share of fresh randomness, and whatever it hears from the dealer is one share of
//! n, uniform as long as the others are unknown; both are pseudo-random (AES-128 in counter mode under keys derived from
//! seeds that the dealer gave). So the view of any n - 1 parties can be simulated from their own shares. A party that
//! deviates can make the result wrong; it is not caught.
//!
//! What leaks: the graph, all shapes, the declared formats (hence the calibrated ranges), and the timing of public things. The
//! one exit is [`Engine::reveal`]: its shares are masked by a sharing of zero, so that the client learns the sum and no more.
//!
//! The dealer stands behind an interface (`source`): randomness that the parties make by oblivious transfer or homomorphic
//! encryption would take its place without a change to a protocol. Until then this engine is for tests, for comparison
//! with others that have the same dealer (the third party of CrypTen, the fake preprocessing of MP-SPDZ), and for
//! deployments that have someone to trust with it.
//!
//! # Protocols
//! `x = x_0 + ... + x_(n-1)`. Every nonlinear step opens values that are masked by what was dealt, and goes on locally: Beaver's
//! method (CRYPTO 1991) for products, with the mask of weights opened once, in set-up; the mixed circuits of Escudero, Ghosh, Keller, Rachuri,
//! Scholl (CRYPTO 2020, eprint 2020/338) for truncation and comparison. As one knows the masks, more can be dealt than
//! shares of their bits: tables and products of masks save AND gates and rounds. The argument for each step is in its file: `source`
//! (what is dealt, and how it is compressed), `item` (what each step spends), `piece` (to open), `linear`, `product`,
//! `truncate`, `carry`, `sign`, `bits`, `select`, `weigh`, `conjunction`, `power`, `client`.
//!
//! # Phases
//! Set-up: seeds, and the weights, shared and masked. Offline: what the dealer deals for one inference, of which a party hears about
//! one n-th (whoever has heard least hears the next piece) and holds it, packed, until it is spent. A session is for one
//! inference: a second one would have to be dealt. Online: from the input on. The dealer works ahead, so that much of its time
//! falls into the parties' set-up; its own account says how long it took. It waits when it is as far ahead as the session
//! allows, and a set-up that lasts longer than the session's deadline counts as its flooding: raise the deadline for slow links.
//!
//! # Cost
//! Bits per element, payload only: sent by the dealer to all parties together; sent online by each party to each other one; and
//! rounds. w = bound + 1 is the window of a comparison, s the shift, and \[n\] stands for n rounded up to 8, 16, 32 or 64:
//!
//! | operation | dealt | opened | rounds |
//! |---|---|---|---|
//! | product with weights, operand | 0 | k | 1 |
//! | product with weights, result that is not rescaled, or locally | k | 0 | 0 |
//! | product with weights, result that is rescaled | those of the rescaling | | |
//! | product of elements or of matrices, operand (once in a step) | 0 | k | 1 |
//! | product of elements or of matrices, sum that is not rescaled, or locally | k | 0 | 0 |
//! | product of elements or of matrices, sum that is rescaled | those of the rescaling | | |
//! | rescaling, stochastic | k + \[s\] | k | 1 |
//! | rescaling, exact or nearest | 2 k + \[s\] + dealt(s) | k + 1 + opened(s) | 2 + rounds(s) |
//! | rescaling by nothing, or local | 0 | 0 | 0 |
//! | comparison with zero | 1 + dealt(w - 1) | k + opened(w - 1) | 1 + rounds(w - 1) |
//! | bits lo..hi | dealt(lo..hi) | \[hi\] + opened(lo..hi) | 1 + rounds(lo..hi) |
//! | rectification | 2 k + 1 + dealt(w - 1) | k + 1 + opened(w - 1) | 2 + rounds(w - 1) |
//! | selection | 2 k | k + 1 | 1 |
//! | bits to arithmetic | k | 1 | 1 |
//! | m bits to any number of weighed sums | m k | m | 1 |
//! | conjunction | 1 | 2 | 1 |
//! | power of two, H digits | k H and those of a stochastic rescaling by s = precision + 2^low + 2 | 2 k | 2 |
//! | sum, bias, public factor, view, concatenation | 0 | 0 | 0 |
//!
//! What a carry takes, by positions:
//!
//! | positions | 3 | 8 | 12 | 16 | 20 | 24 | 31 | 40 | 48 | 63 |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | dealt | 7 | 22 | 43 | 75 | 69 | 94 | 119 | 158 | 208 | 244 |
//! | opened | 0 | 5 | 7 | 7 | 16 | 18 | 26 | 34 | 38 | 55 |
//! | rounds | 0 | 1 | 1 | 1 | 2 | 2 | 2 | 2 | 2 | 3 |
//!
//! What bits of a sum take, by places:
//!
//! | places | 0..4 | 0..8 | 0..16 | 0..24 | 0..32 | 0..40 | 0..48 | 0..63 | 12..40 | 31..63 |
//! |---|---|---|---|---|---|---|---|---|---|---|
//! | dealt | 8 | 23 | 62 | 118 | 171 | 233 | 289 | 413 | 224 | 358 |
//! | opened | 0 | 3 | 12 | 20 | 31 | 42 | 50 | 69 | 40 | 63 |
//! | rounds | 0 | 1 | 2 | 2 | 3 | 3 | 3 | 3 | 3 | 3 |
//!
//! A set-up sends each weight once from the client, and once from each party to each other one. An opening of more than a million
//! elements waits for the first answers before it sends the rest, which adds a round for every million (of elements with m weighed bits,
//! for every million over m / 8 or so; of conjunctions, for every eight million). With n parties
//! an opening takes n (n - 1) messages: it is built for few rounds, not for many parties.
//!
//! # Truncation
//! `exact` and `nearest` are what they say for every |x| < 2^(k-2) (`nearest` for x + 2^(s-1) < 2^(k-2): the oracle
//! finds what is past that). `stochastic` (the default) is `floor(x / 2^s)` plus a coin that is 1 with probability
//! frac(x / 2^s), never a wrap; the coin is `[x_low + rho >= 2^s]` for a uniform `rho` that **the dealer knows**, while the
//! parties know `x_low + rho mod 2^s`: the functionality that is securely computed hands these to them, so it is not the ideal
//! functionality with a hidden coin. `local` is for two parties: each shifts its share, and the result
//! is garbage with probability at most (|x| + 1) / 2^(k-1) per value, which asks for k = 64. It realises no functionality that
//! rounds: whoever learns the result and holds a share of x learns a little more of x than the result says, as with `stochastic`.
//!
//! A value outside its declared bound, or a product outside 2^(k-2), gives a wrong result without notice: the oracle, run by
//! whoever owns the input, is what finds it.

mod bits;
mod carry;
mod client;
mod conjunction;
mod cost;
mod dealer;
mod demand;
mod hand;
mod item;
mod linear;
mod party;
mod piece;
mod power;
mod product;
mod select;
mod sign;
mod source;
mod truncate;
mod weigh;

pub use crate::parts::account::Account;
pub use client::Semi2kClient;
pub use cost::{Costs, Semi2kCost};
pub use dealer::Semi2kDealer;
pub use demand::{Demand, Demands, LayerDemand, List, Spender, Steps, demand};
pub use item::{Cut, Form, Item};
pub use linear::Semi2kWeights;
pub use party::{Semi2k, Semi2kArith};

#[allow(unused_imports, reason = "named in the documentation")]
use crate::engine::Engine;
