//! What is known of the bits of a step: opened, masks, and dealt planes.

use piquet_core::RingVec;

use crate::parts::digit::Digit;
use crate::parts::gates::Masked;
use crate::parts::planes::plane;

/// A bit that was opened under a mask: what step said it, and where among what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wire {
    pub(super) step: usize,
    pub(super) plane: usize,
}

/// Planes of what was said, step by step.
#[derive(Debug)]
pub(crate) struct Wires {
    pub(super) words: usize,
    steps: Vec<RingVec<u64>>,
}

impl Wires {
    /// None yet, of planes of so many words.
    pub(crate) fn new(words: usize) -> Self {
        Self {
            words,
            steps: Vec::new(),
        }
    }
    /// Those of the next step.
    pub(crate) fn push(&mut self, planes: RingVec<u64>) {
        self.steps.push(planes);
    }
    pub(super) fn get(&self, wire: Wire) -> &[u64] {
        let step = self.steps.get(wire.step).map(RingVec::as_slice);
        plane(step.unwrap_or_default(), self.words, wire.plane)
    }
    pub(super) fn maybe(&self, wire: Option<Wire>) -> &[u64] {
        wire.map(|w| self.get(w)).unwrap_or_default()
    }
}

/// One of those who compute, between two steps.
#[derive(Debug)]
pub(crate) struct State {
    pub(super) open: Wires,
    pub(super) pad: Wires,
    /// Those with wanted places.
    pub(super) digits: Vec<Digit>,
}

impl State {
    /// At the beginning.
    pub(crate) fn new(words: usize) -> Self {
        Self {
            open: Wires::new(words),
            pad: Wires::new(words),
            digits: Vec::new(),
        }
    }
    /// What a step opened, and this party's share of its mask.
    pub(crate) fn hear(&mut self, said: Masked) {
        self.open.push(said.open);
        self.pad.push(said.pad);
    }
}

/// This party's shares of dealt planes, in order.
pub(super) struct Dealt<'a> {
    pub(super) dealt: &'a [u64],
    pub(super) words: usize,
}

impl<'a> Dealt<'a> {
    pub(super) fn next(&mut self) -> &'a [u64] {
        let (first, rest) = self.dealt.split_at_checked(self.words).unwrap_or_default();
        self.dealt = rest;
        first
    }
}
