//! One row: measured, checked, and what stands beside it.

use piquet_nn_ops::engine::Truncation;
use serde::Serialize;

use super::demand::Demand;
use super::limit::Limit;
use super::rates::Rates;
use super::variant::Variant;
use super::work::{self, Prepared};
use super::{BenchArgs, id};
use crate::cli::Failure;
use crate::cli::local::{Local, Narrator};
use crate::config::Network;
use crate::peers::Figure;
use crate::record::{self, Record};
use crate::report::{Check, Machine, Report};
use crate::targets::{Target, Targets};
use crate::task;

/// A planned memory that is further from the measured one than this part of it is worth a note.
const MEMORY_OFF: f64 = 0.25;

/// A row that was measured.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) row: &'static str,
    pub(super) batch: usize,
    pub(super) truncation: Truncation,
    pub(super) network: String,
    /// Not asked for, but part of another row's limit.
    pub(super) extra: bool,
    pub(super) ring_bits: u32,
    /// Bits that a comparison looks at, fewest and most.
    pub(super) windows: Option<[u32; 2]>,
    /// Of all runs.
    pub(super) seconds: Vec<f64>,
    /// Median.
    pub(super) median: f64,
    /// Sent by all.
    pub(super) bytes: u64,
    /// Median for each picture of the batch.
    pub(super) picture_seconds: f64,
    /// Sent for each picture of the batch.
    pub(super) picture_bytes: f64,
    /// Most of any party and run.
    pub(super) peak_rss_bytes: u64,
    /// The plan's estimate of the same.
    pub(super) planned_memory_bytes: u64,
    pub(super) threads: usize,
    /// Of the run that is furthest from the plain network.
    pub(super) check: Check,
    pub(super) date: String,
    pub(super) limit: Option<Limit>,
    /// The median in limits: 1 is perfect.
    pub(super) times_limit: Option<f64>,
    pub(super) target: Option<Target>,
    pub(super) peers: Vec<Figure>,
}

/// What rows are put beside.
pub(super) struct Beside {
    pub(super) rates: Rates,
    pub(super) peers: Vec<Figure>,
    pub(super) targets: Targets,
}

impl Beside {
    /// The same work by others: batches, slower networks and other sizes are not what they measured.
    fn peers(&self, name: &'static str, v: &Variant, args: &BenchArgs) -> Vec<Figure> {
        let comparable = v.batch == 1 && v.network.is_none() && args.size.is_none();
        let same = |f: &&Figure| comparable && f.engine == args.suite && f.row == work::like(name);
        self.peers.iter().filter(same).cloned().collect()
    }
    fn target(&self, name: &str, v: &Variant, args: &BenchArgs) -> Option<Target> {
        let row = format!("{name}{}", v.suffix);
        let mut all = self.targets.rows.iter();
        let ours = |t: &&Target| t.engine == args.suite && t.rows.contains(&row);
        all.find(|t| args.size.is_none() && ours(t)).cloned()
    }
}

impl Row {
    /// Whether this is the work of a row over loop-back: its time is the computation in the limits of slower networks.
    pub(super) fn is_base_of(&self, name: &str, v: &Variant) -> bool {
        self.row == name
            && self.batch == v.batch
            && self.truncation == v.truncation
            && self.network == Network::describe(None)
    }

    /// The planned memory over the measured one, if they are far apart.
    pub(super) fn memory_off(&self) -> Option<f64> {
        let ratio = self.planned_memory_bytes as f64 / self.peak_rss_bytes as f64;
        (self.peak_rss_bytes > 0 && (ratio - 1.0).abs() > MEMORY_OFF).then_some(ratio)
    }

    /// As `cargo bench` keeps it.
    pub(super) fn record(&self, machine: &Machine) -> Record {
        Record {
            id: self.id.clone(),
            value: self.median,
            unit: "s".to_owned(),
            bytes: Some(self.bytes as f64),
            rounds: None,
            max_ulp: None,
            max_relative_error: None,
            limit: self.limit.map(|l| l.seconds),
            limit_is: self.limit.map(|l| l.is.to_owned()),
            ratio: self.times_limit.map(|t| 1.0 / t),
            threads: self.threads,
            cpu_level: machine.cpu_level.clone(),
            revision: env!("PIQUET_REVISION").to_owned(),
            date: self.date.clone(),
        }
    }
}

/// Runs a row. `base` is the time of the same work over loop-back, if this is over a slower network.
pub(super) fn measure(
    args: &BenchArgs,
    name: &'static str,
    v: &Variant,
    work: &Prepared,
    base: Option<f64>,
    beside: &Beside,
    say: &Narrator,
) -> Result<Row, Failure> {
    let id = id(args, name, v);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let oracle_raw = work.task.oracle(&work.encoded, v.truncation, cores)?;
    let oracle = work.task.decode(&oracle_raw)?;
    let network = v.network.map(crate::cli::parse_network).transpose()?;
    let local = Local {
        engine: args.suite,
        parties: *args.suite.parties().start(),
        truncation: v.truncation,
        threads: args.threads,
        network,
        deadline: args.deadline,
        insecure_plaintext: false,
    };
    let mut runs: Vec<(f64, u64, Report)> = Vec::new();
    for run in 1..=args.runs {
        say.step(&format!("{id}: run {run} of {}", args.runs));
        let (config, parties) = local.start(&work.task.program, say)?;
        let started = std::time::Instant::now();
        let answer = task::ask(&config, &work.task, &work.encoded)?;
        let wall = started.elapsed();
        parties.join()?;
        let result = work.task.decode(&answer.raw)?;
        let check = Check::new(&result, &work.reference, &oracle, false, None);
        let report = Report::new(&config, &work.task, &answer, check, wall)?;
        report.verdict().map_err(|e| format!("{id}: {e}"))?;
        let (seconds, bytes) = if work::is_network(name) {
            (report.total_seconds, report.total_bytes)
        } else {
            work::check_raw(&answer.raw, &oracle_raw, v.truncation)
                .map_err(|e| format!("{id}: {e}"))?;
            work::of_operation(&report)
        };
        runs.push((seconds, bytes, report));
    }
    let worst = runs
        .iter()
        .max_by(|a, b| a.2.check.max_abs_error.total_cmp(&b.2.check.max_abs_error))
        .ok_or("nothing was run")?;
    let seconds: Vec<f64> = runs.iter().map(|r| r.0).collect();
    let median = median(&seconds);
    let bytes = runs.iter().map(|r| r.1).max().unwrap_or(0);
    let peaks = runs.iter().flat_map(|r| r.2.peak_rss_bytes.iter().copied());
    let threads = worst.2.threads;
    let demand = Demand::of(args.suite, &work.task.program, v.truncation)?;
    let limit = match (&network, base) {
        (Some(n), Some(computation)) => Some(Limit::of_network(&demand, n, computation)),
        (Some(_), None) => None,
        (None, _) => Limit::of_machine(&demand, bytes, cores.min(3 * threads), &beside.rates),
    };
    Ok(Row {
        row: name,
        batch: v.batch,
        truncation: v.truncation,
        network: Network::describe(network.as_ref()),
        extra: false,
        ring_bits: demand.ring_bits,
        windows: demand.windows,
        picture_seconds: median / v.batch as f64,
        picture_bytes: bytes as f64 / v.batch as f64,
        peak_rss_bytes: peaks.max().unwrap_or(0),
        planned_memory_bytes: demand.memory,
        threads,
        check: worst.2.check.clone(),
        date: record::now(),
        times_limit: limit.map(|l| l.times(median)),
        limit,
        target: beside.target(name, v, args),
        peers: beside.peers(name, v, args),
        median,
        bytes,
        seconds,
        id,
    })
}

/// Of at least one number.
fn median(values: &[f64]) -> f64 {
    let mut v = values.to_vec();
    v.sort_by(f64::total_cmp);
    let at = |i: usize| v.get(i).copied().unwrap_or(f64::NAN);
    (at(v.len() / 2) + at(v.len().saturating_sub(1) / 2)) / 2.0
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{peers, targets};
    use piquet_nn_ops::model::{Shape, TensorF32};

    /// A row that nobody measured.
    pub(crate) fn example() -> Row {
        let one = TensorF32::new(Shape::new(&[1, 1]).unwrap(), vec![1.0]).unwrap();
        Row {
            id: "rep3-tiny".to_owned(),
            row: "resnet50",
            batch: 1,
            truncation: Truncation::Exact,
            network: Network::describe(None),
            extra: false,
            ring_bits: 32,
            windows: Some([18, 20]),
            seconds: vec![1.5],
            median: 1.5,
            bytes: 700_000_000,
            picture_seconds: 1.5,
            picture_bytes: 7e8,
            peak_rss_bytes: 300_000_000,
            planned_memory_bytes: 210_000_000,
            threads: 1,
            check: Check::new(&one, &one, &one, false, None),
            date: "2026-11-21T09:30:00Z".to_owned(),
            limit: Some(Limit {
                seconds: 1.25,
                transfer: 0.5,
                delay: 0.25,
                computation: 0.5,
                is: super::super::limit::OF_NETWORK,
            }),
            times_limit: Some(1.2),
            target: targets::targets().unwrap().rows.first().cloned(),
            peers: peers::figures().unwrap(),
        }
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn records_are_those_of_cargo_bench() {
        let record = example().record(&Machine::here());
        assert_eq!(record.limit, Some(1.25));
        // Limit over value, as for every time.
        assert!((record.ratio.unwrap() - 1.25 / 1.5).abs() < 1e-9);
        let ours = serde_json::to_string(&record).unwrap();
        let theirs: piquet_bench_harness::Record = serde_json::from_str(&ours).unwrap();
        assert_eq!(serde_json::to_string(&theirs).unwrap(), ours);
    }

    #[test]
    fn a_plan_that_is_a_quarter_off_is_told() {
        let mut row = example();
        assert_eq!(row.memory_off(), Some(0.7));
        row.planned_memory_bytes = 310_000_000;
        assert_eq!(row.memory_off(), None);
        row.planned_memory_bytes = 400_000_000;
        assert!(row.memory_off().unwrap() > 1.3);
    }
}
