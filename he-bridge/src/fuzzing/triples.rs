//! What comes to parties that make triples of elements.

use std::sync::{Arc, OnceLock};

use piquet_core::wire::{Encode, Header, Machine, Step};

use super::{SESSION, must, of_the_peer, prg};
use crate::kinds;
use crate::triples::elements::{Client, Elements, Server};

const BITS: u32 = 1;

/// Both parties, and the key message of the one.
struct Parties {
    elements: Arc<Elements>,
    client: Arc<Client>,
    server: Arc<Server>,
    keys: Vec<u8>,
}

fn parties() -> &'static Parties {
    static PARTIES: OnceLock<Parties> = OnceLock::new();
    PARTIES.get_or_init(|| {
        let elements = Arc::new(must(Elements::new(BITS)));
        let mut keys = Vec::new();
        let client = Client::new(elements.clone(), SESSION, &mut prg(1), &mut keys);
        Parties {
            server: must(Server::new(elements.clone(), SESSION, &keys)),
            elements,
            client,
            keys,
        }
    })
}

/// The first byte says to whom it comes: a server that reads keys, a server in a run, a client in a run. Where it is below 128, the rest
/// is the message; else it stands behind the header that is due, again and again up to the length that is due, of keys behind
/// the parameters too.
pub fn triples(data: &[u8]) {
    let Some((which, data)) = data.split_first() else {
        return;
    };
    let all = parties();
    let due = |kind: u8, step: u64, want: usize| {
        let mut out = Vec::new();
        if *which >= 128 {
            let session = SESSION;
            Header {
                kind,
                session,
                step,
            }
            .encode(&mut out);
            if kind == kinds::TRIPLE_KEYS {
                out.extend_from_slice(&all.keys[Header::LEN..][..size_of::<u64>()]);
            }
            let rest = want.saturating_sub(out.len());
            out.extend(data.iter().copied().cycle().take(rest));
        } else {
            out.extend_from_slice(data);
        }
        out
    };
    match which % 3 {
        0 => {
            let message = due(kinds::TRIPLE_KEYS, BITS.into(), all.elements.key_len());
            let read = Server::new(all.elements.clone(), SESSION, &message);
            if of_the_peer(read).is_some() {
                assert_eq!(message.len(), all.elements.key_len());
            }
        }
        1 => run(must(all.server.run::<u8, _>(0, 3, &mut prg(2))), |want| {
            due(kinds::TRIPLE_REQUEST, 0, want)
        }),
        _ => run(must(all.client.run::<u8, _>(0, 3, &mut prg(2))), |want| {
            due(kinds::TRIPLE_RESPONSE, 0, want)
        }),
    }
}

fn run<M>(mut machine: M, mut due: impl FnMut(usize) -> Vec<u8>)
where
    M: Machine<Error = crate::Error>,
{
    let mut inbox = Vec::new();
    loop {
        let fits = inbox.len() == machine.expects();
        let Some(step) = of_the_peer(machine.step(&inbox, &mut Vec::new())) else {
            return;
        };
        assert!(fits);
        inbox.clear();
        machine = match step {
            Step::Send(m) => m,
            Step::Recv(m) => {
                inbox = due(m.expects());
                m
            }
            Step::Done(_) => return,
        };
    }
}
