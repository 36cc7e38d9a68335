//! Two to ten parties, additive sharing over Z_2^k, k = 32 or 64, and exclusive-or sharing of bits.
//!
//! TODO page
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
mod select;
mod sign;
mod source;
mod truncate;

pub use crate::parts::account::Account;
pub use client::Semi2kClient;
pub use cost::Semi2kCost;
pub use dealer::Semi2kDealer;
pub use demand::{Demand, Demands, LayerDemand, Steps, demand};
pub use item::{Cut, Item};
pub use linear::Semi2kWeights;
pub use party::{Semi2k, Semi2kArith};
