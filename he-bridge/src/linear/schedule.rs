//! Which polynomial is sent when: numbers, messages and runs, from a layer's public sizes.

use core::ops::Range;

use piquet_core::wire::Header;

use super::{REQUESTS, RESPONSES};
use crate::backend::Backend;
use crate::encoding::Encoding;

/// Units in runs, requests and responses in messages.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    ins: usize,
    outs: usize,
    tiles: usize,
    units: usize,
    /// Units in a run.
    run: usize,
}

impl Schedule {
    /// Runs of at most `most` bytes, or of one unit.
    pub(super) fn new<B: Backend>(backend: &B, encoding: &Encoding, most: usize) -> Self {
        let (map, tiles) = (encoding.map(), encoding.tiles());
        // No response holds more than N coefficients.
        let request = map.ins * (backend.ciphertext_len() + Header::LEN);
        let response = map.outs * (backend.response_len(encoding.degree()) + Header::LEN);
        Self {
            ins: map.ins,
            outs: map.outs,
            tiles,
            units: encoding.groups() * tiles,
            run: (most / request.max(response)).max(1),
        }
    }
    #[cfg(test)]
    pub(super) fn set_units_of_run(&mut self, units: usize) {
        self.run = units;
    }
    /// Input polynomials in all.
    pub(super) fn requests(&self) -> usize {
        self.units * self.ins
    }
    /// Output polynomials in all.
    pub(super) fn responses(&self) -> usize {
        self.units * self.outs
    }
    /// Group, tile and input of a request.
    pub(super) fn request(&self, index: usize) -> [usize; 3] {
        let unit = index / self.ins;
        [unit / self.tiles, unit % self.tiles, index % self.ins]
    }
    /// Group, tile and output of a response.
    pub(super) fn response(&self, index: usize) -> [usize; 3] {
        let unit = index / self.outs;
        [unit / self.tiles, unit % self.tiles, index % self.outs]
    }
    /// The message that request `begin` opens.
    pub(super) fn request_message(&self, begin: usize) -> Range<usize> {
        let end = self.run_end(begin / self.ins) * self.ins;
        begin..end.min(begin + REQUESTS)
    }
    /// The message that response `begin` opens.
    pub(super) fn response_message(&self, begin: usize) -> Range<usize> {
        let end = self.run_end(begin / self.outs) * self.outs;
        begin..end.min(begin + RESPONSES)
    }
    /// Whether a run ends where request `index` would be the next.
    pub(super) fn request_run_ends(&self, index: usize) -> bool {
        index.is_multiple_of(self.run * self.ins) || index == self.requests()
    }
    /// Whether a run ends where response `index` would be the next.
    pub(super) fn response_run_ends(&self, index: usize) -> bool {
        index.is_multiple_of(self.run * self.outs) || index == self.responses()
    }
    /// Responses of all runs before that of a request.
    pub(super) fn before(&self, request: usize) -> usize {
        request / self.ins / self.run * self.run * self.outs
    }
    /// Requests of all runs whose responses are the first `responses`.
    pub(super) fn after(&self, responses: usize) -> usize {
        responses / self.outs * self.ins
    }
    /// Responses that can be made from so many requests.
    pub(super) fn ready(&self, requests: usize) -> usize {
        requests / self.ins * self.outs
    }
    /// The unit of a request, counted from 0.
    pub(super) fn request_unit(&self, index: usize) -> usize {
        index / self.ins
    }
    /// The unit of a response, counted from 0.
    pub(super) fn response_unit(&self, index: usize) -> usize {
        index / self.outs
    }
    /// Group and tile of a unit.
    pub(super) fn unit(&self, unit: usize) -> [usize; 2] {
        [unit / self.tiles, unit % self.tiles]
    }
    /// Responses of one unit after another, no more than `most` in a piece: unit and outputs.
    pub(super) fn pieces(&self, range: Range<usize>, most: usize) -> Vec<(usize, Range<usize>)> {
        let (mut at, mut out) = (range.start, Vec::new());
        while at < range.end {
            let (unit, o) = (at / self.outs, at % self.outs);
            let n = (self.outs - o).min(range.end - at).min(most.max(1));
            out.push((unit, o..o + n));
            at += n;
        }
        out
    }
    /// Messages of the client after the opening.
    pub(super) fn request_messages(&self) -> usize {
        self.messages(self.ins, REQUESTS)
    }
    /// Messages of the server.
    pub(super) fn response_messages(&self) -> usize {
        self.messages(self.outs, RESPONSES)
    }
    fn messages(&self, each: usize, most: usize) -> usize {
        let (whole, rest) = (self.units / self.run, self.units % self.run);
        whole * (self.run * each).div_ceil(most) + (rest * each).div_ceil(most)
    }
    fn run_end(&self, unit: usize) -> usize {
        ((unit / self.run + 1) * self.run).min(self.units)
    }
}
