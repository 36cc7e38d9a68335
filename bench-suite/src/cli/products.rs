//! `piquet products`: the linear layers of a network under homomorphic encryption, two parties over loop-back TCP.
//!
//! Every layer is planned, then run as `piquet_he_bridge::linear` runs anywhere: a client with the key and one share
//! of a random input, a server with random weights and the other share, one thread each unless told otherwise. The
//! shares of the output are added up and held to the product in the clear. Times begin with the input and the weights
//! there and end when both parties have their shares; keys are made before.

mod pair;
mod table;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use piquet_core::cpu;
use piquet_core::linalg::ConvShape;
use piquet_he_bridge::encoding::{Costs, Plan, plan};
use piquet_he_bridge::{Mode, PlainModulus};
use piquet_nn_ops::run::product_shape;
use serde::Serialize;

use super::Failure;
use super::local::Narrator;
use crate::record::{self, Record};
use crate::report::{self, Machine};
use crate::zoo;
use pair::Measured;

/// Version of the JSON that `--json` writes.
const SCHEMA: u32 = 1;

#[derive(Debug, Args)]
pub(super) struct ProductsArgs {
    /// A network of `piquet models`.
    #[arg(long, default_value = "resnet50")]
    model: String,
    /// How results are masked.
    #[arg(long, value_enum, default_value_t)]
    mode: Masking,
    /// Shares are integers modulo 2 to this.
    #[arg(long, default_value_t = 37, value_parser = clap::value_parser!(u32).range(8..=64))]
    bits: u32,
    /// Bits of a weight, its sign among them: what the server declares.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(2..=32))]
    weight_bits: u32,
    /// Runs of each layer, of which the median counts.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,
    /// Pictures of this height and width instead of the network's own.
    #[arg(long)]
    size: Option<u16>,
    /// Only layers whose name contains this; the totals are then of these.
    #[arg(long)]
    filter: Option<String>,
    /// Plan only: what would be sent and computed.
    #[arg(long)]
    plan: bool,
    /// Print the table as Markdown.
    #[arg(long)]
    markdown: bool,
    /// Write everything that the table shows as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// How results are masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Masking {
    /// Shares add up to the product; what the product leaves of noise is flooded.
    #[default]
    Exact,
    /// Shares add up to the product or one unit beside it.
    Approximate,
}

impl Masking {
    fn mode(self) -> Mode {
        match self {
            Self::Exact => Mode::Exact,
            Self::Approximate => Mode::Approximate,
        }
    }
    fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Approximate => "approximate",
        }
    }
}

/// One layer.
struct Row {
    name: String,
    shape: ConvShape,
    plan: Plan,
    /// By the costs of single operations, both parties one after the other.
    predicted: f64,
    measured: Option<Measured>,
}

pub(super) fn products(args: &ProductsArgs) -> Result<(), Failure> {
    let say = Narrator::new();
    let rows = measure_all(args, &say)?;
    say.finish();
    if rows.is_empty() {
        return Err("no layer has that in its name".into());
    }
    let machine = Machine::here();
    println!("{}", table::page(args, &machine, &rows));
    if !args.plan && args.filter.is_none() {
        record::merge(&record::file("piquet-bench-suite"), &[args.record(&rows)])?;
    }
    if let Some(path) = &args.json {
        report::write_json(path, &table::everything(args, &machine, &rows))?;
    }
    Ok(())
}

fn measure_all(args: &ProductsArgs, say: &Narrator) -> Result<Vec<Row>, Failure> {
    let size = match args.size {
        Some(size) => size.into(),
        None => zoo::info(&args.model)?.input[1],
    };
    let graph = zoo::graph(&args.model, 1, size)?;
    let plain = PlainModulus::Bits(args.bits);
    let bound = (1u64 << (args.weight_bits - 1)) - 1;
    let costs = Costs::default();
    let mut rows = Vec::new();
    for node in graph.nodes() {
        let Some(x) = node.inputs.first() else {
            continue;
        };
        let wanted = args.filter.as_ref().is_none_or(|f| node.name.contains(f));
        let Some(shape) = product_shape(&node.op, graph.shape(*x)?).filter(|_| wanted) else {
            continue;
        };
        say.step(&node.name);
        let plan = plan(&shape, plain, args.mode.mode(), bound, &costs)?;
        let measured = match args.plan {
            true => None,
            false => Some(pair::measure(&plan, bound, usize::from(args.runs))?),
        };
        rows.push(Row {
            name: node.name.clone(),
            shape,
            predicted: plan.time * 1e-9,
            plan,
            measured,
        });
    }
    Ok(rows)
}

impl ProductsArgs {
    fn command(&self) -> String {
        let mut c = format!(
            "piquet products --model {} --mode {} --bits {} --weight-bits {} --runs {}",
            self.model,
            self.mode.name(),
            self.bits,
            self.weight_bits,
            self.runs
        );
        if let Some(s) = self.size {
            c.push_str(&format!(" --size {s}"));
        }
        c
    }
    fn record(&self, rows: &[Row]) -> Record {
        let sum = |f: &dyn Fn(&Measured) -> f64| -> f64 {
            rows.iter().filter_map(|r| r.measured.as_ref()).map(f).sum()
        };
        let seconds = sum(&|m| m.seconds);
        let size = self.size.map_or(String::new(), |s| format!("-{s}px"));
        // Nothing else is known to be slower than the operations counted, so the bound is their cost on both cores at
        // once.
        let predicted = rows.iter().map(|r| r.predicted).sum::<f64>();
        Record {
            id: format!("he-{}-{}{size}", self.model, self.mode.name()),
            value: seconds,
            unit: "s".to_owned(),
            bytes: Some(sum(&|m| m.bytes as f64)),
            rounds: None,
            max_ulp: None,
            max_relative_error: None,
            limit: Some(predicted),
            limit_is: Some("operations counted, times what each costs by itself".to_owned()),
            ratio: Some(predicted / seconds),
            threads: 2,
            cpu_level: cpu::level().name().to_owned(),
            revision: env!("PIQUET_REVISION").to_owned(),
            date: record::now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: ProductsArgs,
    }

    fn parse(line: &str) -> ProductsArgs {
        let words = line.trim_start_matches("piquet ").split(' ');
        Command::try_parse_from(words).unwrap().args
    }

    #[test]
    fn the_command_gives_the_same_table_again() {
        let line = "piquet products --model lenet5 --mode approximate --bits 20 --weight-bits 8 --runs 2 --size 28";
        assert_eq!(parse(line).command(), line);
    }

    /// Every layer of a small network, its shares held to the product in the clear.
    #[test]
    fn layers_run_in_both_modes() {
        for mode in ["exact", "approximate"] {
            let args = parse(&format!(
                "piquet products --model lenet5 --mode {mode} --bits 32"
            ));
            let rows = measure_all(&args, &Narrator::new()).unwrap();
            assert_eq!(rows.len(), 5);
            for row in &rows {
                let m = row.measured.as_ref().unwrap();
                let c = &row.plan.counts;
                // Headers and the opening come on top of polynomials.
                assert!(m.bytes > c.bytes_in + c.bytes_out);
                assert!(m.bytes < c.bytes_in + c.bytes_out + 4096);
                assert!(mode == "approximate" || m.off_by_one == 0);
            }
            let page = table::page(&args, &Machine::here(), &rows);
            assert!(page.contains("| all ") && page.contains(mode));
            assert_eq!(args.record(&rows).id, format!("he-lenet5-{mode}"));
        }
    }
}
