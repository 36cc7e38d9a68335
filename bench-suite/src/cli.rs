//! The command line.

mod bench;
mod child;
mod infer;
mod local;
mod model;
mod party;
mod plan;
mod products;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::transport::tcp::Addresses;

#[cfg(test)]
pub(crate) use bench::{like as bench_like, rows as bench_rows};

use crate::config::{Config, Network};
use crate::engines::Engine;
use crate::zoo;

/// What a command may fail with: a message for a person.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Private inference of neural networks by secure multi-party computation.
#[derive(Debug, Parser)]
#[command(name = "piquet", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Classify a picture without showing it, or the network's weights, to anyone.
    Infer(infer::Infer),
    /// Run the published benchmarks again on this machine, beside the figures of other systems.
    Bench(bench::BenchArgs),
    /// Run the linear layers of a network under homomorphic encryption, layer by layer, with what each takes.
    Products(products::ProductsArgs),
    /// Be one party of a deployment.
    Party(party::Party),
    /// Be the dealer of a deployment, who hands out correlated randomness and must not collude with any party.
    Dealer(party::Dealer),
    /// Make an authority, a key for every party and for the client, and a configuration.
    Certs(Certs),
    /// List the networks that come with Piquet.
    Models,
    /// List the engines and what they are secure against.
    Engines,
    /// Tell what an inference will cost, without running it.
    Plan(plan::PlanArgs),
}

#[derive(Debug, Args)]
struct Certs {
    /// Folder to write to; it must not exist, or be empty.
    #[arg(long, default_value = "piquet-certs")]
    out: PathBuf,
    /// The protocol suite of `piquet engines`.
    #[arg(long, default_value_t = Engine::Rep3)]
    engine: Engine,
    /// `host:port` of each party, in order; by default this machine from port 7700 on.
    #[arg(long, num_args = 1..)]
    parties: Vec<String>,
    /// `host:port` of the dealer, where the engine has one; by default this machine, port 7799.
    #[arg(long)]
    dealer: Option<String>,
}

/// Runs the command and says how it ended.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let result = piquet_core::cpu::detect()
        .map_err(Failure::from)
        .and_then(|_| match cli.command {
            Command::Infer(args) => infer::infer(&args),
            Command::Bench(args) => bench::bench(&args),
            Command::Products(args) => products::products(&args),
            Command::Party(args) => party::party(&args),
            Command::Dealer(args) => party::dealer(&args),
            Command::Certs(args) => certs(&args),
            Command::Models => {
                println!("{}", crate::report::models(zoo::models()));
                Ok(())
            }
            Command::Engines => {
                println!("{}", crate::report::engines());
                Ok(())
            }
            Command::Plan(args) => plan::plan(&args),
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("piquet: {e}");
            ExitCode::FAILURE
        }
    }
}

fn certs(args: &Certs) -> Result<(), Failure> {
    let engine = args.engine;
    let mut parties = args.parties.clone();
    if parties.is_empty() {
        let usual = (7700..).take(*engine.parties().start());
        parties.extend(usual.map(|port| format!("127.0.0.1:{port}")));
    }
    let cast = engine.cast(parties.len())?;
    let dealer = match (&args.dealer, cast.dealer) {
        (Some(_), false) => return Err(format!("engine {engine} has no dealer").into()),
        (None, true) => Some("127.0.0.1:7799".to_owned()),
        (given, _) => given.clone(),
    };
    crate::certs::create(&args.out, cast)?;
    let addresses = Addresses {
        parties,
        dealer,
        client: true,
    };
    let config = Config::local(&addresses, engine, "program.json", Truncation::Stochastic);
    let path = args.out.join("parties.toml");
    std::fs::write(&path, config.to_toml()?).map_err(|e| format!("{}: {e}", path.display()))?;
    println!(
        "Wrote {0}: ca.pem, a certificate and a key for each of {1} parties{2} and for the client, and parties.toml.\n\
         Give party i its party-i.key.pem and all files that end in .pem but are no keys; write the program with\n\
         `piquet plan --model NAME --engine {engine} --program {0}/program.json`; start each party with `piquet party\n\
         --config {0}/parties.toml --id i`{3}, then the client with\n\
         `piquet infer --model NAME --config {0}/parties.toml`.",
        args.out.display(),
        cast.parties,
        if cast.dealer { ", for the dealer" } else { "" },
        if cast.dealer {
            ", the dealer with `piquet dealer --config ...`"
        } else {
            ""
        },
    );
    Ok(())
}

/// `lan`, `wan`, or `MBIT,MS`.
fn parse_network(s: &str) -> Result<Network, String> {
    let bad = || format!("`{s}` is no network: lan, wan, or MEGABITS,MILLISECONDS");
    let (bandwidth, delay) = match s {
        "lan" => (3000.0, 0.8),
        "wan" => (400.0, 40.0),
        other => {
            let (b, d) = other.split_once(',').ok_or_else(bad)?;
            (b.parse().map_err(|_| bad())?, d.parse().map_err(|_| bad())?)
        }
    };
    let network = Network {
        megabits_per_second: bandwidth,
        delay_milliseconds: delay,
    };
    network.check().map(|()| network).map_err(|_| bad())
}
