//! What an inference cost and whether its answer is right, as a table and as JSON.
//!
//! The JSON is versioned by `schema`. Bytes are summed over what all peers sent, times are of the slowest party, `setup`
//! stands beside the totals, which are offline plus online.

mod plan;

use std::path::Path;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::ledger::{self, Phase, Row};
use piquet_nn_ops::model::{Graph, TensorF32};
use serde::Serialize;

use crate::cli::Failure;
use crate::config::{Config, Network};
use crate::engines::Engine;
use crate::task::{Answer, Task};
use crate::zoo::ModelInfo;
pub use plan::{PlanCost, PlanReport};

const SCHEMA: u32 = 1;
/// An answer further from the plain network than this part of the range of its result is called wrong.
const WRONG: f64 = 0.05;
/// Most classes of a batch that a table names.
const SHOWN: usize = 32;

/// One phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Of the slowest peer.
    pub seconds: f64,
    /// Sent by all.
    pub bytes: u64,
    /// Longest chain of dependent messages.
    pub rounds: u32,
    /// Sent by all.
    pub messages: u64,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Layer {
    /// Its name in the network.
    pub name: String,
    /// What it computes.
    pub op: String,
    /// Of the slowest party.
    pub seconds: f64,
    /// Sent by all.
    pub bytes: u64,
    /// Growth of the longest chain of messages.
    pub rounds: u32,
    /// Most memory that a party had by its end.
    pub peak_rss_bytes: u64,
    /// When.
    pub phase: Phase,
}

/// Agreement with the plain network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Largest difference to the reference.
    pub max_abs_error: f64,
    /// Mean difference to the reference.
    pub mean_abs_error: f64,
    /// Largest value of the reference.
    pub max_abs_reference: f64,
    /// Largest less smallest value of the reference.
    pub reference_range: f64,
    /// Whether the largest logit is the same, in every picture of the batch.
    pub argmax_agrees: bool,
    /// How many of the five largest logits are among the reference's five, least over the batch.
    pub top5_common: usize,
    /// What it is compared with.
    pub reference: &'static str,
    /// Largest difference to the fixed-point oracle.
    pub max_abs_error_fixed_point: f64,
    /// The classes of the answer.
    pub classes: Vec<usize>,
    /// How often they are the true ones; absent if these are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
}

/// How many classes are the true ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Labels {
    /// Of the answer.
    pub right: usize,
    /// Of the plain network.
    pub plain_right: usize,
    /// In all.
    pub of: usize,
}

impl Check {
    /// Compares a result with the reference and with the fixed-point oracle. `class_only` says that the result is
    /// the class itself; `labels` are the true classes, if these are known.
    #[must_use]
    pub fn new(
        result: &TensorF32,
        reference: &TensorF32,
        oracle: &TensorF32,
        class_only: bool,
        labels: Option<&[usize]>,
    ) -> Self {
        let far = |a: &TensorF32, b: &TensorF32| -> Vec<f64> {
            a.data()
                .iter()
                .zip(b.data())
                .map(|(a, b)| f64::from((a - b).abs()))
                .collect()
        };
        let errors = far(result, reference);
        let (low, high) = reference.range();
        let width = result.data().len() / result.shape().batch().max(1);
        let rows = || {
            let rows = result.data().chunks(width.max(1));
            rows.zip(reference.data().chunks(width.max(1)))
        };
        let class = |row: &[f32]| {
            if class_only {
                row.first().map_or(0, |c| *c as usize)
            } else {
                top(row, 1).first().copied().unwrap_or(0)
            }
        };
        Self {
            max_abs_error: errors.iter().copied().fold(0.0, f64::max),
            mean_abs_error: errors.iter().sum::<f64>() / errors.len().max(1) as f64,
            max_abs_reference: f64::from(high.abs().max(low.abs())),
            reference_range: f64::from(high - low),
            argmax_agrees: rows().all(|(a, b)| class(a) == class(b)),
            top5_common: rows()
                .map(|(a, b)| {
                    let best = top(b, 5);
                    top(a, 5).iter().filter(|i| best.contains(i)).count()
                })
                .min()
                .unwrap_or(0),
            reference: "f32",
            max_abs_error_fixed_point: far(result, oracle).into_iter().fold(0.0, f64::max),
            classes: rows().map(|(a, _)| class(a)).collect(),
            labels: labels.map(|labels| {
                let right = |classes: &mut dyn Iterator<Item = usize>| {
                    classes.zip(labels).filter(|(a, b)| a == *b).count()
                };
                Labels {
                    right: right(&mut rows().map(|(a, _)| class(a))),
                    plain_right: right(&mut rows().map(|(_, b)| class(b))),
                    of: labels.len().min(rows().count()),
                }
            }),
        }
    }
}

/// Indices of the `n` largest, largest first.
fn top(row: &[f32], n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    let value = |i: &usize| row.get(*i).copied().unwrap_or(f32::NEG_INFINITY);
    order.sort_by(|a, b| value(b).total_cmp(&value(a)));
    order.truncate(n);
    order
}

/// Where it ran.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// Name of the processor.
    pub cpu: String,
    /// Processors this program may use.
    pub cores: usize,
    /// Kernels in force.
    pub cpu_level: String,
    /// Operating system and architecture.
    pub system: String,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn here() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            info.lines()
                .find_map(|l| l.strip_prefix(name)?.split_once(':'))
                .map(|(_, v)| v.trim().to_owned())
        };
        let cpu = match (field("model name"), field("cpu family"), field("model\t")) {
            (Some(name), Some(family), Some(model)) => {
                format!("{name} (family {family}, model {model})")
            }
            (name, ..) => name.unwrap_or_else(|| "unknown".to_owned()),
        };
        Self {
            cpu,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu_level: piquet_core::cpu::level().name().to_owned(),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

/// Everything about one inference.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    schema: u32,
    model: String,
    engine: Engine,
    parties: usize,
    /// Where correlated randomness came from; absent where the parties make it themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlations: Option<&'static str>,
    network: String,
    tls: bool,
    truncation: Truncation,
    /// Probability that local truncation spoils anything in the whole network; absent for the other truncations.
    #[serde(skip_serializing_if = "Option::is_none")]
    truncation_failure: Option<f64>,
    pub(crate) threads: usize,
    machine: Machine,
    revision: &'static str,
    batch: usize,
    ring_bits: u32,
    setup: Cost,
    offline: Cost,
    online: Cost,
    pub(crate) total_seconds: f64,
    pub(crate) total_bytes: u64,
    /// From the first connection to the answer, as the client saw it, set-up included.
    client_seconds: f64,
    pub(crate) peak_rss_bytes: Vec<u64>,
    pub(crate) check: Check,
    pub(crate) layers: Vec<Layer>,
}

impl Report {
    /// Puts together what all peers say.
    pub fn new(
        config: &Config,
        task: &Task,
        answer: &Answer,
        check: Check,
        wall: Duration,
    ) -> Result<Self, Failure> {
        let layers = merge_layers(answer)?;
        let phase = |which| phase_cost(answer, which);
        let (setup, offline, online) = (
            phase(Phase::Setup),
            phase(Phase::Offline),
            phase(Phase::Online),
        );
        let failure = match config.truncation {
            Truncation::Local => {
                let parties = config.parties.len();
                let cost = config
                    .engine
                    .estimate(&task.program, config.truncation, parties)?;
                Some(cost.truncation_failure)
            }
            _ => None,
        };
        Ok(Self {
            schema: SCHEMA,
            model: task.model.graph.name().to_owned(),
            engine: config.engine,
            parties: config.parties.len(),
            correlations: config.engine.correlations(),
            network: Network::describe(config.network.as_ref()),
            tls: !config.insecure_plaintext,
            truncation: config.truncation,
            truncation_failure: failure,
            threads: config.threads(),
            machine: Machine::here(),
            revision: env!("PIQUET_REVISION"),
            batch: batch(task.program.graph())?,
            ring_bits: task.program.width()?,
            setup,
            offline,
            online,
            total_seconds: offline.seconds + online.seconds,
            total_bytes: offline.bytes + online.bytes,
            client_seconds: wall.as_secs_f64(),
            peak_rss_bytes: answer
                .parties
                .iter()
                .map(|a| {
                    let all = a.layers.iter().chain(&a.phases);
                    all.map(|r| r.peak_rss).max().unwrap_or(0)
                })
                .collect(),
            check,
            layers,
        })
    }

    /// For a person.
    #[must_use]
    pub fn table(&self) -> String {
        let mut t = table(&["phase", "layers", "time", "sent", "rounds", "peak memory"]);
        for (phase, op, count, c, rss) in self.groups() {
            let what = if count > 1 {
                format!("{op} x{count}")
            } else {
                op
            };
            t.add_row(vec![
                phase_name(phase).to_owned(),
                what,
                seconds(c.seconds),
                bytes(c.bytes),
                c.rounds.to_string(),
                bytes(rss),
            ]);
        }
        let worst = self.peak_rss_bytes.iter().copied().max().unwrap_or(0);
        for (name, c) in [
            ("setup", self.setup),
            ("offline", self.offline),
            ("online", self.online),
        ] {
            if c != Cost::default() {
                t.add_row(vec![
                    name.to_owned(),
                    "all".to_owned(),
                    seconds(c.seconds),
                    bytes(c.bytes),
                    c.rounds.to_string(),
                    bytes(worst),
                ]);
            }
        }
        let c = &self.check;
        let range = if c.reference_range > 0.0 {
            format!(
                " ({:.2}% of their range)",
                100.0 * c.max_abs_error / c.reference_range
            )
        } else {
            String::new()
        };
        let failure = self.truncation_failure.map_or_else(String::new, |p| {
            format!("\nlocal truncation spoils something in this network with probability {p:.1e}")
        });
        let labels = c.labels.map_or_else(String::new, |l| {
            let Labels {
                right,
                plain_right,
                of,
            } = l;
            format!("\n{right} of {of} are the true classes, {plain_right} with the plain network")
        });
        let classes: Vec<String> = c.classes.iter().map(ToString::to_string).collect();
        let classes = match classes.get(..SHOWN) {
            Some(some) if classes.len() > SHOWN => format!("{}, ...", some.join(", ")),
            _ => classes.join(", "),
        };
        format!(
            "{} with {} among {} parties{} ({}, {}), batch {}, Z_2^{}, {} truncation\n{t}\n\
             total (offline + online): {}, {} sent by all; peak memory of a party {}\n\
             class {}; argmax {} the plain network's, {} of its top 5; \
             error of the result at most {:.2e}{range}, mean {:.2e}{failure}{labels}",
            self.model,
            self.engine,
            self.parties,
            correlations(self.engine),
            self.network,
            if self.tls {
                "mutual TLS"
            } else {
                "INSECURE PLAINTEXT"
            },
            self.batch,
            self.ring_bits,
            self.truncation.name(),
            seconds(self.total_seconds),
            bytes(self.total_bytes),
            bytes(worst),
            classes,
            if c.argmax_agrees {
                "equals"
            } else {
                "DIFFERS FROM"
            },
            c.top5_common,
            c.max_abs_error,
            c.mean_abs_error,
        )
    }

    /// An error if the answer is not the plain network's.
    pub fn verdict(&self) -> Result<(), Failure> {
        let c = &self.check;
        if c.reference_range > 0.0 && c.max_abs_error > WRONG * c.reference_range {
            return Err(format!(
                "the answer is wrong: off by {:.3} where the plain network's results span {:.3}",
                c.max_abs_error, c.reference_range
            )
            .into());
        }
        Ok(())
    }

    /// Layers by phase and operator, in the order of first appearance.
    fn groups(&self) -> Vec<(Phase, String, usize, Cost, u64)> {
        let mut groups: Vec<(Phase, String, usize, Cost, u64)> = Vec::new();
        for l in &self.layers {
            let known = groups
                .iter_mut()
                .find(|(phase, op, ..)| *phase == l.phase && *op == l.op);
            let cost = Cost {
                seconds: l.seconds,
                bytes: l.bytes,
                rounds: l.rounds,
                messages: 0,
            };
            match known {
                Some((_, _, count, c, rss)) => {
                    *count += 1;
                    c.seconds += cost.seconds;
                    c.bytes += cost.bytes;
                    c.rounds += cost.rounds;
                    *rss = (*rss).max(l.peak_rss_bytes);
                }
                None => groups.push((l.phase, l.op.clone(), 1, cost, l.peak_rss_bytes)),
            }
        }
        groups
    }
}

/// Inputs at once. Rows of an input of two dimensions may be tokens of one text.
fn batch(graph: &Graph) -> Result<usize, Failure> {
    let input = graph.input_shape()?;
    Ok(match input.rank() {
        2 => graph.output_shape()?.batch(),
        _ => input.batch(),
    })
}

/// What all peers spent in a phase: bytes summed, time of the slowest of parties and dealer, rounds of the longest chain.
fn phase_cost(answer: &Answer, phase: Phase) -> Cost {
    let mut cost = Cost::default();
    let (mut before, mut after) = (0, 0);
    for account in &answer.parties {
        let rows = account.phases.iter().filter(|r| r.phase == phase);
        cost.seconds = cost.seconds.max(rows.map(|r| r.seconds).sum());
    }
    // The dealer's phase lasts until the parties are done; its layers are what it does. It may deal while the parties are
    // still at their set-up, and all of that time counts.
    if let Some(account) = &answer.dealer {
        let rows = account.layers.iter().filter(|r| r.phase == phase);
        cost.seconds = cost.seconds.max(rows.map(|r| r.seconds).sum());
    }
    for account in answer.accounts() {
        let rows = || account.phases.iter().filter(|r| r.phase == phase);
        cost.bytes += rows().map(|r| r.bytes_sent).sum::<u64>();
        cost.messages += rows().map(|r| r.messages).sum::<u64>();
        before = before.max(rows().next().map_or(0, |r| r.depth_before));
        after = after.max(rows().next_back().map_or(0, |r| r.depth_after));
    }
    cost.rounds = after.saturating_sub(before);
    cost
}

/// Rows of all parties as one, with the dealer's and the client's part of the same layers.
fn merge_layers(answer: &Answer) -> Result<Vec<Layer>, Failure> {
    let parties: Vec<&[Row]> = answer.parties.iter().map(|a| a.layers.as_slice()).collect();
    let mut rows = ledger::merge(&parties).ok_or("the parties ran different layers")?;
    // What the dealer alone does comes before the parties' part of the inference.
    let at = rows.iter().position(|r| r.phase == Phase::Online);
    let at = at.unwrap_or(rows.len());
    let dealt = answer.dealer.iter().flat_map(|a| &a.layers);
    let dealt = dealt.filter(|r| r.phase == Phase::Offline).cloned();
    rows.splice(at..at, dealt);
    for c in &answer.client.layers {
        let same = |r: &&mut Row| (r.phase, &r.name, &r.op) == (c.phase, &c.name, &c.op);
        if let Some(row) = rows.iter_mut().find(same) {
            row.bytes_sent += c.bytes_sent;
            row.messages += c.messages;
            row.depth_after = row.depth_after.max(c.depth_after);
        }
    }
    Ok(rows
        .into_iter()
        .map(|r| Layer {
            rounds: r.rounds(),
            seconds: r.seconds,
            bytes: r.bytes_sent,
            peak_rss_bytes: r.peak_rss,
            phase: r.phase,
            name: r.name,
            op: r.op,
        })
        .collect())
}

/// Writes a report.
pub fn write_json<T: Serialize>(path: &Path, report: &T) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(report)?;
    Ok(crate::file::write(path, &text).map_err(|e| format!("{}: {e}", path.display()))?)
}

/// The networks, as a table.
#[must_use]
pub fn models(models: &[ModelInfo]) -> String {
    let mut t = table(&[
        "name",
        "input",
        "parameters",
        "multiply-adds",
        "ReLUs",
        "what it is",
    ]);
    for m in models {
        let [c, h, w] = m.input;
        t.add_row(vec![
            m.name.to_owned(),
            format!("{c}x{h}x{w}"),
            format!("{:.2} M", m.parameters as f64 / 1e6),
            format!("{:.3} G", m.macs as f64 / 1e9),
            format!("{:.2} M", m.relus as f64 / 1e6),
            m.title.to_owned(),
        ]);
    }
    t.to_string()
}

/// The engines, as a table.
#[must_use]
pub fn engines() -> String {
    let mut t = table(&["name", "parties", "correlations", "secure against"]);
    for engine in Engine::ALL {
        let (low, high) = engine.parties().into_inner();
        t.add_row(vec![
            engine.name().to_owned(),
            match low == high {
                true => low.to_string(),
                false => format!("{low} to {high}"),
            },
            engine.correlations().unwrap_or("its own").to_owned(),
            engine.secure_against().to_owned(),
        ]);
    }
    t.to_string()
}

pub(crate) fn table(header: &[&str]) -> Table {
    let mut t = Table::new();
    t.load_style(presets::ASCII_MARKDOWN)
        .set_header(header.to_vec());
    for (i, column) in t.column_iter_mut().enumerate() {
        if i > 1 && header.get(i).is_some_and(|h| *h != "what it is") && header.len() > 3 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    t
}

/// What a report says of the source of correlated randomness, behind the engine's name.
fn correlations(engine: Engine) -> String {
    let named = |source| format!(", correlations from a {source}");
    engine.correlations().map_or_else(String::new, named)
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Setup => "setup",
        Phase::Offline => "offline",
        Phase::Online => "online",
    }
}

pub(crate) fn seconds(s: f64) -> String {
    if s < 0.01 {
        format!("{:.2} ms", s * 1e3)
    } else {
        format!("{s:.3} s")
    }
}

pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.3} GB", n as f64 / 1e9),
    }
}
