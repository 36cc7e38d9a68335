//! `piquet party` and `piquet dealer`: one peer of a deployment.

use std::io::Write;
use std::path::{Path, PathBuf};

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

#[derive(Debug, Args)]
pub(super) struct Dealer {
    /// The configuration that all parties and the client share.
    #[arg(long)]
    config: PathBuf,
}

pub(super) fn party(args: &Party) -> Result<(), Failure> {
    peer(&args.config, Peer::party(args.id), args.progress)
}

pub(super) fn dealer(args: &Dealer) -> Result<(), Failure> {
    peer(&args.config, Peer::Dealer, false)
}

fn peer(path: &Path, me: Peer, tell: bool) -> Result<(), Failure> {
    let named = |e: Failure| -> Failure { format!("{me}: {e}").into() };
    let work = || -> Result<(), Failure> {
        let config = Config::load(path)?;
        if !config.addresses().cast().peers().any(|p| p == me) {
            return Err(format!(
                "{} lists parties 0 to {}{}",
                path.display(),
                config.parties.len() - 1,
                if config.dealer.is_some() {
                    " and a dealer"
                } else {
                    ""
                }
            )
            .into());
        }
        let program = task::load_program(&config.program_path())?;
        task::serve(&config, &program, me, &mut |progress| {
            if let (true, Progress::Layers(done)) = (tell, progress) {
                // Whoever listens may have gone; the network says so soon enough.
                let _ = writeln!(std::io::stdout(), "done {done}");
            }
        })
    };
    work().map_err(named)
}
