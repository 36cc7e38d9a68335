//! What a run will cost, before anything runs.
//!
//! [`Plan`] plays the messages of an engine on a clock for each peer: a message arrives one tick after its sender's
//! clock when it was sent, so rounds come out as in the ledger, as the longest chain of messages. Bytes include
//! framing. The engine says which messages its steps consist of ([`crate::rep3::Rep3Cost`]); a test holds plan and
//! ledger to each other.

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

/// A message of one step: sender, receiver, payload bytes.
pub type Message = (usize, usize, usize);

/// Adds up messages.
#[derive(Debug)]
pub struct Plan {
    clocks: Vec<u32>,
    rows: Vec<PlanRow>,
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
            phase: Phase::Setup,
            layer: None,
        }
    }

    /// All these messages are sent before any of them is waited for.
    pub fn step(&mut self, messages: &[Message]) {
        let mut after = self.clocks.clone();
        let mut bytes = 0;
        for (from, to, payload) in messages {
            bytes += wire_len(*payload);
            if let (Some(sent), Some(clock)) = (self.clocks.get(*from), after.get_mut(*to)) {
                *clock = (*clock).max(sent + 1);
            }
        }
        let before = self.depth();
        self.clocks = after;
        let rounds = self.depth() - before;
        let row = self.row();
        row.bytes += bytes;
        row.messages += messages.len() as u64;
        row.rounds += rounds;
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
    Ok(walk.into_visitor())
}
