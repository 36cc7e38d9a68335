//! `piquet bench`: the published tables again, on this machine, beside the figures of other systems.
//!
//! Every row is an inference as `piquet infer` runs it: processes, mutual TLS, an answer that is held to the plain
//! network's. A network is built, calibrated and evaluated in the clear once for all its rows.

mod table;
mod work;

use std::path::PathBuf;

use clap::Args;
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::model::TensorF32;
use serde::Serialize;

use super::Failure;
use super::local::{Local, Narrator};
use crate::config::Network;
use crate::peers::{self, Figure};
use crate::record::{self, Record};
use crate::report::{self, Check, Machine, Report};
use crate::task::{self, Task};

#[cfg(test)]
pub(crate) use work::rows;

/// Version of the JSON that `--json` writes.
const SCHEMA: u32 = 1;

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// The protocol suite of `piquet engines`.
    #[arg(long, default_value = "rep3")]
    suite: String,
    /// Inferences of each row, of which the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,
    /// Only the rows whose name contains this.
    #[arg(long)]
    filter: Option<String>,
    /// Also batches of 8, and slower networks (lan: 3 Gbit/s, 0.8 ms; wan: 400 Mbit/s, 40 ms).
    #[arg(long)]
    full: bool,
    /// Pictures of this height and width instead of the networks' own, to try it out; the rows are named after it.
    #[arg(long)]
    size: Option<u16>,
    /// Threads of each party; by default the cores divided by the parties.
    #[arg(long)]
    threads: Option<usize>,
    /// Longest silence of a peer that is waited for, in seconds.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    deadline: u64,
    /// Write everything that the table shows, and all runs, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// How one row differs from another over the same work.
#[derive(Debug, Clone, Copy)]
struct Variant {
    suffix: &'static str,
    batch: usize,
    truncation: Truncation,
    /// Name for [`super::parse_network`].
    network: Option<&'static str>,
}

const DEFAULT: Variant = Variant {
    suffix: "",
    batch: 1,
    truncation: Truncation::Stochastic,
    network: None,
};

/// What a network is measured as; the second half with `--full` only. Equal batches stand together, to build once.
const VARIANTS: ([Variant; 2], [Variant; 3]) = (
    [
        DEFAULT,
        Variant {
            suffix: "-exact",
            truncation: Truncation::Exact,
            ..DEFAULT
        },
    ],
    [
        Variant {
            suffix: "-lan",
            network: Some("lan"),
            ..DEFAULT
        },
        Variant {
            suffix: "-wan",
            network: Some("wan"),
            ..DEFAULT
        },
        Variant {
            suffix: "-batch8",
            batch: 8,
            ..DEFAULT
        },
    ],
);

/// A row that was measured.
#[derive(Debug, Clone, Serialize)]
struct Row {
    id: String,
    /// What the peers' figures are looked up by.
    row: &'static str,
    batch: usize,
    truncation: Truncation,
    network: String,
    /// Of all runs.
    seconds: Vec<f64>,
    /// Median.
    median: f64,
    /// Sent by all.
    bytes: u64,
    /// Most of any party and run.
    peak_rss_bytes: u64,
    threads: usize,
    /// Of the run that is furthest from the plain network.
    check: Check,
    date: String,
    peers: Vec<Figure>,
}

#[derive(Serialize)]
struct Everything<'a> {
    schema: u32,
    suite: &'a str,
    machine: &'a Machine,
    revision: &'static str,
    rows: &'a [Row],
}

pub(super) fn bench(args: &BenchArgs) -> Result<(), Failure> {
    super::check_engine(&args.suite)?;
    let figures = peers::figures()?;
    let say = Narrator::new();
    let machine = Machine::here();
    let mut rows = Vec::new();
    for name in work::rows() {
        let variants: Vec<Variant> = match work::is_network(name) {
            true if args.full => VARIANTS.0.into_iter().chain(VARIANTS.1).collect(),
            true => VARIANTS.0.to_vec(),
            false => vec![DEFAULT],
        };
        let mut prepared: Option<(usize, Prepared)> = None;
        for v in variants {
            let id = id(args, name, &v);
            if args.filter.as_ref().is_some_and(|f| !id.contains(f)) {
                continue;
            }
            say.step(&format!("{id}: preparing"));
            let ready = match prepared.take() {
                Some((batch, p)) if batch == v.batch => p,
                _ => Prepared::new(name, v.batch, args.size)?,
            };
            let row = measure(args, name, id, &v, &ready, &figures, &say)?;
            // At once, so that a later failure loses nothing.
            record::merge(
                &record::file("piquet-bench-suite"),
                &[record(&row, &machine)],
            )?;
            rows.push(row);
            prepared = Some((v.batch, ready));
        }
    }
    say.finish();
    if rows.is_empty() {
        return Err("no row has that in its name".into());
    }
    println!("{}", table::table(&rows, &machine, &args.suite));
    println!(
        "merged into {}",
        record::file("piquet-bench-suite").display()
    );
    if let Some(path) = &args.json {
        let all = Everything {
            schema: SCHEMA,
            suite: &args.suite,
            machine: &machine,
            revision: env!("PIQUET_REVISION"),
            rows: &rows,
        };
        report::write_json(path, &all)?;
    }
    Ok(())
}

fn id(args: &BenchArgs, name: &str, v: &Variant) -> String {
    let size = match args.size {
        Some(s) if work::is_network(name) => format!("-{s}px"),
        _ => String::new(),
    };
    format!("{}-{name}{}{size}", args.suite, v.suffix)
}

/// Work with its answer in the clear.
struct Prepared {
    task: Task,
    encoded: Vec<i64>,
    reference: TensorF32,
}

impl Prepared {
    fn new(name: &'static str, batch: usize, size: Option<u16>) -> Result<Self, Failure> {
        let (task, input) = work::prepare(name, batch, size)?;
        Ok(Self {
            encoded: task.encode(&input)?,
            reference: task.reference(&input)?,
            task,
        })
    }
}

fn measure(
    args: &BenchArgs,
    name: &'static str,
    id: String,
    v: &Variant,
    work: &Prepared,
    figures: &[Figure],
    say: &Narrator,
) -> Result<Row, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let oracle = work.task.oracle(&work.encoded, v.truncation, cores)?;
    let oracle = work.task.decode(&oracle)?;
    let network = v.network.map(super::parse_network).transpose()?;
    let local = Local {
        engine: args.suite.clone(),
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
        let check = Check::new(&result, &work.reference, &oracle, false);
        let report = Report::new(&config, &work.task, &answer, check, wall)?;
        report.verdict().map_err(|e| format!("{id}: {e}"))?;
        let (seconds, bytes) = match work::is_network(name) {
            true => (report.total_seconds, report.total_bytes),
            false => work::of_operation(&report),
        };
        runs.push((seconds, bytes, report));
    }
    let worst = runs
        .iter()
        .max_by(|a, b| a.2.check.max_abs_error.total_cmp(&b.2.check.max_abs_error))
        .ok_or("nothing was run")?;
    let seconds: Vec<f64> = runs.iter().map(|r| r.0).collect();
    Ok(Row {
        row: name,
        batch: v.batch,
        truncation: v.truncation,
        network: Network::describe(network.as_ref()),
        median: median(&seconds),
        bytes: runs.iter().map(|r| r.1).max().unwrap_or(0),
        peak_rss_bytes: runs
            .iter()
            .flat_map(|r| r.2.peak_rss_bytes.iter().copied())
            .max()
            .unwrap_or(0),
        threads: worst.2.threads,
        check: worst.2.check.clone(),
        date: record::now(),
        peers: figures
            .iter()
            .filter(|f| f.row == name && v.batch == 1 && network.is_none() && args.size.is_none())
            .cloned()
            .collect(),
        seconds,
        id,
    })
}

fn record(row: &Row, machine: &Machine) -> Record {
    Record {
        id: row.id.clone(),
        value: row.median,
        unit: "s".to_owned(),
        bytes: Some(row.bytes as f64),
        limit: None,
        limit_is: None,
        ratio: None,
        threads: row.threads,
        cpu_level: machine.cpu_level.clone(),
        revision: env!("PIQUET_REVISION").to_owned(),
        date: row.date.clone(),
    }
}

/// Of at least one number.
fn median(values: &[f64]) -> f64 {
    let mut v = values.to_vec();
    v.sort_by(f64::total_cmp);
    let at = |i: usize| v.get(i).copied().unwrap_or(f64::NAN);
    (at(v.len() / 2) + at(v.len().saturating_sub(1) / 2)) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn records_are_those_of_cargo_bench() {
        let check = TensorF32::new(
            piquet_nn_ops::model::Shape::new(&[1, 1]).unwrap(),
            vec![1.0],
        )
        .unwrap();
        let row = Row {
            id: "rep3-tiny".to_owned(),
            row: "resnet50",
            batch: 1,
            truncation: Truncation::Exact,
            network: "loopback".to_owned(),
            seconds: vec![1.5],
            median: 1.5,
            bytes: 7,
            peak_rss_bytes: 9,
            threads: 1,
            check: Check::new(&check, &check, &check, false),
            date: record::now(),
            peers: peers::figures().unwrap(),
        };
        let machine = Machine::here();
        let ours = serde_json::to_string(&record(&row, &machine)).unwrap();
        let theirs: piquet_bench_harness::Record = serde_json::from_str(&ours).unwrap();
        assert_eq!(serde_json::to_string(&theirs).unwrap(), ours);
        let text = table::table(&[row], &machine, "rep3").to_string();
        assert!(text.contains("rep3-tiny") && text.contains("SPU"), "{text}");
    }

    #[test]
    fn operations_are_what_their_names_say() {
        for name in work::rows() {
            if !work::is_network(name) {
                let (task, input) = work::prepare(name, 1, None).unwrap();
                assert!(task.encode(&input).is_ok(), "{name}");
            }
        }
        let (task, _) = work::prepare("matmul-1024", 1, None).unwrap();
        assert_eq!(task.program.graph().macs(), 1 << 30);
    }
}
