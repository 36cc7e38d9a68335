//! Measuring and printing.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};

use crate::record::{self, Record};

/// Criterion's samples of each row, unless the row or the command line asks for another number.
const SAMPLES: usize = 50;

/// The rows of one package.
pub struct Table {
    package: String,
    cpu_level: String,
    criterion: Criterion,
    /// False when every row only runs once.
    measuring: bool,
    /// From the command line.
    samples: Option<usize>,
    rows: Vec<Record>,
    /// Of each row, the items of its limit that it does in a second: AES blocks, bytes.
    done: Vec<Option<f64>>,
}

/// The bound of this machine for some work.
#[derive(Debug, Clone)]
pub struct Limit {
    per_second: f64,
    /// The same in the items in which it was measured.
    measured: f64,
    is: String,
}

/// A row in the making: say what an item is, then [`Bench::rate`] or [`Bench::time`] measures it.
#[must_use = "call rate or time to measure it"]
pub struct Bench<'a> {
    table: &'a mut Table,
    id: String,
    work: u64,
    bytes: Option<f64>,
    rounds: Option<u32>,
    accuracy: Option<(f64, Option<f64>)>,
    limit: Option<Limit>,
    threads: usize,
    samples: Option<usize>,
}

impl Table {
    /// An empty table; reads criterion's command line. `cpu_level` is the level that the measured code selects.
    #[must_use]
    pub fn new(package: &str, cpu_level: &str) -> Self {
        let args: Vec<String> = std::env::args().collect();
        let has = |name: &str| args.iter().any(|a| a == name);
        Self {
            package: package.to_owned(),
            cpu_level: cpu_level.to_owned(),
            criterion: Criterion::default()
                .sample_size(SAMPLES)
                .warm_up_time(Duration::from_millis(500))
                .measurement_time(Duration::from_secs(2))
                .configure_from_args(),
            measuring: has("--bench")
                && !has("--test")
                && !has("--list")
                && !args.iter().any(|a| a.starts_with("--profile-time")),
            samples: args.iter().enumerate().find_map(|(i, a)| {
                let value = match a.split_once('=') {
                    Some(("--sample-size", v)) => v,
                    _ if a == "--sample-size" => args.get(i + 1)?,
                    _ => return None,
                };
                value.parse().ok()
            }),
            rows: Vec::new(),
            done: Vec::new(),
        }
    }
    /// The level that the measured code selects.
    #[must_use]
    pub fn level(&self) -> &str {
        &self.cpu_level
    }
    /// Measures a bound: the best rate of `f`, which does `items` items a call. `is` says what it does.
    pub fn limit(&self, is: &str, items: f64, mut f: impl FnMut()) -> Limit {
        let mut best = f64::INFINITY;
        let mut calls = 1u32;
        let start = Instant::now();
        while self.measuring && start.elapsed() < Duration::from_millis(300) {
            let t = Instant::now();
            for _ in 0..calls {
                f();
            }
            let t = t.elapsed();
            if t < Duration::from_millis(2) {
                calls = calls.saturating_mul(2);
            } else {
                best = best.min(t.as_secs_f64() / f64::from(calls));
            }
        }
        if !self.measuring {
            f();
        }
        Limit {
            per_second: items / best,
            measured: items / best,
            is: is.to_owned(),
        }
    }
    /// Begins the row `id`.
    pub fn bench(&mut self, id: &str) -> Bench<'_> {
        Bench {
            table: self,
            id: id.to_owned(),
            work: 1,
            bytes: None,
            rounds: None,
            accuracy: None,
            limit: None,
            threads: 1,
            samples: None,
        }
    }
    /// Prints the table and merges its rows into the JSON file. "of it" are the items of the limit that a row does in a
    /// second: AES blocks, bytes moved.
    pub fn finish(self) -> Result<(), Box<dyn Error>> {
        if self.rows.is_empty() {
            return Ok(());
        }
        self.criterion.final_summary();
        let first = &self.rows[0];
        println!(
            "\n{} at {}, {}, {}",
            self.package, first.revision, first.cpu_level, first.date
        );
        // Accuracy and rounds only where some row has them.
        let accurate = self.rows.iter().any(|r| r.max_ulp.is_some());
        let heads = match accurate {
            true => format!(" {:>7} {:>8} {:>9}", "rounds", "max ULP", "max rel."),
            false => String::new(),
        };
        println!(
            "{:<28} {:>11} {:>11} {:>6} {:>9} {:>9}{heads} {:>7}  limit is",
            "id", "value", "limit", "ratio", "of it", "B/item", "threads"
        );
        for (r, done) in self.rows.iter().zip(&self.done) {
            let or_dash = |s: Option<String>| s.unwrap_or_else(|| "-".to_owned());
            let quality = match accurate {
                true => format!(
                    " {:>7} {:>8} {:>9}",
                    or_dash(r.rounds.map(|n| n.to_string())),
                    or_dash(r.max_ulp.map(|u| format!("{u:.2}"))),
                    or_dash(r.max_relative_error.map(|e| format!("{e:.1e}"))),
                ),
                false => String::new(),
            };
            println!(
                "{:<28} {:>11} {:>11} {:>6} {:>9} {:>9}{quality} {:>7}  {}",
                r.id,
                si(r.value, &r.unit),
                or_dash(r.limit.map(|l| si(l, &r.unit))),
                or_dash(r.ratio.map(|x| format!("{x:.2}"))),
                or_dash(done.map(|d| si(d, "1/s"))),
                or_dash(r.bytes.map(|b| format!("{b:.2}"))),
                r.threads,
                r.limit_is.as_deref().unwrap_or("-")
            );
        }
        let file = record::file(&self.package);
        record::merge(&file, &self.rows).map_err(|e| -> Box<dyn Error> { e })?;
        println!("merged into {}", file.display());
        Ok(())
    }
}

impl Bench<'_> {
    /// Items that one call does; 1 unless said.
    pub fn work(mut self, items: u64) -> Self {
        self.work = items;
        self
    }
    /// Bytes that the parties send for each item.
    pub fn bytes(mut self, per_item: f64) -> Self {
        self.bytes = Some(per_item);
        self
    }
    /// Rounds that a call takes.
    pub fn rounds(mut self, rounds: u32) -> Self {
        self.rounds = Some(rounds);
        self
    }
    /// Largest error in units in the last place, and over the correct value where that is large.
    pub fn accuracy(mut self, max_ulp: f64, max_relative: Option<f64>) -> Self {
        self.accuracy = Some((max_ulp, max_relative));
        self
    }
    /// The bound of this machine, whose items are those of this row; an infinite one is none.
    pub fn limit(mut self, limit: &Limit) -> Self {
        self.limit = limit.per_second.is_finite().then(|| limit.clone());
        self
    }
    /// Threads that work; 1 unless said.
    pub fn threads(mut self, n: usize) -> Self {
        self.threads = n;
        self
    }
    /// Samples to take, at least 10, for rows whose one call takes long.
    pub fn samples(mut self, n: usize) -> Self {
        self.samples = Some(n.max(10));
        self
    }
    /// Measures the row as items a second.
    pub fn rate<O>(self, mut f: impl FnMut() -> O) {
        self.run("1/s", |n| repeat(n, &mut f));
    }
    /// Measures the row as seconds an item.
    pub fn time<O>(self, mut f: impl FnMut() -> O) {
        self.run("s", |n| repeat(n, &mut f));
    }
    /// [`Bench::rate`] of an `f` that consumes its input; making it by `setup` is not timed.
    pub fn rate_of<I, O>(self, mut setup: impl FnMut() -> I, mut f: impl FnMut(I) -> O) {
        self.run("1/s", |n| repeat_with(n, &mut setup, &mut f));
    }
    /// [`Bench::time`] of an `f` that consumes its input; making it by `setup` is not timed.
    pub fn time_of<I, O>(self, mut setup: impl FnMut() -> I, mut f: impl FnMut(I) -> O) {
        self.run("s", |n| repeat_with(n, &mut setup, &mut f));
    }
    /// Measures the row as items a second of two parties that work at the same time on a core each: a call runs both and
    /// gives the time of each, and counts with the slower one. Returns the seconds an item took at each, means of all calls.
    pub fn rate_of_parties(self, mut f: impl FnMut() -> [Duration; 2]) -> [f64; 2] {
        let work = self.work as f64;
        let mut all = [Duration::ZERO; 2];
        let mut calls = 0;
        self.run("1/s", |n| {
            let mut sum = [Duration::ZERO; 2];
            for _ in 0..n {
                let t = f();
                sum[0] += t[0];
                sum[1] += t[1];
            }
            all[0] += sum[0];
            all[1] += sum[1];
            calls += n;
            sum[0].max(sum[1])
        });
        all.map(|t| t.as_secs_f64() / (calls as f64 * work))
    }

    fn run(self, unit: &str, mut measure: impl FnMut(u64) -> Duration) {
        let samples = RefCell::new(Vec::new());
        let mut group = self.table.criterion.benchmark_group(&self.table.package);
        group.throughput(Throughput::Elements(self.work));
        if let Some(n) = self.samples {
            group.sample_size(n);
        }
        group.bench_function(&self.id, |b| {
            b.iter_custom(|n| {
                let t = measure(n);
                samples.borrow_mut().push(t.as_secs_f64() / n as f64);
                t
            });
        });
        group.finish();
        if !self.table.measuring {
            return;
        }
        // Criterion's warm-up comes through the same closure, before the samples.
        let wanted = self.samples.or(self.table.samples).unwrap_or(SAMPLES);
        let samples = samples.into_inner();
        let Some(call) = median(&samples[samples.len().saturating_sub(wanted)..]) else {
            return; // not selected by the filter
        };
        let rate = self.work as f64 / call;
        let in_unit = |rate: f64| if unit == "s" { 1.0 / rate } else { rate };
        let done = |l: &Limit| rate / l.per_second * l.measured;
        self.table.done.push(self.limit.as_ref().map(done));
        self.table.rows.push(Record {
            id: self.id,
            value: in_unit(rate),
            unit: unit.to_owned(),
            bytes: self.bytes,
            rounds: self.rounds,
            max_ulp: self.accuracy.map(|a| a.0),
            max_relative_error: self.accuracy.and_then(|a| a.1),
            limit: self.limit.as_ref().map(|l| in_unit(l.per_second)),
            ratio: self.limit.as_ref().map(|l| rate / l.per_second),
            limit_is: self.limit.map(|l| l.is),
            threads: self.threads,
            cpu_level: self.table.cpu_level.clone(),
            revision: revision(),
            date: record::now(),
        });
    }
}

impl Limit {
    /// A bound that was computed, in items a second, say from the limits of parts. `is` says how.
    #[must_use]
    pub fn of(per_second: f64, is: &str) -> Self {
        Self {
            per_second,
            measured: per_second,
            is: is.to_owned(),
        }
    }
    /// The same bound for items of `parts` of this bound's items: a row of 16 bytes where this one counts bytes.
    #[must_use]
    pub fn per(&self, parts: f64) -> Self {
        Self {
            per_second: self.per_second / parts,
            measured: self.measured,
            is: self.is.clone(),
        }
    }
    /// Items a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.per_second
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("package", &self.package)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Bench<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

fn repeat<O>(n: u64, f: &mut impl FnMut() -> O) -> Duration {
    let t = Instant::now();
    for _ in 0..n {
        black_box(f());
    }
    t.elapsed()
}

fn repeat_with<I, O>(
    n: u64,
    setup: &mut impl FnMut() -> I,
    f: &mut impl FnMut(I) -> O,
) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..n {
        let input = black_box(setup());
        let t = Instant::now();
        let output = black_box(f(input));
        total += t.elapsed();
        drop(output);
    }
    total
}

fn median(samples: &[f64]) -> Option<f64> {
    let mut s = samples.to_vec();
    s.sort_by(f64::total_cmp);
    let upper = *s.get(s.len() / 2)?;
    let lower = *s.get((s.len() - 1) / 2)?;
    Some((lower + upper) / 2.0)
}

/// The commit of the tree in which cargo runs the bench, or `unknown`.
fn revision() -> String {
    let git = |args: &[&str]| {
        let out = Command::new("git").args(args).output().ok()?;
        out.status
            .success()
            .then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    match git(&["rev-parse", "--short", "HEAD"]) {
        Some(head) if git(&["diff", "--quiet", "HEAD"]).is_some() => head,
        Some(head) => head + "-dirty",
        None => "unknown".to_owned(),
    }
}

/// `2.53 G/s`, `310 ps`.
fn si(value: f64, unit: &str) -> String {
    let prefixes = [
        (1e9, "G"),
        (1e6, "M"),
        (1e3, "k"),
        (1.0, ""),
        (1e-3, "m"),
        (1e-6, "u"),
        (1e-9, "n"),
        (1e-12, "p"),
    ];
    let (scale, prefix) = prefixes
        .into_iter()
        .find(|(s, _)| value >= *s)
        .unwrap_or((1e-12, "p"));
    format!(
        "{:.3} {prefix}{}",
        value / scale,
        unit.trim_start_matches('1')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }

    #[test]
    fn units() {
        assert_eq!(si(2.53e9, "1/s"), "2.530 G/s");
        assert_eq!(si(3.1e-10, "s"), "310.000 ps");
    }

    #[test]
    fn outside_of_cargo_bench_rows_run_once_and_leave_no_record() {
        let mut t = Table::new("piquet-none", "portable");
        t.measuring = false;
        let mut calls = 0;
        t.limit("nothing", 1.0, || calls += 1);
        assert_eq!(calls, 1);
        assert!(t.rows.is_empty());
        assert!(t.finish().is_ok());
    }
}
