//! Decoding with a bound on memory.
//!
//! Two bytes of a file can ask for a message of hundreds: so the messages and strings of a file are counted before any
//! of them is made. Bytes and packed numbers need no such count; they take at most a few times their size.

use super::OnnxError;
use super::proto::ModelProto;
use prost::Message as _;
use prost::bytes::Bytes;

/// Most messages and strings of one file; a network of a thousand layers has some ten thousand.
const MAX_PARTS: usize = 1 << 19;

/// The model in a file of acceptable size.
pub(super) fn decode(bytes: &[u8]) -> Result<ModelProto, OnnxError> {
    let mut left = MAX_PARTS;
    count(Kind::Model, bytes, &mut left)?;
    // Tensors share this one copy.
    ModelProto::decode(Bytes::copy_from_slice(bytes)).map_err(|e| OnnxError::Format(e.to_string()))
}

#[derive(Clone, Copy)]
enum Kind {
    Model,
    OperatorSet,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
    Entry,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    Dimension,
    /// Text, or bytes that stay bytes.
    Leaf,
}

/// What the types of [`super::proto`] hold at a field; nothing for numbers and for what they skip.
fn child(kind: Kind, field: u64) -> Option<Kind> {
    Some(match (kind, field) {
        (Kind::Model, 7) => Kind::Graph,
        (Kind::Model, 8) => Kind::OperatorSet,
        (Kind::Model, 25) => Kind::Function,
        (Kind::Graph, 1) => Kind::Node,
        (Kind::Graph, 5) | (Kind::Attribute, 5) => Kind::Tensor,
        (Kind::Graph, 11 | 12) => Kind::ValueInfo,
        (Kind::Node, 5) => Kind::Attribute,
        (Kind::Tensor, 13) => Kind::Entry,
        (Kind::ValueInfo, 2) => Kind::Type,
        (Kind::Type, 1) => Kind::TensorType,
        (Kind::TensorType, 2) => Kind::Shape,
        (Kind::Shape, 1) => Kind::Dimension,
        (Kind::OperatorSet | Kind::ValueInfo, 1)
        | (Kind::Function, 1 | 10)
        | (Kind::Graph, 2 | 15)
        | (Kind::Node, 1 | 2 | 3 | 4 | 7)
        | (Kind::Attribute, 1 | 4 | 6)
        | (Kind::Tensor, 3 | 8 | 9)
        | (Kind::Entry, 1 | 2)
        | (Kind::Dimension, 2) => Kind::Leaf,
        _ => return None,
    })
}

fn count(kind: Kind, mut bytes: &[u8], left: &mut usize) -> Result<(), OnnxError> {
    let broken = |what: &str| OnnxError::Format(what.to_owned());
    let cut = || broken("it ends in the middle of a message");
    while !bytes.is_empty() {
        let key = varint(&mut bytes).ok_or_else(cut)?;
        let len = match key & 7 {
            0 => {
                varint(&mut bytes).ok_or_else(cut)?;
                continue;
            }
            1 => 8,
            2 => varint(&mut bytes).ok_or_else(cut)?,
            5 => 4,
            _ => return Err(broken("it has a wire type that ONNX does not use")),
        };
        let len = usize::try_from(len).map_err(|_| cut())?;
        let (value, rest) = bytes.split_at_checked(len).ok_or_else(cut)?;
        bytes = rest;
        if let (2, Some(child)) = (key & 7, child(kind, key >> 3)) {
            *left = left.checked_sub(1).ok_or(OnnxError::Limit {
                what: "the number of its messages and strings",
                most: MAX_PARTS as u64,
            })?;
            if !matches!(child, Kind::Leaf) {
                count(child, value, left)?;
            }
        }
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_messages_are_counted_before_they_are_made() {
        // A graph of nodes without a byte in them.
        let nodes = [0x0a, 0x00].repeat(MAX_PARTS + 1);
        let mut file = vec![0x3a];
        let mut len = nodes.len();
        while len >= 0x80 {
            file.push(len as u8 | 0x80);
            len >>= 7;
        }
        file.push(len as u8);
        file.extend(nodes);
        let refused = decode(&file).unwrap_err().to_string();
        assert!(refused.contains("number of its messages"), "{refused}");
    }

    #[test]
    fn what_is_cut_or_strange_is_refused() {
        for bytes in [&[0x3a, 0x05, 0x0a][..], &[0x80], &[0x0b], &[0xff; 12]] {
            assert!(
                matches!(decode(bytes), Err(OnnxError::Format(_))),
                "{bytes:?}"
            );
        }
    }
}
