//! `piquet plan`: what an inference costs, before anything runs.

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use super::model::ModelArgs;
use crate::report;
use crate::task;

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// Write the public program that the parties of a deployment read.
    #[arg(long)]
    program: Option<PathBuf>,
    /// Plan this program file instead of a network of the zoo.
    #[arg(long, conflicts_with = "program")]
    from: Option<PathBuf>,
    /// Let the program end with the class instead of the logits.
    #[arg(long)]
    class_only: bool,
    /// Write the plan as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

pub(super) fn plan(args: &PlanArgs) -> Result<(), Failure> {
    let program = match &args.from {
        Some(path) => task::load_program(path)?,
        None => {
            let m = &args.model;
            let chosen = m.build()?;
            m.task(chosen.model, chosen.tokens, args.class_only)?
                .program
        }
    };
    if let Some(path) = &args.program {
        crate::file::write(path, &program.to_json()?)
            .map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let m = &args.model;
    let cost = m.engine.estimate(&program, m.truncation, m.parties()?)?;
    let report = report::PlanReport::new(&program, &cost, m.truncation)?;
    println!("{}", report.table());
    if let Some(path) = &args.json {
        report::write_json(path, &report)?;
    }
    Ok(())
}
