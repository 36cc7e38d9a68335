//! What an inference will cost, as a table and as JSON.

use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::model::Program;
use piquet_nn_ops::plan::{Link, PlanRow};
use serde::Serialize;

use super::{SCHEMA, bytes, correlations, phase_name, table};
use crate::cli::Failure;
use crate::engines::{Engine, Estimate};

/// What an inference will cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanReport {
    schema: u32,
    model: String,
    engine: Engine,
    /// Who takes part.
    peers: Vec<String>,
    truncation: Truncation,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncation_failure: Option<f64>,
    setup: PlanCost,
    offline: PlanCost,
    online: PlanCost,
    /// Multiply-accumulates of all parties together.
    macs: u64,
    /// Weights and largest values of one party, an estimate.
    memory_bytes: u64,
    /// The directed link that carries most online.
    busiest_link: Option<Link>,
    /// What each directed link carries in each phase, by index into `peers`.
    links: Vec<Link>,
    layers: Vec<PlanRow>,
}

/// Planned cost of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PlanCost {
    bytes: u64,
    messages: u64,
    rounds: u32,
}

impl PlanReport {
    /// From what was added up.
    pub fn new(
        program: &Program,
        cost: &Estimate,
        truncation: Truncation,
    ) -> Result<Self, Failure> {
        let phase = |p| {
            let t = cost.plan.total(p);
            PlanCost {
                bytes: t.bytes,
                messages: t.messages,
                rounds: t.rounds,
            }
        };
        Ok(Self {
            schema: SCHEMA,
            model: program.graph().name().to_owned(),
            engine: cost.engine,
            peers: cost
                .engine
                .cast(cost.parties)?
                .peers()
                .map(|p| p.to_string())
                .collect(),
            truncation,
            truncation_failure: (truncation == Truncation::Local)
                .then_some(cost.truncation_failure),
            setup: phase(Phase::Setup),
            offline: phase(Phase::Offline),
            online: phase(Phase::Online),
            macs: cost.macs,
            memory_bytes: cost.memory_bytes,
            busiest_link: cost.plan.busiest_link(Phase::Online),
            links: cost.plan.links().collect(),
            layers: cost.plan.rows().to_vec(),
        })
    }

    /// For a person.
    #[must_use]
    pub fn table(&self) -> String {
        let mut t = table(&["phase", "layers", "sent", "messages", "rounds"]);
        let mut groups: Vec<(Phase, &str, usize, PlanCost)> = Vec::new();
        for r in &self.layers {
            match groups.iter_mut().find(|g| g.0 == r.phase && g.1 == r.op) {
                Some((_, _, count, c)) => {
                    *count += 1;
                    c.bytes += r.bytes;
                    c.messages += r.messages;
                    c.rounds += r.rounds;
                }
                None => groups.push((
                    r.phase,
                    &r.op,
                    1,
                    PlanCost {
                        bytes: r.bytes,
                        messages: r.messages,
                        rounds: r.rounds,
                    },
                )),
            }
        }
        for (phase, op, count, c) in groups {
            t.add_row(vec![
                phase_name(phase).to_owned(),
                format!("{op} x{count}"),
                bytes(c.bytes),
                c.messages.to_string(),
                c.rounds.to_string(),
            ]);
        }
        for (name, c) in [
            ("setup", self.setup),
            ("offline", self.offline),
            ("online", self.online),
        ] {
            t.add_row(vec![
                name.to_owned(),
                "all".to_owned(),
                bytes(c.bytes),
                c.messages.to_string(),
                c.rounds.to_string(),
            ]);
        }
        let busiest = self.busiest_link.map_or_else(String::new, |l| {
            let name = |i: usize| self.peers.get(i).map_or("?", String::as_str);
            let (from, to) = (name(l.from), name(l.to));
            format!("\nonline, {from} sends most: {} to {to}", bytes(l.bytes))
        });
        let failure = self.truncation_failure.map_or_else(String::new, |p| {
            format!("\nlocal truncation spoils something in this network with probability {p:.1e}")
        });
        format!(
            "{} with {}{}, {} truncation: bytes and rounds from the shapes alone\n{t}\n\
             {:.2} G multiply-accumulates over all parties; about {} of memory for each{busiest}{failure}",
            self.model,
            self.engine,
            correlations(self.engine),
            self.truncation.name(),
            self.macs as f64 / 1e9,
            bytes(self.memory_bytes),
        )
    }
}
