//! OTs with an additive correlation in Z_2^k.
//!
//! **Functionality.** OT i has a vector δ_i of m elements of Z_2^k from the sender and a bit b_i from the receiver. They
//! get additive shares of b_i δ_i: s_i at the sender, r_i at the receiver, s_i + r_i = b_i δ_i modulo 2^k. s_i is random,
//! or the choice of a corrupt party.
//!
//! **Protocol.** With pads p_i^0, p_i^1, of which the receiver knows p_i = p_i^(b_i), the sender sends c_i = p_i^0 + δ_i -
//! p_i^1 and takes s_i = -p_i^0; the receiver takes r_i = p_i + b_i c_i. One message. This is the correlated OT of
//! G. Asharov, Y. Lindell, T. Schneider, M. Zohner (CCS 2013), over a ring, as N. Gilboa (CRYPTO 1999) multiplies with
//! it and D. Rathee et al. (CrypTFlow2, CCS 2020) after them.
//!
//! **Security.** That of the correlated OTs: c_i is masked by the pad that the receiver lacks, and every c_i is right
//! for some δ_i, so a cheating sender can do no more than choose δ_i. That two δ_i are equal, as a multiplication wants
//! it, nobody checks: see [`crate::triples`].
//!
//! **Cost**: ceil(n m k / 8) bytes and a header; AES as in [`crate::random`], and for pads of more than a block as in
//! [`crate::chosen`], in words of `R` whatever k is. Constant time in choices, δ and Δ.

use piquet_core::pack::{Packer, Unpacker, packed_len};
use piquet_core::wire::{DecodeError, Header};
use piquet_core::{BitVec, Ring, RingVec, lanes, pack};

use crate::pads::{MAX_MESSAGE, Scratch, Stretch, exactly, length, width};
use crate::{ChosenCots, Error, ReceivedCots, Security, SentCots, kinds};

/// How many OTs, and of what: agreed by both parties beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of OTs, at least 1.
    pub ots: usize,
    /// m: elements of each, at least 1.
    pub width: usize,
    /// k: log2 of the modulus, 1 to 64 and no more than the word has.
    pub bits: u32,
}

impl Shape {
    /// Elements over all OTs.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Parameter`].
    pub fn elements<R: Ring>(&self) -> Result<usize, Error> {
        width::<R>(self.bits, 64)?;
        if self.ots == 0 || self.width == 0 {
            return Err(Error::Empty);
        }
        let small = self.width <= MAX_MESSAGE / R::BYTES;
        let all = self.ots.checked_mul(self.width);
        all.filter(|n| small && *n <= isize::MAX as usize / 64)
            .ok_or(Error::Parameter {
                what: "number of elements",
                got: self.width as u64,
                domain: "what fits in memory, 2^30 bytes for each OT",
            })
    }
    /// Bytes of the message.
    ///
    /// # Errors
    /// As [`Shape::elements`].
    pub fn message_len<R: Ring>(&self) -> Result<usize, Error> {
        Ok(Header::LEN + (self.elements::<R>()? * self.bits as usize).div_ceil(8))
    }
}

/// Appends the sender's message to `out` and gives its shares s, OT after OT, reduced modulo 2^k. `delta` holds the
/// vectors, OT after OT; bits from k up are ignored.
///
/// # Errors
/// As [`Shape::elements`]; [`Error::Exhausted`], [`Error::Length`] unless there are as many correlations, and as many
/// elements, as the shape says.
pub fn send<R: Ring, M: Security>(
    cots: SentCots<M>,
    shape: Shape,
    delta: &[R],
    out: &mut Vec<u8>,
) -> Result<RingVec<R>, Error> {
    let elements = shape.elements::<R>()?;
    exactly(cots.len(), shape.ots)?;
    length("elements of delta", delta.len(), elements)?;
    let body = shape.message_len::<R>()? - Header::LEN;
    cots.place().begin(kinds::ADDITIVE, body, out);
    let mut share = RingVec::zeros(elements);
    let mut sender = Sender::new(&cots, shape.width);
    sender.section(0, delta, shape.bits, out, |at, pads| {
        lanes::zip(&mut share.as_mut_slice()[at..], pads, |_, p: R| p.neg());
    });
    reduce(share.as_mut_slice(), shape.bits);
    Ok(share)
}

/// The receiver's shares r, OT after OT, reduced modulo 2^k, from the sender's message.
///
/// # Errors
/// [`Error::Decode`]; as [`Shape::elements`]; [`Error::Exhausted`], [`Error::Length`].
pub fn receive<R: Ring, M: Security>(
    cots: impl Into<ChosenCots<M>>,
    shape: Shape,
    message: &[u8],
) -> Result<RingVec<R>, Error> {
    let cots = cots.into().0;
    let elements = shape.elements::<R>()?;
    exactly(cots.len(), shape.ots)?;
    let body = shape.message_len::<R>()? - Header::LEN;
    let mut body = cots.place().open(kinds::ADDITIVE, body, message)?;
    let mut share = RingVec::zeros(elements);
    let mut receiver = Receiver::new(&cots, shape.width);
    receiver.section(0, elements, shape.bits, &mut body, |at, part: &[R]| {
        share.as_mut_slice()[at..][..part.len()].copy_from_slice(part);
    })?;
    reduce(share.as_mut_slice(), shape.bits);
    Ok(share)
}

/// Reduces modulo 2^k.
pub(crate) fn reduce<R: Ring>(x: &mut [R], bits: u32) {
    if bits < R::BITS {
        let keep = R::from_u64(pack::mask(bits));
        lanes::map(x, |x| x.and(keep));
    }
}

/// The sender of several sections of correlated OTs, each a run of OTs with a width of its own.
pub(crate) struct Sender<'a, R: Ring, M: Security> {
    cots: &'a SentCots<M>,
    width: usize,
    stretch: Stretch,
    blocks: [Scratch; 2],
    pads: [RingVec<R>; 2],
}

impl<'a, R: Ring, M: Security> Sender<'a, R, M> {
    /// For OTs of `width` elements.
    pub(crate) fn new(cots: &'a SentCots<M>, width: usize) -> Self {
        let stretch = Stretch::new(&cots.context.session, width * R::BYTES);
        let words = stretch.chunk() * width;
        Self {
            cots,
            width,
            blocks: [stretch.scratch(), stretch.scratch()],
            pads: [RingVec::zeros(words), RingVec::zeros(words)],
            stretch,
        }
    }
    /// Appends the corrections of the OTs from `first` on, one for each `width` elements of `delta`, and gives the pads
    /// p^0 of some elements at a time, from the element `at` on, to `share(at, pads)`.
    pub(crate) fn section(
        &mut self,
        first: usize,
        delta: &[R],
        bits: u32,
        out: &mut Vec<u8>,
        mut share: impl FnMut(usize, &[R]),
    ) {
        let chunk = self.stretch.chunk();
        let [zero, one] = &mut self.blocks;
        let [p0, p1] = &mut self.pads;
        let mut packer = Packer::new(out, bits);
        for (c, delta) in delta.chunks(chunk * self.width).enumerate() {
            let n = delta.len() / self.width;
            let p0 = &mut p0.as_mut_slice()[..delta.len()];
            let p1 = &mut p1.as_mut_slice()[..delta.len()];
            self.cots
                .pads(first + c * chunk, &mut zero.get()[..n], &mut one.get()[..n]);
            self.stretch
                .words(self.stretch.stretch(zero.get(), n), n, p0);
            self.stretch
                .words(self.stretch.stretch(one.get(), n), n, p1);
            lanes::zip2(p1, p0, delta, |p1, p0, d| p0.add(d).sub(p1));
            packer.push(p1);
            share(c * chunk * self.width, p0);
        }
        packer.finish();
    }
}

/// The receiver of several sections.
pub(crate) struct Receiver<'a, R: Ring, M: Security> {
    cots: &'a ReceivedCots<M>,
    width: usize,
    stretch: Stretch,
    blocks: Scratch,
    pads: RingVec<R>,
    corrections: RingVec<R>,
    masks: RingVec<R>,
}

impl<'a, R: Ring, M: Security> Receiver<'a, R, M> {
    /// For OTs of `width` elements.
    pub(crate) fn new(cots: &'a ReceivedCots<M>, width: usize) -> Self {
        let stretch = Stretch::new(&cots.context.session, width * R::BYTES);
        let words = stretch.chunk() * width;
        Self {
            cots,
            width,
            blocks: stretch.scratch(),
            pads: RingVec::zeros(words),
            corrections: RingVec::zeros(words),
            masks: RingVec::zeros(stretch.chunk()),
            stretch,
        }
    }
    /// Takes the corrections of `elements` elements off the front of `body`, those of the OTs from `first` on, and gives
    /// the shares p + b c of some elements at a time, from the element `at` on, to `share(at, shares)`.
    pub(crate) fn section(
        &mut self,
        first: usize,
        elements: usize,
        bits: u32,
        body: &mut &[u8],
        mut share: impl FnMut(usize, &[R]),
    ) -> Result<(), Error> {
        let chunk = self.stretch.chunk();
        let bytes = packed_len(elements, bits).unwrap_or(usize::MAX);
        let (head, rest) = body.split_at_checked(bytes).ok_or(DecodeError::Length {
            got: body.len(),
            want: bytes,
        })?;
        *body = rest;
        let mut corrections = Unpacker::new(head, elements, bits)?;
        for at in (0..elements).step_by(chunk * self.width) {
            let len = (chunk * self.width).min(elements - at);
            let (n, ot) = (len / self.width, first + at / self.width);
            let pads = &mut self.pads.as_mut_slice()[..len];
            let c = &mut self.corrections.as_mut_slice()[..len];
            corrections.pull(c);
            self.cots.pads(ot, &mut self.blocks.get()[..n]);
            self.stretch
                .words(self.stretch.stretch(self.blocks.get(), n), n, pads);
            let masks = &mut self.masks.as_mut_slice()[..n];
            masks_of(&self.cots.choices, ot, masks);
            if self.width == 1 {
                lanes::zip2(pads, c, masks, |p, c, m| p.add(c.and(m)));
            } else {
                let rows = pads
                    .chunks_exact_mut(self.width)
                    .zip(c.chunks_exact(self.width));
                for ((p, c), m) in rows.zip(masks) {
                    let m = *m;
                    lanes::zip(p, c, move |p, c| p.add(c.and(m)));
                }
            }
            share(at, pads);
        }
        Ok(())
    }
}

/// All ones for a choice of 1, from choice `at` on.
fn masks_of<R: Ring>(choices: &BitVec, at: usize, out: &mut [R]) {
    lanes::masks(out, choices.slice(at..at + out.len()).words());
}

#[cfg(test)]
mod tests;
