//! All parties as processes of this machine, and what a person sees meanwhile.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::model::Program;
use piquet_nn_ops::transport::Cast;
use piquet_nn_ops::transport::tcp::Addresses;
use rand_core::{Rng, UnwrapErr};

use super::Failure;
use super::child::{Parties, free_addresses};
use crate::certs;
use crate::config::{Config, Network};
use crate::engines::Engine;

/// How a local run differs from another.
#[derive(Debug, Clone)]
pub(super) struct Local {
    pub(super) engine: Engine,
    pub(super) parties: usize,
    pub(super) truncation: Truncation,
    pub(super) threads: Option<usize>,
    pub(super) network: Option<Network>,
    pub(super) deadline: u64,
    pub(super) insecure_plaintext: bool,
}

impl Local {
    /// Writes program and configuration beside the certificates and starts the parties.
    pub(super) fn start(
        &self,
        program: &Program,
        say: &Narrator,
    ) -> Result<(Config, Parties), Failure> {
        let site = settle(self.engine.cast(self.parties)?)?;
        site.file("program.json", &program.to_json()?)?;
        let mut config = Config::local(
            &site.addresses,
            self.engine,
            "program.json",
            self.truncation,
        );
        config.threads = self.threads;
        config.network = self.network;
        config.deadline_seconds = self.deadline;
        config.insecure_plaintext = self.insecure_plaintext;
        let path = site.file("parties.toml", config.to_toml()?.as_bytes())?;
        say.step("starting the parties");
        let bar = say.layers(program.graph().nodes().len() as u64 - 1);
        let parties = site.parties;
        parties.start(&path, site.addresses.cast(), move |done| {
            bar.set_position(done)
        })?;
        // As the parties read it, with its paths.
        Ok((Config::load(Path::new(&path))?, parties))
    }
}

/// A place for the parties of one run. Dropping it, or its parties, removes it.
#[derive(Debug)]
pub(super) struct Site {
    /// Of this machine, one for each party and for the dealer.
    pub(super) addresses: Addresses,
    pub(super) parties: Parties,
    folder: PathBuf,
}

impl Site {
    /// Writes a file into the folder.
    pub(super) fn file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.folder.join(name);
        std::fs::write(&path, bytes).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(path)
    }
}

/// A folder of their own with certificates for everyone, and addresses for those who listen.
pub(super) fn settle(cast: Cast) -> Result<Site, Failure> {
    let mut name = [0; 8];
    UnwrapErr(getrandom::SysRng).fill_bytes(&mut name);
    let folder = std::env::temp_dir().join(format!("piquet-{:016x}", u64::from_le_bytes(name)));
    let parties = Parties::new(folder.clone())?;
    let mut free = free_addresses(cast.parties + usize::from(cast.dealer))?;
    let addresses = Addresses {
        dealer: cast.dealer.then(|| free.pop()).flatten(),
        parties: free,
        client: cast.client,
    };
    certs::create(&folder, cast)?;
    Ok(Site {
        addresses,
        parties,
        folder,
    })
}

/// What a person at a terminal sees meanwhile; nothing elsewhere.
pub(super) struct Narrator {
    bar: ProgressBar,
}

impl Narrator {
    pub(super) fn new() -> Self {
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        Self { bar }
    }
    pub(super) fn step(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }
    /// From now on a bar over so many layers.
    pub(super) fn layers(&self, count: u64) -> ProgressBar {
        if let Ok(style) =
            ProgressStyle::with_template("{elapsed_precise} {wide_bar} {pos}/{len} layers {msg}")
        {
            self.bar.set_style(style);
        }
        self.bar.set_length(count);
        self.bar.clone()
    }
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
