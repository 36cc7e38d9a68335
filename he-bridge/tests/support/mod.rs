//! Two parties with one layer, from a seed.
#![allow(dead_code, reason = "each test uses a part")]

use std::sync::Arc;

use piquet_core::linalg::ConvShape;
use piquet_core::wire::SessionId;
use piquet_core::{Block, Prg};
use piquet_he_bridge::encoding::Encoding;
use piquet_he_bridge::linear::{Layer, client, server};
use piquet_he_bridge::{CipherModulus, Mode, Native, Params, PlainModulus};

pub(crate) const SESSION: SessionId = SessionId([4; 32]);
pub(crate) const BITS: u32 = 20;

pub(crate) fn prg(x: u128) -> Prg {
    Prg::new(Block::from_u128(x))
}

/// 3x3 over two tiles and two groups; so small that nothing takes long.
pub(crate) fn shape() -> ConvShape {
    ConvShape {
        batch: 2,
        input: [4, 5],
        in_channels: 4,
        out_channels: 6,
        kernel: [3, 3],
        stride: [1, 2],
        padding: [1; 4],
        dilation: [1; 2],
        groups: 2,
    }
}

pub(crate) fn layer(shape: &ConvShape, q: CipherModulus, mode: Mode, weight: u64) -> Layer<Native> {
    let encoding = Encoding::new(shape, 4096).unwrap();
    let bound = encoding.bound(weight);
    let params = Params::new(4096, PlainModulus::Bits(BITS), q, mode, bound).unwrap();
    Layer::new(Arc::new(Native::new(params)), encoding).unwrap()
}

pub(crate) fn primes() -> CipherModulus {
    CipherModulus::primes(4096, 50, 2)
}

/// Weights within 63.
pub(crate) fn weights(shape: &ConvShape, seed: u64) -> Vec<i64> {
    (0..shape.weight_len() as u64)
        .map(|i| ((i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 57) as i64 - 64)
        .map(|w| w.max(-63))
        .collect()
}

pub(crate) fn input(shape: &ConvShape, seed: u64) -> Vec<u64> {
    (0..shape.input_len() as u64)
        .map(|i| (i + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS))
        .collect()
}

pub(crate) struct Parties {
    pub(crate) layer: Layer<Native>,
    pub(crate) key: client::Key<Native>,
    /// The key's message.
    pub(crate) message: Vec<u8>,
    pub(crate) public: server::PublicKey<Native>,
    pub(crate) weights: server::Weights<Native>,
    pub(crate) x: Vec<u64>,
    pub(crate) y: Vec<u64>,
}

impl Parties {
    pub(crate) fn new(layer: Layer<Native>, seed: u64) -> Self {
        let rng = &mut prg(seed.into());
        let shape = *layer.encoding().shape();
        let mut message = Vec::new();
        let backend = &**layer.backend();
        let key = client::Key::new(backend, SESSION, 0, rng, &mut message);
        Self {
            key,
            public: server::PublicKey::read(backend, SESSION, 0, &message).unwrap(),
            message,
            weights: server::Weights::new(&layer, &weights(&shape, seed)).unwrap(),
            x: input(&shape, seed),
            y: input(&shape, seed + 1),
            layer,
        }
    }
    pub(crate) fn usual() -> Self {
        Self::new(layer(&shape(), primes(), Mode::Exact, 63), 1)
    }
    pub(crate) fn client(&self, step: u64) -> client::Product<'_, Native> {
        client::Product::new(&self.layer, &self.key, step, &self.x, &mut prg(10)).unwrap()
    }
    pub(crate) fn server(&self, step: u64) -> server::Product<'_, Native> {
        let Self {
            layer,
            public,
            weights,
            y,
            ..
        } = self;
        server::Product::new(layer, public, weights, step, Some(y), &mut prg(11)).unwrap()
    }
}
