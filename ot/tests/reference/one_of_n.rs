//! 1-out-of-N OT.

use serde_json::Value;

use super::cots::Cots;
use super::{Run, low, message, mul, pack_words};
use crate::support::show;

/// The OTs that w = log2 N correlations each make, with their choices or with chosen indices; random, or with messages of
/// `bits` bits: message i of OT g is number i n + g.
pub(crate) fn run(
    cots: &Cots,
    n: usize,
    indices: Option<&[u8]>,
    messages: Option<(u32, &[u128])>,
) -> Run {
    let w = n.ilog2() as usize;
    let ots = cots.q.len() / w;
    let mut said = Vec::new();
    let cots = match indices {
        None => cots.clone(),
        Some(indices) => {
            // Bit j of the index of OT g is choice j ots + g.
            let bit = |j: usize| indices.iter().map(move |i| (i >> j) & 1 == 1);
            let (cots, message) = cots.choose(&(0..w).flat_map(bit).collect::<Vec<_>>());
            said.push((1, message));
            cots
        }
    };
    let add =
        |blocks: &[u128], g: usize| (0..w).fold(0, |s, j| s ^ mul(1 << j, blocks[j * ots + g]));
    let index = |g: usize| {
        (0..w)
            .map(|j| usize::from(cots.b[j * ots + g]) << j)
            .sum::<usize>()
    };
    let key = |i: usize, g: usize| cots.hashed(g, add(&cots.q, g) ^ mul(i as u128, cots.delta));
    let own = |g: usize| cots.hashed(g, add(&cots.t, g));
    let indices: Vec<_> = (0..ots).map(|g| index(g) as u8).collect();
    for g in 0..ots {
        assert_eq!(key(index(g), g), own(g));
    }
    let Some((bits, m)) = messages else {
        let all: Vec<_> = (0..n).flat_map(|i| (0..ots).map(move |g| (i, g))).collect();
        let all: Vec<_> = all.into_iter().map(|(i, g)| key(i, g)).collect();
        let got: Vec<_> = (0..ots).map(own).collect();
        return Run {
            messages: said,
            outputs: [show::blocks(&all), show::indexed(&indices, &got)],
        };
    };
    let mut body = Vec::new();
    for i in 0..n {
        // A run of low halves of 64 bits, and one of what is above.
        let masked: Vec<_> = (0..ots)
            .map(|g| low(m[i * ots + g] ^ key(i, g), bits))
            .collect();
        body.extend(pack_words(&masked, bits.min(64)));
        if bits > 64 {
            let high: Vec<_> = masked.iter().map(|m| m >> 64).collect();
            body.extend(pack_words(&high, bits - 64));
        }
    }
    said.push((0, message(&cots.session, 0x5b, cots.first, &body)));
    let got: Vec<_> = (0..ots).map(|g| low(m[index(g) * ots + g], bits)).collect();
    Run {
        messages: said,
        outputs: [Value::Null, show::indexed(&indices, &got)],
    }
}
