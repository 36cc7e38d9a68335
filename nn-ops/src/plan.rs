//! What a run will cost, before anything runs.
//!
//! [`Plan`] plays the messages of an engine on a clock for each peer: a message arrives one tick after its sender's
//! clock when it was sent, so rounds come out as in the ledger, as the longest chain of messages. Bytes include
//! framing; they are also kept for each directed link, because a network is as slow as its busiest one. The engine says which messages its steps consist of ([`crate::rep3::Rep3Cost`]); a test holds plan and
//! ledger to each other.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::Error;
use crate::engine::Truncation;
use crate::ledger::Phase;
use crate::model::Program;
use crate::transport::frame::wire_len;
use crate::walk::{Visitor, Walk};

/// Bytes and rounds of one layer, over all peers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanRow {
    /// Phase.
    pub phase: Phase,
    /// Name of the layer; empty for what is between layers.
    pub name: String,
    /// Operator.
    pub op: String,
    /// Payload and framing sent by all.
    pub bytes: u64,
    /// Messages sent by all.
    pub messages: u64,
    /// Growth of the longest chain of messages.
    pub rounds: u32,
}

/// What a plan sends over one direction of one link in one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Phase.
    pub phase: Phase,
    /// Sender, as in [`Message`].
    pub from: usize,
    /// Receiver.
    pub to: usize,
    /// Payload and framing.
    pub bytes: u64,
}

/// A message of one step: sender, receiver, payload bytes.
pub type Message = (usize, usize, usize);

/// Adds up messages.
#[derive(Debug, Clone)]
pub struct Plan {
    clocks: Vec<u32>,
    rows: Vec<PlanRow>,
    links: BTreeMap<(Phase, usize, usize), u64>,
    phase: Phase,
    layer: Option<(String, String)>,
}

impl Plan {
    /// A plan for `peers` parties and clients.
    #[must_use]
    pub fn new(peers: usize) -> Self {
        Self::since(vec![0; peers])
    }

    /// A plan from where the peers' clocks stand, one for each party and client.
    #[must_use]
    pub fn since(clocks: Vec<u32>) -> Self {
        Self {
            clocks,
            rows: Vec::new(),
            links: BTreeMap::new(),
            phase: Phase::Setup,
            layer: None,
        }
    }

    /// All these messages are sent before any of them is waited for.
    pub fn step(&mut self, messages: &[Message]) {
        let (bytes, rounds) = self.play(self.phase, messages);
        let row = self.row();
        row.bytes += bytes;
        row.messages += messages.len() as u64;
        row.rounds += rounds;
    }

    /// As [`Plan::step`], for what was done for the running layer in another phase: it stands in a row of its own.
    pub(crate) fn step_in(&mut self, phase: Phase, messages: &[Message]) {
        let (bytes, rounds) = self.play(phase, messages);
        let (name, op) = self.layer.clone().unwrap_or_default();
        let same = |r: &PlanRow| r.phase == phase && r.name == name && r.op == op;
        let at = match self.rows.iter().rposition(same) {
            Some(at) => at,
            None => {
                // Before the row of the layer itself.
                let at = self.rows.len() - usize::from(self.layer.is_some());
                let row = PlanRow {
                    phase,
                    name,
                    op,
                    bytes: 0,
                    messages: 0,
                    rounds: 0,
                };
                self.rows.insert(at, row);
                at
            }
        };
        if let Some(row) = self.rows.get_mut(at) {
            row.bytes += bytes;
            row.messages += messages.len() as u64;
            row.rounds += rounds;
        }
    }

    /// Moves the clocks; gives framed bytes, and how much the longest chain grew.
    fn play(&mut self, phase: Phase, messages: &[Message]) -> (u64, u32) {
        let mut after = self.clocks.clone();
        let mut bytes = 0;
        for (from, to, payload) in messages {
            let framed = wire_len(*payload);
            bytes += framed;
            *self.links.entry((phase, *from, *to)).or_default() += framed;
            if let (Some(sent), Some(clock)) = (self.clocks.get(*from), after.get_mut(*to)) {
                *clock = (*clock).max(sent + 1);
            }
        }
        let before = self.depth();
        self.clocks = after;
        (bytes, self.depth() - before)
    }

    /// All layers, in order.
    #[must_use]
    pub fn rows(&self) -> &[PlanRow] {
        &self.rows
    }

    /// Sum over a phase.
    #[must_use]
    pub fn total(&self, phase: Phase) -> PlanRow {
        let mut all = PlanRow {
            phase,
            name: String::new(),
            op: String::new(),
            bytes: 0,
            messages: 0,
            rounds: 0,
        };
        for r in self.rows.iter().filter(|r| r.phase == phase) {
            all.bytes += r.bytes;
            all.messages += r.messages;
            all.rounds += r.rounds;
        }
        all
    }

    /// What every directed link carries, by phase, sender and receiver; links without messages are left out.
    pub fn links(&self) -> impl Iterator<Item = Link> + '_ {
        let link = |((phase, from, to), bytes): (&(Phase, usize, usize), &u64)| Link {
            phase: *phase,
            from: *from,
            to: *to,
            bytes: *bytes,
        };
        self.links.iter().map(link)
    }

    /// The directed link that carries most in a phase, the first of equals; `None` if nothing is sent.
    ///
    /// With so many bytes a second in each direction of each link, no schedule of the phase is faster than this link.
    #[must_use]
    pub fn busiest_link(&self, phase: Phase) -> Option<Link> {
        self.links()
            .filter(|l| l.phase == phase)
            .max_by_key(|l| (l.bytes, Reverse((l.from, l.to))))
    }

    pub(crate) fn begin_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.layer = None;
    }

    pub(crate) fn begin_layer(&mut self, name: &str, op: &str) {
        self.layer = Some((name.to_owned(), op.to_owned()));
        self.push();
    }

    pub(crate) fn end_layer(&mut self) {
        self.layer = None;
    }

    fn depth(&self) -> u32 {
        self.clocks.iter().copied().max().unwrap_or(0)
    }

    fn push(&mut self) -> &mut PlanRow {
        let (name, op) = self.layer.clone().unwrap_or_default();
        self.rows.push(PlanRow {
            phase: self.phase,
            name,
            op,
            bytes: 0,
            messages: 0,
            rounds: 0,
        });
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }

    /// The row of the running layer, or of what lies between layers.
    fn row(&mut self) -> &mut PlanRow {
        let name = self.layer.as_ref().map_or("", |(n, _)| n);
        let fits = self
            .rows
            .last()
            .is_some_and(|r| r.name == name && r.phase == self.phase);
        if fits {
            let last = self.rows.len() - 1;
            &mut self.rows[last]
        } else {
            self.push()
        }
    }
}

/// Plans set-up and one inference of a program with the engine whose messages `visitor` knows.
pub fn plan<V: Visitor>(visitor: V, program: &Program, mode: Truncation) -> Result<V, Error> {
    let mut walk = Walk::new(visitor);
    crate::run::infer(&mut walk, program, None, None, mode, &mut |_| {})?;
    let mut visitor = walk.into_visitor();
    visitor.refused().map_or(Ok(visitor), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_directions_of_a_link_are_apart_and_so_are_the_phases() {
        let mut plan = Plan::new(3);
        plan.step(&[(0, 1, 100), (1, 0, 40), (2, 1, 7)]);
        plan.begin_phase(Phase::Online);
        plan.step(&[(0, 1, 10), (1, 2, 50)]);
        plan.step(&[(1, 2, 50)]);
        let busiest = |phase| plan.busiest_link(phase).unwrap();
        let (setup, online) = (busiest(Phase::Setup), busiest(Phase::Online));
        assert_eq!((setup.from, setup.to, setup.bytes), (0, 1, wire_len(100)));
        assert_eq!((online.from, online.to), (1, 2));
        assert_eq!(online.bytes, 2 * wire_len(50));
        assert_eq!(plan.busiest_link(Phase::Offline), None);
        for phase in [Phase::Setup, Phase::Offline, Phase::Online] {
            let over_links = plan.links().filter(|l| l.phase == phase);
            assert_eq!(
                over_links.map(|l| l.bytes).sum::<u64>(),
                plan.total(phase).bytes
            );
        }
    }

    #[test]
    fn of_equally_busy_links_the_first_is_named() {
        let mut plan = Plan::new(3);
        plan.step(&[(2, 1, 8), (1, 0, 8), (0, 2, 8)]);
        let link = plan.busiest_link(Phase::Setup).unwrap();
        assert_eq!((link.from, link.to), (0, 2));
    }
}
