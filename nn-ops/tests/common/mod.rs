//! One script, run on the oracle, on a plan, and on three parties in memory.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "a test may panic, and need not use everything"
)]

use piquet_core::Ring;
use piquet_core::linalg::ConvShape;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, PlainWeights, Rescale, Spec};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::ledger::{self, Ledger, Phase};
use piquet_nn_ops::model::{Format, Shape};
use piquet_nn_ops::plain::Plain;
use piquet_nn_ops::plan::Plan;
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::rep3::{Rep3, Rep3Client, Rep3Cost};
use piquet_nn_ops::session::{Agreement, Session, run_in_memory};
use piquet_nn_ops::transport::{Cast, Peer};
use piquet_nn_ops::walk::{Visitor, Walk};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// A piece of a network between inputs and outputs.
pub(crate) trait Script: Sync {
    /// Computes the outputs.
    fn run<E: Layers>(
        &self,
        engine: &mut E,
        weights: &[(LinearOp, E::Weights)],
        inputs: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error>;
}

/// What a script works on.
#[derive(Default)]
pub(crate) struct Case {
    pub(crate) inputs: Vec<(Spec, Vec<i64>)>,
    pub(crate) weights: Vec<(LinearOp, Vec<i64>, Vec<i64>)>,
}

impl Case {
    pub(crate) fn input(mut self, dims: &[usize], format: Format, value: Vec<i64>) -> Self {
        let shape = Shape::new(dims).unwrap();
        assert_eq!(shape.elements(), value.len());
        self.inputs.push((Spec { shape, format }, value));
        self
    }
    pub(crate) fn weights(
        mut self,
        shape: ConvShape,
        out: &[usize],
        frac: u32,
        w: Vec<i64>,
        bias: Vec<i64>,
    ) -> Self {
        let op = LinearOp {
            name: format!("op{}", self.weights.len()),
            shape,
            out: Shape::new(out).unwrap(),
            frac,
            bias: !bias.is_empty(),
        };
        self.weights.push((op, w, bias));
        self
    }
}

impl Case {
    /// Bits of the ring.
    pub(crate) fn width(&self) -> u32 {
        self.inputs[0].0.format.width()
    }
    /// The same in 32 bits, if the formats of the inputs fit.
    pub(crate) fn narrow(&self) -> Option<Self> {
        let inputs = self.inputs.iter().map(|(s, v)| {
            let format = s.format.with_width(32).ok()?;
            let shape = s.shape.clone();
            (format.bound() <= 30 && format.frac() <= 30)
                .then(|| (Spec { shape, format }, v.clone()))
        });
        Some(Self {
            inputs: inputs.collect::<Option<_>>()?,
            weights: self.weights.clone(),
        })
    }
}

/// The same rescaling in the ring of an operand.
pub(crate) fn fit(r: Rescale, x: &Spec) -> Result<Rescale, Error> {
    let to = r.to.with_width(x.format.width())?;
    Ok(Rescale { to, ..r })
}

/// Three parties agree with the oracle in 64 bits, and in 32 if everything fits; gives what they said in 64, and whether
/// it fitted.
pub(crate) fn agree(case: &Case, script: &impl Script, threads: usize) -> (Vec<Vec<i64>>, bool) {
    let got = rep3_threads(case, script, threads);
    assert_eq!(got, plain(case, script).unwrap());
    let narrow = case
        .narrow()
        .and_then(|n| Some((plain(&n, script).ok()?, n)));
    let fits = narrow.is_some();
    if let Some((want, narrow)) = narrow {
        assert_eq!(rep3_threads(&narrow, script, threads), want, "in 32 bits");
        assert_eq!(want, got);
    }
    (got, fits)
}

/// Fixed point in 64 bits.
pub(crate) fn z64(frac: u32, bound: u32) -> Format {
    Format::z64(frac, bound).unwrap()
}

/// Set-up, inputs, script and results, as any engine takes them.
pub(crate) fn all<E: Layers>(
    engine: &mut E,
    case: &Case,
    own: bool,
    script: &impl Script,
) -> Result<Vec<Option<Vec<i64>>>, Error> {
    engine.begin_phase(Phase::Setup);
    let mut weights = Vec::new();
    for (op, w, b) in &case.weights {
        engine.begin_layer(&op.name, "weights");
        let plain = own.then_some(PlainWeights {
            weights: w,
            bias: b,
        });
        weights.push((op.clone(), engine.prepare(op, plain)?));
        engine.end_layer();
    }
    engine.begin_phase(Phase::Online);
    let mut inputs = Vec::new();
    for (i, (spec, v)) in case.inputs.iter().enumerate() {
        engine.begin_layer(&format!("input{i}"), "input");
        inputs.push(engine.input(spec, own.then_some(v.as_slice()))?);
        engine.end_layer();
    }
    engine.begin_layer("script", "script");
    let out = script.run(engine, &weights, &inputs)?;
    engine.end_layer();
    out.iter()
        .enumerate()
        .map(|(i, y)| {
            engine.begin_layer(&format!("output{i}"), "reveal");
            let y = engine.reveal(y)?;
            engine.end_layer();
            Ok(y)
        })
        .collect()
}

pub(crate) fn agreement() -> Agreement {
    Agreement {
        engine: "rep3".into(),
        program: [1; 32],
        ring_bits: 64,
        options: [2; 32],
        computational_bits: 128,
        statistical_bits: 0,
    }
}

/// What the oracle says.
pub(crate) fn plain(case: &Case, script: &impl Script) -> Result<Vec<Vec<i64>>, Error> {
    let mut engine = Plain::new(Pool::new(1)?);
    Ok(all(&mut engine, case, true, script)?
        .into_iter()
        .map(Option::unwrap)
        .collect())
}

pub(crate) enum Outcome {
    Party(Box<Ledger>),
    Client(Vec<Vec<i64>>),
}

/// What one peer of a run does.
pub(crate) fn peer(
    session: Session,
    case: &Case,
    outputs: &[Spec],
    script: &impl Script,
    threads: usize,
) -> Result<Outcome, Error> {
    peer_with(
        session,
        case,
        outputs,
        script,
        threads,
        &mut rand_core::UnwrapErr(getrandom::SysRng),
    )
}

/// As [`peer`], with randomness from `rng`.
pub(crate) fn peer_with<G: rand_core::CryptoRng>(
    session: Session,
    case: &Case,
    outputs: &[Spec],
    script: &impl Script,
    threads: usize,
    rng: &mut G,
) -> Result<Outcome, Error> {
    match case.width() {
        32 => peer_in::<u32, G>(session, case, outputs, script, threads, rng),
        _ => peer_in::<u64, G>(session, case, outputs, script, threads, rng),
    }
}

fn peer_in<R: Ring, G: rand_core::CryptoRng>(
    session: Session,
    case: &Case,
    outputs: &[Spec],
    script: &impl Script,
    threads: usize,
    rng: &mut G,
) -> Result<Outcome, Error> {
    if session.me() == Peer::Client {
        let mut client = Rep3Client::<R>::new(session)?;
        for (op, w, b) in &case.weights {
            let plain = PlainWeights {
                weights: w,
                bias: b,
            };
            client.weights(op, plain, rng)?;
        }
        for (spec, v) in &case.inputs {
            client.input(spec, v, rng)?;
        }
        let got = outputs
            .iter()
            .map(|s| client.result(s))
            .collect::<Result<_, _>>()?;
        client.reports()?;
        client.finish()?;
        Ok(Outcome::Client(got))
    } else {
        let mut party = Rep3::<R>::new(session, Pool::new(threads)?, rng)?;
        all(&mut party, case, false, script)?;
        party.report()?;
        Ok(Outcome::Party(Box::new(party.finish()?)))
    }
}

/// Outputs of a run of three parties in memory, whose ledger is held to the plan.
pub(crate) fn rep3(case: &Case, script: &impl Script) -> Vec<Vec<i64>> {
    rep3_threads(case, script, 1)
}

pub(crate) fn rep3_threads(case: &Case, script: &impl Script, threads: usize) -> Vec<Vec<i64>> {
    let outputs = specs(case, script);
    let results = run_in_memory(Cast::parties(3).with_client(), &agreement(), |s| {
        peer(s, case, &outputs, script, threads)
    });
    let mut ledgers = Vec::new();
    let mut got = Vec::new();
    for r in results {
        match r.unwrap() {
            Outcome::Party(l) => ledgers.push(*l),
            Outcome::Client(v) => got = v,
        }
    }
    hold_to_plan(case, script, &ledgers);
    got
}

/// Shapes and formats of what a script returns.
pub(crate) fn specs(case: &Case, script: &impl Script) -> Vec<Spec> {
    // The oracle knows the formats; values are not looked at.
    let mut e = Walk::new(Rep3Cost::new(case.width()));
    let weights: Vec<_> = case
        .weights
        .iter()
        .map(|(o, _, _)| (o.clone(), ()))
        .collect();
    let inputs: Vec<_> = case.inputs.iter().map(|(s, _)| s.clone()).collect();
    script.run(&mut e, &weights, &inputs).unwrap()
}

fn hold_to_plan(case: &Case, script: &impl Script, ledgers: &[Ledger]) {
    hold(
        walk(Rep3Cost::new(case.width()), case, script).plan(),
        ledgers,
    );
}

/// Bytes and rounds that three parties plan for a script.
pub(crate) fn cost(case: &Case, script: &impl Script) -> (u64, u32) {
    let cost = walk(Rep3Cost::new(case.width()), case, script);
    let rows = cost.plan().rows();
    let row = rows.iter().find(|r| r.name == "script").unwrap();
    (row.bytes, row.rounds)
}

/// A visitor that has seen all of a case.
pub(crate) fn walk<V: Visitor>(visitor: V, case: &Case, script: &impl Script) -> V {
    let mut walk = Walk::new(visitor);
    all(&mut walk, case, false, script).unwrap();
    walk.into_visitor()
}

/// What parties have spent on a script is what was planned.
pub(crate) fn hold(plan: &Plan, ledgers: &[Ledger]) {
    let rows: Vec<_> = ledgers.iter().map(Ledger::layers).collect();
    let merged = ledger::merge(&rows).unwrap();
    let script_row = merged.iter().find(|r| r.name == "script").unwrap();
    let planned = plan
        .rows()
        .iter()
        .find(|r| r.name == "script" && r.phase == Phase::Online)
        .unwrap();
    assert_eq!(planned.bytes, script_row.bytes_sent, "bytes of the plan");
    assert_eq!(
        planned.messages, script_row.messages,
        "messages of the plan"
    );
    assert_eq!(planned.rounds, script_row.rounds(), "rounds of the plan");
}

/// Uniform values with |v| < 2^bound, the edges among them.
pub(crate) fn values(n: usize, bound: u32, seed: u64) -> Vec<i64> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let limit = (1i64 << bound) - 1;
    let edges = [0, 1, -1, limit, -limit, limit - 1, 1 - limit, 2, -2];
    (0..n)
        .map(|i| match edges.get(i) {
            Some(e) if n > edges.len() && bound > 1 => *e,
            _ => {
                let r = (rng.next_u64() >> (63 - bound)) as i64;
                (r - limit - 1).clamp(-limit, limit)
            }
        })
        .collect()
}
