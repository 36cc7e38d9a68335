//! What a party has in the end, as data: in full if it is short, else its length, its front and its hash.
#![allow(dead_code, reason = "each test takes what it wants")]

use serde_json::{Value, json};

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn bytes(b: &[u8]) -> Value {
    if b.len() <= 64 {
        return hex(b).into();
    }
    let hash = blake3::hash(b).to_hex();
    json!({"bytes": b.len(), "front": hex(&b[..32]), "blake3": hash.as_str()})
}

/// Blocks as their 16 bytes each.
pub(crate) fn blocks(x: &[u128]) -> Value {
    if x.len() <= 8 {
        return x.iter().map(|b| hex(&b.to_le_bytes())).collect();
    }
    bytes(&x.iter().flat_map(|b| b.to_le_bytes()).collect::<Vec<_>>())
}

/// Bits, 8 to a byte.
pub(crate) fn bits(x: &[bool]) -> Value {
    let byte = |c: &[bool]| c.iter().enumerate().map(|(i, b)| u8::from(*b) << i).sum();
    let packed: Vec<u8> = x.chunks(8).map(byte).collect();
    bytes(&packed)
}

/// Ring elements.
pub(crate) fn words(x: &[u128]) -> Value {
    if x.len() <= 16 {
        return x.iter().map(u128::to_string).collect();
    }
    bytes(&x.iter().flat_map(|b| b.to_le_bytes()).collect::<Vec<_>>())
}

pub(crate) fn pairs(x: &[[u128; 2]]) -> Value {
    json!({"messages": blocks(x.as_flattened())})
}

pub(crate) fn chosen(choices: &[bool], x: &[u128]) -> Value {
    json!({"choices": bits(choices), "messages": blocks(x)})
}

pub(crate) fn indexed(indices: &[u8], x: &[u128]) -> Value {
    json!({"indices": hex(indices), "messages": blocks(x)})
}

pub(crate) fn sent_cots(first: u64, q: &[u128], delta: u128) -> Value {
    json!({"first": first, "delta": blocks(&[delta])[0], "q": blocks(q)})
}

pub(crate) fn received_cots(first: u64, b: &[bool], t: &[u128]) -> Value {
    json!({"first": first, "choices": bits(b), "t": blocks(t)})
}
