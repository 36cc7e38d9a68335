//! One inference, from a network and an input to a checked result: what its owner prepares, and what each peer does.

use std::path::Path;

use piquet_core::Ring;
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::model::{
    Calibration, Graph, Program, QuantizedParams, TensorF32, quantize, reference,
};
use piquet_nn_ops::plain::Plain;
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::rep3::{Account, Rep3, Rep3Client};
use piquet_nn_ops::run;
use piquet_nn_ops::semi2k::{self, Semi2k, Semi2kClient, Semi2kDealer};
use piquet_nn_ops::session::Session;
use piquet_nn_ops::transport::{Links, Peer};
use rand_core::UnwrapErr;

use crate::cli::Failure;
use crate::config::Config;
use crate::engines::Engine;
use crate::zoo::{self, Model};

/// What the owner of a model prepares once.
#[derive(Debug)]
pub struct Task {
    /// What all parties run.
    pub program: Program,
    /// What nobody but the owner sees.
    pub params: QuantizedParams,
    /// The network as it was trained.
    pub model: Model,
}

impl Task {
    /// Fixes the arithmetic of a network by a plain pass over the samples that come with it.
    pub fn new(
        model: Model,
        samples: &[TensorF32],
        calibration: Calibration,
    ) -> Result<Self, Failure> {
        let (program, params) = quantize(&model.graph, &model.params, samples, calibration)?;
        Ok(Self {
            program,
            params,
            model,
        })
    }

    /// For a network of the zoo. `class_only` adds the choice of the largest logit, so that no more is revealed.
    pub fn of_zoo(
        mut model: Model,
        seed: u64,
        calibration: Calibration,
        class_only: bool,
    ) -> Result<Self, Failure> {
        if class_only {
            model.graph = model.graph.with_argmax()?;
        }
        let samples = zoo::samples(&model.graph, seed)?;
        Self::new(model, &samples, calibration)
    }

    /// What the network says in `f32`.
    pub fn reference(&self, input: &TensorF32) -> Result<TensorF32, Failure> {
        Ok(reference::run(
            &self.model.graph,
            &self.model.params,
            input,
        )?)
    }

    /// The input as raw numbers in memory order.
    pub fn encode(&self, input: &TensorF32) -> Result<Vec<i64>, Failure> {
        run::encode(&self.program, input).map_err(|e| match e {
            piquet_nn_ops::Error::Overflow { .. } => format!(
                "the input is beyond the declared range: {e}; raise --margin-bits, or calibrate on such inputs"
            )
            .into(),
            other => other.into(),
        })
    }

    /// Runs the oracle: the result in memory order, or the layer in which a value leaves its declared bound.
    pub fn oracle(
        &self,
        input: &[i64],
        mode: Truncation,
        threads: usize,
    ) -> Result<Vec<i64>, Failure> {
        let mut plain = Plain::new(Pool::new(threads)?);
        let out = run::infer(
            &mut plain,
            &self.program,
            Some(&self.params),
            Some(input),
            mode,
            &mut |_| {},
        )?;
        out.ok_or_else(|| "the oracle returned nothing".into())
    }

    /// A result as real numbers in logical order.
    pub fn decode(&self, raw: &[i64]) -> Result<TensorF32, Failure> {
        Ok(run::decode(&self.program, raw)?)
    }
}

/// Adds the batch dimension: the same picture for each place of the batch.
pub fn repeat(graph: &Graph, one: TensorF32) -> Result<TensorF32, Failure> {
    let shape = graph.input_shape()?.clone();
    let batch = shape.batch();
    let data = one.into_data().repeat(batch);
    Ok(TensorF32::new(shape, data)?)
}

/// Reads a program file.
pub fn load_program(path: &Path) -> Result<Program, Failure> {
    let named = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let bytes = std::fs::read(path).map_err(|e| named(&e))?;
    Ok(Program::from_json(&bytes).map_err(|e| named(&e))?)
}

/// How far a peer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Everyone has agreed; set-up begins.
    Agreed,
    /// So many nodes of the program are done, none when set-up is.
    Layers(usize),
    /// The client has the result, or what this party knows of it is on its way to the client.
    Answered,
}

fn session(config: &Config, program: &Program, links: Links) -> Result<Session, Failure> {
    let agreement = run::agreement(config.engine.name(), program, config.truncation)?;
    let mut rng = UnwrapErr(getrandom::SysRng);
    Ok(Session::establish(
        links,
        &agreement,
        config.limits(),
        &mut rng,
    )?)
}

/// What a party does: everything, once.
pub fn serve(
    config: &Config,
    program: &Program,
    me: Peer,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Failure> {
    serve_over(config, program, config.connect(me)?, progress)
}

/// The same over links that are there.
pub fn serve_over(
    config: &Config,
    program: &Program,
    links: Links,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Failure> {
    match (config.engine, program.width()?) {
        (Engine::Rep3, 32) => rep3_party::<u32>(config, program, links, progress),
        (Engine::Rep3, _) => rep3_party::<u64>(config, program, links, progress),
        (Engine::Semi2k, 32) => semi2k_peer::<u32>(config, program, links, progress),
        (Engine::Semi2k, _) => semi2k_peer::<u64>(config, program, links, progress),
    }
}

fn rep3_party<R: Ring>(
    config: &Config,
    program: &Program,
    links: Links,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Failure> {
    let mut rng = UnwrapErr(getrandom::SysRng);
    let pool = Pool::new(config.threads())?;
    let session = session(config, program, links)?;
    progress(Progress::Agreed);
    let mut party = Rep3::<R>::new(session, pool, &mut rng)?;
    compute(&mut party, program, config.truncation, progress)?;
    party.report()?;
    party.finish()?;
    Ok(())
}

fn semi2k_peer<R: Ring>(
    config: &Config,
    program: &Program,
    links: Links,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Failure> {
    let mut rng = UnwrapErr(getrandom::SysRng);
    let pool = Pool::new(config.threads())?;
    let mode = config.truncation;
    let session = session(config, program, links)?;
    progress(Progress::Agreed);
    if session.me() == Peer::Dealer {
        let mut dealer = Semi2kDealer::<R>::new(session, pool, &mut rng)?;
        dealer.serve(program, mode)?;
        progress(Progress::Answered);
        dealer.report()?;
        dealer.finish()?;
        return Ok(());
    }
    let demand = semi2k::demand(config.parties.len(), program, mode)?;
    let mut party = Semi2k::<R>::new(session, pool, &demand, &mut rng)?;
    compute(&mut party, program, mode, progress)?;
    party.report()?;
    party.finish()?;
    Ok(())
}

/// A party's part of set-up and of one inference.
fn compute<E: Layers>(
    party: &mut E,
    program: &Program,
    mode: Truncation,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Failure> {
    let mut layers = |done| progress(Progress::Layers(done));
    run::infer(party, program, None, None, mode, &mut layers)?;
    progress(Progress::Answered);
    Ok(())
}

/// What the client gets.
#[derive(Debug)]
pub struct Answer {
    /// Raw result, memory order.
    pub raw: Vec<i64>,
    /// What each party spent.
    pub parties: Vec<Account>,
    /// What the dealer spent, if there is one.
    pub dealer: Option<Account>,
    /// What the client spent.
    pub client: Account,
}

impl Answer {
    /// What everyone spent.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        let parties = self.parties.iter().chain(&self.dealer);
        parties.chain([&self.client])
    }
}

/// What the client does.
pub fn ask(config: &Config, task: &Task, input: &[i64]) -> Result<Answer, Failure> {
    ask_over(
        config,
        task,
        input,
        config.connect(Peer::Client)?,
        &mut |_| {},
    )
}

/// The same over links that are there.
pub fn ask_over(
    config: &Config,
    task: &Task,
    input: &[i64],
    links: Links,
    progress: &mut dyn FnMut(Progress),
) -> Result<Answer, Failure> {
    match (config.engine, task.program.width()?) {
        (Engine::Rep3, 32) => rep3_client::<u32>(config, task, input, links, progress),
        (Engine::Rep3, _) => rep3_client::<u64>(config, task, input, links, progress),
        (Engine::Semi2k, 32) => semi2k_client::<u32>(config, task, input, links, progress),
        (Engine::Semi2k, _) => semi2k_client::<u64>(config, task, input, links, progress),
    }
}

fn rep3_client<R: Ring>(
    config: &Config,
    task: &Task,
    input: &[i64],
    links: Links,
    progress: &mut dyn FnMut(Progress),
) -> Result<Answer, Failure> {
    let mut rng = UnwrapErr(getrandom::SysRng);
    let session = session(config, &task.program, links)?;
    progress(Progress::Agreed);
    let mut client = Rep3Client::<R>::new(session)?;
    let raw = client.infer(&task.program, &task.params, input, &mut rng)?;
    progress(Progress::Answered);
    let account = client.account();
    let parties = client.reports()?;
    client.finish()?;
    Ok(Answer {
        raw,
        parties,
        dealer: None,
        client: account,
    })
}

fn semi2k_client<R: Ring>(
    config: &Config,
    task: &Task,
    input: &[i64],
    links: Links,
    progress: &mut dyn FnMut(Progress),
) -> Result<Answer, Failure> {
    let mut rng = UnwrapErr(getrandom::SysRng);
    let session = session(config, &task.program, links)?;
    progress(Progress::Agreed);
    let mut client = Semi2kClient::<R>::new(session)?;
    let raw = client.infer(&task.program, &task.params, input, &mut rng)?;
    progress(Progress::Answered);
    let account = client.account();
    let mut parties = client.reports()?;
    let dealer = parties.pop();
    client.finish()?;
    Ok(Answer {
        raw,
        parties,
        dealer,
        client: account,
    })
}
