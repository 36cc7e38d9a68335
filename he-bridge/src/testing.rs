//! What every backend has to do: the same products, played by both parties, against the definition.
#![allow(clippy::unwrap_used, missing_docs)]

use piquet_core::{Block, Prg};

use crate::backend::Backend;
use crate::map::Map;
use crate::{Mode, Params, PlainModulus};

/// A generator with a fixed seed.
#[must_use]
pub fn prg(seed: u128) -> Prg {
    Prg::new(Block::from_u128(seed))
}

/// A uniform number below `m`, nearly.
pub fn below(m: u64, prg: &mut Prg) -> u64 {
    let mut x = [0u64; 1];
    prg.fill_ring(&mut x);
    ((u128::from(x[0]) * u128::from(m)) >> 64) as u64
}

/// A uniform residue, nearly.
pub fn residue(plain: PlainModulus, prg: &mut Prg) -> u64 {
    match plain {
        PlainModulus::Prime(t) => below(t, prg),
        PlainModulus::Bits(_) => {
            let mut x = [0u64; 1];
            prg.fill_ring(&mut x);
            plain.reduce(x[0])
        }
    }
}

/// A server's polynomials and both parties' shares of the inputs.
#[derive(Debug, Clone)]
pub struct Case {
    pub map: Map,
    pub values: Vec<i64>,
    pub client: Vec<Vec<u64>>,
    pub server: Vec<Vec<u64>>,
    /// Coefficients that are given away.
    pub positions: Vec<u32>,
}

impl Case {
    /// Weights within the declared bound, shares of all residues, at some places.
    #[must_use]
    pub fn random(params: &Params, ins: usize, outs: usize, terms: usize, prg: &mut Prg) -> Self {
        let n = params.degree();
        let mut exponents: Vec<u32> = Vec::new();
        while exponents.len() < terms {
            let e = below(2 * n as u64, prg) as u32;
            if exponents
                .iter()
                .all(|f| (e as usize) % n != (*f as usize) % n)
            {
                exponents.push(e);
            }
        }
        let weight = params.bound().weight;
        let values = (0..ins * outs * terms)
            .map(|_| (below(2 * weight + 1, prg) as i64).wrapping_sub(weight as i64))
            .collect();
        let mut shares = || -> Vec<Vec<u64>> {
            let polynomial = |_| (0..n).map(|_| residue(params.plain(), prg)).collect();
            (0..ins).map(polynomial).collect()
        };
        let (client, server) = (shares(), shares());
        let positions = (0..n as u32).filter(|_| below(3, prg) > 0).collect();
        Self {
            map: Map {
                ins,
                outs,
                exponents,
            },
            values,
            client,
            server,
            positions,
        }
    }
    /// The largest weights and messages, whose noise adds up; the last output of zero weights only.
    #[must_use]
    pub fn extreme(params: &Params, ins: usize, outs: usize, terms: usize) -> Self {
        let n = params.degree();
        let map = Map {
            ins,
            outs,
            exponents: (0..terms as u32).map(|e| 2 * n as u32 - 1 - e).collect(),
        };
        let weight = params.bound().weight as i64;
        let mut values: Vec<i64> = (0..map.values())
            .map(|i| if i % 2 == 0 { weight } else { -weight })
            .collect();
        values[(outs - 1) * ins * terms..].fill(0);
        // -1, halves, and what next to them rounds worst.
        let plain = params.plain();
        let half = match plain {
            PlainModulus::Bits(k) => 1 << (k - 1),
            PlainModulus::Prime(t) => t / 2,
        };
        let worst = [plain.subtract(0, 1), half, plain.add(half, 1), 0, 1];
        let shares = |from: usize| -> Vec<Vec<u64>> {
            let polynomial = |i| {
                (0..n)
                    .map(|k| worst[(i + k + from) % worst.len()])
                    .collect()
            };
            (0..ins).map(polynomial).collect()
        };
        Self {
            map,
            values,
            client: shares(0),
            server: shares(2),
            positions: (0..n as u32).collect(),
        }
    }
    /// What both shares add up to, output by output, by the definition.
    #[must_use]
    pub fn expected(&self, params: &Params) -> Vec<Vec<u64>> {
        let (n, plain, terms) = (params.degree(), params.plain(), self.map.exponents.len());
        let times = |v: i64, m: u64| match plain {
            PlainModulus::Bits(_) => plain.reduce((v as u64).wrapping_mul(m)),
            PlainModulus::Prime(t) => {
                (i128::from(v) * i128::from(m)).rem_euclid(i128::from(t)) as u64
            }
        };
        (0..self.map.outs)
            .map(|o| {
                let mut sum = vec![0; n];
                for (i, (c, s)) in self.client.iter().zip(&self.server).enumerate() {
                    let values = &self.values[(o * self.map.ins + i) * terms..][..terms];
                    for (e, v) in self.map.exponents.iter().zip(values) {
                        for (k, (c, s)) in c.iter().zip(s).enumerate() {
                            let at = (k + *e as usize) % (2 * n);
                            let v = if at >= n { -v } else { *v };
                            let term = times(v, plain.add(*c, *s));
                            sum[at % n] = plain.add(sum[at % n], term);
                        }
                    }
                }
                self.positions.iter().map(|p| sum[*p as usize]).collect()
            })
            .collect()
    }
    /// Plays both parties; what their shares add up to, output by output.
    ///
    /// # Panics
    /// If a message has another length than the backend said.
    pub fn played<B: Backend>(&self, he: &B, prg: &mut Prg) -> Vec<Vec<u64>> {
        let plain = he.params().plain();
        let key = he.secret_key(prg);
        let mut message = Vec::new();
        he.public_key(&key, prg, &mut message);
        assert_eq!(message.len(), he.public_key_len());
        let public = he.read_public_key(&message).unwrap();
        let seed = [7; 32];
        let inputs: Vec<B::Ciphertext> = (self.client.iter().zip(&self.server))
            .enumerate()
            .map(|(i, (client, server))| {
                let mut message = Vec::new();
                he.encrypt(&key, &seed, i as u64, client, prg, &mut message);
                assert_eq!(message.len(), he.ciphertext_len());
                let mut c = he.read(&seed, i as u64, &message).unwrap();
                he.add(&mut c, server);
                c
            })
            .collect();
        let weights = he.prepare(&self.map, &self.values).unwrap();
        let places = self.positions.len();
        (he.multiply(&inputs, &weights, 0..self.map.outs).into_iter())
            .map(|c| {
                let mut message = Vec::new();
                let (mut client, mut server) = (vec![0; places], vec![0; places]);
                he.respond(&public, c, &self.positions, &mut server, prg, &mut message);
                assert_eq!(message.len(), he.response_len(places));
                he.decrypt(&key, &message, &self.positions, &mut client)
                    .unwrap();
                (client.iter().zip(&server))
                    .map(|(c, s)| plain.add(*c, *s))
                    .collect()
            })
            .collect()
    }
    /// Plays both parties, and holds the result to the definition: equal in the exact mode, within one in the
    /// approximate one.
    ///
    /// # Panics
    /// If it is not.
    pub fn holds<B: Backend>(&self, he: &B, prg: &mut Prg) {
        let params = he.params();
        let plain = params.plain();
        let off = i64::from(params.mode() == Mode::Approximate);
        let (got, want) = (self.played(he, prg), self.expected(params));
        for (o, (got, want)) in got.iter().zip(&want).enumerate() {
            for ((got, want), at) in got.iter().zip(want).zip(&self.positions) {
                let d = plain.centred(plain.subtract(*got, *want));
                assert!(
                    d.abs() <= off,
                    "output {o}, coefficient {at}: {got}, expected {want}; {params:?}"
                );
            }
        }
    }
}

/// Random and extreme products with as many terms as the bound allows, three to a polynomial.
///
/// # Panics
/// If one does not come out as it should.
pub fn conforms<B: Backend>(he: &B, seed: u128) {
    let mut prg = prg(seed);
    let ins = (he.params().bound().terms / 3) as usize;
    Case::random(he.params(), ins, 2, 3, &mut prg).holds(he, &mut prg);
    Case::extreme(he.params(), ins, 2, 3).holds(he, &mut prg);
}
