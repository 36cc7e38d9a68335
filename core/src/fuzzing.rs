//! What the fuzz targets run: every door of this crate through which a peer's bytes come. Panics are findings.

use crate::BitVec;
use crate::wire::{Header, Reader, SessionId};

/// [`BitVec::from_bytes`]: what it accepts, it gives back unchanged.
pub fn bits(data: &[u8]) {
    let Some((len, bytes)) = data.split_first_chunk::<2>() else {
        return;
    };
    let len = usize::from(u16::from_le_bytes(*len));
    if let Ok(v) = BitVec::from_bytes(len, bytes) {
        assert_eq!(v.len(), len);
        assert_eq!(v.as_bytes(), bytes);
    }
}

/// [`Header::check`]: what it accepts is the expected header and nothing else.
pub fn header(data: &[u8]) {
    use crate::wire::Encode;
    let want = Header {
        kind: 1,
        session: SessionId([2; 32]),
        step: 3,
    };
    if let Ok(rest) = want.check(data) {
        let mut front = Vec::new();
        want.encode(&mut front);
        assert_eq!(data, [&front[..], rest].concat());
    }
}

/// [`Reader`], driven by the bytes it reads; it never gives more bytes than there are.
pub fn reader(data: &[u8]) {
    let mut r = Reader::new(data);
    let mut given = 0;
    while let Ok(op) = r.u8() {
        given += 1;
        let n = match op % 5 {
            0 => r.bytes(usize::from(op)).map(<[u8]>::len),
            1 => r.u32().map(|_| 4),
            2 => r.u64().map(|_| 8),
            3 => r.array::<3>().map(|a| a.len()),
            _ => r.ring(&mut [0u32; 2]).map(|()| 8),
        };
        match n {
            Ok(n) => given += n,
            Err(_) => break,
        }
    }
    assert!(given <= data.len());
    assert_eq!(r.rest().len(), data.len() - given);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_are_a_finding(data: Vec<u8>) {
            super::bits(&data);
            super::header(&data);
            super::reader(&data);
        }
    }
}
