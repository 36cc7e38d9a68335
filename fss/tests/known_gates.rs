//! Known-answer vectors of the stream of keys and of the gates: what the dealer writes, what each party makes of it, and blocks
//! that have to be refused, with the reason. As `known_answers.rs`, under `PIQUET_BLESS=1` the reference writes the files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod reference;
mod support {
    pub(crate) mod show;
    pub(crate) mod vectors;
}

use piquet_core::wire::SessionId;
use piquet_core::{BitVec, Ring};
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::lookup::{Lookup, LookupBits, Table};
use piquet_fss::gates::relu::Relu;
use piquet_fss::gates::sign::Sign;
use piquet_fss::gates::truncate::TruncateReduce;
use piquet_fss::mask::Mask;
use piquet_fss::stream::KeyStream;
use piquet_fss::{Cpu, P0, P1};
use reference::gates::{self, Gate, Opens};
use reference::stream::Set;
use reference::{derive, low};
use serde_json::{Value, json};
use support::show;
use support::vectors::hold;

const GENERATOR: &str =
    "fss/tests/reference, written by fss/tests/known_gates.rs under PIQUET_BLESS=1";
const SESSION: [u8; 32] = *b"known answers, session number 1.";
const SEED: [u8; 16] = *b"the dealer's own";
const SET: u64 = 7;

/// `n` words that depend on a label.
fn inputs(label: &str, bits: u32, n: usize) -> Vec<u128> {
    let bytes = derive("piquet 2026 known answers", &[label.as_bytes()], 16 * n);
    let word = |b: &[u8]| low(u128::from_le_bytes(b.try_into().unwrap()), bits);
    let mut out: Vec<_> = bytes.chunks(16).map(word).collect();
    // The ends of the domain come first.
    let ends = [
        0,
        low(u128::MAX, bits),
        1 << (bits - 1),
        low(!(1 << (bits - 1)), bits),
    ];
    for (o, e) in out.iter_mut().zip(ends) {
        *o = e;
    }
    out
}

fn ring<R: Ring>(x: &[u128]) -> Vec<R> {
    x.iter().map(|x| R::from_i128(*x as i128)).collect()
}

fn words<R: Ring>(x: &[R]) -> Vec<u128> {
    let low_of = |x: &R| low(x.to_i128() as u128, R::BITS);
    x.iter().map(low_of).collect()
}

fn bits(x: &BitVec) -> Vec<u128> {
    x.to_bools().map(u128::from).collect()
}

/// What the files say of a block.
fn shown(dealt: &[u128], blocks: &[Vec<u8>; 2], shares: &[Vec<u128>; 2]) -> Value {
    json!({
        "dealt": show::words(dealt),
        "block of party 0": show::bytes(&blocks[0]), "block of party 1": show::bytes(&blocks[1]),
        "shares of party 0": show::words(&shares[0]), "shares of party 1": show::words(&shares[1]),
    })
}

/// The block at position 1, after one of masks, by the reference.
fn by_reference<G: Gate>(
    gate: &G,
    masks: &[u128],
    masked: &[u128],
) -> ([Vec<u8>; 2], Value, [Vec<u128>; 2]) {
    let set = Set::new(SESSION, SET, SEED);
    let (dealt, blocks) = set.deal(1, gate, masks, masked.len());
    let shares = [0, 1].map(|p: usize| {
        let mut from = set.take(1, p, &blocks[p]);
        let shares = gate.evaluate(masked, &mut from);
        assert!(from.payload.is_empty(), "all of it is used");
        shares
    });
    let said = shown(&dealt, &blocks, &shares);
    (blocks, said, shares)
}

fn dealer() -> (Dealer, [Vec<u8>; 2]) {
    let mut dealer = Dealer::new(SessionId(SESSION), SET, &Seed::from_bytes(SEED));
    let [mut a, mut b] = [Vec::new(), Vec::new()];
    dealer
        .deal(&Mask::<u32>::new(20).unwrap(), 3, (), [&mut a, &mut b])
        .unwrap();
    (dealer, [a, b])
}

/// The same by the crate. `$shares` makes numbers of a party's keys.
macro_rules! by_crate {
    ($gate:expr, $masks:expr, $count:expr, $dealt:expr, |$k:ident| $shares:expr) => {{
        let (mut dealer, first) = dealer();
        let [mut a, mut b] = [Vec::new(), Vec::new()];
        let dealt = dealer
            .deal(&$gate, $count, $masks, [&mut a, &mut b])
            .unwrap();
        let session = SessionId(SESSION);
        let mut s0 = KeyStream::<P0>::new(session, SET, dealer.seed::<P0>());
        let mut s1 = KeyStream::<P1>::new(session, SET, dealer.seed::<P1>());
        let mask = Mask::<u32>::new(20).unwrap();
        s0.take(&mask, 3, &first[0]).unwrap();
        s1.take(&mask, 3, &first[1]).unwrap();
        let k0 = s0.take(&$gate, $count, &a).unwrap();
        let k1 = s1.take(&$gate, $count, &b).unwrap();
        let shares = [
            {
                let $k = k0;
                $shares
            },
            {
                let $k = k1;
                $shares
            },
        ];
        shown(&$dealt(dealt), &[a, b], &shares)
    }};
}

fn case(
    name: &str,
    bits: u32,
    masks: &[u128],
    masked: &[u128],
    said: Value,
    got: Value,
) -> (String, Value, Value) {
    let common = json!({
        "session": show::hex(&SESSION), "dealer's seed": show::hex(&SEED), "set": SET, "position": 1,
        "bits": bits, "masks": show::words(masks), "masked values": show::words(masked),
    });
    let merged = |v: Value| {
        let mut a = common.clone();
        let v = v.as_object().unwrap().clone();
        a.as_object_mut().unwrap().extend(v);
        a
    };
    (name.into(), merged(said), merged(got))
}

#[test]
fn signs() {
    fn of<R: Ring>(bits: u32, n: usize) -> (String, Value, Value) {
        let name = format!("{n} signs of {bits} bits in words of {}", R::BITS);
        let masks = inputs(&format!("masks of {name}"), bits, n);
        let masked = inputs(&name, bits, n);
        let gate = gates::Sign {
            word: R::BITS,
            bits,
        };
        let (_, said, shares) = by_reference(&gate, &masks, &masked);
        for (i, (r, x)) in masks.iter().zip(&masked).enumerate() {
            let x = low(x.wrapping_sub(*r), bits);
            assert_eq!(shares[0][i] ^ shares[1][i] == 1, x >> (bits - 1) == 0);
        }
        let x: Vec<R> = ring(&masked);
        let got = by_crate!(
            Sign::<R>::new(bits).unwrap(),
            &ring::<R>(&masks),
            n,
            |()| Vec::new(),
            |k| self::bits(&k.evaluate(&x, &Cpu::new()).unwrap())
        );
        case(&name, bits, &masks, &masked, said, got)
    }
    let cases = [
        of::<u8>(1, 9),
        of::<u8>(2, 3),
        of::<u8>(8, 5),
        of::<u32>(9, 65),
        of::<u64>(38, 130),
        of::<u64>(64, 2),
        of::<u64>(64, 300),
        of::<u128>(128, 3),
    ];
    hold("signs", GENERATOR, &cases);
}

#[test]
fn masks() {
    let of = |bits: u32, n: usize| {
        let name = format!("{n} masks of {bits} bits in words of 64");
        let zeros = vec![0; n];
        let gate = gates::Mask { word: 64, bits };
        let (_, said, _) = by_reference(&gate, &[], &zeros);
        // A party's share of a mask is what it sends for the share 0.
        let got = by_crate!(
            Mask::<u64>::new(bits).unwrap(),
            (),
            n,
            |r: piquet_core::RingVec<u64>| words(r.as_slice()),
            |k| {
                let (_, m) = k_open(k, n);
                reference::unpack_words(&m[18..], n, bits)
            }
        );
        case(&name, bits, &[], &zeros, said, got)
    };
    hold("masks", GENERATOR, &[of(1, 9), of(20, 5), of(64, 130)]);
}

fn k_open<P: piquet_fss::Role>(
    keys: piquet_fss::mask::MaskKeys<u64, P>,
    n: usize,
) -> (piquet_fss::mask::Opening<u64, P>, Vec<u8>) {
    keys.open(&vec![0; n]).unwrap()
}

/// Both parties of a gate that opens bits once, by the reference: with the messages in front of the shares.
fn opening_by_reference<G: Opens>(
    gate: &G,
    masks: &[u128],
    masked: &[u128],
) -> (Value, [Vec<u128>; 2]) {
    let set = Set::new(SESSION, SET, SEED);
    let (_, blocks) = set.deal(1, gate, masks, masked.len());
    let begun = [0, 1].map(|p: usize| {
        let mut from = set.take(1, p, &blocks[p]);
        let (bits, kept) = gate.start(masked, &mut from);
        assert!(from.payload.is_empty(), "all of it is used");
        (gates::says(&bits, &kept), kept)
    });
    let opened: Vec<_> = begun[0]
        .0
        .iter()
        .zip(&begun[1].0)
        .map(|(a, b)| a ^ b)
        .collect();
    let shares = [0, 1].map(|p: usize| gate.finish(p, masked, &opened, &begun[p].1));
    // Messages are numbered within the set, 2^16 for each block; the highest bit is the party that sends.
    let session = reference::child(&SESSION, &format!("key set {SET}"));
    let messages = [0, 1].map(|p: usize| {
        let step = 1 << 16 | (p as u64) << 63;
        reference::message(&session, 0x72, step, &reference::pack(&begun[p].0))
    });
    (opening_shown(&blocks, &messages, &shares), shares)
}

fn opening_shown(blocks: &[Vec<u8>; 2], messages: &[Vec<u8>; 2], shares: &[Vec<u128>; 2]) -> Value {
    let mut v = shown(&[], blocks, shares);
    let map = v.as_object_mut().unwrap();
    for (p, m) in messages.iter().enumerate() {
        map.insert(format!("message of party {p}"), show::bytes(m));
    }
    v
}

/// The same by the crate.
macro_rules! opening_by_crate {
    ($gate:expr, $masks:expr, $count:expr, $masked:expr) => {{
        let (mut dealer, first) = dealer();
        let [mut a, mut b] = [Vec::new(), Vec::new()];
        dealer
            .deal(&$gate, $count, $masks, [&mut a, &mut b])
            .unwrap();
        let session = SessionId(SESSION);
        let mut s0 = KeyStream::<P0>::new(session, SET, dealer.seed::<P0>());
        let mut s1 = KeyStream::<P1>::new(session, SET, dealer.seed::<P1>());
        let mask = Mask::<u32>::new(20).unwrap();
        s0.take(&mask, 3, &first[0]).unwrap();
        s1.take(&mask, 3, &first[1]).unwrap();
        let k0 = s0.take(&$gate, $count, &a).unwrap();
        let k1 = s1.take(&$gate, $count, &b).unwrap();
        let (p0, m0) = k0.start($masked, &Cpu::new()).unwrap();
        let (p1, m1) = k1.start($masked, &Cpu::new()).unwrap();
        let y0 = words(p0.finish(&m1).unwrap().as_slice());
        let y1 = words(p1.finish(&m0).unwrap().as_slice());
        opening_shown(&[a, b], &[m0, m1], &[y0, y1])
    }};
}

/// Both parties' shares make what is wanted.
fn held(shares: &[Vec<u128>; 2], bits: u32, want: impl Fn(usize) -> u128) {
    for (i, (a, b)) in shares[0].iter().zip(&shares[1]).enumerate() {
        assert_eq!(low(a.wrapping_add(*b), bits), want(i));
    }
}

#[test]
fn relus() {
    let of = |bits: u32, n: usize| {
        let name = format!("{n} ReLUs of {bits} bits in words of 64");
        let masks = inputs(&format!("masks of {name}"), bits, n);
        let masked = inputs(&name, bits, n);
        let gate = gates::Relu { word: 64, bits };
        let (said, shares) = opening_by_reference(&gate, &masks, &masked);
        held(&shares, bits, |i| {
            let x = low(masked[i].wrapping_sub(masks[i]), bits);
            if x >> (bits - 1) == 0 { x } else { 0 }
        });
        let (r, x): (Vec<u64>, Vec<u64>) = (ring(&masks), ring(&masked));
        let got = opening_by_crate!(Relu::<u64>::new(bits).unwrap(), &r, n, &x);
        case(&name, bits, &masks, &masked, said, got)
    };
    hold("relus", GENERATOR, &[of(8, 9), of(38, 70), of(64, 5)]);
}

#[test]
fn truncations() {
    let of = |bits: u32, shift: u32, n: usize| {
        let name = format!("{n} truncations of {bits} bits by {shift} in words of 64");
        let masks = inputs(&format!("masks of {name}"), bits, n);
        let masked = inputs(&name, bits, n);
        let gate = gates::TruncateReduce {
            word: 64,
            bits,
            shift,
        };
        let (said, shares) = opening_by_reference(&gate, &masks, &masked);
        held(&shares, bits - shift, |i| {
            low(masked[i].wrapping_sub(masks[i]), bits) >> shift
        });
        let (r, x): (Vec<u64>, Vec<u64>) = (ring(&masks), ring(&masked));
        let got = opening_by_crate!(TruncateReduce::<u64>::new(bits, shift).unwrap(), &r, n, &x);
        case(&name, bits, &masks, &masked, said, got)
    };
    hold(
        "truncations",
        GENERATOR,
        &[of(8, 3, 9), of(38, 12, 66), of(64, 20, 5)],
    );
}

#[test]
fn look_ups() {
    let of = |bits: u32, output: u32, n: usize| {
        let name = format!("{n} look-ups of {bits} bits, {output} bits of a leaf");
        let masks = inputs(&format!("masks of {name}"), bits, n);
        let masked = inputs(&name, bits, n);
        let table = inputs(&format!("table of {name}"), 64, 1 << bits);
        let gate = gates::Lookup {
            bits,
            output,
            table: table.clone(),
        };
        let (_, said, shares) = by_reference(&gate, &masks, &masked);
        let want = |i: usize| table[low(masked[i].wrapping_sub(masks[i]), bits) as usize];
        for (i, (a, b)) in shares[0].iter().zip(&shares[1]).enumerate() {
            match output {
                1 => assert_eq!(a ^ b, want(i)),
                k => assert_eq!(low(a.wrapping_add(*b), k), low(want(i), k)),
            }
        }
        let (r, x): (Vec<u64>, Vec<u64>) = (ring(&masks), ring(&masked));
        let table = Table::<u64>::new(bits, &ring::<u64>(&table)).unwrap();
        let got = if output == 1 {
            by_crate!(
                LookupBits::<u64>::new(bits).unwrap(),
                &r,
                n,
                |()| Vec::new(),
                |k| words(k.evaluate(&x, &[&table], &Cpu::new()).unwrap()[0].as_slice())
            )
        } else {
            by_crate!(
                Lookup::<u64>::new(bits, output).unwrap(),
                &r,
                n,
                |()| Vec::new(),
                |k| words(k.evaluate(&x, &[&table], &Cpu::new()).unwrap()[0].as_slice())
            )
        };
        case(&name, bits, &masks, &masked, said, got)
    };
    hold(
        "look-ups",
        GENERATOR,
        &[
            of(3, 1, 3),
            of(8, 1, 66),
            of(10, 1, 2),
            of(5, 13, 65),
            of(8, 16, 3),
            of(6, 64, 2),
        ],
    );
}

/// What becomes of a good block on its way.
enum Edit {
    Xor(usize, u8),
    Cut(usize),
    Append(usize),
    Swap(usize, usize),
    Instead(&'static str, Vec<u8>),
}

impl Edit {
    fn apply(&self, block: &[u8]) -> (String, Vec<u8>) {
        let mut m = block.to_vec();
        let what = match self {
            Self::Xor(at, with) => {
                m[*at] ^= with;
                format!("bad_xor {with:02x} at {at}")
            }
            Self::Cut(n) => {
                m.truncate(m.len() - n);
                format!("bad_cut {n} off the end")
            }
            Self::Append(n) => {
                m.resize(m.len() + n, 0);
                format!("bad_append {n} zeros")
            }
            Self::Swap(a, b) => {
                let x = m[*a..a + 16].to_vec();
                m.copy_within(*b..b + 16, *a);
                m[*b..b + 16].copy_from_slice(&x);
                format!("bad_swap the 16 bytes at {a} and at {b}")
            }
            Self::Instead(what, other) => {
                m.clone_from(other);
                format!("bad_other {what}")
            }
        };
        (what, m)
    }
}

/// Everything that a party has to refuse in the place of its block 1, which holds signs.
#[test]
fn refused_blocks() {
    let n = 3;
    let gate = gates::Sign { word: 64, bits: 9 };
    let masks = inputs("masks of refused blocks", 9, n);
    let set = Set::new(SESSION, SET, SEED);
    let deal = |set: &Set, position| set.deal(position, &gate, &masks, n).1;
    let good = deal(&set, 1);
    let mut alike = SESSION;
    alike[31] ^= 1;
    let corrupt = "key stream: block 1 is corrupt or was made under another seed";
    let context = "key stream: message belongs to another session or step";
    let parameter = |got, want| format!("key stream: parameter of the gate {got}, expected {want}");
    let len = good[0].len();
    let mut list = vec![
        (
            Edit::Xor(0, 3),
            "key stream: wire version 2, expected 1".to_string(),
        ),
        (
            Edit::Xor(1, 1),
            "key stream: message kind 113, expected 112".into(),
        ),
        (Edit::Xor(2, 1), context.into()),
        (Edit::Xor(9, 0x80), context.into()),
        (
            Edit::Xor(10, 1),
            "key stream: position 0, expected 1".into(),
        ),
        (
            Edit::Xor(11, 1),
            "key stream: position 257, expected 1".into(),
        ),
        (Edit::Xor(19, 1), "key stream: set 6, expected 7".into()),
        (Edit::Xor(27, 1), "key stream: gate 2, expected 3".into()),
        (Edit::Xor(28, 1), parameter(8, 9)),
        (Edit::Xor(32, 1), parameter(65, 64)),
        (Edit::Xor(36, 1), parameter(1, 0)),
        (
            Edit::Xor(40, 1),
            "key stream: number of gates 2, expected 3".into(),
        ),
        (
            Edit::Instead("party's block", good[1].clone()),
            "key stream: party 1, expected 0".into(),
        ),
        (
            Edit::Instead("position, replayed", deal(&set, 0)[0].clone()),
            "key stream: position 0, expected 1".into(),
        ),
        (
            Edit::Instead("position, too early", deal(&set, 2)[0].clone()),
            "key stream: position 2, expected 1".into(),
        ),
        (
            Edit::Instead("set", deal(&Set::new(SESSION, 8, SEED), 1)[0].clone()),
            "key stream: set 8, expected 7".into(),
        ),
        (
            Edit::Instead(
                "dealer",
                deal(&Set::new(SESSION, SET, [1; 16]), 1)[0].clone(),
            ),
            corrupt.into(),
        ),
        (
            Edit::Instead(
                "session with the same 8 bytes",
                deal(&Set::new(alike, SET, SEED), 1)[0].clone(),
            ),
            corrupt.into(),
        ),
        // Corrections of levels, of leaves; the last byte of the keys; the tag.
        (Edit::Swap(44, 60), corrupt.into()),
        (Edit::Swap(44, 92), corrupt.into()),
        (Edit::Xor(len - 17, 1), corrupt.into()),
        (Edit::Swap(60, len - 16), corrupt.into()),
    ];
    list.extend((44..len).map(|at| (Edit::Xor(at, 1 << (at % 8)), corrupt.to_string())));
    for n in [1, 16, len] {
        let length = |got| format!("key stream: message is {got} bytes, expected {len}");
        list.push((Edit::Cut(n), length(len - n)));
        list.push((Edit::Append(n), length(len + n)));
    }
    let mut cases = [Vec::new(), Vec::new()];
    for (edit, error) in &list {
        let (what, block) = edit.apply(&good[0]);
        assert_ne!(block, good[0]);
        let (dealer, first) = dealer();
        let mut stream = KeyStream::<P0>::new(SessionId(SESSION), SET, dealer.seed::<P0>());
        let mask = Mask::<u32>::new(20).unwrap();
        stream.take(&mask, 3, &first[0]).unwrap();
        let gate = Sign::<u64>::new(9).unwrap();
        let got = stream.take(&gate, n, &block).unwrap_err().to_string();
        let after = stream.take(&gate, n, &good[0]).unwrap_err().to_string();
        assert_eq!(after, "key stream: an earlier block was refused");
        assert_eq!(stream.position(), 1);
        let line = |e: &str| match edit {
            Edit::Instead(..) => json!({"what": what, "block": show::hex(&block), "error": e}),
            _ => json!({"what": what, "error": e}),
        };
        cases[0].push(line(error));
        cases[1].push(line(&got));
    }
    let [said, got] = cases.map(|c| {
        json!({
            "session": show::hex(&SESSION), "dealer's seed": show::hex(&SEED), "set": SET, "position": 1, "party": 0,
            "gates": "3 signs of 9 bits in words of 64", "good": show::bytes(&good[0]), "refused": c,
        })
    });
    hold(
        "refused",
        GENERATOR,
        &[("in the place of a block of signs".into(), said, got)],
    );
}
