//! Scripts on parties with a dealer in memory.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "a test may panic, and need not use everything"
)]

use piquet_core::Ring;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{PlainWeights, Spec};
use piquet_nn_ops::ledger::{Ledger, Phase};
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::semi2k::{Demand, Demands, Semi2k, Semi2kClient, Semi2kCost, Semi2kDealer};
use piquet_nn_ops::session::{Session, run_in_memory};
use piquet_nn_ops::transport::{Cast, Peer};

use crate::common::{Case, Outcome, Script, agreement, all, hold, plain, specs, walk};

/// Everyone of a run of so many parties.
pub(crate) fn cast(parties: usize) -> Cast {
    Cast::parties(parties).with_dealer().with_client()
}

/// What a case spends.
pub(crate) fn demand(parties: usize, case: &Case, script: &impl Script) -> Demand {
    let demands = Demands::new(parties, case.width());
    walk(demands, case, script).finish().unwrap()
}

/// What one peer of a run does, with randomness from `rng`.
pub(crate) fn peer<G: rand_core::CryptoRng>(
    session: Session,
    case: &Case,
    demand: &Demand,
    outputs: &[Spec],
    script: &impl Script,
    threads: usize,
    rng: &mut G,
) -> Result<Outcome, Error> {
    match case.width() {
        32 => peer_in::<u32, G>(session, case, demand, outputs, script, threads, rng),
        _ => peer_in::<u64, G>(session, case, demand, outputs, script, threads, rng),
    }
}

fn peer_in<R: Ring, G: rand_core::CryptoRng>(
    session: Session,
    case: &Case,
    demand: &Demand,
    outputs: &[Spec],
    script: &impl Script,
    threads: usize,
    rng: &mut G,
) -> Result<Outcome, Error> {
    let pool = Pool::new(threads)?;
    match session.me() {
        Peer::Client => {
            let mut client = Semi2kClient::<R>::new(session)?;
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
        }
        Peer::Dealer => {
            let mut dealer = Semi2kDealer::<R>::new(session, pool, rng)?;
            dealer.deal(demand)?;
            dealer.report()?;
            Ok(Outcome::Party(Box::new(dealer.finish()?)))
        }
        Peer::Party(_) => {
            let mut party = Semi2k::<R>::new(session, pool, demand, rng)?;
            all(&mut party, case, false, script)?;
            party.report()?;
            Ok(Outcome::Party(Box::new(party.finish()?)))
        }
    }
}

/// Outputs of a run in memory, whose ledgers are held to the plan.
pub(crate) fn semi2k(parties: usize, case: &Case, script: &impl Script) -> Vec<Vec<i64>> {
    semi2k_threads(parties, case, script, 1)
}

pub(crate) fn semi2k_threads(
    parties: usize,
    case: &Case,
    script: &impl Script,
    threads: usize,
) -> Vec<Vec<i64>> {
    let outputs = specs(case, script);
    let demand = demand(parties, case, script);
    let results = run_in_memory(cast(parties), &agreement(), |s| {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        peer(s, case, &demand, &outputs, script, threads, &mut rng)
    });
    let mut ledgers = Vec::new();
    let mut got = Vec::new();
    for r in results {
        match r.unwrap() {
            Outcome::Party(l) => ledgers.push(*l),
            Outcome::Client(v) => got = v,
        }
    }
    let dealer: Ledger = ledgers.pop().unwrap();
    let cost = walk(Semi2kCost::new(parties, case.width()), case, script);
    hold(cost.plan(), &ledgers);
    // What the dealer sent is what the plan has offline, beside a seed for each party and a farewell to everyone.
    let sent = |phase| -> u64 {
        let rows = dealer.phases().iter().filter(|r| r.phase == phase);
        rows.map(|r| r.bytes_sent).sum()
    };
    let layers: u64 = dealer.layers().iter().map(|r| r.bytes_sent).sum();
    let planned = cost.plan().total(Phase::Offline);
    assert_eq!(planned.bytes, layers, "what is dealt");
    assert!(sent(Phase::Offline) >= layers);
    assert_eq!(planned.rounds, 0, "it is there when the parties are");
    got
}

/// Parties agree with the oracle in 64 bits, and in 32 if everything fits; gives what they said in 64, and whether it
/// fitted.
pub(crate) fn agree(
    parties: usize,
    case: &Case,
    script: &impl Script,
    threads: usize,
) -> (Vec<Vec<i64>>, bool) {
    let got = semi2k_threads(parties, case, script, threads);
    assert_eq!(got, plain(case, script).unwrap(), "{parties} parties");
    let narrow = case
        .narrow()
        .and_then(|n| Some((plain(&n, script).ok()?, n)));
    let fits = narrow.is_some();
    if let Some((want, narrow)) = narrow {
        let said = semi2k_threads(parties, &narrow, script, threads);
        assert_eq!(said, want, "{parties} parties in 32 bits");
        assert_eq!(want, got);
    }
    (got, fits)
}
