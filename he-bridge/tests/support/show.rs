//! Bytes as data: in full if they are few, else their number, their front and their hash.
#![allow(dead_code, reason = "each test takes what it wants")]

use serde_json::{Value, json};

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn bytes(b: &[u8]) -> Value {
    if b.len() <= 256 {
        return hex(b).into();
    }
    let hash = blake3::hash(b).to_hex();
    json!({"bytes": b.len(), "front": hex(&b[..96]), "blake3": hash.as_str()})
}

/// Blocks as their 16 bytes each.
pub(crate) fn blocks(x: &[u128]) -> Value {
    x.iter().map(|b| hex(&b.to_le_bytes())).collect()
}

/// Numbers, in decimal.
pub(crate) fn words(x: &[u128]) -> Value {
    if x.len() <= 16 {
        return x.iter().map(u128::to_string).collect();
    }
    bytes(&x.iter().flat_map(|b| b.to_le_bytes()).collect::<Vec<_>>())
}
