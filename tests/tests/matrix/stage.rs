//! A deployment in which one peer is to go wrong: its files, its processes and its network.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::cell::{Cell, Change, Engine, Fault, Means, Phase};
use super::common::{Ended, Running, Scratch, free_addresses, number, signal, text, wait_until};
use super::papers;
use super::proxy::{Network, Weather};
use super::said::Said;

/// How long a peer may be silent, and how long it may take to appear if that is what the test waits for.
pub const DEADLINE: u64 = 3;
/// When all must have ended, on a busy machine too; whoever has not hangs.
pub const HANG: Duration = Duration::from_secs(60);
const SIZE: usize = 8;

/// Files of a deployment, made once for each engine.
pub struct Files {
    scratch: Scratch,
}

impl Files {
    pub fn of(engine: &Engine) -> Self {
        let scratch = Scratch::new();
        let (dealers, parties): (Vec<_>, Vec<_>) = engine
            .listeners()
            .map(|name| (name, place(name)))
            .partition(|(name, _)| *name == "dealer");
        let mut words = format!("certs --out @files --engine {} --parties", engine.name);
        for (_, address) in &parties {
            words += &format!(" {address}");
        }
        for (_, address) in &dealers {
            words += &format!(" --dealer {address}");
        }
        scratch.run(&words).good();
        papers::write(&scratch.path("files"), engine.peers);
        let model = format!("--model tiny --size {SIZE} --engine {}", engine.name);
        scratch
            .run(&format!(
                "plan {model} --truncation exact --program @files/program.json"
            ))
            .good();
        scratch
            .run(&format!(
                "plan {model} --truncation exact --margin-bits 3 --program @files/other.json"
            ))
            .good();
        Self { scratch }
    }
}

/// Stands for an address in the files.
fn place(peer: &str) -> String {
    format!("{peer}.example:1")
}

/// How one peer ended.
#[derive(Debug)]
pub struct End {
    pub peer: usize,
    /// It had to be killed.
    pub hangs: bool,
    pub ended: Ended,
    /// Most memory it had, in MiB, if it lived to say so.
    pub peak: Option<f64>,
}

/// How it all ended.
#[derive(Debug)]
pub struct Outcome {
    /// Everyone but the one that goes wrong.
    pub others: Vec<End>,
    /// The one that goes wrong.
    pub own: End,
    /// Longest time that anyone took from when it went wrong.
    pub after: Duration,
    pub output: bool,
    /// Whether the report, if there is one, says that the answer is right.
    pub exact: Option<bool>,
}

impl Outcome {
    /// Whether a peer found its port taken.
    pub fn lost_a_port(&self) -> bool {
        let mut all = self.others.iter().chain([&self.own]);
        all.any(|end| end.ended.err.contains("Address already in use"))
    }
}

impl End {
    pub fn said(&self) -> Said {
        Said::of(&self.ended.err)
    }
}

/// Runs one cell.
pub fn play(engine: &'static Engine, files: &Files, cell: Cell) -> Outcome {
    let means = cell.fault.means(cell.phase).unwrap();
    let stage = Stage::new(engine, files, cell, means);
    let pacer = engine.pacer(cell.peer, cell.phase).unwrap();
    let mut all: Vec<_> = (0..engine.peers.len())
        .map(|peer| (peer, stage.start(peer, cell, means, peer == pacer)))
        .collect();
    stage.strike(&mut all, cell, means, pacer);
    let struck = Instant::now();
    let own = vec![all.remove(cell.peer)];
    let (others, pid) = (all, own[0].1.pid());
    let others = stage.ends(others);
    // Once it goes on, it sees that it is alone.
    signal(pid, "CONT");
    let own = stage.ends(own).remove(0);
    let report = stage.scratch.path("report.json");
    let exact = report.exists().then(|| {
        let json = stage.scratch.json("report.json");
        number(&json, "/check/max_abs_error_fixed_point") == 0.0
    });
    stage.scratch.assert_clean();
    Outcome {
        others,
        own,
        after: struck.elapsed(),
        output: stage.scratch.path("result.npy").exists(),
        exact,
    }
}

/// Whether the peer is one that goes wrong by itself, rather than an honest one to which something is done.
fn is_faulty(phase: Phase, means: Means) -> bool {
    match means {
        Means::Frame(_) => true,
        Means::Files(_) => false,
        Means::Signal(_) | Means::Weather(_) => phase != Phase::Connecting,
    }
}

fn plaintext(toml: &str) -> String {
    let before = "insecure_plaintext = false";
    assert!(toml.contains(before), "{toml}");
    toml.replace(before, "insecure_plaintext = true")
}

/// Whether every thread of a process is stopped.
fn is_stopped(pid: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return false;
    };
    tasks.flatten().all(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // The name in parentheses may hold anything.
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('T'))
    })
}

/// A configuration as it is changed for the peer itself, or for another.
fn changed(toml: &str, change: Change, engine: &Engine, peer: usize, own: bool) -> String {
    let name = engine.peers[peer];
    let next = engine.peers[(peer + 1) % engine.peers.len()];
    let quoted = |stem: &str, end: &str| format!("\"{stem}.{end}\"");
    let swap = |toml: &str, end: &str, with: String| {
        let before = quoted(name, end);
        assert!(toml.contains(&before), "{before} is not in {toml}");
        toml.replace(&before, &with)
    };
    match change {
        Change::Pinned(kind) => swap(toml, "pem", quoted(name, &format!("{kind}.pem"))),
        _ if !own => toml.to_owned(),
        Change::Shows(kind) => swap(toml, "pem", quoted(name, &format!("{kind}.pem"))),
        Change::Borrowed => {
            let toml = swap(toml, "pem", quoted(next, "pem"));
            swap(&toml, "key.pem", quoted(next, "key.pem"))
        }
        Change::Mismatched => swap(toml, "key.pem", quoted(next, "key.pem")),
        Change::Plaintext => plaintext(toml),
        Change::Program => toml.replace("program.json", "other.json"),
        Change::Options => toml.replace("\"exact\"", "\"nearest\""),
    }
}

struct Stage {
    scratch: Scratch,
    network: Network,
    engine: &'static Engine,
}

impl Stage {
    fn new(engine: &'static Engine, files: &Files, cell: Cell, means: Means) -> Self {
        let scratch = Scratch::new();
        let early = cell.phase == Phase::Connecting;
        let (weather, barrier) = match means {
            Means::Weather(weather) if early => (weather, false),
            // The blow must fall before anyone is connected.
            _ => (Weather::Fair, early),
        };
        let stage = Self {
            scratch,
            network: Network::new(weather, barrier),
            engine,
        };
        stage.write(files, cell);
        stage
    }

    /// Everyone's configuration: all that goes to or comes from the peer goes through its network.
    fn write(&self, files: &Files, cell: Cell) {
        let folder = self.scratch.path("files");
        fs::create_dir(&folder).unwrap();
        for file in fs::read_dir(files.scratch.path("files")).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
        let toml = text(&folder.join("parties.toml"));
        let connect = if cell.phase == Phase::Connecting && cell.fault != Fault::Slow {
            DEADLINE
        } else {
            30
        };
        let toml = toml
            .replace(
                "deadline_seconds = 60",
                &format!("deadline_seconds = {DEADLINE}"),
            )
            .replace(
                "connect_seconds = 30",
                &format!("connect_seconds = {connect}"),
            )
            .replace("\"stochastic\"", "\"exact\"");
        let listeners: Vec<(&str, SocketAddr)> = self
            .engine
            .listeners()
            .map(|name| {
                let [address] = free_addresses();
                (name, address)
            })
            .collect();
        for (caller, name) in self.engine.peers.iter().enumerate() {
            let mut own = toml.clone();
            for (called, &(listener, address)) in listeners.iter().enumerate() {
                // Whoever stands later calls.
                let passes = caller > called && (caller == cell.peer || called == cell.peer);
                let address = match passes {
                    true => self.network.proxy(address, caller == cell.peer),
                    false => address,
                };
                own = own.replace(&place(listener), &address.to_string());
            }
            if let Some(Means::Files(change)) = cell.fault.means(cell.phase) {
                own = changed(&own, change, self.engine, cell.peer, caller == cell.peer);
            }
            if cell.fault == Fault::Greeting {
                own = plaintext(&own);
            }
            fs::write(folder.join(format!("{name}.toml")), own).unwrap();
        }
    }

    fn start(&self, peer: usize, cell: Cell, means: Means, paces: bool) -> Running {
        let own = peer == cell.peer;
        let faulty = paces && is_faulty(cell.phase, means);
        let name = self.engine.peers[peer];
        let config = format!("@files/{name}.toml");
        let words = match (faulty, name.strip_prefix("party-")) {
            (true, _) => {
                let fault = match means {
                    Means::Frame(fault) => fault,
                    _ => "wait",
                };
                format!("faulty {config} {name} {} {fault}", cell.phase.name())
            }
            (false, Some(id)) => format!("party --config {config} --id {id}"),
            (false, None) if name == "dealer" => format!("dealer --config {config}"),
            (false, None) => {
                // The client makes its program itself.
                let other = match means {
                    Means::Files(Change::Program) if own => "--margin-bits 3",
                    _ => "",
                };
                format!(
                    "infer --model tiny --size {SIZE} --engine {} --truncation exact {other} --config {config} \
                     --json @report.json --output @result.npy",
                    self.engine.name
                )
            }
        };
        Running::start(self.command(peer, &words), &words)
    }

    fn command(&self, peer: usize, words: &str) -> Command {
        let mut command = self.scratch.piquet(words);
        command
            .env("PIQUET_TEST_PEAK", self.peak_path(peer))
            .stdin(Stdio::piped());
        command
    }

    fn peak_path(&self, peer: usize) -> PathBuf {
        self.scratch.path(&format!("peak-{peer}"))
    }

    /// Waits for the moment and does it.
    fn strike(&self, all: &mut [(usize, Running)], cell: Cell, means: Means, pacer: usize) {
        if let Means::Files(_) | Means::Frame("anonymous") = means {
            self.network.lift_barrier();
            return;
        }
        if cell.phase == Phase::Connecting {
            wait_until("a call", || self.network.was_seen());
        } else {
            all[pacer]
                .1
                .wait_for(&format!("at {}\n", cell.phase.name()));
        }
        match means {
            Means::Signal(name) => {
                let own = &mut all[cell.peer].1;
                signal(own.pid(), name);
                // A signal takes a moment to reach every thread.
                wait_until("the signal", || own.has_ended() || is_stopped(own.pid()));
            }
            Means::Weather(weather) => self.network.change(weather),
            Means::Frame(_) | Means::Files(_) => {}
        }
        self.network.lift_barrier();
        all[pacer].1.tell("on\n");
    }

    fn ends(&self, running: Vec<(usize, Running)>) -> Vec<End> {
        let (peers, mut running): (Vec<_>, Vec<_>) = running.into_iter().unzip();
        let since = Instant::now();
        while running.iter_mut().any(|r| !r.has_ended()) && since.elapsed() < HANG {
            thread::sleep(Duration::from_millis(10));
        }
        let end = |(peer, mut running): (usize, Running)| {
            let hangs = !running.has_ended();
            signal(running.pid(), "KILL");
            wait_until("a killed process", || running.has_ended());
            End {
                peer,
                hangs,
                ended: running.ended(),
                peak: self.peak(peer),
            }
        };
        peers.into_iter().zip(running).map(end).collect()
    }

    fn peak(&self, peer: usize) -> Option<f64> {
        let line = fs::read_to_string(self.peak_path(peer)).ok()?;
        let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib / 1024.0)
    }
}
