//! Positive numbers as `u 2^e`.

use crate::model::Format;

/// How a positive number is normalised.
#[derive(Debug, Clone, PartialEq)]
pub struct Normal {
    from: Format,
}
