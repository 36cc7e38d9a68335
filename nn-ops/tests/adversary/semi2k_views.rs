//! What all parties but one see together is noise, whatever the secrets are; and the dealer sees nothing.
//!
//! One party is honest. Everything that the others know or can compute is held fixed over all runs: their generators, their
//! seeds with the dealer and with the client, and all seeds among the parties. Only the honest party's seeds with dealer and
//! client change. Every byte that the honest party, the dealer and the client then send to the others must be uniform,
//! at the edges of the inputs' range as in its middle: a simulator that knows the others' shares can make the same view
//! without the inputs. The statistics and their rate of false alarms are those of `views`.

use crate::common;
use crate::common::{Case, Outcome, Script, specs};
use crate::dealt::{cast, demand, peer};
use crate::everything;
use crate::everything::{Everything, Functions, Whole, case};
use crate::noise::{Parts, View, Views, watched};
use piquet_nn_ops::Error;
use piquet_nn_ops::session::{Limits, Session};
use piquet_nn_ops::transport::Peer;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Messages between two parties before the engine's first: two of the handshake, and the seeds.
const PREAMBLE: u64 = 3;
/// Messages of the dealer and of the client to a party before its first share: two of the handshake, and a seed.
const SEEDED: u64 = 3;

/// What changes from run to run.
#[derive(Clone, Copy)]
enum Changes {
    /// The seeds of this party with dealer and client.
    Honest(usize),
    /// The seeds among the parties.
    Parties,
}

/// What `receiver` is sent in one run.
fn view(
    parties: usize,
    case: &Case,
    script: &impl Script,
    receiver: Peer,
    changes: Changes,
    run: usize,
) -> View {
    let outputs = specs(case, script);
    let demand = demand(parties, case, script);
    let (links, seen) = watched(cast(parties), receiver);
    std::thread::scope(|scope| {
        let peers: Vec<_> = links
            .into_iter()
            .enumerate()
            .map(|(me, links)| {
                let (outputs, demand) = (&outputs, &demand);
                scope.spawn(move || -> Result<Outcome, Error> {
                    let mut nonces = ChaCha20Rng::seed_from_u64(me as u64);
                    let agreement = common::agreement();
                    let session =
                        Session::establish(links, &agreement, Limits::default(), &mut nonces)?;
                    let mut parts = Parts::new(me, run);
                    match changes {
                        // Dealer and client draw one seed for each party.
                        Changes::Honest(party) if me >= parties => parts.change(party),
                        Changes::Parties if me < parties => parts.change_all(),
                        Changes::Honest(_) | Changes::Parties => {}
                    }
                    peer(session, case, demand, outputs, script, 1, &mut parts)
                })
            })
            .collect();
        for p in peers {
            p.join().unwrap().unwrap();
        }
    });
    let mut seen = seen.lock().unwrap();
    core::mem::take(&mut *seen)
}

/// What `receiver` hears of whoever is honest: the party of this number, the dealer and the client, but for seeds.
fn views(parties: usize, case: &Case, script: &impl Script, receiver: u8, honest: u8) -> Views {
    let changes = Changes::Honest(usize::from(honest));
    Views::gather(
        |run| view(parties, case, script, Peer::party(receiver), changes, run),
        |from, index, payload| {
            let first = match from {
                Peer::Party(id) if id.0 != honest => return None,
                Peer::Party(_) => PREAMBLE,
                Peer::Dealer | Peer::Client => SEEDED,
            };
            (index >= first).then_some(payload)
        },
    )
}

/// Inputs and weights that differ as much as they can: all zeros, the largest, and a mixture.
fn cases() -> [Case; 3] {
    [
        case(|_| 0),
        case(|_| 255),
        case(|i| (i as i64 * 37) % 511 - 255),
    ]
}

fn is_noise(parties: usize, case: &Case, script: &impl Script, receiver: u8, honest: u8) {
    let views = views(parties, case, script, receiver, honest);
    for from in [Peer::party(honest), Peer::Dealer, Peer::Client] {
        let heard = views.messages.keys().any(|(f, _)| *f == from);
        assert!(heard, "{from} says something");
    }
    let faults = views.faults();
    assert!(
        faults.is_empty(),
        "{} {:#?}",
        faults.len(),
        &faults[..faults.len().min(8)]
    );
}

#[test]
fn party_0_of_two_sees_noise() {
    for case in cases() {
        is_noise(2, &case, &Everything, 0, 1);
    }
}

#[test]
fn party_1_of_two_sees_noise() {
    for case in cases() {
        is_noise(2, &case, &Everything, 1, 0);
    }
}

#[test]
fn two_of_three_see_noise() {
    let [_, edge, _] = cases();
    for (receiver, honest) in [(0, 2), (1, 2), (0, 1)] {
        is_noise(3, &edge, &everything::ForMany, receiver, honest);
    }
}

/// Operands that are opened once for several products, bits and their sums, powers.
#[test]
fn functions_show_noise() {
    let [_, edge, _] = cases();
    is_noise(2, &edge, &Functions, 0, 1);
    is_noise(3, &edge, &Functions, 1, 2);
}

/// Exponentials by the engine's own powers, inverse roots, and softmax.
#[test]
fn whole_functions_show_noise() {
    let [_, edge, _] = cases();
    is_noise(2, &edge, &Whole, 1, 0);
}

/// The dealer is told nothing, whatever is computed.
#[test]
fn the_dealer_sees_the_handshake_alone() {
    let [_, edge, _] = cases();
    let seen = view(2, &edge, &Everything, Peer::Dealer, Changes::Parties, 0);
    assert_eq!(seen.len(), 2 * 3, "{:?}", seen.keys());
    assert!(seen.keys().all(|(_, index)| *index < 2));
}

/// What the client learns beside its result: of n shares it knows the sum, so all but one must be noise.
#[test]
fn the_client_sees_its_result_and_noise() {
    let [.., case] = cases();
    let outputs = specs(&case, &Everything).len() as u64;
    let results = 2..2 + outputs;
    let views = Views::gather(
        |run| view(2, &case, &Everything, Peer::Client, Changes::Parties, run),
        |from, index, payload| {
            (from == Peer::party(1) && results.contains(&index)).then_some(payload)
        },
    );
    assert_eq!(views.messages.len() as u64, outputs);
    assert_eq!(views.faults(), Vec::<String>::new());
}
