//! `piquet bench`: the published tables again, on this machine, beside the figures of other systems.
//!
//! Every row is an inference as `piquet infer` runs it: processes, mutual TLS, an answer that is held to the plain
//! network's. A network is built, calibrated and evaluated in the clear once for all its rows of a batch. Beside each row
//! stand the least time that it could take ([`limit`]), what we want it to need (`data/targets.toml`), and the figures
//! of others (`data/peers.toml`).

mod demand;
mod limit;
mod page;
mod rates;
mod row;
mod table;
mod variant;
mod work;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::Failure;
use super::local::Narrator;
use crate::engines::Engine;
use crate::report::{self, Machine};
use crate::{peers, record, targets};
use rates::Rates;
use row::{Beside, Row};
use variant::Variant;

#[cfg(test)]
pub(crate) use work::{like, rows};

/// Version of the JSON that `--json` writes.
const SCHEMA: u32 = 1;

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// The protocol suite of `piquet engines`.
    #[arg(long, default_value_t = Engine::Rep3)]
    suite: Engine,
    /// Inferences of each row, of which the median counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,
    /// Only the rows whose name contains this, and the loop-back rows that their limits build on.
    #[arg(long)]
    filter: Option<String>,
    /// Also batches of 8 and 32, and slower networks (lan: 3 Gbit/s, 0.8 ms; wan: 400 Mbit/s, 40 ms).
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
    /// Print the table as a section of a Markdown page: date, revision, command and machine before it.
    #[arg(long)]
    markdown: bool,
    /// Write everything that the table shows, and all runs, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Serialize)]
struct Everything<'a> {
    schema: u32,
    suite: Engine,
    machine: &'a Machine,
    revision: &'static str,
    command: String,
    /// What the limits over loop-back are made of.
    rates: Rates,
    /// What `times_limit` of rows over slower networks should be at most.
    times_limit_target: f64,
    rows: &'a [Row],
}

pub(super) fn bench(args: &BenchArgs) -> Result<(), Failure> {
    let say = Narrator::new();
    say.step("measuring what this machine does at best");
    let beside = Beside {
        rates: Rates::here()?,
        peers: peers::figures()?,
        targets: targets::targets()?,
    };
    let machine = Machine::here();
    let rows = measure_all(args, &beside, &machine, &say)?;
    say.finish();
    if rows.is_empty() {
        return Err("no row has that in its name".into());
    }
    let page = page::Page {
        suite: args.suite,
        command: args.command(),
        machine: &machine,
        times_limit: beside.targets.times_limit,
        rows: &rows,
    };
    if args.markdown {
        println!("{}", page.markdown());
    } else {
        println!("{}", page.text());
        let file = record::file("piquet-bench-suite");
        println!("merged into {}", file.display());
    }
    if let Some(path) = &args.json {
        let all = Everything {
            schema: SCHEMA,
            suite: args.suite,
            machine: &machine,
            revision: env!("PIQUET_REVISION"),
            command: args.command(),
            rates: beside.rates,
            times_limit_target: beside.targets.times_limit,
            rows: &rows,
        };
        report::write_json(path, &all)?;
    }
    Ok(())
}

fn measure_all(
    args: &BenchArgs,
    beside: &Beside,
    machine: &Machine,
    say: &Narrator,
) -> Result<Vec<Row>, Failure> {
    let mut rows: Vec<Row> = Vec::new();
    for name in work::rows() {
        let variants = match work::is_network(name) {
            true => variant::of_network(args.full),
            false => vec![variant::DEFAULT],
        };
        let wanted = |v: &Variant| {
            let id = id(args, name, v);
            args.filter.as_ref().is_none_or(|f| id.contains(f))
        };
        let mut prepared: Option<(usize, work::Prepared)> = None;
        for selected in variant::select(&variants, wanted) {
            let v = selected.variant;
            say.step(&format!("{}: preparing", id(args, name, &v)));
            // The last batch is freed before the next is made.
            let ready = match prepared.take().filter(|(batch, _)| *batch == v.batch) {
                Some((_, p)) => p,
                None => work::prepare(name, v.batch, args.size)?,
            };
            let base = rows.iter().find(|r| r.is_base_of(name, &v));
            let base = base.map(|r| r.median);
            let mut row = row::measure(args, name, &v, &ready, base, beside, say)?;
            row.extra = selected.extra;
            // At once, so that a later failure loses nothing.
            record::merge(&record::file("piquet-bench-suite"), &[row.record(machine)])?;
            rows.push(row);
            prepared = Some((v.batch, ready));
        }
    }
    Ok(rows)
}

fn id(args: &BenchArgs, name: &str, v: &Variant) -> String {
    let size = match args.size {
        Some(s) if work::is_network(name) => format!("-{s}px"),
        _ => String::new(),
    };
    format!("{}-{name}{}{size}", args.suite, v.suffix)
}

impl BenchArgs {
    /// The command as someone would type it to get these rows again; where its output goes is left out.
    fn command(&self) -> String {
        let mut c = format!("piquet bench --suite {} --runs {}", self.suite, self.runs);
        if self.full {
            c.push_str(" --full");
        }
        let options = [
            ("filter", self.filter.clone()),
            ("size", self.size.map(|s| s.to_string())),
            ("threads", self.threads.map(|t| t.to_string())),
        ];
        for (name, value) in options {
            if let Some(v) = value {
                c.push_str(&format!(" --{name} {v}"));
            }
        }
        c
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn parse(line: &str) -> BenchArgs {
        let words = line.trim_start_matches("piquet ").split(' ');
        Command::try_parse_from(words).unwrap().args
    }

    #[test]
    fn the_command_gives_the_same_rows_again() {
        let line =
            "piquet bench --suite rep3 --runs 1 --full --filter squeezenet --size 64 --threads 2";
        assert_eq!(parse(line).command(), line);
        let elsewhere = parse("piquet bench --markdown --json somewhere.json");
        assert_eq!(elsewhere.command(), "piquet bench --suite rep3 --runs 3");
    }

    #[test]
    fn rows_are_named_after_engine_work_variant_and_size() {
        let args = parse("piquet bench --size 64");
        let batch = variant::of_network(true).pop().unwrap();
        assert_eq!(id(&args, "resnet50", &batch), "rep3-resnet50-batch32-64px");
        assert_eq!(id(&args, "relu-1e6", &variant::DEFAULT), "rep3-relu-1e6");
    }
}
