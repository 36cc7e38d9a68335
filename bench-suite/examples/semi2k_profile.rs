use piquet_bench_suite::zoo;
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::ledger::{Ledger, Phase};
use piquet_nn_ops::model::{Calibration, passes, quantize};
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::semi2k::*;
use piquet_nn_ops::session::{Agreement, run_in_memory};
use piquet_nn_ops::transport::{Cast, Peer};
use piquet_nn_ops::{Error, plan, run};
use std::collections::BTreeMap;

enum End {
    Party(Box<Ledger>),
    Client(Box<Ledger>, Vec<i64>),
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let name = args.get(1).map_or("resnet50", String::as_str);
    let n: usize = args.get(2).map_or(2, |s| s.parse().unwrap());
    let mode: Truncation = args
        .get(3)
        .map_or("stochastic", String::as_str)
        .parse()
        .unwrap();
    let size = args.get(4).map(|s| s.parse().unwrap());
    let t = std::time::Instant::now();
    let model = match size {
        Some(s) => zoo::build_sized(name, 1, 1, s),
        None => zoo::build(name, 1, 1),
    }
    .unwrap();
    let (graph, params) = passes::all(&model.graph, &model.params).unwrap();
    let samples = zoo::samples(&model.graph, 1).unwrap();
    let (program, params) = quantize(
        &graph,
        &params,
        &samples,
        Calibration {
            width: Some(32),
            ..Calibration::default()
        },
    )
    .unwrap();
    eprintln!("model {:.1}s", t.elapsed().as_secs_f64());
    let cost = plan::plan(Semi2kCost::new(n, 32), &program, mode).unwrap();
    for phase in [Phase::Setup, Phase::Offline, Phase::Online] {
        let t = cost.plan().total(phase);
        println!(
            "plan {phase:?}: {:.1} MB {} messages {} rounds",
            t.bytes as f64 / 1e6,
            t.messages,
            t.rounds
        );
    }
    let mut by_op: BTreeMap<(String, String), (u64, u32)> = BTreeMap::new();
    for r in cost.plan().rows() {
        let e = by_op
            .entry((format!("{:?}", r.phase), r.op.clone()))
            .or_default();
        e.0 += r.bytes;
        e.1 += r.rounds;
    }
    for (k, v) in &by_op {
        println!("  {k:?} {:.1} MB {} rounds", v.0 as f64 / 1e6, v.1);
    }
    println!(
        "memory {:.0} MB, macs {:.2} G",
        cost.memory_bytes() as f64 / 1e6,
        cost.macs() as f64 / 1e9
    );
    if args.get(5).is_some() {
        return;
    }
    let spec = run::input_spec(&program).unwrap();
    let unit = f64::from(1u32 << spec.format.frac());
    let raw: Vec<i64> = samples[0]
        .data()
        .iter()
        .map(|v| (f64::from(*v) * unit).round() as i64)
        .collect();
    let input = run::to_memory(&spec.shape, &raw);
    let agreement = Agreement {
        engine: "semi2k".into(),
        program: [0; 32],
        ring_bits: 32,
        options: [0; 32],
        computational_bits: 128,
        statistical_bits: 0,
    };
    let demand = demand(n, &program, mode).unwrap();
    let t = std::time::Instant::now();
    let ends = run_in_memory(
        Cast::parties(n).with_dealer().with_client(),
        &agreement,
        |session| -> Result<End, Error> {
            let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
            let pool = Pool::new(1)?;
            Ok(match session.me() {
                Peer::Client => {
                    let mut client = Semi2kClient::<u32>::new(session)?;
                    let y = client.infer(&program, &params, &input, &mut rng)?;
                    client.reports()?;
                    End::Client(Box::new(client.finish()?), y)
                }
                Peer::Dealer => {
                    let mut dealer = Semi2kDealer::<u32>::new(session, pool, &mut rng)?;
                    dealer.serve(&program, mode)?;
                    dealer.report()?;
                    End::Party(Box::new(dealer.finish()?))
                }
                Peer::Party(_) => {
                    let mut party = Semi2k::<u32>::new(session, pool, &demand, &mut rng)?;
                    run::infer(&mut party, &program, None, None, mode, &mut |_| {})?;
                    party.report()?;
                    End::Party(Box::new(party.finish()?))
                }
            })
        },
    );
    println!("wall {:.2}s", t.elapsed().as_secs_f64());
    for (i, e) in ends.into_iter().enumerate() {
        match e.unwrap() {
            End::Party(l) => {
                println!("peer {i}");
                for p in l.phases() {
                    println!(
                        "  {:?} {:.2}s {:.1} MB rounds {} rss {:.0} MB",
                        p.phase,
                        p.seconds,
                        p.bytes_sent as f64 / 1e6,
                        p.rounds(),
                        p.peak_rss as f64 / 1e6
                    );
                }
                let mut by: BTreeMap<(String, String), (f64, u64)> = BTreeMap::new();
                for r in l.layers() {
                    let e = by
                        .entry((format!("{:?}", r.phase), r.op.clone()))
                        .or_default();
                    e.0 += r.seconds;
                    e.1 += r.bytes_sent;
                }
                for (k, v) in by {
                    println!("    {k:?} {:.3}s {:.1} MB", v.0, v.1 as f64 / 1e6);
                }
            }
            End::Client(_, y) => {
                let top = y.iter().enumerate().max_by_key(|(_, v)| **v).map(|x| x.0);
                println!("client: top {top:?}");
                let mut plain = piquet_nn_ops::plain::Plain::new(Pool::new(2).unwrap());
                let want = run::infer(
                    &mut plain,
                    &program,
                    Some(&params),
                    Some(&input),
                    mode,
                    &mut |_| {},
                )
                .unwrap()
                .unwrap();
                let off = y.iter().zip(&want).map(|(a, b)| (a - b).abs()).max();
                println!(
                    "off by {off:?}, want top {:?}",
                    want.iter()
                        .enumerate()
                        .max_by_key(|(_, v)| **v)
                        .map(|x| x.0)
                );
            }
        }
    }
}
