//! The doors of keys by themselves. The first bytes say domain, bits of values and number of keys; the rest is an encoding, and
//! once more what follows a right head.

use piquet_core::Block;
use piquet_core::wire::{Encode, Header};

use super::{SESSION, fill, parameters};
use crate::bgi::SeedTree;
use crate::dpf::{BlockKeys, HalfTree};
use crate::evaluator::Cpu;
use crate::{Error, P1, Shape, dcf, dpf, idpf, kinds};

/// Bits of a domain, bits of a value, number of keys.
type Parameters = (u32, u32, usize);

/// Keys of comparison functions.
pub fn dcf_keys(data: &[u8]) {
    with(data, 1, |p @ (_, _, n), data| {
        let shape = shape(p);
        let len = dcf::Keys::<u128, P1>::encoded_len(shape, n);
        doors(kinds::DCF_KEYS, p, len, data, |bytes| {
            let keys = dcf::Keys::<u128, P1>::decode(&SESSION, 0, shape, n, bytes)?;
            let mut again = Vec::new();
            keys.encode(&mut again);
            keys.evaluate(&vec![3u128; n], &Cpu::new())?;
            Ok(again)
        });
    });
}

/// Keys of point functions, of ring elements and of blocks, on the half-tree.
pub fn dpf_keys(data: &[u8]) {
    with(data, 1, |p @ (_, _, n), data| {
        let shape = shape(p);
        let len = dpf::Keys::<P1>::encoded_len(shape, n);
        doors(kinds::DPF_KEYS, p, len, data, |bytes| {
            let keys = dpf::Keys::<P1>::decode(&SESSION, 0, shape, n, bytes)?;
            let mut again = Vec::new();
            keys.encode(&mut again);
            keys.evaluate::<_, u128, _>(&vec![3u128; n], &Cpu::new())?;
            Ok(again)
        });
    });
    with(data, 0, |p @ (domain, _, n), data| {
        let len = BlockKeys::<P1>::encoded_len(domain, n).unwrap_or(0);
        doors(kinds::DPF_KEYS, p, len, data, |bytes| {
            let keys = BlockKeys::<P1, HalfTree>::decode(&SESSION, 0, domain, n, bytes)?;
            let mut again = Vec::new();
            keys.encode(&mut again);
            keys.evaluate_blocks(&vec![3u128; n], &Cpu::new())?;
            Ok(again)
        });
    });
}

/// Keys of point functions on the tree of 2016.
pub fn bgi_keys(data: &[u8]) {
    with(data, 1, |p @ (_, _, n), data| {
        let shape = shape(p);
        let len = dpf::Keys::<P1, SeedTree>::encoded_len(shape, n);
        doors(kinds::BGI_KEYS, p, len, data, |bytes| {
            let keys = dpf::Keys::<P1, SeedTree>::decode(&SESSION, 0, shape, n, bytes)?;
            let mut again = Vec::new();
            keys.encode(&mut again);
            keys.evaluate::<_, u128>(&vec![3u128; n], &Cpu::new())?;
            Ok(again)
        });
    });
}

/// Keys of incremental point functions.
pub fn idpf_keys(data: &[u8]) {
    with(data, 1, |p @ (domain, value, n), data| {
        let levels = idpf::Levels::new(domain, value).unwrap_or_else(|e| unreachable!("{e}"));
        let len = idpf::Keys::<P1>::encoded_len(levels, n);
        doors(kinds::IDPF_KEYS, p, len, data, |bytes| {
            let keys = idpf::Keys::<P1>::decode(&SESSION, 0, levels, n, bytes)?;
            let mut again = Vec::new();
            keys.encode(&mut again);
            keys.evaluate::<_, u128>(&vec![3u128; n], &Cpu::new())?;
            Ok(again)
        });
    });
}

/// Values of 1 to 128 bits, or of 0, which stands for blocks.
fn with(data: &[u8], least: u32, run: impl Fn(Parameters, &[u8])) {
    if let Some(([domain, value, n], data)) = parameters(data) {
        let value = least * (value as u32 % 128 + 1);
        run((domain as u32 % 128 + 1, value, n % 70 + 1), data);
    }
}

fn shape((domain, value, _): Parameters) -> Shape {
    Shape::new(domain, value).unwrap_or_else(|e| unreachable!("{e}"))
}

/// `data` as it comes, and `len` bytes of a right head and what `data` has, with control bits of roots as they are, clear, and set.
/// What is accepted is encoded as it was.
fn doors(
    kind: u8,
    (domain, value, n): Parameters,
    len: usize,
    data: &[u8],
    decode: impl Fn(&[u8]) -> Result<Vec<u8>, Error>,
) {
    let door = |bytes: &[u8]| match decode(bytes) {
        Ok(again) => assert!(again == bytes, "one encoding"),
        Err(Error::Stream(_) | Error::Place { .. }) => {}
        Err(e) => unreachable!("{e}"),
    };
    door(data);
    let mut right = Vec::new();
    let header = Header {
        kind,
        session: SESSION,
        step: 0,
    };
    header.encode(&mut right);
    right.extend([1, domain as u8, value as u8]);
    right.extend((n as u32).to_le_bytes());
    let roots = right.len();
    right.extend(fill(data, len.saturating_sub(roots)));
    door(&right);
    for control in [0, 1] {
        let roots = right.get_mut(roots..).unwrap_or_default();
        for root in roots.chunks_exact_mut(size_of::<Block>()).take(n) {
            root[0] = root[0] & !1 | control;
        }
        door(&right);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_are_a_finding(data: Vec<u8>) {
            dcf_keys(&data);
            dpf_keys(&data);
            bgi_keys(&data);
            idpf_keys(&data);
        }
    }

    /// Behind a right head, something is accepted.
    #[test]
    fn right_heads_are_known() {
        let p = (20, 64, 3);
        let seen = Cell::new(0);
        let shape = shape(p);
        let all: [(u8, usize, &dyn Fn(&[u8]) -> Result<(), Error>); 3] = [
            (
                kinds::DCF_KEYS,
                dcf::Keys::<u128, P1>::encoded_len(shape, 3),
                &|b| dcf::Keys::<u128, P1>::decode(&SESSION, 0, shape, 3, b).map(drop),
            ),
            (
                kinds::DPF_KEYS,
                dpf::Keys::<P1>::encoded_len(shape, 3),
                &|b| dpf::Keys::<P1>::decode(&SESSION, 0, shape, 3, b).map(drop),
            ),
            (
                kinds::BGI_KEYS,
                dpf::Keys::<P1, SeedTree>::encoded_len(shape, 3),
                &|b| dpf::Keys::<P1, SeedTree>::decode(&SESSION, 0, shape, 3, b).map(drop),
            ),
        ];
        for (kind, len, decode) in all {
            doors(kind, p, len, &[], |b| {
                decode(b)?;
                seen.set(seen.get() + 1);
                Ok(b.to_vec())
            });
            assert_ne!(seen.replace(0), 0, "kind {kind:#x}");
        }
    }
}
