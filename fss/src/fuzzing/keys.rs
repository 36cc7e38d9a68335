//! The doors of keys by themselves.

use piquet_core::Block;
use piquet_core::wire::{Encode, Header};

use super::{SESSION, fill, parameters};
use crate::evaluator::Cpu;
use crate::{Error, P1, Shape, dcf, kinds};

/// The first bytes say domain, bits of values and number of keys; the rest is an encoding, and once more what follows a right head.
pub fn dcf_keys(data: &[u8]) {
    let Some((head, data)) = parameters(data) else {
        return;
    };
    let (shape, n) = shape(head);
    let decode = |bytes: &[u8]| {
        let keys = match dcf::Keys::<u128, P1>::decode(&SESSION, 0, shape, n, bytes) {
            Ok(keys) => keys,
            Err(Error::Stream(_) | Error::Place { .. }) => return,
            Err(e) => unreachable!("{e}"),
        };
        let mut again = Vec::new();
        keys.encode(&mut again);
        assert!(again == bytes, "one encoding");
        assert!(keys.evaluate(&vec![3u64; n], &Cpu::new()).is_ok());
    };
    decode(data);
    let mut right = Vec::new();
    header(kinds::DCF_KEYS).encode(&mut right);
    right.extend([1, shape.domain() as u8, shape.value() as u8]);
    right.extend((n as u32).to_le_bytes());
    let want = dcf::Keys::<u128, P1>::encoded_len(shape, n);
    let body = fill(data, want - right.len());
    let roots = right.len();
    right.extend(body);
    decode(&right);
    control(&mut right[roots..], n);
    decode(&right);
}

fn shape([domain, value, n]: [usize; 3]) -> (Shape, usize) {
    match Shape::new(domain as u32 % 128 + 1, value as u32 % 128 + 1) {
        Ok(shape) => (shape, n % 70 + 1),
        Err(e) => unreachable!("{e}"),
    }
}

fn header(kind: u8) -> Header {
    Header {
        kind,
        session: SESSION,
        step: 0,
    }
}

/// Sets the control bits of roots to those of party 1.
fn control(roots: &mut [u8], n: usize) {
    for root in roots.chunks_exact_mut(size_of::<Block>()).take(n) {
        root[0] |= 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_are_a_finding(data: Vec<u8>) {
            super::dcf_keys(&data);
        }
    }
}
