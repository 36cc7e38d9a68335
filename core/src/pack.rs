//! Words of k bits one after another, without gaps: ring elements and messages narrower than their machine word, on the
//! wire.
//!
//! Element e of a run takes bits e k to (e + 1) k - 1; bit i of a run is bit `i % 8` of byte `i / 8`. A run ends at a
//! byte, its padding zero: n elements take [`packed_len`]`(n, k)` = ceil(n k / 8) bytes. Groups of 64 elements are k whole
//! words, put together by halves: neighbours first, then pairs of neighbours. Plain Rust, compiled for every level of
//! [`crate::cpu`], but for words of 64 bits where bytes can be permuted; constant time in the elements.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod x86;

use crate::wire::DecodeError;
use crate::{Ring, cpu};

/// Elements of a group.
const GROUP: usize = 64;

/// Bytes of a run of `n` elements of `k` bits; `None` if that exceeds the address space.
#[must_use]
pub fn packed_len(n: usize, k: u32) -> Option<usize> {
    Some(n.checked_mul(k as usize)?.div_ceil(8))
}

/// The low `k` bits set, for `k` in 0..=64.
#[inline(always)]
#[must_use]
pub fn mask(k: u32) -> u64 {
    match k {
        0 => 0,
        k => u64::MAX >> (64 - k.min(64)),
    }
}

/// Appends one run to a message. What is packed is ciphertext: its buffer is not wiped.
pub struct Packer<'a> {
    out: &'a mut Vec<u8>,
    k: u32,
    stage: [u64; GROUP],
    staged: usize,
}

impl<'a> Packer<'a> {
    /// A run of elements of `k` bits; `k` outside of 1..=64 is taken to the nearest end.
    #[must_use]
    pub fn new(out: &'a mut Vec<u8>, k: u32) -> Self {
        Self {
            out,
            k: k.clamp(1, 64),
            stage: [0; GROUP],
            staged: 0,
        }
    }
    /// Appends the low k bits of the low 64 bits of every element.
    pub fn push<R: Ring>(&mut self, mut elements: &[R]) {
        while !elements.is_empty() {
            if self.staged == 0 && elements.len() >= GROUP {
                let whole = elements.len() & !(GROUP - 1);
                let (groups, rest) = elements.split_at(whole);
                let at = self.out.len();
                self.out.resize(at + whole / 8 * self.k as usize, 0);
                pack(groups, self.k, &mut self.out[at..]);
                elements = rest;
                continue;
            }
            let n = elements.len().min(GROUP - self.staged);
            let (head, rest) = elements.split_at(n);
            for (s, e) in self.stage[self.staged..].iter_mut().zip(head) {
                *s = e.to_u64();
            }
            self.staged += n;
            elements = rest;
            if self.staged == GROUP {
                self.flush();
            }
        }
    }
    /// Ends the run at a byte.
    pub fn finish(mut self) {
        self.flush();
    }
    fn flush(&mut self) {
        if self.staged > 0 {
            self.stage[self.staged..].fill(0);
            let mut bytes = [0; 8 * GROUP];
            let bytes = &mut bytes[..8 * self.k as usize];
            pack(&self.stage, self.k, bytes);
            let len = (self.staged * self.k as usize).div_ceil(8);
            self.out.extend_from_slice(&bytes[..len]);
            self.staged = 0;
        }
    }
}

/// Reads one run.
pub struct Unpacker<'a> {
    bytes: &'a [u8],
    k: u32,
    stage: [u64; GROUP],
    /// Elements at the end of the stage that are still to be given.
    staged: usize,
}

impl<'a> Unpacker<'a> {
    /// A run of `n` elements of `k` bits, which is all of `bytes`.
    ///
    /// # Errors
    /// [`DecodeError::Length`]; [`DecodeError::Range`] for `k` outside of 1..=64, and for padding bits that are set.
    pub fn new(bytes: &'a [u8], n: usize, k: u32) -> Result<Self, DecodeError> {
        if !(1..=64).contains(&k) {
            return Err(DecodeError::Range("bits of an element"));
        }
        let want = packed_len(n, k).ok_or(DecodeError::Range("number of elements"))?;
        if bytes.len() != want {
            return Err(DecodeError::Length {
                got: bytes.len(),
                want,
            });
        }
        let used = (n * k as usize) % 8;
        if used != 0 && bytes.last().is_some_and(|b| b >> used != 0) {
            return Err(DecodeError::Range("padding bits"));
        }
        Ok(Self {
            bytes,
            k,
            stage: [0; GROUP],
            staged: 0,
        })
    }
    /// Sets every element of `out` to the next one of the run; past its end, to 0.
    pub fn pull<R: Ring>(&mut self, mut out: &mut [R]) {
        let group = 8 * self.k as usize;
        while !out.is_empty() {
            if self.staged == 0 {
                let whole = (out.len() / GROUP).min(self.bytes.len() / group);
                if whole > 0 {
                    let (bytes, left) = self.bytes.split_at(whole * group);
                    let (head, rest) = out.split_at_mut(whole * GROUP);
                    unpack(bytes, self.k, head);
                    (self.bytes, out) = (left, rest);
                    continue;
                }
                let n = group.min(self.bytes.len());
                let (bytes, left) = self.bytes.split_at(n);
                let mut last = [0; 8 * GROUP];
                last[..n].copy_from_slice(bytes);
                unpack(&last[..group], self.k, &mut self.stage);
                self.bytes = left;
                self.staged = GROUP;
            }
            let n = out.len().min(self.staged);
            let (head, rest) = out.split_at_mut(n);
            for (o, s) in head.iter_mut().zip(&self.stage[GROUP - self.staged..]) {
                *o = R::from_u64(*s);
            }
            self.staged -= n;
            out = rest;
        }
    }
}

impl core::fmt::Debug for Packer<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Packer({} bits)", self.k)
    }
}

impl core::fmt::Debug for Unpacker<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Unpacker({} bits)", self.k)
    }
}

/// Calls the body compiled for the level in force.
macro_rules! levels {
    ($name:ident<R>($($a:ident: $t:ty),*) $body:ident) => {
        fn $name<R: Ring>($($a: $t),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,fma")]
                fn avx512<R: Ring>($($a: $t),*) {
                    $body($($a),*);
                }
                #[target_feature(enable = "avx2,bmi1,bmi2,fma")]
                fn avx2<R: Ring>($($a: $t),*) {
                    $body($($a),*);
                }
                if cpu::Avx512::new().is_some() {
                    // SAFETY: `Avx512` proves the features.
                    return unsafe { avx512($($a),*) };
                }
                if cpu::Avx2::new().is_some() {
                    // SAFETY: `Avx2` proves the features.
                    return unsafe { avx2($($a),*) };
                }
            }
            $body($($a),*);
        }
    };
}
levels!(pack_by_level<R>(elements: &[R], k: u32, out: &mut [u8]) pack_groups);
levels!(unpack_by_level<R>(bytes: &[u8], k: u32, out: &mut [R]) unpack_groups);

/// Packs whole groups.
fn pack<R: Ring>(elements: &[R], k: u32, out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if R::BYTES == 8 && x86::WIDTHS.contains(&k) && cpu::Gfni512::new().is_some() {
        // SAFETY: `Gfni512` proves the features.
        return unsafe { x86::pack(bytemuck::cast_slice(elements), k, out) };
    }
    pack_by_level(elements, k, out);
}

/// The inverse.
fn unpack<R: Ring>(bytes: &[u8], k: u32, out: &mut [R]) {
    #[cfg(target_arch = "x86_64")]
    if R::BYTES == 8 && x86::WIDTHS.contains(&k) && cpu::Gfni512::new().is_some() {
        // SAFETY: `Gfni512` proves the features.
        return unsafe { x86::unpack(bytes, k, bytemuck::cast_slice_mut(out)) };
    }
    unpack_by_level(bytes, k, out);
}

#[inline(always)]
fn pack_groups<R: Ring>(elements: &[R], k: u32, out: &mut [u8]) {
    match R::BYTES {
        1 => pack_words::<R, 8>(elements, k, out),
        2 => pack_words::<R, 16>(elements, k, out),
        4 => pack_words::<R, 32>(elements, k, out),
        _ => pack_words::<R, 64>(elements, k, out),
    }
}

#[inline(always)]
fn unpack_groups<R: Ring>(bytes: &[u8], k: u32, out: &mut [R]) {
    match R::BYTES {
        1 => unpack_words::<R, 8>(bytes, k, out),
        2 => unpack_words::<R, 16>(bytes, k, out),
        4 => unpack_words::<R, 32>(bytes, k, out),
        _ => unpack_words::<R, 64>(bytes, k, out),
    }
}

/// `x` in every lane of `lane` bits.
#[inline(always)]
fn repeat(x: u64, lane: u32) -> u64 {
    let mut all = x;
    let mut lane = lane;
    while lane < 64 {
        all |= all << lane;
        lane *= 2;
    }
    all
}

/// Groups that take `N` words before they are packed.
#[inline(always)]
fn pack_words<R: Ring, const N: usize>(elements: &[R], k: u32, out: &mut [u8])
where
    [u64; N]: Words,
{
    let first = R::BITS.min(64);
    let keep = repeat(mask(k), first);
    let groups = elements.chunks_exact(GROUP);
    for (src, out) in groups.zip(out.chunks_exact_mut(8 * k as usize)) {
        let mut v = [0; N];
        if R::BYTES > 8 {
            for (v, e) in v.iter_mut().zip(src) {
                *v = e.to_u64();
            }
        } else {
            let bytes: &[u8] = bytemuck::cast_slice(src);
            for (v, b) in v.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *v = u64::from_le_bytes(*b);
            }
        }
        for v in &mut v {
            *v &= keep;
        }
        // Neighbours within a word move together.
        let (mut lane, mut width) = (first, k);
        while lane < 64 {
            let low = repeat(mask(lane), 2 * lane);
            for v in &mut v {
                *v = (*v & low) | ((*v & !low) >> (lane - width));
            }
            (lane, width) = (2 * lane, 2 * width);
        }
        v.put(width, out);
    }
}

/// The inverse.
#[inline(always)]
fn unpack_words<R: Ring, const N: usize>(bytes: &[u8], k: u32, out: &mut [R])
where
    [u64; N]: Words,
{
    let last = R::BITS.min(64);
    let groups = bytes.chunks_exact(8 * k as usize);
    for (src, out) in groups.zip(out.chunks_exact_mut(GROUP)) {
        let (mut lane, mut width) = (64, k * (64 / last));
        let mut v = <[u64; N]>::get(src, width);
        while lane > last {
            (lane, width) = (lane / 2, width / 2);
            let low = repeat(mask(width), 2 * lane);
            for v in &mut v {
                *v = (*v & low) | ((*v & (low << width)) << (lane - width));
            }
        }
        if R::BYTES > 8 {
            for (o, v) in out.iter_mut().zip(&v) {
                *o = R::from_u64(*v);
            }
        } else {
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(out);
            for (b, v) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(&v) {
                *b = v.to_le_bytes();
            }
        }
    }
}

/// A group in so many words of equal width.
trait Words: Sized {
    /// Writes them without gaps: joins pairs while two fit into one word.
    fn put(&self, width: u32, out: &mut [u8]);
    /// The inverse.
    fn get(bytes: &[u8], width: u32) -> Self;
}

macro_rules! halve {
    ($n:literal $half:literal) => {
        impl Words for [u64; $n] {
            #[inline(always)]
            fn put(&self, width: u32, out: &mut [u8]) {
                if width > 32 {
                    return join_rest(self, width, out);
                }
                let mut half = [0; $half];
                for i in 0..$half {
                    half[i] = self[2 * i] | (self[2 * i + 1] << width);
                }
                half.put(2 * width, out);
            }
            #[inline(always)]
            fn get(bytes: &[u8], width: u32) -> Self {
                let mut v = [0; $n];
                if width > 32 {
                    split_rest(bytes, width, &mut v);
                    return v;
                }
                let half = <[u64; $half]>::get(bytes, 2 * width);
                let keep = mask(width);
                for i in 0..$half {
                    v[2 * i] = half[i] & keep;
                    v[2 * i + 1] = half[i] >> width;
                }
                v
            }
        }
    };
}
halve!(64 32);
halve!(32 16);
halve!(16 8);
halve!(8 4);
halve!(4 2);
halve!(2 1);

impl Words for [u64; 1] {
    #[inline(always)]
    fn put(&self, width: u32, out: &mut [u8]) {
        join_rest(self, width, out);
    }
    #[inline(always)]
    fn get(bytes: &[u8], width: u32) -> Self {
        let mut v = [0];
        split_rest(bytes, width, &mut v);
        v
    }
}

/// Words of `width` bits, above 32, without gaps.
#[inline(always)]
fn join_rest(v: &[u64], width: u32, out: &mut [u8]) {
    let words = out.as_chunks_mut::<8>().0;
    if width == 64 {
        for (w, x) in words.iter_mut().zip(v) {
            *w = x.to_le_bytes();
        }
        return;
    }
    // Word w has the bits from `skip` on of element `at`, all of the next one, and maybe some of a third.
    let (mut at, mut skip) = (0, 0);
    let element = |i: usize| v.get(i).copied().unwrap_or_default();
    for w in words {
        let room = width - skip;
        let mut word = (element(at) >> skip) | (element(at + 1) << room);
        let both = room + width;
        word |= (element(at + 2) << (both & 63)) & u64::from(both >= 64).wrapping_sub(1);
        *w = word.to_le_bytes();
        let end = skip + 64;
        (at, skip) = if end >= 2 * width {
            (at + 2, end - 2 * width)
        } else {
            (at + 1, end - width)
        };
    }
}

#[inline(always)]
fn split_rest(bytes: &[u8], width: u32, v: &mut [u64]) {
    let words = bytes.as_chunks::<8>().0;
    if width == 64 {
        for (x, w) in v.iter_mut().zip(words) {
            *x = u64::from_le_bytes(*w);
        }
        return;
    }
    let word = |i: usize| words.get(i).map_or(0, |w| u64::from_le_bytes(*w));
    let keep = mask(width);
    let (mut at, mut shift) = (0, 0);
    for x in v {
        // The second word is shifted out where the first one suffices.
        *x = (word(at) >> shift | word(at + 1) << 1 << (63 - shift)) & keep;
        shift += width;
        if shift >= 64 {
            shift -= 64;
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bit by bit.
    fn oracle(v: &[u64], k: u32) -> Vec<u8> {
        let mut out = vec![0u8; packed_len(v.len(), k).unwrap()];
        for (e, x) in v.iter().enumerate() {
            for i in 0..k as usize {
                let at = e * k as usize + i;
                out[at / 8] |= ((x >> i & 1) as u8) << (at % 8);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn agrees_with_single_bits(v in prop::collection::vec(any::<u64>(), 0..300), k in 1u32..=64,
                                   cuts in prop::collection::vec(0usize..150, 0..5)) {
            let mut out = vec![7];
            let mut packer = Packer::new(&mut out, k);
            let mut rest = &v[..];
            for c in &cuts {
                let (head, tail) = rest.split_at((*c).min(rest.len()));
                packer.push(head);
                rest = tail;
            }
            packer.push(rest);
            packer.finish();
            prop_assert_eq!(&out[1..], &oracle(&v, k)[..]);

            let mut back = vec![1u64; v.len()];
            let mut unpacker = Unpacker::new(&out[1..], v.len(), k).unwrap();
            let mut rest = &mut back[..];
            for c in &cuts {
                let (head, tail) = rest.split_at_mut((*c).min(rest.len()));
                unpacker.pull(head);
                rest = tail;
            }
            unpacker.pull(rest);
            prop_assert!(back.iter().zip(&v).all(|(a, b)| *a == b & mask(k)));
        }
    }

    #[test]
    fn every_width_and_number_of_groups() {
        let v: Vec<u64> = (1..=257u64)
            .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .collect();
        for k in 1..=64 {
            for n in [63, 64, 65, 128, 192, 257] {
                let mut out = Vec::new();
                let mut p = Packer::new(&mut out, k);
                p.push(&v[..n]);
                p.finish();
                assert_eq!(out, oracle(&v[..n], k), "{k} {n}");
                let mut back = vec![1; n];
                Unpacker::new(&out, n, k).unwrap().pull(&mut back);
                assert!(back.iter().zip(&v).all(|(a, b)| *a == b & mask(k)));
            }
        }
    }

    #[test]
    fn narrow_words_pack_the_same() {
        let v: Vec<u64> = (0..131).map(|i| i * 0x9e37_79b9).collect();
        let narrow: Vec<u8> = v.iter().map(|x| *x as u8).collect();
        for k in 1..=8 {
            let mut out = Vec::new();
            let mut p = Packer::new(&mut out, k);
            p.push(&narrow);
            p.finish();
            assert_eq!(out, oracle(&v, k));
            let mut back = vec![0u8; 131];
            Unpacker::new(&out, 131, k).unwrap().pull(&mut back);
            assert!(
                back.iter()
                    .zip(&v)
                    .all(|(a, b)| u64::from(*a) == b & mask(k))
            );
        }
    }

    #[test]
    fn lengths_and_padding_are_checked() {
        assert!(Unpacker::new(&[0; 8], 9, 7).is_ok());
        assert!(matches!(
            Unpacker::new(&[0; 7], 9, 7),
            Err(DecodeError::Length { got: 7, want: 8 })
        ));
        let mut b = [0; 8];
        b[7] = 0x80;
        assert!(matches!(
            Unpacker::new(&b, 9, 7),
            Err(DecodeError::Range("padding bits"))
        ));
        for k in [0, 65] {
            assert!(Unpacker::new(&[], 0, k).is_err());
        }
        assert!(Unpacker::new(&[0; 8], usize::MAX, 64).is_err());
        assert!(Unpacker::new(&[], 0, 5).is_ok());
        // Past the end there are zeros.
        let mut out = [9u8; 70];
        Unpacker::new(&[255], 8, 1).unwrap().pull(&mut out);
        assert!(out[..8] == [1; 8] && out[8..] == [0; 62]);
        assert_eq!((mask(0), mask(1), mask(64)), (0, 1, u64::MAX));
    }
}
