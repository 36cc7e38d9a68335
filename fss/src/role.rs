//! The two parties, as types: keys and shares of one cannot be taken for those of the other.

use core::fmt;

mod sealed {
    pub trait Sealed {}
}

/// One of the two parties that evaluate.
pub trait Role: sealed::Sealed + fmt::Debug + Copy + Send + Sync + 'static {
    /// 0 or 1.
    const INDEX: u8;
    /// The other one.
    type Peer: Role<Peer = Self>;
}

/// The party whose root nodes have control bit 0.
#[derive(Debug, Clone, Copy)]
pub struct P0;
/// The party whose root nodes have control bit 1; it adds corrections of shares.
#[derive(Debug, Clone, Copy)]
pub struct P1;

impl sealed::Sealed for P0 {}
impl sealed::Sealed for P1 {}
impl Role for P0 {
    const INDEX: u8 = 0;
    type Peer = P1;
}
impl Role for P1 {
    const INDEX: u8 = 1;
    type Peer = P0;
}
