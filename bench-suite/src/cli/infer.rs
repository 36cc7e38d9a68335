//! `piquet infer`: the client, and by default the parties too, as processes on this machine.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use piquet_nn_ops::model::Shape;

use super::local::{Local, Narrator};
use super::model::{Chosen, ModelArgs};
use super::{Failure, parse_network};
use crate::config::{Config, Network};
use crate::npy;
use crate::report::{self, Check, Report};
use crate::task;

#[derive(Debug, Args)]
pub(super) struct Infer {
    #[command(flatten)]
    model: ModelArgs,
    /// A PNG or JPEG picture, or an NPY file with the input tensor as it is; for networks that take texts, the numbers of the tokens, as
    /// text or as an NPY file of integers. By default a photograph of a cat, or some text.
    #[arg(long)]
    input: Option<PathBuf>,
    /// The true class of each input, an NPY array of numbers of shape \[batch\]: the report tells how many are right.
    #[arg(long)]
    labels: Option<PathBuf>,
    /// Write the result as an NPY file.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Reveal the class alone, not the logits.
    #[arg(long)]
    class_only: bool,
    /// Write everything that the table shows as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Use the running parties of this configuration instead of starting some here.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Threads of each party that is started here; by default the cores divided by the parties.
    #[arg(long)]
    threads: Option<usize>,
    /// Slow the network down: lan (3 Gbit/s, 0.8 ms), wan (400 Mbit/s, 40 ms), or MEGABITS,MILLISECONDS.
    #[arg(long, value_parser = parse_network)]
    network: Option<Network>,
    /// Longest silence of a peer that is waited for, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    deadline: u64,
    /// No TLS between the processes: whoever is on the path reads and changes everything.
    #[arg(long)]
    insecure_plaintext: bool,
}

pub(super) fn infer(args: &Infer) -> Result<(), Failure> {
    let m = &args.model;
    let say = Narrator::new();
    say.step(&format!("building {}", m.model));
    let Chosen {
        model,
        tokens,
        ending,
    } = m.build()?;
    let input = m.input(&model.graph, tokens, args.input.as_deref())?;
    let labels = match (&args.labels, &args.input) {
        (Some(path), _) => Some(labels(path, input.shape().batch())?),
        (None, None) => m.labels(&input)?,
        (None, Some(_)) => None,
    };
    let task = m.task(model, tokens, args.class_only)?;
    say.step("running the plain network, in f32 and in fixed point");
    let reference = task.reference(&input)?;
    let encoded = task.encode(&input)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Also finds a value that leaves its declared range, before anything is sent.
    let oracle = task.oracle(&encoded, m.truncation, cores)?;

    let (config, parties) = match &args.config {
        Some(path) => (Config::load(path)?, None),
        None => {
            let (config, parties) = local(args)?.start(&task.program, &say)?;
            (config, Some(parties))
        }
    };
    say.step("connecting");
    let started = Instant::now();
    let answer = task::ask(&config, &task, &encoded)?;
    let wall = started.elapsed();
    say.finish();
    if let Some(parties) = parties {
        parties.join()?;
    }
    let result = task.decode(&answer.raw)?;
    let check = Check::new(
        &result,
        &reference,
        &task.decode(&oracle)?,
        args.class_only,
        labels.as_deref(),
    );
    let report = Report::new(&config, &task, &answer, check, wall)?;
    println!("{}", report.table());
    if let Some(path) = &args.json {
        report::write_json(path, &report)?;
    }
    // An answer that is known to be wrong is shown, and not kept.
    report.verdict()?;
    if let Some(path) = &args.output {
        let whole = match args.class_only {
            true => result,
            false => ending.apply(result),
        };
        npy::save(path, &whole)?;
    }
    Ok(())
}

/// True classes from a file.
fn labels(path: &Path, batch: usize) -> Result<Vec<usize>, Failure> {
    let array = npy::load(path, &Shape::new(&[batch])?)?;
    let class = |v: &f32| {
        let whole = *v >= 0.0 && v.fract() == 0.0 && *v < 1e6;
        whole.then_some(*v as usize).ok_or_else(|| {
            let path = path.display();
            Failure::from(format!("{path}: {v} is no class"))
        })
    };
    array.data().iter().map(class).collect()
}

fn local(args: &Infer) -> Result<Local, Failure> {
    Ok(Local {
        engine: args.model.engine,
        parties: args.model.parties()?,
        truncation: args.model.truncation,
        threads: args.threads,
        network: args.network,
        deadline: args.deadline,
        insecure_plaintext: args.insecure_plaintext,
    })
}
