//! `piquet party`: one party of a deployment.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use piquet_nn_ops::transport::Peer;

use super::Failure;
use crate::config::Config;
use crate::task::{self, Progress};

#[derive(Debug, Args)]
pub(super) struct Party {
    /// The configuration that all parties and the client share.
    #[arg(long)]
    config: PathBuf,
    /// Which party this is, from 0.
    #[arg(long)]
    id: u8,
    /// Write `done N` to standard output after each layer.
    #[arg(long, hide = true)]
    progress: bool,
}

pub(super) fn party(args: &Party) -> Result<(), Failure> {
    let named = |e: Failure| -> Failure { format!("party {}: {e}", args.id).into() };
    let work = || -> Result<(), Failure> {
        let config = Config::load(&args.config)?;
        if usize::from(args.id) >= config.parties.len() {
            return Err(format!(
                "{} lists parties 0 to {}",
                args.config.display(),
                config.parties.len() - 1
            )
            .into());
        }
        let program = task::load_program(&config.program_path())?;
        task::serve(&config, &program, Peer::party(args.id), &mut |progress| {
            if let (true, Progress::Layers(done)) = (args.progress, progress) {
                // Whoever listens may have gone; the network says so soon enough.
                let _ = writeln!(std::io::stdout(), "done {done}");
            }
        })
    };
    work().map_err(named)
}
