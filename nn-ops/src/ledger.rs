//! What a run cost: bytes, messages, rounds, time and memory, by layer and by phase.
//!
//! Bytes are what a party sent, payload and framing, above TLS. A round is one link in the longest chain of messages
//! that depend on one another: every frame carries the depth of its sender, and whoever receives it is one deeper.
//! A simultaneous exchange is one round, and a detour through a third party is counted as what it is.

use std::time::Instant;

use serde::{Deserialize, Serialize};

/// When work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Once per model: connections, keys, weights.
    Setup,
    /// Once per inference, before the input is there.
    Offline,
    /// From the input to the result.
    Online,
}

/// The cost of one stretch of work at one party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// When.
    pub phase: Phase,
    /// The layer's name; empty for a whole phase.
    pub name: String,
    /// What the layer does, e.g. `conv`; empty for a whole phase.
    pub op: String,
    /// Wall time.
    pub seconds: f64,
    /// Bytes this party sent.
    pub bytes_sent: u64,
    /// Messages this party sent, an exchange with two peers being two.
    pub messages: u64,
    /// Dependency depth when it began.
    pub depth_before: u32,
    /// Dependency depth when it ended.
    pub depth_after: u32,
    /// Most memory this process ever had resident, in bytes, seen at the end; 0 where the system does not say.
    pub peak_rss: u64,
}

impl Row {
    /// How much longer the longest chain of messages grew.
    #[must_use]
    pub fn rounds(&self) -> u32 {
        self.depth_after.saturating_sub(self.depth_before)
    }
}

/// A stretch that still runs.
#[derive(Debug, Clone)]
struct Open {
    row: Row,
    since: Instant,
}

impl Open {
    fn new(phase: Phase, name: &str, op: &str, depth: u32) -> Self {
        Self {
            row: Row {
                phase,
                name: name.to_owned(),
                op: op.to_owned(),
                seconds: 0.0,
                bytes_sent: 0,
                messages: 0,
                depth_before: depth,
                depth_after: depth,
                peak_rss: 0,
            },
            since: Instant::now(),
        }
    }

    fn add(&mut self, bytes: u64, messages: u64) {
        self.row.bytes_sent += bytes;
        self.row.messages += messages;
    }

    fn close(mut self, depth: u32) -> Row {
        self.row.seconds = self.since.elapsed().as_secs_f64();
        self.row.depth_after = depth;
        self.row.peak_rss = peak_rss();
        self.row
    }
}

/// One party's account. A phase is a row of its own that spans its layers, so its time leaves nothing out.
#[derive(Debug, Clone)]
pub struct Ledger {
    layers: Vec<Row>,
    phases: Vec<Row>,
    phase: Open,
    layer: Option<Open>,
    depth: u32,
}

impl Ledger {
    /// Begins in the set-up phase.
    pub(crate) fn new() -> Self {
        Self::at(Phase::Setup, 0)
    }

    fn at(phase: Phase, depth: u32) -> Self {
        Self {
            layers: Vec::new(),
            phases: Vec::new(),
            phase: Open::new(phase, "", "", depth),
            layer: None,
            depth,
        }
    }

    /// Ends the running phase and its layer and begins `phase`; a phase may be entered as often as there are inferences.
    pub fn begin_phase(&mut self, phase: Phase) {
        self.end_layer();
        let next = Open::new(phase, "", "", self.depth);
        let ended = core::mem::replace(&mut self.phase, next).close(self.depth);
        self.phases.push(ended);
    }

    /// Ends the running layer, if any, and begins another in the running phase.
    pub fn begin_layer(&mut self, name: &str, op: &str) {
        self.end_layer();
        self.layer = Some(Open::new(self.phase.row.phase, name, op, self.depth));
    }

    /// Ends the running layer. What is sent outside of layers counts for the phase only.
    pub fn end_layer(&mut self) {
        if let Some(layer) = self.layer.take() {
            self.layers.push(layer.close(self.depth));
        }
    }

    /// The layers that have ended, in order.
    #[must_use]
    pub fn layers(&self) -> &[Row] {
        &self.layers
    }

    /// The phases that have ended, in order.
    #[must_use]
    pub fn phases(&self) -> &[Row] {
        &self.phases
    }

    /// Length of the longest chain of messages so far.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The phase that is running.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.row.phase
    }

    /// What the running phase has cost until now.
    #[must_use]
    pub fn so_far(&self) -> Row {
        self.phase.clone().close(self.depth)
    }

    /// Ends everything.
    pub(crate) fn close(&mut self) {
        let phase = self.phase();
        self.begin_phase(phase);
    }

    pub(crate) fn sent(&mut self, bytes: u64, messages: u64) {
        self.phase.add(bytes, messages);
        if let Some(layer) = &mut self.layer {
            layer.add(bytes, messages);
        }
    }

    pub(crate) fn reached(&mut self, depth: u32) {
        self.depth = self.depth.max(depth);
    }

    /// The account of a child that runs beside this one.
    pub(crate) fn fork(&self) -> Self {
        Self::at(self.phase(), self.depth)
    }

    /// Takes a child's costs over: its layers as rows of their own, all it sent into what is running here.
    pub(crate) fn join(&mut self, mut child: Self) {
        child.close();
        self.reached(child.depth);
        for phase in &child.phases {
            self.sent(phase.bytes_sent, phase.messages);
        }
        self.layers.append(&mut child.layers);
    }
}

/// The same row of all parties as one: bytes and messages summed, time and memory of the worst, rounds by the longest chain.
///
/// The account of several parties merges row by row; `None` if they differ in number or in names, which cannot
/// happen to parties that ran the same program.
#[must_use]
pub fn merge(parties: &[&[Row]]) -> Option<Vec<Row>> {
    let (first, rest) = parties.split_first()?;
    let mut merged = first.to_vec();
    for rows in rest {
        if rows.len() != merged.len() {
            return None;
        }
        for (all, row) in merged.iter_mut().zip(*rows) {
            if (all.phase, &all.name, &all.op) != (row.phase, &row.name, &row.op) {
                return None;
            }
            all.seconds = all.seconds.max(row.seconds);
            all.bytes_sent += row.bytes_sent;
            all.messages += row.messages;
            all.depth_before = all.depth_before.max(row.depth_before);
            all.depth_after = all.depth_after.max(row.depth_after);
            all.peak_rss = all.peak_rss.max(row.peak_rss);
        }
    }
    Some(merged)
}

/// `VmHWM` of this process in bytes.
fn peak_rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse::<u64>().ok())
        .map_or(0, |kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_and_phases_keep_their_own_accounts() {
        let mut l = Ledger::new();
        l.sent(5, 1);
        l.begin_phase(Phase::Online);
        l.begin_layer("conv1", "conv");
        l.sent(10, 2);
        l.reached(3);
        l.begin_layer("relu1", "relu");
        l.reached(2);
        l.end_layer();
        l.sent(1, 1);
        l.close();
        let brief: Vec<_> = l
            .layers()
            .iter()
            .chain(l.phases())
            .map(|r| (r.name.as_str(), r.bytes_sent, r.messages, r.rounds()))
            .collect();
        assert_eq!(
            brief,
            [
                ("conv1", 10, 2, 3),
                ("relu1", 0, 0, 0),
                ("", 5, 1, 0),
                ("", 11, 3, 3)
            ]
        );
        #[cfg(target_os = "linux")]
        assert!(l.layers()[0].peak_rss > 0);
    }

    #[test]
    fn a_child_counts_into_what_runs() {
        let mut l = Ledger::new();
        l.begin_layer("block", "fork");
        let mut child = l.fork();
        child.begin_layer("left", "conv");
        child.sent(7, 1);
        child.reached(4);
        l.join(child);
        l.end_layer();
        assert_eq!(l.layers()[0].name, "left");
        assert_eq!((l.layers()[1].bytes_sent, l.layers()[1].rounds()), (7, 4));
        assert_eq!(l.so_far().bytes_sent, 7);
    }

    #[test]
    fn parties_merge_by_the_longest_chain() {
        let row = |bytes, before, after, seconds| Row {
            phase: Phase::Online,
            name: "a".into(),
            op: "b".into(),
            seconds,
            bytes_sent: bytes,
            messages: 1,
            depth_before: before,
            depth_after: after,
            peak_rss: bytes,
        };
        let a = [row(1, 4, 5, 0.5)];
        let b = [row(2, 3, 6, 0.25)];
        let m = merge(&[&a, &b]).unwrap();
        assert_eq!((m[0].bytes_sent, m[0].rounds(), m[0].seconds), (3, 2, 0.5));
        assert!(merge(&[&a, &[]]).is_none());
        assert!(merge(&[]).is_none());
    }
}
