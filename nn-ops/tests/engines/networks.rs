//! A whole program, with every operator: the parties against the oracle, the oracle against `f32`, the ledger
//! against the plan.

use crate::common::agreement;
use crate::net;
use piquet_core::Ring;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::ledger::{Ledger, Phase, Row, merge};
use piquet_nn_ops::model::{
    Calibration, Op, Program, QuantizedParams, Ranges, TensorF32, passes, quantize_as_is, reference,
};
use piquet_nn_ops::plain::Plain;
use piquet_nn_ops::plan::Plan;
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::rep3::{Rep3, Rep3Client, Rep3Cost};
use piquet_nn_ops::semi2k::{Semi2k, Semi2kClient, Semi2kCost, Semi2kDealer, demand};
use piquet_nn_ops::session::run_in_memory;
use piquet_nn_ops::transport::{Cast, Peer};
use piquet_nn_ops::{plan, run};

/// A picture as raw numbers in memory order.
fn raw(program: &Program, picture: &TensorF32) -> Vec<i64> {
    let spec = run::input_spec(program).unwrap();
    // Not clipped, so that what is too large is found where it is looked for.
    let unit = f64::from(1u32 << spec.format.frac());
    let raw: Vec<i64> = picture
        .data()
        .iter()
        .map(|v| (f64::from(*v) * unit).round() as i64)
        .collect();
    run::to_memory(&spec.shape, &raw)
}

fn oracle(
    program: &Program,
    params: &QuantizedParams,
    input: &[i64],
    mode: Truncation,
) -> Result<Vec<i64>, Error> {
    let mut plain = Plain::new(Pool::new(1)?);
    let got = run::infer(
        &mut plain,
        program,
        Some(params),
        Some(input),
        mode,
        &mut |_| {},
    )?;
    Ok(got.unwrap())
}

/// The result of three parties, after their accounts were held to the plan, row by row.
fn parties(
    program: &Program,
    params: &QuantizedParams,
    input: &[i64],
    mode: Truncation,
    threads: usize,
) -> Vec<i64> {
    match program.width().unwrap() {
        32 => parties_in::<u32>(program, params, input, mode, threads),
        _ => parties_in::<u64>(program, params, input, mode, threads),
    }
}

fn parties_in<R: Ring>(
    program: &Program,
    params: &QuantizedParams,
    input: &[i64],
    mode: Truncation,
    threads: usize,
) -> Vec<i64> {
    let ends = run_in_memory(
        Cast::parties(3).with_client(),
        &agreement(),
        |session| -> Result<End, Error> {
            let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
            if session.me() == Peer::Client {
                let mut client = Rep3Client::<R>::new(session)?;
                let y = client.infer(program, params, input, &mut rng)?;
                return Ok(End::Client(Box::new(client.finish()?), y));
            }
            let mut party = Rep3::<R>::new(session, Pool::new(threads)?, &mut rng)?;
            let y = run::infer(&mut party, program, None, None, mode, &mut |_| {})?;
            assert_eq!(y, None, "the result is the client's");
            Ok(End::Party(Box::new(party.finish()?)))
        },
    );
    let (ledgers, client, result) = sorted(ends);
    let cost = plan::plan(Rep3Cost::new(program.width().unwrap()), program, mode).unwrap();
    hold_to_plan(cost.plan(), &ledgers, client.layers());
    result
}

/// What became of a peer.
enum End {
    Party(Box<Ledger>),
    Client(Box<Ledger>, Vec<i64>),
}

/// Ledgers of the parties, and of the dealer after them; the client's; the result.
fn sorted(ends: Vec<Result<End, Error>>) -> (Vec<Ledger>, Ledger, Vec<i64>) {
    let (mut ledgers, mut client) = (Vec::new(), None);
    for end in ends {
        match end.unwrap() {
            End::Party(l) => ledgers.push(*l),
            End::Client(l, y) => client = Some((l, y)),
        }
    }
    let (client, result) = client.unwrap();
    (ledgers, *client, result)
}

/// The result of `n` parties with a dealer, after all their accounts were held to the plan.
fn semi2k<R: Ring>(
    n: usize,
    program: &Program,
    params: &QuantizedParams,
    input: &[i64],
    mode: Truncation,
) -> Vec<i64> {
    let demand = demand(n, program, mode).unwrap();
    let cast = Cast::parties(n).with_dealer().with_client();
    let ends = run_in_memory(cast, &agreement(), |session| -> Result<End, Error> {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let pool = Pool::new(1)?;
        Ok(match session.me() {
            Peer::Client => {
                let mut client = Semi2kClient::<R>::new(session)?;
                let y = client.infer(program, params, input, &mut rng)?;
                let reports = client.reports()?;
                assert_eq!(reports.len(), n + 1, "every party and the dealer");
                assert_eq!(reports[n].layers.len(), demand.layers().len());
                End::Client(Box::new(client.finish()?), y)
            }
            Peer::Dealer => {
                let mut dealer = Semi2kDealer::<R>::new(session, pool, &mut rng)?;
                dealer.serve(program, mode)?;
                dealer.report()?;
                End::Party(Box::new(dealer.finish()?))
            }
            Peer::Party(_) => {
                let mut party = Semi2k::<R>::new(session, pool, &demand, &mut rng)?;
                let y = run::infer(&mut party, program, None, None, mode, &mut |_| {})?;
                assert_eq!(y, None, "the result is the client's");
                party.report()?;
                End::Party(Box::new(party.finish()?))
            }
        })
    });
    let (mut ledgers, client, result) = sorted(ends);
    let dealer = ledgers.pop().unwrap();
    let cost = plan::plan(Semi2kCost::new(n, R::BITS), program, mode).unwrap();
    hold_to_plan(cost.plan(), &ledgers, client.layers());
    let dealt = cost
        .plan()
        .rows()
        .iter()
        .filter(|r| r.phase == Phase::Offline);
    let dealt: Vec<_> = dealt.collect();
    assert_eq!(dealt.len(), dealer.layers().len());
    for (plan, row) in dealt.into_iter().zip(dealer.layers()) {
        assert_eq!((&plan.name, &plan.op), (&row.name, &row.op));
        let spent = (row.bytes_sent, row.messages, row.rounds());
        assert_eq!((plan.bytes, plan.messages, plan.rounds), spent);
    }
    result
}

fn hold_to_plan(plan: &Plan, ledgers: &[Ledger], client: &[Row]) {
    let rows: Vec<&[Row]> = ledgers.iter().map(Ledger::layers).collect();
    let parties = merge(&rows).unwrap();
    // What a dealer does stands in its own account.
    let planned = plan.rows().iter().filter(|r| r.phase != Phase::Offline);
    let planned: Vec<_> = planned.collect();
    assert_eq!(planned.len(), parties.len());
    for (plan, row) in planned.into_iter().zip(&parties) {
        assert_eq!((&plan.name, &plan.op), (&row.name, &row.op));
        assert_eq!(plan.phase, row.phase, "{}", plan.name);
        // The client takes part in some layers: it hands over what it owns.
        let owner = client
            .iter()
            .find(|c| (&c.name, &c.op) == (&row.name, &row.op));
        let (bytes, messages) = owner.map_or((0, 0), |c| (c.bytes_sent, c.messages));
        let deepest = owner.map_or(0, |c| c.depth_after);
        let rounds = row.depth_after.max(deepest) - row.depth_before;
        assert_eq!(plan.bytes, row.bytes_sent + bytes, "bytes of {}", plan.name);
        assert_eq!(
            plan.messages,
            row.messages + messages,
            "messages of {}",
            plan.name
        );
        assert_eq!(plan.rounds, rounds, "rounds of {}", plan.name);
    }
}

fn in_ring(width: u32) -> Calibration {
    Calibration {
        width: Some(width),
        ..Calibration::default()
    }
}

#[test]
fn parties_agree_with_the_oracle_bit_by_bit() {
    let cases = [(1, 1, true), (1, 2, false), (2, 1, false), (2, 2, true)];
    for (i, (batch, threads, argmax)) in cases.into_iter().enumerate() {
        let mut graph = net::graph(batch);
        if argmax {
            graph = graph.with_argmax().unwrap();
        }
        let (program, params) =
            net::program(&graph, &net::params(&graph, 1), in_ring([32, 64][i / 2]));
        let input = raw(&program, &net::picture(&graph, 7));
        for mode in [Truncation::Exact, Truncation::Nearest] {
            assert_eq!(
                parties(&program, &params, &input, mode, threads),
                oracle(&program, &params, &input, mode).unwrap(),
                "batch {batch}, {threads} threads, {mode:?}"
            );
        }
    }
}

/// The same for any number of parties with a dealer.
#[test]
fn parties_with_a_dealer_agree_with_the_oracle_bit_by_bit() {
    let graph = net::graph(1).with_argmax().unwrap();
    for (parties, width) in [(2, 32), (3, 64), (2, 64), (10, 32)] {
        let (program, params) = net::program(&graph, &net::params(&graph, 1), in_ring(width));
        let input = raw(&program, &net::picture(&graph, 7));
        for mode in [Truncation::Exact, Truncation::Nearest] {
            let got = match width {
                32 => semi2k::<u32>(parties, &program, &params, &input, mode),
                _ => semi2k::<u64>(parties, &program, &params, &input, mode),
            };
            let want = oracle(&program, &params, &input, mode).unwrap();
            assert_eq!(got, want, "{parties} parties, {width} bits, {mode:?}");
        }
    }
}

/// The other two truncations are off by at most one unit for each rescaling on the way: close to the oracle, and often
/// not equal to it.
#[test]
fn random_truncations_stay_close_and_keep_to_the_plan() {
    let graph = net::graph(2);
    for (mode, width) in [
        (Truncation::Stochastic, 32),
        (Truncation::Stochastic, 64),
        (Truncation::Local, 64),
    ] {
        let (program, params) = net::program(&graph, &net::params(&graph, 2), in_ring(width));
        let input = raw(&program, &net::picture(&graph, 8));
        let want = oracle(&program, &params, &input, mode).unwrap();
        let got = parties(&program, &params, &input, mode, 2);
        let off = got.iter().zip(&want).map(|(g, w)| (g - w).abs()).max();
        assert!((1..64).contains(&off.unwrap()), "{mode:?}: off by {off:?}");
        let got = match width {
            32 => semi2k::<u32>(2, &program, &params, &input, mode),
            _ => semi2k::<u64>(2, &program, &params, &input, mode),
        };
        let off = got.iter().zip(&want).map(|(g, w)| (g - w).abs()).max();
        assert!((1..64).contains(&off.unwrap()), "{mode:?}: off by {off:?}");
    }
}

#[test]
fn every_operator_is_there() {
    let graph = net::graph(1).with_argmax().unwrap();
    let (program, _) = net::program(&graph, &net::params(&graph, 1), Calibration::default());
    let names: Vec<_> = program.iter().map(|(n, ..)| n.op.name()).collect();
    for op in [
        "conv",
        "linear",
        "channel_affine",
        "relu",
        "max_pool",
        "avg_pool",
        "global_avg_pool",
        "add",
        "concat",
        "flatten",
        "clip",
        "leaky_relu",
        "sub",
        "mul",
        "view",
        "pad",
        "argmax",
    ] {
        assert!(names.contains(&op), "{op} is not in {names:?}");
    }
}

/// With twelve and fourteen bits behind the point the logits of a network this deep are off by less than a hundredth
/// of their range; rounding to nearest is the better of the two.
#[test]
fn the_oracle_is_close_to_the_reference() {
    for seed in 0..4 {
        let graph = net::graph(2);
        let params = net::params(&graph, seed);
        let (program, raw_params) = net::program(&graph, &params, Calibration::default());
        let picture = net::picture(&graph, 50 + seed);
        let want = reference::run(&graph, &params, &picture).unwrap();
        let range = want.data().iter().fold(0f32, |m, v| m.max(v.abs()));
        let off = |mode| {
            let got = oracle(&program, &raw_params, &raw(&program, &picture), mode).unwrap();
            let spec = run::output_spec(&program).unwrap();
            let got = run::to_logical(&spec.shape, &got);
            let off = got
                .iter()
                .zip(want.data())
                .map(|(g, w)| (spec.format.decode(*g) as f32 - w).abs());
            off.fold(0f32, f32::max) / range
        };
        let (nearest, exact) = (off(Truncation::Nearest), off(Truncation::Exact));
        assert!(nearest < 0.01 && exact < 0.02, "{nearest} {exact}");
    }
}

/// A range that calibration got wrong is an error that names the layer, whichever layer it is.
#[test]
fn an_overflow_names_its_layer() {
    let graph = net::graph(1);
    let (graph, params) = passes::all(&graph, &net::params(&graph, 3)).unwrap();
    let picture = net::picture(&graph, 9);
    let samples = [picture.clone()];
    let mut tried = 0;
    for (i, node) in graph.nodes().iter().enumerate() {
        // The least bound there is, on this layer alone.
        let mut max_abs = vec![100.0; graph.nodes().len()];
        max_abs[i] = 0.0;
        let ranges = Ranges::declared(&graph, max_abs).unwrap();
        let (program, raw_params) =
            quantize_as_is(&graph, &params, &ranges, Calibration::default()).unwrap();
        let input = raw(&program, &picture);
        let name = if i == 0 { "input" } else { &node.name };
        match oracle(&program, &raw_params, &input, Truncation::Nearest) {
            Err(Error::Overflow { layer, bound, .. }) => {
                assert_eq!((layer.as_str(), bound), (name, 4));
                tried += 1;
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    assert_eq!(tried, graph.nodes().len());
    // And calibrated on the very picture, nothing overflows.
    let ranges = Ranges::observed(&graph, &params, &samples).unwrap();
    let (program, raw_params) =
        quantize_as_is(&graph, &params, &ranges, Calibration::default()).unwrap();
    oracle(
        &program,
        &raw_params,
        &raw(&program, &picture),
        Truncation::Nearest,
    )
    .unwrap();
    assert!(
        graph
            .nodes()
            .iter()
            .all(|n| !matches!(n.op, Op::BatchNorm(_)))
    );
}
