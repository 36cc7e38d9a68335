//! Keys of point functions without a dealer.
