//! The whole chain, as a user writes it: base OTs, SoftSpokenOT, Ferret, and what is made from its correlations, up to a
//! product of secret-shared numbers. Both parties are in this process; `a` has Δ and is the sender.

use std::error::Error;

use piquet_core::correlation::MatrixShape;
use piquet_core::wire::{SessionId, run_pair};
use piquet_core::{BitVec, RingVec};
use piquet_ot::ferret::{self, Params};
use piquet_ot::softspoken::{self, Bits, Choices};
use piquet_ot::triples::{bits, gilboa, matrix};
use piquet_ot::{Delta, Malicious, ReceivedCots, SentCots, base, ideal, one_of_n};
use piquet_secret_sharing::beaver::{BitTriples, Multiply, Product, TripleBatch, Triples};
use piquet_secret_sharing::{Party, additive, boolean};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

type Outcome = Result<(), Box<dyn Error>>;
type Halves = (SentCots<Malicious>, ReceivedCots<Malicious>);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Both parties, with Ferret set up between them.
struct Parties {
    a: ferret::Sender<Malicious>,
    b: ferret::Receiver<Malicious>,
}

impl Parties {
    fn new(session: SessionId, params: Params, seeds: [u8; 2]) -> Result<Self, Box<dyn Error>> {
        let [mut a, mut b] = seeds.map(rng);
        let (mut from_a, mut from_b) = (Vec::new(), Vec::new());

        // 128 base OTs: who will be the sender chooses, with the bits of Δ.
        let delta = Delta::random_odd(&mut a);
        let name = session.child("base");
        let of_a = base::Receiver::new(name, &delta.choices(), &mut a, &mut from_a)?;
        let of_b = base::Sender::new(name, 128, &mut b, &mut from_b)?;
        let (of_a, of_b) = (of_a.finish(&from_b)?, of_b.finish(&from_a)?);

        // SoftSpokenOT makes some thousand correlated OTs of them, and checks them.
        let name = session.child("extension");
        let of_a = softspoken::Sender::setup(name, Bits::Four, of_a)?;
        from_b.clear();
        let of_b = softspoken::Receiver::setup(name, Bits::Four, of_b, &mut from_b)?;
        let of_a = of_a.finish(&from_b)?;
        let n = params.base_cots::<Malicious>();
        from_b.clear();
        let of_b = of_b.extend(n, &mut from_b)?;
        from_a.clear();
        let of_a = of_a.extend(Choices::Random, n, &from_b, &mut a, &mut from_a)?;
        from_b.clear();
        let (_, of_b) = of_b.answer(&from_a, &mut from_b)?;
        let (_, of_a) = of_a.verify(&from_b)?;

        // Ferret makes millions of those.
        let name = session.child("silent");
        let of_a = ferret::Sender::set_up(name, params, of_a, &mut a)?;
        let of_b = ferret::Receiver::set_up(name, params, of_b, &mut b)?;
        let (a, b, _) = run_pair(of_a, of_b);
        Ok(Self { a: a?, b: b? })
    }

    /// The next `n` correlated OTs, however many expansions that takes.
    fn take(mut self, n: usize) -> Result<(Self, Halves), Box<dyn Error>> {
        for _ in 0..self.a.expansions_for(n) {
            let (a, b, _) = run_pair(self.a.expand()?, self.b.expand()?);
            self = Self { a: a?, b: b? };
        }
        let (sent, received) = (self.a.take(n)?, self.b.take(n)?);
        Ok((self, (sent, received)))
    }
}

fn session(n: u8) -> SessionId {
    SessionId([n; 32])
}

#[test]
fn correlations_at_the_parameters_of_the_crate() -> Outcome {
    let parties = Parties::new(session(1), Params::standard(), [1, 2])?;
    let (parties, (first, _)) = parties.take(12_345)?;
    assert_eq!(first.first_index(), 0);
    let (_, (sent, received)) = parties.take(1_000_001)?;
    assert_eq!(
        (sent.first_index(), received.first_index()),
        (12_345, 12_345)
    );
    let (q, delta) = sent.into_raw();
    let (b, t) = received.into_raw();
    let mut ones = 0;
    for ((q, t), b) in q.iter().zip(&t).zip(b.to_bools()) {
        let want = if b { *q ^ delta.block() } else { *q };
        assert!(want == *t);
        ones += usize::from(b);
    }
    assert!(
        ones.abs_diff(500_000) < 3_000,
        "six standard deviations: {ones}"
    );
    Ok(())
}

#[test]
fn random_and_chosen_ots() -> Outcome {
    let parties = Parties::new(session(2), ideal::ferret_params(), [3, 4])?;

    let (parties, (sent, received)) = parties.take(1001)?;
    let (sent, received) = (sent.into_random_ots(), received.into_random_ots());
    let messages = sent.messages().iter().zip(received.messages());
    for ((pair, got), c) in messages.zip(received.choices().to_bools()) {
        assert!(pair[usize::from(c)] == *got && pair[usize::from(!c)] != *got);
    }

    // Choices and messages of the parties' own: 129 pairs of 33 bytes.
    let (parties, (sent, received)) = parties.take(129)?;
    let choices = BitVec::random(129, &mut rng(5));
    let mut messages = vec![0; 2 * 33 * 129];
    rng(6).fill_bytes(&mut messages);
    let (mut from_a, mut from_b) = (Vec::new(), Vec::new());
    let received = received.choose(&choices, &mut from_b)?;
    sent.choose(&from_b)?
        .send_strings(33, &messages, &mut from_a)?;
    let got = received.receive_strings(33, &from_a)?;
    for (i, c) in choices.to_bools().enumerate() {
        assert_eq!(
            got[33 * i..][..33],
            messages[33 * (2 * i + usize::from(c))..][..33]
        );
    }

    // 1 of 16, by weaker correlations: 7 OTs of 11 bits.
    let (_, (sent, received)) = parties.take(7 * 4)?;
    let (sent, received) = (sent.weaken(), received.weaken());
    let indices = [15, 0, 7, 8, 1, 14, 3];
    let table: Vec<u16> = (0..16 * 7).map(|m| m * 19 % 2048).collect();
    let (mut from_a, mut from_b) = (Vec::new(), Vec::new());
    let received = one_of_n::choose(received, 16, &indices, &mut from_b)?;
    let sent = one_of_n::SentOneOfN::new(sent.choose(&from_b)?, 16)?;
    sent.send(11, &table, &mut from_a)?;
    let got = received.receive::<u16>(11, &from_a)?;
    for (g, i) in indices.into_iter().enumerate() {
        assert_eq!(got.as_slice()[g], table[usize::from(i) * 7 + g]);
    }
    Ok(())
}

/// Two chains, each party being the sender of one: of each, n correlated OTs for both.
struct BothWays {
    zero_sends: Parties,
    one_sends: Parties,
}

impl BothWays {
    fn new(session: SessionId) -> Result<Self, Box<dyn Error>> {
        let params = ideal::ferret_params();
        Ok(Self {
            zero_sends: Parties::new(session.child("0 sends"), params, [7, 8])?,
            one_sends: Parties::new(session.child("1 sends"), params, [9, 10])?,
        })
    }
    fn take(self, n: usize) -> Result<(Self, [Halves; 2]), Box<dyn Error>> {
        let (zero_sends, (s0, r1)) = self.zero_sends.take(n)?;
        let (one_sends, (s1, r0)) = self.one_sends.take(n)?;
        let it = Self {
            zero_sends,
            one_sends,
        };
        Ok((it, [(s0, r0), (s1, r1)]))
    }
}

fn parties() -> Result<[Party; 2], Box<dyn Error>> {
    Ok([Party::new(0, 2)?, Party::new(1, 2)?])
}

#[test]
fn products_of_shared_numbers() -> Outcome {
    let session = session(3);
    let both = BothWays::new(session)?;

    // 37 products in Z_2^64.
    let shape = gilboa::Shape {
        triples: 37,
        bits: 64,
    };
    let (both, [(s0, r0), (s1, r1)]) = both.take(shape.cots()?)?;
    let (mut from_0, mut from_1) = (Vec::new(), Vec::new());
    let p0 = gilboa::start::<u64, _>(shape, s0.weaken(), r0.weaken(), &mut rng(11), &mut from_0)?;
    let p1 = gilboa::start::<u64, _>(shape, s1.weaken(), r1.weaken(), &mut rng(12), &mut from_1)?;
    let made = [p0.finish(&from_1)?, p1.finish(&from_0)?];

    let x: Vec<u64> = (0..37u64)
        .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        .collect();
    let y: Vec<u64> = (0..37).map(|i| u64::MAX - i * i).collect();
    let xs = additive::split(&x, 2, &mut rng(13))?;
    let ys = additive::split(&y, 2, &mut rng(14))?;
    let mut machines = Vec::new();
    for (i, (made, party)) in made.into_iter().zip(parties()?).enumerate() {
        let [a, b, c] = made.into_parts();
        let batch = Triples::from_raw_shares(party, a, b, c)?.take(37)?;
        let (opening, pending) = batch.start(session.child("product"), 0, &xs[i], &ys[i])?;
        machines.push(Multiply::new(opening, pending)?);
    }
    let (m1, m0) = (machines.pop().ok_or("two")?, machines.pop().ok_or("two")?);
    let (z0, z1, _) = run_pair(m0, m1);
    let z = additive::open(&[z0?, z1?])?;
    for ((x, y), z) in x.iter().zip(&y).zip(z.as_slice()) {
        assert_eq!(x.wrapping_mul(*y), *z);
    }

    // A product of matrices of 3 x 5 and 5 x 7.
    let matrices = MatrixShape { m: 3, k: 5, n: 7 };
    let shape = matrix::Shape { matrices, bits: 32 };
    let (_, [(s0, r0), (s1, r1)]) = both.take(shape.cots()?)?;
    let (mut from_0, mut from_1) = (Vec::new(), Vec::new());
    let p0 = matrix::start::<u32, _>(shape, s0.weaken(), r0.weaken(), &mut rng(15), &mut from_0)?;
    let p1 = matrix::start::<u32, _>(shape, s1.weaken(), r1.weaken(), &mut rng(16), &mut from_1)?;
    let made = [p0.finish(&from_1)?, p1.finish(&from_0)?];
    let x: Vec<u32> = RingVec::random(15, &mut rng(17)).as_slice().to_vec();
    let y: Vec<u32> = RingVec::random(35, &mut rng(18)).as_slice().to_vec();
    let xs = additive::split(&x, 2, &mut rng(19))?;
    let ys = additive::split(&y, 2, &mut rng(20))?;
    let mut machines = Vec::new();
    for (i, (made, party)) in made.into_iter().zip(parties()?).enumerate() {
        let [a, b, c] = made.into_parts();
        let product = Product::MatMul { m: 3, k: 5, n: 7 };
        let batch = TripleBatch::from_raw_shares(party, product, a, b, c)?;
        let (opening, pending) = batch.start(session.child("product"), 1, &xs[i], &ys[i])?;
        machines.push(Multiply::new(opening, pending)?);
    }
    let (m1, m0) = (machines.pop().ok_or("two")?, machines.pop().ok_or("two")?);
    let (z0, z1, _) = run_pair(m0, m1);
    let z = additive::open(&[z0?, z1?])?;
    for r in 0..3 {
        for c in 0..7 {
            let want = (0..5).fold(0u32, |s, t| {
                s.wrapping_add(x[5 * r + t].wrapping_mul(y[7 * t + c]))
            });
            assert_eq!(z.as_slice()[7 * r + c], want);
        }
    }
    Ok(())
}

#[test]
fn conjunctions_of_shared_bits() -> Outcome {
    let session = session(4);
    let (_, halves) = BothWays::new(session)?.take(1023)?;
    let (x, y) = (
        BitVec::random(1023, &mut rng(21)),
        BitVec::random(1023, &mut rng(22)),
    );
    let xs = boolean::split_xor(&x, 2, &mut rng(23))?;
    let ys = boolean::split_xor(&y, 2, &mut rng(24))?;
    let (mut openings, mut pending) = (Vec::new(), Vec::new());
    for (i, ((sent, received), party)) in halves.into_iter().zip(parties()?).enumerate() {
        let [a, b, c] = bits::from_cots(sent, received)?.into_parts();
        let batch = BitTriples::from_raw_shares(party, a, b, c)?.take(1023)?;
        let (o, p) = batch.start(session.child("and"), 0, &xs[i], &ys[i])?;
        openings.push(o);
        pending.push(p);
    }
    let (p1, p0) = (pending.pop().ok_or("two")?, pending.pop().ok_or("two")?);
    let z = [p0.finish(&openings[1..])?, p1.finish(&openings[..1])?];
    let mut want = x.duplicate();
    want.and_assign(&y);
    assert!(boolean::open_xor(&z)?.words() == want.words());
    Ok(())
}
