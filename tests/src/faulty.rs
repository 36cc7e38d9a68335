//! A peer that goes wrong at one moment, in one way: `faulty CONFIG PEER PHASE FAULT`.
//!
//! It is built of what an honest peer is built of, with [`tamper`] around its links. When its moment has come it says so on
//! standard output. Then it either waits there for a word on standard input, while the test kills or stops it or spoils its
//! network, or falsifies the next frame to each of its peers.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use piquet_bench_suite::config::Config;
use piquet_bench_suite::engines::Engine;
use piquet_bench_suite::task::{self, Progress, Task};
use piquet_bench_suite::{image, zoo};
use piquet_nn_ops::model::{Calibration, Program};
use piquet_nn_ops::run;
use piquet_nn_ops::transport::Peer;
use piquet_nn_ops::transport::frame::HEADER;
use piquet_nn_ops::transport::tamper::{Fate, Intercepted, tamper};

use crate::anonymous;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The network of the tests, at its smallest.
const MODEL: &str = "tiny";
const SIZE: usize = 8;
/// Terms and identifier: the first two frames on each link.
const HANDSHAKE: u64 = 2;
/// What was sent before the moment has left by then.
const SETTLED: Duration = Duration::from_millis(20);

pub(crate) fn run(words: &[String]) -> ExitCode {
    match work(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("piquet: {e}");
            ExitCode::FAILURE
        }
    }
}

fn work(words: &[String]) -> Result<(), Failure> {
    let [config, peer, phase, fault] = words else {
        return Err("faulty CONFIG PEER PHASE FAULT".into());
    };
    let config = Config::load(Path::new(config))?;
    let program = task::load_program(&config.program_path())?;
    let me = match peer.strip_prefix("party-") {
        Some(id) => Peer::party(id.parse()?),
        None if peer == "dealer" => Peer::Dealer,
        None => Peer::Client,
    };
    let input = match me {
        Peer::Client => Some(place_of_input(&config, &program)?),
        _ => None,
    };
    let moment = Arc::new(Moment {
        phase: phase.clone(),
        fault: fault.clone(),
        input,
        deals: me == Peer::Dealer,
        announced: Mutex::new(false),
        armed: AtomicBool::new(false),
        hit: Mutex::default(),
    });
    if fault == "anonymous" {
        let authority = Path::new(&words[0]).with_file_name("ca.pem");
        let addresses = (0..).map(Peer::party).zip(config.addresses().parties);
        // As in every deployment, whoever stands later calls.
        let called: Vec<_> = addresses.filter(|(peer, _)| *peer < me).collect();
        return anonymous::call_all(&authority, &called);
    }
    let owned = match me {
        Peer::Client => Some(model_and_input()?),
        _ => None,
    };
    let links = config.connect(me)?;
    let closure = moment.clone();
    let links = tamper(links, move |frame, payload| closure.fate(frame, payload));
    moment.reach("handshake");
    let last = program.graph().nodes().len() - 1;
    let mut progress = |progress| match progress {
        Progress::Agreed => moment.reach("set-up"),
        Progress::Layers(0) => moment.reach("online"),
        Progress::Layers(done) if done == last => moment.reach("result"),
        Progress::Answered if matches!(me, Peer::Client | Peer::Dealer) => moment.reach("result"),
        _ => {}
    };
    if let Some((task, input)) = owned {
        task::ask_over(&config, &task, &input, links, &mut progress)?;
        return Ok(());
    }
    task::serve_over(&config, &program, links, &mut progress)
}

/// What a client has ready before it calls anyone.
fn model_and_input() -> Result<(Task, Vec<i64>), Failure> {
    let model = zoo::build_sized(MODEL, 0, 1, SIZE)?;
    let task = Task::of_zoo(model, 0, Calibration::default(), false)?;
    let input = task::repeat(&task.model.graph, image::photograph(SIZE)?)?;
    let input = task.encode(&input)?;
    Ok((task, input))
}

/// Where a client's input is among its frames: after its weights.
fn place_of_input(config: &Config, program: &Program) -> Result<(Option<Peer>, u64), Failure> {
    let products = run::linear_ops(program)?;
    let biases = run::lone_params(program)?;
    Ok(match config.engine {
        Engine::Semi2k => {
            // Everyone gets a seed; then each vector goes to whoever has heard least, of several the first.
            let products = products.iter().map(|op| {
                let bias = if op.bias { op.shape.out_channels } else { 0 };
                op.shape.weight_len() + bias
            });
            let mut heard = vec![(0, HANDSHAKE + 1); config.parties.len()];
            for elements in products.chain(biases.iter().map(|(.., spec)| spec.len())) {
                if let Some((all, frames)) = heard.iter_mut().min_by_key(|(all, _)| *all) {
                    *all += elements;
                    *frames += 1;
                }
            }
            let next = heard.iter().enumerate().min_by_key(|(_, (all, _))| *all);
            let (turn, (_, frames)) = next.ok_or("there are no parties")?;
            (Some(Peer::party(turn as u8)), *frames)
        }
        _ => (None, HANDSHAKE + (products.len() + biases.len()) as u64),
    })
}

/// When and how it goes wrong.
struct Moment {
    phase: String,
    fault: String,
    /// Where the client's input is: with whom if not with everyone, and which of the frames to it.
    input: Option<(Option<Peer>, u64)>,
    /// This is the dealer.
    deals: bool,
    announced: Mutex<bool>,
    armed: AtomicBool,
    /// Who got a falsified frame already.
    hit: Mutex<BTreeSet<Peer>>,
}

impl Moment {
    fn reach(&self, phase: &str) {
        if phase != self.phase {
            return;
        }
        // Other threads that get here wait, too.
        let mut announced = self
            .announced
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if core::mem::replace(&mut *announced, true) {
            return;
        }
        std::thread::sleep(SETTLED);
        println!("at {phase}");
        let _ = std::io::stdout().flush();
        if self.fault == "wait" {
            let _ = std::io::stdin().lock().read_line(&mut String::new());
        } else {
            self.armed.store(true, Ordering::Release);
        }
    }

    fn fate(&self, frame: &mut Intercepted, payload: &mut Vec<u8>) -> Fate {
        if let Some((to, index)) = self.input
            && index == frame.index
            && to.is_none_or(|to| to == frame.to)
        {
            self.reach("online");
        }
        // After the handshake and a seed.
        if self.deals && frame.index == HANDSHAKE + 1 {
            self.reach("offline");
        }
        let handshake = self.phase == "handshake";
        if !self.armed.load(Ordering::Acquire) || handshake != (frame.index < HANDSHAKE) {
            return Fate::Deliver;
        }
        let mut hit = self.hit.lock().unwrap_or_else(PoisonError::into_inner);
        if !hit.insert(frame.to) {
            return Fate::Deliver;
        }
        drop(hit);
        match self.fault.as_str() {
            "garbage" => scramble(payload, frame.index),
            "header" => {
                let mut garbage = vec![0; HEADER + payload.len()];
                scramble(&mut garbage, frame.index);
                return Fate::Replace(garbage);
            }
            "short" => drop(payload.pop()),
            "long" => payload.push(0),
            "session" => frame.session ^= 1 << 40,
            "torn" => return Fate::Tear,
            "lost" => return Fate::Drop,
            "swapped" => return Fate::Delay,
            "replayed" => return Fate::Duplicate,
            "extra" => return flood(1, 8),
            // More than anyone holds.
            "flood" => return flood(4096, 256 * 1024),
            // What the terms of the handshake say: version and engine as text, and the bits of the ring.
            "version" => patch(payload, 0, b"9.9.9"),
            "engine" => patch(payload, 32, b"other"),
            "ring" => patch(payload, 130, &[48]),
            _ => {}
        }
        Fate::Deliver
    }
}

fn flood(frames: u32, bytes: usize) -> Fate {
    Fate::Flood { frames, bytes }
}

fn patch(payload: &mut [u8], at: usize, with: &[u8]) {
    if let Some(place) = payload.get_mut(at..at + with.len()) {
        place.copy_from_slice(with);
    }
}

/// Bytes that mean nothing, the same in every run.
fn scramble(bytes: &mut [u8], salt: u64) {
    let mut x = salt;
    for byte in bytes {
        x = x
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        *byte = (x >> 56) as u8;
    }
}
