//! Whole programs: three parties and a client against the oracle, and every row of their ledgers against the plan.
use piquet_core::Ring;
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::ledger::{self, Ledger};
use piquet_nn_ops::model::{
    Arithmetic, Calibration, Conv, Fill, Format, Function, Graph, GraphBuilder, Mask, ModelError,
    Op, Params, Program, QuantizedParams, Role, Shape, Step, Tensor, TensorF32, expected, quantize,
    reference,
};
use piquet_nn_ops::plain::Plain;
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::rep3::{Rep3, Rep3Client, Rep3Cost};
use piquet_nn_ops::session::{Agreement, Session, run_in_memory};
use piquet_nn_ops::transport::{Cast, Peer};
use piquet_nn_ops::{Error, plan, run};

/// Norms behind a convolution and, as in DenseNet, before a ReLU; one of the latter with factors of both signs.
fn network() -> (Graph, Params, TensorF32) {
    let mut g = GraphBuilder::new("dense", Shape::nchw(1, 3, 6, 6).unwrap());
    let x = g.input();
    let n = g.batch_norm("norm1", x);
    let n = g.relu("relu1", n);
    let y = g.conv("conv1", n, Conv::new(8, 1));
    let y = g.batch_norm("norm2", y);
    let y = g.relu("relu2", y);
    let y = g.conv("conv2", y, Conv::new(4, 3).padding(1));
    let c = g.concat("concat", &[x, y]);
    let n = g.batch_norm("norm3", c);
    let n = g.relu("relu3", n);
    let y = g.conv("conv3", n, Conv::new(5, 1).bias());
    let y = g.global_avg_pool("mean", y);
    let y = g.flatten("flatten", y);
    let g = g.finish(y).unwrap();
    let mut p = Params::new();
    let noise = |shape: Shape, seed: usize| {
        let n = shape.elements();
        let v = (0..n).map(|k| ((k * 7919 + seed * 31) % 101) as f32 / 50.0 - 1.0);
        Tensor::new(shape, v.collect()).unwrap()
    };
    for (i, node) in g.nodes().iter().enumerate() {
        for (role, shape) in expected(&g, node).unwrap() {
            let mut t = noise(shape, i * 8 + role as usize);
            let positive = role == Role::Var || (role == Role::Gamma && node.name != "norm3");
            if positive {
                t.data_mut().iter_mut().for_each(|v| *v = v.abs() + 0.1);
            }
            p.insert(&node.name, role, t);
        }
    }
    let x = noise(g.input_shape().unwrap().clone(), 5);
    (g, p, x)
}

enum Outcome {
    Party(Ledger),
    Client(Ledger, Vec<i64>),
}

fn peer(
    session: Session,
    program: &Program,
    params: &QuantizedParams,
    input: &[i64],
    mode: Truncation,
) -> Result<Outcome, Error> {
    match program.width()? {
        32 => peer_in::<u32>(session, program, params, input, mode),
        _ => peer_in::<u64>(session, program, params, input, mode),
    }
}

fn peer_in<R: Ring>(
    session: Session,
    program: &Program,
    params: &QuantizedParams,
    input: &[i64],
    mode: Truncation,
) -> Result<Outcome, Error> {
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    if session.me() == Peer::Client {
        let mut client = Rep3Client::<R>::new(session)?;
        let result = client.infer(program, params, input, &mut rng)?;
        Ok(Outcome::Client(client.finish()?, result))
    } else {
        let mut party = Rep3::<R>::new(session, Pool::new(1)?, &mut rng)?;
        run::infer(&mut party, program, None, None, mode, &mut |_| {})?;
        Ok(Outcome::Party(party.finish()?))
    }
}

#[test]
fn norms_before_relus_are_right_and_planned() {
    let (g, p, x) = network();
    let want = reference::run(&g, &p, &x).unwrap();
    let (low, high) = want.range();
    let mut bytes = Vec::new();
    for disclose_positive_scales in [false, true] {
        let calibration = Calibration {
            disclose_positive_scales,
            ..Calibration::default()
        };
        let samples = std::slice::from_ref(&x);
        let (program, params) = quantize(&g, &p, samples, calibration).unwrap();
        let names = program.graph().nodes().iter();
        let names: Vec<&str> = names.map(|n| n.name.as_str()).collect();
        assert_eq!(names.contains(&"relu1.sides"), !disclose_positive_scales);
        assert!(names.contains(&"relu3.sides"));
        let again = Program::from_json(&program.to_json().unwrap()).unwrap();
        assert_eq!(again, program);

        let spec = run::input_spec(&program).unwrap();
        let raw = x.data().iter().map(|v| spec.format.encode(f64::from(*v)));
        let input = run::to_memory(&spec.shape, &raw.collect::<Vec<_>>());
        let mode = Truncation::Exact;
        let mut plain = Plain::new(Pool::new(1).unwrap());
        let oracle = run::infer(
            &mut plain,
            &program,
            Some(&params),
            Some(&input),
            mode,
            &mut |_| {},
        );
        let oracle = oracle.unwrap().unwrap();
        let format = program.output_format().unwrap();
        for (got, want) in oracle.iter().zip(want.data()) {
            let off = format.decode(*got) as f32 - want;
            assert!(off.abs() < 0.005 * (high - low), "{off} of {low} to {high}");
        }

        let agreement = Agreement {
            engine: "rep3".into(),
            program: program.digest().unwrap(),
            ring_bits: 64,
            options: [0; 32],
            computational_bits: 128,
            statistical_bits: 0,
        };
        let peers = run_in_memory(Cast::parties(3).with_client(), &agreement, |s| {
            peer(s, &program, &params, &input, mode)
        });
        let (mut ledgers, mut client) = (Vec::new(), None);
        for outcome in peers {
            match outcome.unwrap() {
                Outcome::Party(l) => ledgers.push(l),
                Outcome::Client(l, result) => {
                    assert_eq!(result, oracle);
                    client = Some(l);
                }
            }
        }
        bytes.push(hold_to_plan(&program, mode, &ledgers, &client.unwrap()));
    }
    // The same online, less to share before.
    assert_eq!(bytes[0].1, bytes[1].1);
    assert!(bytes[0].0 > bytes[1].0);
}

/// Bytes of set-up and of everything after it.
fn hold_to_plan(
    program: &Program,
    mode: Truncation,
    parties: &[Ledger],
    client: &Ledger,
) -> (u64, u64) {
    let cost = plan::plan(Rep3Cost::new(program.width().unwrap()), program, mode).unwrap();
    let rows: Vec<_> = parties.iter().map(Ledger::layers).collect();
    let mut merged = ledger::merge(&rows).unwrap();
    for c in client.layers() {
        let same = |r: &&mut ledger::Row| (r.phase, &r.name, &r.op) == (c.phase, &c.name, &c.op);
        merged.iter_mut().find(same).unwrap().bytes_sent += c.bytes_sent;
    }
    let mut sums = (0, 0);
    for r in &merged {
        let mut planned = cost.plan().rows().iter();
        let p = planned.find(|p| (p.phase, &p.name, &p.op) == (r.phase, &r.name, &r.op));
        assert_eq!(p.unwrap().bytes, r.bytes_sent, "{} {}", r.name, r.op);
        match r.phase {
            ledger::Phase::Setup => sums.0 += r.bytes_sent,
            _ => sums.1 += r.bytes_sent,
        }
    }
    sums
}

/// Constants of functions take time to derive, and a program may come from a stranger.
#[test]
fn too_many_functions_are_refused_before_any_is_made() {
    let program = |nodes: usize, formats: u64| {
        let mut g = GraphBuilder::new("functions", Shape::new(&[1, 1]).unwrap());
        let mut x = g.input();
        let mut steps = vec![Step {
            format: Format::z64(16, 20).unwrap(),
            arithmetic: Arithmetic::Exact,
        }];
        let mut noise = 1u64;
        for i in 0..nodes {
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let f = [Function::Sigmoid, Function::Tanh][i % 2];
            x = g.node(&format!("f{i}"), Op::Function(f), &[x]);
            steps.push(Step {
                format: Format::z64(16, 20 + ((noise >> 32) % formats) as u32).unwrap(),
                arithmetic: Arithmetic::Function,
            });
        }
        Program::new(g.finish(x).unwrap(), steps)
    };
    let begun = std::time::Instant::now();
    assert!(
        matches!(program(16_000, 36), Err(ModelError::Graph { graph, reason })
        if graph == "functions" && reason.contains("256 functions"))
    );
    // Thousands of them would take a minute.
    assert!(begun.elapsed().as_secs_f64() < 10.0);
    // Equal functions are made once, however many there are.
    assert!(program(16_000, 1).is_ok());
    assert!(begun.elapsed().as_secs_f64() < 20.0);
}

/// A constant beyond a format of more bits than a double has becomes its end, not the number after it.
#[test]
fn constants_beyond_a_wide_format_are_its_ends() {
    let mut g = GraphBuilder::new("wide", Shape::new(&[2, 2]).unwrap());
    let x = g.input();
    let fill = |value| {
        Op::Fill(Fill {
            keep: Mask::Causal,
            value,
        })
    };
    let low = g.node("low", fill(-1e30), &[x]);
    let high = g.node("high", fill(1e30), &[low]);
    let g = g.finish(high).unwrap();
    let step = |bound| Step {
        format: Format::z64(0, bound).unwrap(),
        arithmetic: Arithmetic::Exact,
    };
    let program = Program::new(g, vec![step(57), step(57), step(57)]).unwrap();
    let mut plain = Plain::new(Pool::new(1).unwrap());
    let mut run = |program: &Program| {
        let params = QuantizedParams::new();
        let input = Some(&[1, 2, 3, 4][..]);
        let mode = Truncation::Exact;
        run::infer(&mut plain, program, Some(&params), input, mode, &mut |_| {})
    };
    let end = (1 << 57) - 1;
    assert_eq!(run(&program).unwrap().unwrap(), [1, end, 3, 4]);
}
