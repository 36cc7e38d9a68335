//! What the fuzz targets run: every door of this crate through which bytes of others come, and the scheme at every level of the
//! processor. Panics are findings.

mod triples;

use std::sync::{Arc, OnceLock};

use piquet_core::cpu::Level;
use piquet_core::linalg::ConvShape;
use piquet_core::wire::{Encode, Header, Machine, SessionId, Step};
use piquet_core::{Block, Prg};

use crate::encoding::Encoding;
use crate::linear::{Layer, client, server};
use crate::map::Map;
use crate::{Backend, CipherModulus, Error, Mode, Native, Params, PlainModulus, kinds};
pub use triples::triples;

const SESSION: SessionId = SessionId([6; 32]);
const WEIGHT: u64 = 7;

fn prg(seed: u128) -> Prg {
    Prg::new(Block::from_u128(seed))
}

/// What no input of a fuzzer can cause.
fn must<T>(result: Result<T, Error>) -> T {
    result.unwrap_or_else(|e| unreachable!("{e}"))
}

/// Anything but what a peer's bytes can cause is a finding.
fn of_the_peer<T>(result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(t) => Some(t),
        Err(Error::Message(_) | Error::Mismatch(_)) => None,
        Err(e) => unreachable!("{e}"),
    }
}

/// Each kind of ciphertexts, with a layer of few polynomials.
fn layers() -> &'static [Layer<Native>] {
    static LAYERS: OnceLock<Vec<Layer<Native>>> = OnceLock::new();
    LAYERS.get_or_init(|| {
        let shape = ConvShape::matmul(1, 4, 3);
        let of = |degree, q, t, mode| {
            let encoding = must(Encoding::new(&shape, degree));
            let params = must(Params::new(degree, t, q, mode, encoding.bound(WEIGHT)));
            must(Layer::new(Arc::new(Native::new(params)), encoding))
        };
        let (exact, approximate) = (Mode::Exact, Mode::Approximate);
        let (byte, twenty) = (PlainModulus::Bits(8), PlainModulus::Bits(20));
        let prime = PlainModulus::Prime(1_000_003);
        vec![
            of(2048, CipherModulus::primes(2048, 50, 1), byte, approximate),
            of(2048, CipherModulus::Word(52), byte, approximate),
            of(4096, CipherModulus::primes(4096, 35, 3), twenty, exact),
            of(4096, CipherModulus::Limbs(2), prime, exact),
        ]
    })
}

/// A layer, a client's key for it, and its message.
struct Setting {
    layer: &'static Layer<Native>,
    key: client::Key<Native>,
    message: Vec<u8>,
}

/// The layer that the first byte names, and what is left of the bytes.
fn setting(data: &[u8]) -> Option<(Setting, &[u8])> {
    let (which, data) = data.split_first()?;
    let layer = &layers()[usize::from(*which) % layers().len()];
    let mut message = Vec::new();
    let key = client::Key::new(&**layer.backend(), SESSION, 0, &mut prg(1), &mut message);
    let setting = Setting {
        layer,
        key,
        message,
    };
    Some((setting, data))
}

/// Its first byte even: `data` as it comes. Odd: behind the header that is due, again and again up to the length that is due.
fn message(kind: u8, data: &[u8], want: usize) -> Vec<u8> {
    let Some((how, data)) = data.split_first() else {
        return Vec::new();
    };
    if how & 1 == 0 {
        return data.to_vec();
    }
    let (session, step) = (SESSION, 0);
    let mut out = Vec::new();
    Header {
        kind,
        session,
        step,
    }
    .encode(&mut out);
    let rest = want.saturating_sub(out.len());
    match data {
        [] => out.resize(want, 0),
        data => out.extend(data.iter().copied().cycle().take(rest)),
    }
    out
}

/// A client's public key. The first byte says for which parameters; a second of 3 puts the tag that is due before the rest.
pub fn public_key(data: &[u8]) {
    let Some((
        Setting {
            layer,
            message: good,
            ..
        },
        data,
    )) = setting(data)
    else {
        return;
    };
    let backend = &**layer.backend();
    let mut m = message(kinds::PUBLIC_KEY, data, good.len());
    if data.first() == Some(&3) {
        let tag = Header::LEN..Header::LEN + size_of::<u64>();
        m[tag.clone()].copy_from_slice(&good[tag]);
    }
    if of_the_peer(server::PublicKey::read(backend, SESSION, 0, &m)).is_some() {
        assert_eq!(m.len(), good.len());
    }
}

/// What comes to a server. The first byte says for which layer; the rest is the opening if the next one is below 128, else ciphertexts
/// behind a good opening.
pub fn server(data: &[u8]) {
    let Some((
        Setting {
            layer,
            key,
            message: good,
        },
        data,
    )) = setting(data)
    else {
        return;
    };
    let public = must(server::PublicKey::read(
        &**layer.backend(),
        SESSION,
        0,
        &good,
    ));
    let shape = layer.encoding().shape();
    let weights: Vec<i64> = (0..shape.weight_len())
        .map(|i| (i % 13) as i64 - 6)
        .collect();
    let weights = must(server::Weights::new(layer, &weights));
    let x = vec![5; layer.input_len()];
    let new = server::Product::new(layer, &public, &weights, 0, Some(&x), &mut prg(2));
    let mut opening = Vec::new();
    let peer = must(client::Product::new(layer, &key, 0, &x, &mut prg(3)));
    must(peer.step(&[], &mut opening).map(drop));
    let honest = data.first().is_some_and(|b| *b >= 128);
    let mut openings = 0;
    run(must(new), layer, |want| {
        openings += 1;
        match (openings, honest) {
            (1, true) => opening.clone(),
            (1, false) => message(kinds::OPENING, data, want),
            _ => message(kinds::REQUEST, data, want),
        }
    });
}

/// What comes to a client. The first byte says for which layer, the rest is the responses.
pub fn client(data: &[u8]) {
    let Some((Setting { layer, key, .. }, data)) = setting(data) else {
        return;
    };
    let x = vec![5; layer.input_len()];
    let machine = must(client::Product::new(layer, &key, 0, &x, &mut prg(3)));
    run(machine, layer, |want| message(kinds::RESPONSE, data, want));
}

/// Runs a machine to its end: what it takes is of the length that it expects, and its share of residues.
fn run<M>(mut machine: M, layer: &Layer<Native>, mut due: impl FnMut(usize) -> Vec<u8>)
where
    M: Machine<Output = piquet_core::RingVec<u64>, Error = Error>,
{
    let mut inbox = Vec::new();
    loop {
        let want = machine.expects();
        let fits = inbox.len() == want;
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
            Step::Done(share) => {
                let t = layer.backend().params().plain();
                assert_eq!(share.len(), layer.output_len());
                assert!(share.as_slice().iter().all(|x| t.reduce(*x) == *x));
                return;
            }
        }
    }
}

/// Keys, encryptions, products and results at every level of the processor. The first byte says for which parameters; messages and
/// weights are the rest, again and again.
pub fn levels(data: &[u8]) {
    static BACKENDS: OnceLock<Vec<Vec<Native>>> = OnceLock::new();
    let Some((which, data)) = data.split_first() else {
        return;
    };
    let all = BACKENDS.get_or_init(|| {
        let at = |layer: &Layer<Native>| {
            let params = layer.backend().params();
            Level::all()
                .map(|l| Native::with_level(params.clone(), l))
                .collect()
        };
        layers().iter().map(at).collect()
    });
    let backends = &all[usize::from(*which) % all.len()];
    let Some((first, rest)) = backends.split_first() else {
        return;
    };
    let want = bytes(first, data);
    for other in rest {
        assert!(bytes(other, data) == want);
    }
}

/// All that a backend sends and finds, for these messages and weights.
fn bytes(he: &Native, data: &[u8]) -> Vec<u8> {
    let (params, rng) = (he.params(), &mut prg(4));
    let n = params.degree();
    let mut given = data.iter().copied().chain([1, 2, 3]).cycle();
    let mut byte = || given.next().unwrap_or(0);
    let mut out = Vec::new();
    let key = he.secret_key(rng);
    he.public_key(&key, rng, &mut out);
    let Ok(public) = he.read_public_key(&out) else {
        unreachable!("a public key of our own")
    };
    let mut inputs = Vec::new();
    for index in 0..2 {
        let mut polynomial = || -> Vec<u64> {
            let words = (0..n).map(|_| u64::from_le_bytes([(); 8].map(|()| byte())));
            words.map(|x| params.plain().reduce(x)).collect()
        };
        let (a, b) = (polynomial(), polynomial());
        let begin = out.len();
        he.encrypt(&key, &[7; 32], index, &a, rng, &mut out);
        let Ok(mut c) = he.read(&[7; 32], index, &out[begin..]) else {
            unreachable!("a ciphertext of our own")
        };
        he.add(&mut c, &b);
        inputs.push(c);
    }
    // As many terms as the parameters allow: 4, two of each input.
    let map = Map {
        ins: 2,
        outs: 2,
        exponents: vec![u32::from(byte()), 256 + u32::from(byte())],
    };
    let span = 2 * WEIGHT + 1;
    let values: Vec<i64> = (0..map.values())
        .map(|_| (u64::from(byte()) % span) as i64 - WEIGHT as i64)
        .collect();
    let weights = must(he.prepare(&map, &values));
    let positions: Vec<u32> = (0..n as u32).filter(|p| p % 5 == 1).collect();
    let mut share = vec![0; positions.len()];
    for c in he.multiply(&inputs, &weights, 0..2) {
        let begin = out.len();
        he.respond(&public, c, &positions, &mut share, rng, &mut out);
        share
            .iter()
            .for_each(|x| out.extend_from_slice(&x.to_le_bytes()));
        let end = begin + he.response_len(positions.len());
        let response = out[begin..end].to_vec();
        assert!(he.decrypt(&key, &response, &positions, &mut share).is_ok());
        share
            .iter()
            .for_each(|x| out.extend_from_slice(&x.to_le_bytes()));
    }
    out
}
