//! Triples made under encryption and spent by secret sharing, as a user writes it. Both parties are in this process.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use piquet_core::correlation::MatrixShape;
use piquet_core::linalg::{self, ConvShape, PackedWeights};
use piquet_core::wire::{SessionId, run_pair};
use piquet_core::{Ring, RingVec};
use piquet_he_bridge::linear::{client, server};
use piquet_he_bridge::triples::elements::{Client, Elements, Server};
use piquet_he_bridge::triples::products::{Factors, Keys, Setting, Shape};
use piquet_secret_sharing::beaver::{Multiply, TripleBatch, Triples};
use piquet_secret_sharing::{Party, additive};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SESSION: SessionId = SessionId([5; 32]);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Multiplies shared numbers with triples of both parties' own making.
fn multiply<R: Ring>(x: &[R], y: &[R]) -> Vec<R> {
    let elements = Arc::new(Elements::new(R::BITS).unwrap());
    let mut keys = Vec::new();
    let client = Client::new(elements.clone(), SESSION, &mut rng(1), &mut keys);
    let server = Server::new(elements, SESSION, &keys).unwrap();
    let n = x.len();
    let (a, b, _) = run_pair(
        client.run::<R, _>(0, n, &mut rng(2)).unwrap(),
        server.run::<R, _>(0, n, &mut rng(3)).unwrap(),
    );
    let xs = additive::split(x, 2, &mut rng(4)).unwrap();
    let ys = additive::split(y, 2, &mut rng(5)).unwrap();
    let [a, b] = [(0, a), (1, b)].map(|(i, triples)| {
        let party = Party::new(i, 2).unwrap();
        let mut pool = Triples::from_two_party(party, triples.unwrap()).unwrap();
        let batch = pool.take(n).unwrap();
        let (opening, pending) = batch.start(SESSION, 0, &xs[i], &ys[i]).unwrap();
        Multiply::new(opening, pending).unwrap()
    });
    let (a, b, _) = run_pair(a, b);
    let z = additive::open(&[a.unwrap(), b.unwrap()]).unwrap();
    z.as_slice().to_vec()
}

#[test]
fn elements_are_multiplied() {
    fn check<R: Ring + core::fmt::Debug>(n: usize) {
        let values = |f: u64| -> Vec<R> {
            (0..n as u64)
                .map(|i| R::from_u64(f.wrapping_mul(i + 1)))
                .collect()
        };
        let (x, y) = (values(0x9e37_79b9_7f4a_7c15), values(0xd1b5_4a32_d192_ed03));
        let want: Vec<R> = x.iter().zip(&y).map(|(x, y)| x.mul(*y)).collect();
        assert_eq!(multiply(&x, &y), want);
    }
    check::<u8>(333);
    check::<u16>(1);
    check::<u32>(8195);
    check::<u64>(1000);
}

/// A product of shared factors with a triple of both parties' own making.
fn product<S: Shape>(
    shape: S,
    x: &[u64],
    y: &[u64],
    spend: impl Fn(Party, S::Triple<u64>) -> TripleBatch<u64>,
) -> Vec<u64> {
    let setting = Setting::new(shape, 64).unwrap();
    let he = &**setting.layer().backend();
    let (mut m0, mut m1) = (Vec::new(), Vec::new());
    let k0 = client::Key::new(he, SESSION, 0, &mut rng(1), &mut m0);
    let k1 = client::Key::new(he, SESSION, 1, &mut rng(2), &mut m1);
    let p0 = server::PublicKey::read(he, SESSION, 0, &m0).unwrap();
    let p1 = server::PublicKey::read(he, SESSION, 1, &m1).unwrap();
    let mut a = Factors::<u64, _, _>::draw(&setting, &mut rng(3)).unwrap();
    let mut b = Factors::<u64, _, _>::draw(&setting, &mut rng(4)).unwrap();
    let [of_a, of_b] = [(&k0, &p1), (&k1, &p0)].map(|(own, peer)| Keys { own, peer });
    let (a, b, _) = run_pair(
        a.first(of_a, 0, &mut rng(5)).unwrap(),
        b.second(of_b, 0, &mut rng(6)).unwrap(),
    );
    let xs = additive::split(x, 2, &mut rng(7)).unwrap();
    let ys = additive::split(y, 2, &mut rng(8)).unwrap();
    let [a, b] = [(0, a), (1, b)].map(|(i, triple)| {
        let batch = spend(Party::new(i, 2).unwrap(), triple.unwrap());
        let (opening, pending) = batch.start(SESSION, 1, &xs[i], &ys[i]).unwrap();
        Multiply::new(opening, pending).unwrap()
    });
    let (a, b, _) = run_pair(a, b);
    let z = additive::open(&[a.unwrap(), b.unwrap()]).unwrap();
    z.as_slice().to_vec()
}

#[test]
fn matrices_are_multiplied() {
    let shape = MatrixShape { m: 6, k: 20, n: 9 };
    let [x, y] =
        [1, 2].map(|s| RingVec::<u64>::random(20 * if s == 1 { 6 } else { 9 }, &mut rng(s)));
    let z = product(shape, x.as_slice(), y.as_slice(), |party, triple| {
        TripleBatch::from_two_party(party, triple).unwrap()
    });
    let mut want = vec![0; 6 * 9];
    linalg::matmul([6, 20, 9], x.as_slice(), y.as_slice(), &mut want).unwrap();
    assert_eq!(z, want);
}

#[test]
fn convolutions_are_calculated() {
    let shape = ConvShape {
        input: [7, 6],
        kernel: [3, 3],
        padding: [1; 4],
        stride: [2, 2],
        ..ConvShape::matmul(2, 3, 5)
    };
    let x = RingVec::<u64>::random(shape.input_len(), &mut rng(1));
    let y = RingVec::<u64>::random(shape.weight_len(), &mut rng(2));
    let z = product(shape, x.as_slice(), y.as_slice(), |party, triple| {
        TripleBatch::from_two_party_conv(party, triple).unwrap()
    });
    let packed = PackedWeights::pack(&shape, y.as_slice()).unwrap();
    let mut want = vec![0; shape.output_len()];
    linalg::conv2d(&shape, &[(x.as_slice(), &packed)], &mut want).unwrap();
    assert_eq!(z, want);
}
