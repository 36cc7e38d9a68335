//! SoftSpokenOT after eprint 2022/192, and IKNP, which is its k = 1.

use rand_chacha::ChaCha20Rng;

use super::{
    Pi, Run, Session, array, blocks, bytes, child, derive, draw, hash, keyed, message, mul, xor,
};
use crate::support::show;

/// Rows in a chunk of a message are 1024 bits long, but those of the last one of a piece, which is 2^13.
const CHUNK: usize = 8;
const PIECE: usize = 64;

/// What is done with a set-up.
pub(crate) enum Batch {
    /// So many correlated OTs with random choices.
    Random(usize),
    /// With choices of the OT receiver's own.
    Chosen(Vec<bool>),
    /// So many of the VOLE of every tree.
    SmallField(usize),
    /// Goes on as the second of two children.
    Split,
}

/// The state of both parties.
pub(crate) struct Parties {
    session: Session,
    k: usize,
    malicious: bool,
    delta: u128,
    /// Seeds at the OT receiver, 2^k for each tree; at the OT sender, all but one of each.
    full: Vec<Vec<u128>>,
    punctured: Vec<Vec<Option<u128>>>,
    block: u64,
    step: u64,
    index: u64,
    children: u64,
}

/// What a batch has made of n correlated OTs.
pub(crate) struct Made {
    pub(crate) first: u64,
    pub(crate) q: Vec<u128>,
    pub(crate) b: Vec<bool>,
    pub(crate) t: Vec<u128>,
}

impl Parties {
    /// Trees of all seeds, and of all but one, from base OTs in which the OT sender chose the bits of Δ; the message of
    /// the OT receiver (party 1), if there is one.
    pub(crate) fn set_up(
        session: &Session,
        k: usize,
        malicious: bool,
        delta: u128,
        base: &[[u128; 2]],
        messages: &mut Vec<(u8, Vec<u8>)>,
    ) -> Self {
        let bind = hash(session, "softspoken base OT");
        let sides = ["softspoken left child", "softspoken right child"];
        let sides = sides.map(|label| hash(session, label));
        let bound: Vec<_> = base.iter().map(|m| m.map(|x| bind.cr(x))).collect();
        let mut body = Vec::new();
        let (mut full, mut punctured) = (Vec::new(), Vec::new());
        for (tree, m) in bound.chunks(k).enumerate() {
            let group: Vec<_> = (0..k).map(|b| (delta >> (tree * k + b)) & 1 == 1).collect();
            // Level l is decided by bit k - l of the group; side s of a level is masked by string 1 - s.
            let mut all = vec![m[k - 1][1], m[k - 1][0]];
            let top = usize::from(group[k - 1]);
            let mut some = [None, None];
            some[1 - top] = Some(m[k - 1][top]);
            let (mut some, mut path) = (some.to_vec(), top);
            for level in 2..=k {
                let bit = k - level;
                let grow = |p: &u128| [sides[0].cr(*p), sides[1].cr(*p)];
                all = all.iter().flat_map(grow).collect();
                let sum =
                    |s: usize| xor(&all.iter().copied().skip(s).step_by(2).collect::<Vec<_>>());
                let corrections = [sum(0) ^ m[bit][1], sum(1) ^ m[bit][0]];
                body.extend(bytes(&corrections));

                // The OT sender: one side of this level is known in sum, and all of its nodes but one.
                let d = usize::from(group[bit]);
                some = some
                    .iter()
                    .flat_map(|p| p.map_or([None, None], |p| grow(&p).map(Some)))
                    .collect();
                let known = corrections[1 - d] ^ m[bit][d];
                let rest: Vec<_> = some
                    .iter()
                    .skip(1 - d)
                    .step_by(2)
                    .flatten()
                    .copied()
                    .collect();
                some[2 * path + 1 - d] = Some(known ^ xor(&rest));
                path = 2 * path + d;
            }
            full.push(all);
            punctured.push(some);
        }
        if malicious && k > 1 {
            // Each leaf becomes 32 bytes of check value and a seed.
            let key = keyed(&[0; 32], &[session, b"softspoken leaf"], 32);
            let stretch = |leaf: u128| {
                let out = keyed(&key, &[&leaf.to_le_bytes()], 48);
                (array::<32>(&out[..32]), blocks(&out[32..])[0])
            };
            let mut all_checks = Vec::new();
            for leaves in &mut full {
                let mut sum = [0; 32];
                for leaf in leaves {
                    let (check, seed) = stretch(*leaf);
                    *leaf = seed;
                    sum = core::array::from_fn(|j| sum[j] ^ check[j]);
                    all_checks.extend(check);
                }
                body.extend(sum);
            }
            let digest = derive("piquet 2026 softspoken check values", &[&all_checks], 32);
            body.extend(&digest);

            // The OT sender fills in the check value that it lacks.
            let (trees, mut completed) = (128 / k, Vec::new());
            let sums = &body[trees * (k - 1) * 32..];
            for (tree, leaves) in punctured.iter_mut().enumerate() {
                let mut missing = array::<32>(&sums[32 * tree..][..32]);
                let mut checks = vec![None; leaves.len()];
                for (leaf, slot) in leaves.iter_mut().zip(&mut checks) {
                    if let Some(known) = leaf {
                        let (check, seed) = stretch(*known);
                        missing = core::array::from_fn(|j| missing[j] ^ check[j]);
                        (*leaf, *slot) = (Some(seed), Some(check));
                    }
                }
                completed.extend(checks.into_iter().flat_map(|c| c.unwrap_or(missing)));
            }
            let ours = derive("piquet 2026 softspoken check values", &[&completed], 32);
            assert_eq!(ours, digest);
        }
        if k > 1 {
            messages.push((1, message(session, 0x48, 0, &body)));
        }
        let it = Self {
            session: *session,
            k,
            malicious,
            delta,
            full,
            punctured,
            block: 0,
            step: 0,
            index: 0,
            children: 0,
        };
        for (tree, (all, some)) in it.full.iter().zip(&it.punctured).enumerate() {
            for (x, (a, s)) in all.iter().zip(some).enumerate() {
                assert!(s.map_or(x == it.group(tree), |s| s == *a));
            }
        }
        it
    }
    /// Δ_i
    fn group(&self, tree: usize) -> usize {
        (self.delta >> (tree * self.k)) as usize & ((1 << self.k) - 1)
    }
    fn next_step(&mut self) -> u64 {
        self.step += 1;
        self.step - 1
    }
    /// Block j of the stream of each leaf of a tree: π(s ⊕ j) ⊕ s ⊕ j.
    fn rows(&self, pi: &Pi, seeds: &[Option<u128>], j: u64) -> Vec<u128> {
        let row = |s: &Option<u128>| s.map_or(0, |s| pi.cr(s ^ u128::from(j)));
        seeds.iter().map(row).collect()
    }

    /// A batch of correlated OTs.
    pub(crate) fn extend(
        &mut self,
        batch: &Batch,
        sender: &mut ChaCha20Rng,
        messages: &mut Vec<(u8, Vec<u8>)>,
    ) -> Made {
        let k = self.k;
        let parts: [&[u8]; 2] = [&self.session, b"softspoken rows"];
        let pi = Pi::new(array(&derive("piquet 2026 row generator", &parts, 16)));
        let (n, kind) = match batch {
            Batch::Random(n) => (*n, 0x49),
            Batch::Chosen(c) => (c.len(), 0x4a),
            Batch::SmallField(_) | Batch::Split => unreachable!("no message"),
        };
        let chi = if self.malicious {
            u128::from_le_bytes(draw(sender))
        } else {
            0
        };
        let total = n.div_ceil(128);
        // Rows as the parties have them, a block of 128 OTs at a time: u, v_r, w_r; and the corrections of each block.
        let (mut u, mut v, mut w, mut c) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for j in 0..total + usize::from(self.malicious) {
            let stream = |seeds: &[Option<u128>]| self.rows(&pi, seeds, self.block + j as u64);
            let all: Vec<_> = self
                .full
                .iter()
                .map(|t| t.iter().copied().map(Some).collect())
                .collect();
            let all: Vec<_> = all.iter().map(|t: &Vec<_>| stream(t)).collect();
            let own = match batch {
                Batch::Chosen(b) if j < total => {
                    let b = &b[128 * j..n.min(128 * (j + 1))];
                    b.iter().enumerate().map(|(i, b)| u128::from(*b) << i).sum()
                }
                _ => xor(&all[0]),
            };
            let corrections: Vec<_> = all.iter().map(|r| xor(r) ^ own).collect();
            let (mut v_j, mut w_j) = (Vec::new(), Vec::new());
            for (tree, leaves) in all.iter().enumerate() {
                let known = stream(&self.punctured[tree]);
                for b in 0..k {
                    let pick = |rows: &[u128], offset: usize| {
                        let rows = rows.iter().enumerate();
                        rows.filter(|(x, _)| ((x ^ offset) >> b) & 1 == 1)
                            .fold(0, |s, (_, r)| s ^ r)
                    };
                    v_j.push(pick(leaves, 0));
                    let bit = (self.group(tree) >> b) & 1;
                    w_j.push(pick(&known, self.group(tree)) ^ (bit as u128 * corrections[tree]));
                }
            }
            // With random choices the first correction is 0 and is not sent.
            let skipped = usize::from(kind == 0x49);
            c.push(corrections[skipped..].to_vec());
            u.push(own);
            v.push(v_j);
            w.push(w_j);
        }
        let mut done = 0;
        while done < total {
            let end = total.min(done + PIECE);
            let mut body = Vec::new();
            while done < end {
                let chunk = &c[done..end.min(done + CHUNK)];
                for row in 0..c[0].len() {
                    body.extend(bytes(&chunk.iter().map(|c| c[row]).collect::<Vec<_>>()));
                }
                done += chunk.len();
            }
            if self.malicious && done == total {
                body.extend(bytes(&c[total]));
            }
            let step = self.next_step();
            messages.push((1, message(&self.session, kind, step, &body)));
        }
        if self.malicious {
            let step = self.next_step();
            messages.push((0, message(&self.session, 0x4b, step, &chi.to_le_bytes())));
            // h(x, y) = y + sum of chi^(j+1) x_j
            let h = |row: &dyn Fn(usize) -> u128| {
                let (mut sum, mut power) = (row(total), chi);
                for j in 0..total {
                    sum ^= mul(power, row(j));
                    power = mul(power, chi);
                }
                sum
            };
            let hashed = h(&|j| u[j]);
            let answers: Vec<_> = (0..128).map(|r| h(&|j| v[j][r])).collect();
            let body = [bytes(&[hashed]), bytes(&answers)].concat();
            let step = self.next_step();
            messages.push((1, message(&self.session, 0x4c, step, &body)));
            for (r, a) in answers.iter().enumerate() {
                assert_eq!(h(&|j| w[j][r]), a ^ (((self.delta >> r) & 1) * hashed));
            }
        }
        // OT i of a block: bit i of u, and of all 128 rows.
        let column = |rows: &[Vec<u128>], i: usize| {
            let rows = rows[i / 128].iter().enumerate();
            rows.fold(0, |q, (r, row)| q | (((row >> (i % 128)) & 1) << r))
        };
        let made = Made {
            first: self.index,
            q: (0..n).map(|i| column(&w, i)).collect(),
            b: (0..n).map(|i| (u[i / 128] >> (i % 128)) & 1 == 1).collect(),
            t: (0..n).map(|i| column(&v, i)).collect(),
        };
        for i in 0..n {
            assert_eq!(made.t[i], made.q[i] ^ (u128::from(made.b[i]) * self.delta));
        }
        self.block += c.len() as u64;
        self.index += n as u64;
        made
    }
    /// u and v of every tree at the OT receiver, w at the OT sender, as rows of bits: w = v + Δ_i u for each bit of Δ_i.
    pub(crate) fn small_field(&mut self, n: usize) -> [Vec<Vec<bool>>; 3] {
        let parts: [&[u8]; 2] = [&self.session, b"softspoken rows"];
        let pi = Pi::new(array(&derive("piquet 2026 row generator", &parts, 16)));
        let [mut u, mut v, mut w] = [const { Vec::new() }; 3];
        for tree in 0..128 / self.k {
            let seeds: Vec<_> = self.full[tree].iter().copied().map(Some).collect();
            let sums = |seeds: &[Option<u128>], picked: &dyn Fn(usize) -> bool| -> Vec<bool> {
                let seeds = seeds.iter().enumerate();
                let seeds: Vec<_> = seeds.filter(|(x, _)| picked(*x)).map(|(_, s)| *s).collect();
                let block = |j: usize| xor(&self.rows(&pi, &seeds, self.block + j as u64));
                (0..n)
                    .map(|i| (block(i / 128) >> (i % 128)) & 1 == 1)
                    .collect()
            };
            u.push(sums(&seeds, &|_| true));
            for b in 0..self.k {
                let group = self.group(tree);
                v.push(sums(&seeds, &|x| (x >> b) & 1 == 1));
                w.push(sums(&self.punctured[tree], &|x| {
                    ((x ^ group) >> b) & 1 == 1
                }));
                let bit = (group >> b) & 1 == 1;
                for i in 0..n {
                    let tag = v[tree * self.k + b][i];
                    assert_eq!(w[tree * self.k + b][i], tag ^ (bit & u[tree][i]));
                }
            }
        }
        // A step without a message.
        self.step += 1;
        self.block += n.div_ceil(128) as u64;
        [u, v, w]
    }
    /// Becomes its next child: its seeds are hashed, its counts begin at 0.
    pub(crate) fn become_child(&mut self) {
        self.session = child(
            &self.session,
            &format!("piquet-ot softspoken {}", self.children),
        );
        let pi = hash(&self.session, "softspoken child");
        for s in self.full.iter_mut().flatten() {
            *s = pi.cr(*s);
        }
        for s in self.punctured.iter_mut().flatten().flatten() {
            *s = pi.cr(*s);
        }
        (self.block, self.step, self.index, self.children) = (0, 0, 0, 0);
    }
}

/// Set-up and batches; the outputs are those of all batches one after another.
pub(crate) fn run(
    session: &Session,
    k: usize,
    malicious: bool,
    delta: u128,
    base: &[[u128; 2]],
    batches: &[Batch],
    sender: &mut ChaCha20Rng,
) -> Run {
    let mut messages = Vec::new();
    let mut parties = Parties::set_up(session, k, malicious, delta, base, &mut messages);
    let (mut sent, mut received) = (Vec::new(), Vec::new());
    for batch in batches {
        match batch {
            Batch::Random(_) | Batch::Chosen(_) => {
                let made = parties.extend(batch, sender, &mut messages);
                sent.push(show::sent_cots(made.first, &made.q, delta));
                received.push(show::received_cots(made.first, &made.b, &made.t));
            }
            Batch::SmallField(n) => {
                let [u, v, w] = parties
                    .small_field(*n)
                    .map(|rows| show::bits(&rows.concat()));
                sent.push(w);
                received.push([u, v].to_vec().into());
            }
            Batch::Split => {
                parties.children += 1;
                parties.become_child();
            }
        }
    }
    Run {
        messages,
        outputs: [sent.into(), received.into()],
    }
}
