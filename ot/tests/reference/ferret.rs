//! Silent OT after Ferret (eprint 2020/924) with the half-tree (eprint 2022/1431).

use rand_chacha::ChaCha20Rng;

use super::softspoken::Made;
use super::{
    Pi, Run, Session, array, blocks, bytes, child, derive, draw, hash, keyed, message, mul, stream,
    xor,
};
use crate::support::show;

/// `trees * 2^depth` samples of a secret of `k` bits, one of each 2^depth in error.
#[derive(Clone, Copy)]
pub(crate) struct Stage {
    pub(crate) k: usize,
    pub(crate) trees: usize,
    pub(crate) depth: usize,
}

impl Stage {
    /// Correlations that it takes.
    pub(crate) fn takes(&self, malicious: bool) -> usize {
        self.k + self.trees * self.depth + if malicious { 128 } else { 0 }
    }
}

/// All levels of a correlated tree, level 1 first: its nodes are K and K ⊕ Δ, the children of p are H(p) and H(p) ⊕ p.
/// Bit 0 of leaves is cleared.
fn tree(h: &Pi, delta: u128, root: u128, depth: usize) -> Vec<Vec<u128>> {
    let mut levels = vec![vec![root, root ^ delta]];
    while levels.len() < depth {
        let above = levels.last().unwrap();
        levels.push(
            above
                .iter()
                .flat_map(|p| [h.ccr(*p), h.ccr(*p) ^ p])
                .collect(),
        );
    }
    for leaf in levels.last_mut().unwrap() {
        *leaf &= !1;
    }
    levels
}

/// Every second node.
fn side(nodes: &[u128], s: usize) -> Vec<u128> {
    nodes.iter().copied().skip(s).step_by(2).collect()
}

/// The leaves from the sums of every level over the nodes whose parity is not that of `path`; leaf `path` becomes the
/// sum of all others with bit 0 set.
fn punctured(h: &Pi, path: usize, known: &[u128]) -> Vec<u128> {
    let depth = known.len();
    let bit = |level: usize| (path >> (depth - level)) & 1;
    let mut nodes = vec![None, None];
    nodes[1 - bit(1)] = Some(known[0]);
    for level in 2..=depth {
        let grow = |p: &Option<u128>| p.map_or([None; 2], |p| [Some(h.ccr(p)), Some(h.ccr(p) ^ p)]);
        nodes = nodes.iter().flat_map(grow).collect();
        if level == depth {
            for leaf in nodes.iter_mut().flatten() {
                *leaf &= !1;
            }
        }
        let other = 1 - bit(level);
        let rest: Vec<_> = nodes
            .iter()
            .skip(other)
            .step_by(2)
            .flatten()
            .copied()
            .collect();
        let mut sibling = known[level - 1] ^ xor(&rest);
        if level == depth {
            sibling &= !1;
        }
        nodes[2 * (path >> (depth - level + 1)) + other] = Some(sibling);
    }
    assert_eq!(nodes.iter().filter(|n| n.is_none()).count(), 1);
    let rest: Vec<_> = nodes.iter().flatten().copied().collect();
    nodes[path] = Some(xor(&rest) ^ 1);
    nodes.into_iter().flatten().collect()
}

/// Adds row `i` of the code times the secret to block i.
fn encode(seed: u128, secret: &[u128], out: &mut [u128]) {
    let raw = bytes(&stream(seed, (out.len() * 10).div_ceil(4)));
    let words: Vec<_> = raw
        .chunks(4)
        .map(|w| u32::from_le_bytes(array(w)))
        .collect();
    for (o, row) in out.iter_mut().zip(words.chunks(10)) {
        for w in row {
            *o ^= secret[((u64::from(*w) * secret.len() as u64) >> 32) as usize];
        }
    }
}

/// Set-up and so many expansions, from correlations under an odd Δ. The outputs are all correlations that are given out.
///
/// The sender draws 32 bytes, of which the salts are made, then 64, which open its commitment; the receiver 32.
pub(crate) fn run(
    session: &Session,
    stages: &[Stage],
    expansions: usize,
    malicious: bool,
    delta: u128,
    base: Made,
    rngs: &mut [ChaCha20Rng; 2],
) -> Run {
    // Bound to the correlations that it starts from, which here are of the same session.
    let bound = keyed(session, &[session, b"piquet-ot ferret"], 32);
    let session = &child(&array(&bound), &format!("from {}", base.first));
    let [sender, receiver] = rngs;
    let salts = draw::<32>(sender);
    let opening = draw::<64>(sender);
    let share = draw::<32>(receiver);
    let label = "piquet 2026 ferret commitment to a share of the code";
    let commitment = derive(label, &[session, &opening], 32);
    let mut messages = vec![
        (0, message(session, 0x50, 0, &commitment)),
        (1, message(session, 0x51, 0, &share)),
        (0, message(session, 0x52, 0, &opening)),
    ];
    let parts: [&[u8]; 3] = [session, &opening, &share];
    let codes = derive("piquet 2026 ferret seed of the codes", &parts, 32);

    // Bit 0 of a key is 0, bit 0 of what the receiver has is its choice.
    let take = stages[0].takes(malicious);
    let mut q: Vec<_> = base.q[..take].iter().map(|q| q & !1).collect();
    let t = base.t[..take].iter().zip(&base.b);
    let mut t: Vec<_> = t.map(|(t, b)| (t & !1) | u128::from(*b)).collect();
    let (mut keys, mut macs) = (Vec::new(), Vec::new());
    for round in 0..stages.len() - 1 + expansions {
        let Stage { k, trees, depth } = stages[round.min(stages.len() - 1)];
        let number = (round as u64).to_le_bytes();
        let step = (round as u64) << 24;
        let salt = keyed(&salts, &[&number], 32);
        let roots = blocks(&derive(
            "piquet 2026 ferret roots",
            &[session, &salt],
            16 * trees,
        ));
        let h = hash(session, &format!("ferret trees {round}"));
        let label = "piquet 2026 ferret weights";
        let mut transcript = derive(label, &[session, &number], 32);
        transcript = keyed(&transcript, &[&salt], 32);
        let (mut v, mut w, mut phi) = (0, 0, 0);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let mut corrections = Vec::new();
        for (i, root) in roots.iter().enumerate() {
            let at = k + i * depth..k + (i + 1) * depth;
            let (q, t) = (&q[at.clone()], &t[at]);
            let levels = tree(&h, delta, q[0] ^ root, depth);
            let c: Vec<_> = (1..depth)
                .map(|l| xor(&side(&levels[l], 0)) ^ q[l])
                .collect();

            let path = t.iter().fold(0, |p, t| 2 * p + (1 - (t & 1) as usize));
            let mut known = vec![t[0] ^ root];
            known.extend(c.iter().zip(&t[1..]).map(|(c, t)| c ^ t));
            let leaves = levels.last().unwrap();
            let theirs = punctured(&h, path, &known);
            for (j, (a, b)) in leaves.iter().zip(&theirs).enumerate() {
                assert_eq!(a ^ b, if j == path { delta } else { 0 });
            }

            let next = keyed(&transcript, &[&bytes(&c)], 48);
            transcript = next[..32].to_vec();
            let seed = blocks(&next[32..])[0];
            let low = 1 << (depth - 2).min(8);
            let weights = stream(seed, low + (1 << depth) / low);
            let weight = |j: usize| mul(weights[j % low], weights[low + j / low]);
            if malicious {
                for j in 0..1 << depth {
                    v ^= mul(weight(j), leaves[j]);
                    w ^= mul(weight(j), theirs[j]);
                }
                phi ^= weight(path);
            }
            left.extend(leaves);
            right.extend(theirs);
            corrections.push(c);
        }
        for (part, c) in corrections.chunks(64).enumerate() {
            let salt = if part == 0 { &salt[..] } else { &[] };
            let body = [salt, &bytes(&c.concat())].concat();
            messages.push((0, message(session, 0x53, step + part as u64, &body)));
        }
        if malicious {
            let mask = k + trees * depth..k + trees * depth + 128;
            for (l, (q, t)) in q[mask.clone()].iter().zip(&t[mask]).enumerate() {
                v ^= mul(*q, 1 << l);
                w ^= mul(*t, 1 << l);
                phi ^= (t & 1) << l;
            }
            messages.push((1, message(session, 0x54, step, &phi.to_le_bytes())));
            let digest = |x: u128| {
                let parts: [&[u8]; 3] = [session, &number, &x.to_le_bytes()];
                derive("piquet 2026 ferret check", &parts, 32)
            };
            let answer = digest(v ^ mul(phi, delta));
            assert_eq!(answer, digest(w));
            messages.push((0, message(session, 0x55, step, &answer)));
        }
        let code = blocks(&keyed(&codes, &[&number], 16))[0];
        encode(code, &q[..k], &mut left);
        encode(code, &t[..k], &mut right);
        // Whole trees are kept for the next stage; what is over of them is lost.
        let need = stages[(round + 1).min(stages.len() - 1)].takes(malicious);
        let kept = need.next_multiple_of(1 << depth);
        if round >= stages.len() - 1 {
            keys.extend(&left[kept..]);
            macs.extend(&right[kept..]);
        }
        (q, t) = (left[..need].to_vec(), right[..need].to_vec());
    }
    let choices: Vec<_> = macs.iter().map(|t| t & 1 == 1).collect();
    for ((q, t), b) in keys.iter().zip(&macs).zip(&choices) {
        assert_eq!(q ^ t, if *b { delta } else { 0 });
    }
    Run {
        messages,
        outputs: [
            show::sent_cots(0, &keys, delta),
            show::received_cots(0, &choices, &macs),
        ],
    }
}
