//! Peers that deviate.

use super::*;
