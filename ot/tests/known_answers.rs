//! Known-answer vectors: the reference, the crate and the files in `vectors/` say the same bytes.
//!
//! A file is an array of cases: the inputs, every message, both outputs, and what has to be refused. What is long stands
//! there as its length, its first 32 bytes and its blake3 hash. Seeds are those of ChaCha20 (`rand_chacha`), 32 equal bytes;
//! the order in which a party draws is said in `reference/`. With `PIQUET_BLESS=1` the reference writes the files anew, and
//! the crate has to agree with them all the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod reference;
mod support {
    pub(crate) mod pairs;
    pub(crate) mod show;
    pub(crate) mod talk;
    pub(crate) mod vectors;
}

use piquet_ot::{Malicious, SemiHonest};
use rand_core::Rng;
use reference::cots::Cots;
use reference::softspoken::Made;
use reference::{ferret, softspoken};
use serde_json::{Value, json};
use support::pairs::{self, Batch, Mode, Source, rng};
use support::show;
use support::vectors::{Case, Edit, hold};

const CHECK: &str = "the consistency check failed: the peer deviated from the protocol";
const SESSION: [u8; 32] = *b"known answers, session number 1.";
const OTHER: [u8; 32] = *b"KNOWN ANSWERS, SESSION NUMBER 2.";

fn hex(s: &str) -> Vec<u8> {
    (0..s.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&s[i..i + 2], 16).unwrap())
        .collect()
}

fn bools(n: usize, seed: u8) -> Vec<bool> {
    let mut bytes = vec![0; n];
    rng(seed).fill_bytes(&mut bytes);
    bytes.iter().map(|b| b & 1 == 1).collect()
}

fn bytes(n: usize, seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; n];
    rng(seed).fill_bytes(&mut bytes);
    bytes
}

/// 32 times a byte.
fn seed(s: u8) -> Value {
    show::hex(&[s; 32]).into()
}

fn seeds(s: [u8; 2]) -> Value {
    s.map(seed).to_vec().into()
}

/// Not encodings of a point: the identity; 2^255 - 19, which is 0; a field element too large, a negative one; no square.
const BAD_POINTS: [&str; 5] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
];

#[test]
fn base() {
    let case = |n: usize, s: [u8; 2]| {
        let choices = bools(n, 7);
        let run = reference::base::run(&SESSION, &choices, &mut s.map(rng));
        let inputs = json!({
            "session": show::hex(&SESSION), "n": n, "choices": show::bits(&choices), "seeds": seeds(s),
        });
        let mut case = Case::new(format!("{n} OTs"), inputs, run, move || {
            pairs::base(SESSION, &choices, s)
        });
        for point in BAD_POINTS.map(hex) {
            let error = "message of the peer: a point out of range";
            case.reject(0, Edit::Put(18, point.clone()), error);
            case.reject(1, Edit::Put(18 + 64 * (n - 1), point), error);
        }
        case
    };
    hold("base", &[case(1, [1, 2]), case(2, [3, 4]), case(9, [5, 6])]);
}

#[cfg(feature = "ml-kem")]
#[test]
fn base_mlkem() {
    let case = |n: usize, s: [u8; 2]| {
        let choices = bools(n, 7);
        let run = reference::mlkem::run(&SESSION, &choices, &mut s.map(rng));
        let inputs = json!({
            "session": show::hex(&SESSION), "n": n, "choices": show::bits(&choices), "seeds": seeds(s),
        });
        let name = format!("{n} OTs");
        let mut case = Case::new(name, inputs, run, move || {
            pairs::mlkem(SESSION, &choices, s)
        });
        // The first coefficient of the first vector, and the last one of the last, become 4095.
        let error = "message of the peer: a coefficient out of range";
        case.reject(0, Edit::Put(50, vec![0xff, 0xff]), error);
        case.reject(0, Edit::Put(18 + 2336 * n - 2, vec![0xff, 0xff]), error);
        case
    };
    hold("base-ml-kem", &[case(1, [1, 2]), case(3, [3, 4])]);
}

#[test]
fn uniform() {
    let case = |n: usize, s: [u8; 2]| {
        let choices = bools(n, 8);
        let sent: Vec<_> = reference::blocks(&bytes(32 * n, 9))
            .chunks(2)
            .map(|m| [m[0], m[1]])
            .collect();
        let received: Vec<_> = sent
            .iter()
            .zip(&choices)
            .map(|(m, c)| m[usize::from(*c)])
            .collect();
        let run = reference::base::uniform(&SESSION, &sent, &choices, &received, &mut s.map(rng));
        let inputs = json!({
            "session": show::hex(&SESSION), "n": n, "choices": show::bits(&choices),
            "endemic": show::pairs(&sent), "seeds": seeds(s),
        });
        let name = format!("{n} OTs");
        let mut case = Case::new(name, inputs, run, move || {
            pairs::uniform(SESSION, &sent, &choices, s)
        });
        case.reject(2, Edit::Xor(18, 1), CHECK);
        case.reject(2, Edit::Xor(49, 0x80), CHECK);
        case.reject(0, Edit::Xor(18, 1), CHECK);
        // The first message is heard without complaint: it is its opening that fails.
        case
    };
    let mut cases = [case(1, [1, 2]), case(5, [3, 4])];
    for case in &mut cases {
        case.rejects.retain(|r| r.message != 0 || r.error != CHECK);
        case.reject_at(1, 0, Edit::Xor(18, 1), CHECK);
    }
    hold("uniform", &cases);
}

/// 128 base OTs: strings from one seed, two blocks each.
fn base_ots(s: u8) -> Vec<[u128; 2]> {
    let all = reference::blocks(&bytes(128 * 32, s));
    all.chunks(2).map(|m| [m[0], m[1]]).collect()
}

fn extension<M: Mode>(k: u32, s: u8, batches: Vec<Batch>) -> Case {
    let delta = reference::blocks(&bytes(16, s + 1))[0];
    let base = base_ots(s);
    let of = |b: &Batch| match b {
        Batch::Random(n) => softspoken::Batch::Random(*n),
        Batch::Chosen(c) => softspoken::Batch::Chosen(c.clone()),
        Batch::SmallField(n) => softspoken::Batch::SmallField(*n),
        Batch::Split => softspoken::Batch::Split,
    };
    let list: Vec<_> = batches.iter().map(of).collect();
    let run = softspoken::run(
        &SESSION,
        k as usize,
        M::MALICIOUS,
        delta,
        &base,
        &list,
        &mut rng(s + 2),
    );
    let show_batch = |b: &Batch| match b {
        Batch::Random(n) => json!({"random": n}),
        Batch::Chosen(c) => json!({"chosen": c.len(), "choices": show::bits(c)}),
        Batch::SmallField(n) => json!({"small-field VOLE": n}),
        Batch::Split => "the second of two children".into(),
    };
    let inputs = json!({
        "session": show::hex(&SESSION), "k": k, "security": M::NAME, "delta": show::blocks(&[delta]),
        "base OTs": {"seed": seed(s), "messages": show::blocks(base.as_flattened())},
        "batches": batches.iter().map(show_batch).collect::<Value>(), "seed of the OT sender": seed(s + 2),
    });
    let name = format!("k = {k}, {}", M::NAME);
    let crate_ = move || pairs::softspoken::<M>(SESSION, k, delta, &base, &batches, s + 2);
    let mut case = Case::new(name, inputs, run, crate_);
    if M::MALICIOUS {
        let set_up = usize::from(k > 1);
        if k > 1 {
            // A correction that the OT sender needs, a sum of check values, their hash.
            let d = (delta >> (k - 2)) & 1;
            let sums = 18 + 32 * (k as usize - 1) * 128 / k as usize;
            case.reject(0, Edit::Xor(18 + 16 * (1 - d as usize), 1), CHECK);
            case.reject(0, Edit::Xor(sums, 1), CHECK);
            case.reject(
                0,
                Edit::Xor(case.reference.messages[0].1.len() - 1, 1),
                CHECK,
            );
        }
        // The last correction of the first chunk, at the tree of the highest bits of Δ; the key; an answer for u, and one
        // for a row. The first is caught by the answer that the OT sender hears.
        let rows = 128 / k as usize - 1;
        let highest = delta >> (128 - k);
        assert!(
            highest != 0,
            "or the correction is of no use to the OT sender"
        );
        case.reject_at(0, set_up, Edit::Xor(18 + rows * 128 - 1, 0x80), CHECK);
        case.reject_at(0, set_up + 1, Edit::Xor(18, 1), CHECK);
        case.reject(set_up + 2, Edit::Xor(18, 1), CHECK);
        case.reject(set_up + 2, Edit::Xor(34, 1), CHECK);
        case.reject(set_up + 2, Edit::Xor(18 + 16 * 129 - 1, 0x80), CHECK);
    }
    case
}

fn batches() -> Vec<Batch> {
    vec![
        Batch::Random(1100),
        Batch::Chosen(bools(77, 3)),
        Batch::SmallField(130),
        Batch::Random(1),
        Batch::Split,
        Batch::Random(8192 + 1023),
    ]
}

#[test]
fn iknp() {
    hold("iknp", &[extension::<SemiHonest>(1, 20, batches())]);
}

#[test]
fn softspoken_semi_honest() {
    let case = |(s, k)| extension::<SemiHonest>(k, s, batches());
    hold(
        "softspoken-semi-honest",
        &[(30, 2), (40, 4), (50, 8)].map(case),
    );
}

#[test]
fn softspoken_malicious() {
    let case = |(s, k)| extension::<Malicious>(k, s, batches());
    hold(
        "softspoken-malicious",
        &[(60, 1), (70, 2), (80, 4), (90, 8)].map(case),
    );
}

/// Both halves of the correlated OTs of a source: from its seed are drawn 16 bytes of Δ, whose bit 0 is set; the choices, 64
/// to a word; and q. `first` correlations are left out.
fn raw<M: Mode>(source: &Source) -> Cots {
    let n = source.first + source.n;
    let mut rng = rng(source.seed);
    let delta = u128::from_le_bytes(reference::draw(&mut rng)) | 1;
    let words: Vec<_> = (0..n.div_ceil(64))
        .flat_map(|_| reference::draw::<8>(&mut rng))
        .collect();
    let q: Vec<_> = (0..n)
        .map(|_| u128::from_le_bytes(reference::draw(&mut rng)))
        .collect();
    let b = reference::unpack(&words)[source.first..n].to_vec();
    let q = q[source.first..].to_vec();
    let t = q
        .iter()
        .zip(&b)
        .map(|(q, b)| if *b { q ^ delta } else { *q })
        .collect();
    Cots {
        session: source.session,
        malicious: M::MALICIOUS,
        first: source.first as u64,
        delta,
        q,
        b,
        t,
    }
}

/// What is said of them in a file.
fn inputs<M: Mode>(source: &Source) -> Value {
    let c = raw::<M>(source);
    json!({
        "session": show::hex(&source.session), "security": M::NAME, "seed": seed(source.seed), "n": source.n,
        "sender": show::sent_cots(c.first, &c.q, c.delta), "receiver": show::received_cots(c.first, &c.b, &c.t),
    })
}

fn source(first: usize, n: usize, seed: u8) -> Source {
    Source {
        session: SESSION,
        first,
        n,
        seed,
    }
}

#[test]
fn silent() {
    fn case<M: Mode>(s: u8) -> Case {
        let stages =
            [(50, 40, 5), (300, 70, 6)].map(|(k, trees, depth)| ferret::Stage { k, trees, depth });
        let source = move || source(0, stages[0].takes(M::MALICIOUS) + 3, s);
        let c = raw::<M>(&source());
        let base = Made {
            first: 0,
            q: c.q,
            b: c.b,
            t: c.t,
        };
        let seeds_of = [s + 1, s + 2];
        let run = ferret::run(
            &SESSION,
            &stages,
            2,
            M::MALICIOUS,
            c.delta,
            base,
            &mut seeds_of.map(rng),
        );
        let inputs = json!({
            "correlated OTs": inputs::<M>(&source()), "expansions": 2, "seeds": seeds(seeds_of),
            "stages": stages.map(|s| json!({"k": s.k, "trees": s.trees, "depth": s.depth})).to_vec(),
        });
        let crate_ = move || pairs::ferret::<M>(&source(), 2, seeds_of);
        let mut case = Case::new(M::NAME, inputs, run, crate_);
        case.reject(2, Edit::Xor(18, 1), CHECK);
        case.reject(2, Edit::Xor(81, 0x80), CHECK);
        case.reject_at(1, 0, Edit::Xor(18, 1), CHECK);
        if M::MALICIOUS {
            // Salt, first correction, last one; the receiver's message of the check; the sender's.
            case.reject_at(1, 3, Edit::Xor(18, 1), CHECK);
            case.reject_at(1, 3, Edit::Xor(50, 2), CHECK);
            case.reject_at(1, 4, Edit::Xor(18, 2), CHECK);
            case.reject_at(1, 5, Edit::Xor(18, 1), CHECK);
        }
        case
    }
    hold("ferret", &[case::<SemiHonest>(110), case::<Malicious>(120)]);
}

#[test]
fn random() {
    fn case<M: Mode>(first: usize, n: usize, s: u8) -> Case {
        let source = move || source(first, n, s);
        let run = reference::cots::random(&raw::<M>(&source()));
        let name = format!("{n} from {first}, {}", M::NAME);
        Case::new(name, inputs::<M>(&source()), run, move || {
            pairs::random::<M>(&source())
        })
    }
    hold(
        "random",
        &[
            case::<SemiHonest>(0, 3, 1),
            case::<Malicious>(0, 3, 1),
            case::<Malicious>(5, 300, 2),
        ],
    );
}

#[test]
fn packed_vole() {
    let source = || source(1, 300, 1);
    let run = reference::cots::packed_vole(&raw::<Malicious>(&source()));
    let crate_ = move || pairs::packed_vole::<Malicious>(&source());
    hold(
        "vole",
        &[Case::new(
            "2 of 300",
            inputs::<Malicious>(&source()),
            run,
            crate_,
        )],
    );
}

/// The last byte of a body has padding bits that are not 0.
fn padding(case: &mut Case, message: usize) {
    let len = case.reference.messages[message].1.len();
    let error = "message of the peer: padding bits out of range";
    case.reject(message, Edit::Xor(len - 1, 0x80), error);
}

#[test]
fn chosen() {
    fn case<M: Mode>(n: usize, len: usize, blocks: bool, choose: bool, s: u8) -> Case {
        let source = move || source(s.into(), n, s);
        let messages = bytes(2 * len * n, s + 1);
        let choices = choose.then(|| bools(n, s + 2));
        let run = reference::chosen::run(
            &raw::<M>(&source()),
            choices.as_deref(),
            blocks,
            len,
            &messages,
        );
        let inputs = json!({
            "correlated OTs": inputs::<M>(&source()), "messages": show::bytes(&messages), "length": len,
            "choices": choices.as_ref().map(|c| show::bits(c)),
        });
        let what = if blocks { "blocks" } else { "strings" };
        let name = format!("{n} pairs of {what} of {len} bytes, {}", M::NAME);
        let (m, c) = (messages, choices);
        let mut case = Case::new(name, inputs, run, move || {
            if blocks {
                pairs::chosen_blocks::<M>(&source(), c.as_deref(), &m)
            } else {
                pairs::chosen_strings::<M>(&source(), c.as_deref(), len, &m)
            }
        });
        if choose {
            padding(&mut case, 0);
        }
        case
    }
    hold(
        "chosen",
        &[
            case::<SemiHonest>(3, 16, true, true, 3),
            case::<Malicious>(67, 16, true, false, 4),
            case::<SemiHonest>(5, 1, false, true, 5),
            case::<Malicious>(3, 16, false, true, 6),
            case::<Malicious>(3, 17, false, true, 7),
            case::<SemiHonest>(260, 100, false, false, 8),
        ],
    );
}

#[test]
fn one_of_n() {
    fn case<M: Mode>(n: usize, ots: usize, choose: bool, bits: Option<u32>, s: u8) -> Case {
        let w = n.ilog2() as usize;
        let source = move || source(s.into(), w * ots, s);
        let indices = choose.then(|| {
            bytes(ots, s + 1)
                .iter()
                .map(|i| i & (n - 1) as u8)
                .collect::<Vec<_>>()
        });
        let messages = bits.map(|bits| (bits, reference::blocks(&bytes(16 * n * ots, s + 2))));
        let of = messages.as_ref().map(|(b, m)| (*b, &m[..]));
        let run = reference::one_of_n::run(&raw::<M>(&source()), n, indices.as_deref(), of);
        let inputs = json!({
            "correlated OTs": inputs::<M>(&source()), "N": n, "indices": indices.as_ref().map(|i| show::hex(i)),
            "bits": bits, "messages": of.map(|(_, m)| show::blocks(m)),
        });
        let name = format!("{ots} of 1 in {n}, {}", M::NAME);
        let (i, m) = (indices, messages);
        let mut case = Case::new(name, inputs, run, move || {
            pairs::one_of_n::<M>(
                &source(),
                n,
                i.as_deref(),
                m.as_ref().map(|(b, m)| (*b, &m[..])),
            )
        });
        if choose && !(w * ots).is_multiple_of(8) {
            padding(&mut case, 0);
        }
        if let Some(bits) = bits
            && !(ots * bits as usize).is_multiple_of(8)
        {
            padding(&mut case, usize::from(choose));
        }
        case
    }
    hold(
        "one-of-n",
        &[
            case::<SemiHonest>(2, 5, true, None, 10),
            case::<Malicious>(4, 3, false, None, 20),
            case::<SemiHonest>(4, 7, true, Some(1), 30),
            case::<Malicious>(16, 300, true, Some(5), 40),
            case::<SemiHonest>(8, 9, false, Some(67), 50),
            case::<Malicious>(256, 3, true, Some(128), 60),
        ],
    );
}

#[test]
fn additive() {
    macro_rules! case {
        ($r:ty, $m:ty, $n:expr, $width:expr, $k:expr, $s:expr) => {{
            let source = || source($s, $n, $s);
            let delta: Vec<_> = bytes(8 * $n * $width, $s + 1).chunks(8).map(|d| {
                u128::from(u64::from_le_bytes(reference::array(d))) & u128::from(<$r>::MAX)
            }).collect();
            let run = reference::triples::additive(&raw::<$m>(&source()), $width, $k, <$r>::BITS, &delta);
            let inputs = json!({
                "correlated OTs": inputs::<$m>(&source()), "width": $width, "bits": $k, "bits of a word": <$r>::BITS,
                "delta": show::words(&delta),
            });
            let name = format!("{} vectors of {} modulo 2^{} in {}", $n, $width, $k, stringify!($r));
            let mut case = Case::new(name, inputs, run, move || {
                pairs::additive::<$r, $m>(&source(), $width, $k, &delta)
            });
            if !($n * $width * $k as usize).is_multiple_of(8) {
                padding(&mut case, 0);
            }
            case
        }};
    }
    hold(
        "additive",
        &[
            case!(u8, SemiHonest, 5, 1, 5, 1),
            case!(u64, Malicious, 3, 1, 64, 2),
            case!(u32, SemiHonest, 7, 3, 17, 3),
            case!(u16, Malicious, 3, 9, 16, 4),
            case!(u64, SemiHonest, 300, 5, 33, 5),
        ],
    );
}

/// Those in which either party is the sender.
fn both(n: usize, s: u8) -> [Source; 2] {
    let mut other = source(7, n, s + 1);
    other.session = OTHER;
    [source(3, n, s), other]
}

fn both_inputs<M: Mode>(sources: &[Source; 2]) -> Value {
    sources.each_ref().map(|s| inputs::<M>(s)).to_vec().into()
}

#[test]
fn bit_triples() {
    fn case<M: Mode>(n: usize, s: u8) -> Case {
        let sources = both(n, s);
        let run = reference::triples::bits(&sources.each_ref().map(|s| raw::<M>(s)));
        let inputs = json!({"correlated OTs": both_inputs::<M>(&sources)});
        let crate_ = move || pairs::bit_triples::<M>(&both(n, s));
        Case::new(format!("{n}, {}", M::NAME), inputs, run, crate_)
    }
    hold(
        "bit-triples",
        &[case::<SemiHonest>(7, 1), case::<Malicious>(300, 3)],
    );
}

#[test]
fn ring_triples() {
    macro_rules! case {
        ($r:ty, $n:expr, $k:expr, $s:expr) => {{
            let sources = || both($n * $k as usize, $s);
            let cots = sources().each_ref().map(|s| raw::<SemiHonest>(s));
            let of = [$s + 2, $s + 3];
            let run = reference::triples::gilboa(&cots, $n, $k, <$r>::BITS, &mut of.map(rng));
            let inputs = json!({
                "correlated OTs": both_inputs::<SemiHonest>(&sources()), "triples": $n, "bits": $k,
                "bits of a word": <$r>::BITS, "seeds": seeds(of),
            });
            let name = format!("{} modulo 2^{} in {}", $n, $k, stringify!($r));
            Case::new(name, inputs, run, move || pairs::ring_triples::<$r>(&sources(), $n, $k, of))
        }};
    }
    let mut first = case!(u16, 5, 13, 1);
    padding(&mut first, 0);
    hold(
        "ring-triples",
        &[
            first,
            case!(u64, 3, 64, 5),
            case!(u8, 1, 1, 9),
            case!(u32, 300, 7, 13),
        ],
    );
}

#[test]
fn matrix_triples() {
    macro_rules! case {
        ($r:ty, $sizes:expr, $bits:expr, $s:expr) => {{
            let [m, k, n]: [usize; 3] = $sizes;
            let sources = move || both(m.min(n) * k * $bits as usize, $s);
            let cots = sources().each_ref().map(|s| raw::<SemiHonest>(s));
            let of = [$s + 2, $s + 3];
            let run = reference::triples::matrix(&cots, $sizes, $bits, <$r>::BITS, &mut of.map(rng));
            let inputs = json!({
                "correlated OTs": both_inputs::<SemiHonest>(&sources()), "m, k, n": $sizes.to_vec(), "bits": $bits,
                "bits of a word": <$r>::BITS, "seeds": seeds(of),
            });
            let name = format!("{m} x {k} by {k} x {n} modulo 2^{} in {}", $bits, stringify!($r));
            Case::new(name, inputs, run, move || pairs::matrix_triple::<$r>(&sources(), $sizes, $bits, of))
        }};
    }
    hold(
        "matrix-triples",
        &[
            case!(u32, [2usize, 3, 4], 20, 1),
            case!(u16, [5usize, 3, 2], 16, 5),
            case!(u64, [1usize, 2, 7], 64, 9),
            case!(u8, [3usize, 1, 3], 3, 13),
        ],
    );
}
