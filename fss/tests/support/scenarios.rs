//! Every gate, dealt and evaluated by both parties, for tests of what they all have in common.
#![allow(dead_code, reason = "each test takes what it wants")]

use piquet_core::wire::SessionId;
use piquet_core::{BitVec, Ring};
use piquet_fss::compare::{Compare, Question};
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::Gate;
use piquet_fss::gates::bit::BitToRing;
use piquet_fss::gates::digits::{DigitSign, Progress};
use piquet_fss::gates::extend::{Extend, ExtendWithin};
use piquet_fss::gates::interval::Interval;
use piquet_fss::gates::lookup::{Lookup, LookupBits, SignedLookup, Table};
use piquet_fss::gates::relu::{Relu, ReluTruncate};
use piquet_fss::gates::select::Select;
use piquet_fss::gates::shift::Range;
use piquet_fss::gates::sign::Sign;
use piquet_fss::gates::spline::Spline;
use piquet_fss::gates::stochastic::Stochastic;
use piquet_fss::gates::truncate::{Truncate, TruncateReduce};
use piquet_fss::mask::{BitMask, Mask};
use piquet_fss::stream::{KeyStream, OVERHEAD};
use piquet_fss::{Cpu, P0, P1};

pub(crate) const SESSION: SessionId = SessionId([21; 32]);

/// What goes into a batch of gates. Masks and seed are secret, `masked` and `opened` public, `shares` of either kind secret.
pub(crate) struct Setting<'a> {
    pub(crate) seed: Seed,
    pub(crate) masks: Vec<u64>,
    pub(crate) bit_masks: BitVec,
    pub(crate) masked: Vec<u64>,
    pub(crate) opened: BitVec,
    /// Shares that a party opens, the same for both.
    pub(crate) shares: Vec<u64>,
    pub(crate) bit_shares: BitVec,
    pub(crate) cpu: Cpu,
    /// Called with all that leaves a party or the dealer for both.
    pub(crate) public: &'a dyn Fn(&[u8]),
}

/// What comes out of it.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) blocks: [Vec<u8>; 2],
    /// Bodies of the messages of each party, one after another.
    pub(crate) messages: [Vec<u8>; 2],
    /// Results of each party, bit by bit.
    pub(crate) own: [Vec<u8>; 2],
}

impl Seen {
    /// The corrections, which are the same for both.
    pub(crate) fn payload(&self) -> &[u8] {
        let at = OVERHEAD - 16;
        let of = |b: &'_ Vec<u8>| at..b.len() - 16;
        let [a, b] = &self.blocks;
        assert!(a[of(a)] == b[of(b)], "both are sent the same");
        &a[of(a)]
    }
}

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Bits of the keys of 8 gates that are 0 always, because nothing needs them.
    pub(crate) unused: usize,
    run: fn(&Setting<'_>) -> Seen,
}

impl Scenario {
    pub(crate) fn run(&self, s: &Setting<'_>) -> Seen {
        (self.run)(s)
    }
}

/// The low `bits` of each word, one after another.
fn packed<R: Ring>(bits: u32, x: &[R]) -> Vec<u8> {
    let mut out = vec![0; (x.len() * bits as usize).div_ceil(8)];
    for (i, x) in x.iter().enumerate() {
        let mut x = x.to_i128() as u128;
        for b in 0..bits as usize {
            let at = i * bits as usize + b;
            out[at / 8] |= ((x & 1) as u8) << (at % 8);
            x >>= 1;
        }
    }
    out
}

type Keys<G> = (<G as Gate>::Keys<P0>, <G as Gate>::Keys<P1>, Seen);

/// Deals one block and gives it to both parties.
fn keys<G: Gate>(s: &Setting<'_>, gate: &G, masks: G::Masks<'_>) -> Keys<G> {
    let n = s.masked.len();
    let mut dealer = Dealer::new(SESSION, 1, &s.seed);
    let [mut a, mut b] = [Vec::new(), Vec::new()];
    dealer.deal(gate, n, masks, [&mut a, &mut b]).unwrap();
    (s.public)(&a);
    (s.public)(&b);
    let mut s0 = KeyStream::<P0>::new(SESSION, 1, dealer.seed::<P0>());
    let mut s1 = KeyStream::<P1>::new(SESSION, 1, dealer.seed::<P1>());
    let keys = (s0.take(gate, n, &a).unwrap(), s1.take(gate, n, &b).unwrap());
    let seen = Seen {
        blocks: [a, b],
        ..Seen::default()
    };
    (keys.0, keys.1, seen)
}

/// A gate without messages: `$own` makes a party's results of its keys.
macro_rules! silent {
    ($s:ident, $gate:expr, $masks:expr, |$k:ident| $own:expr) => {{
        let (k0, k1, mut seen) = keys($s, &$gate, $masks);
        let $k = k0;
        seen.own[0] = $own;
        let $k = k1;
        seen.own[1] = $own;
        seen
    }};
}

/// A gate of one exchange: `$start` begins with the keys, `$own` makes results of what is finished.
macro_rules! exchange {
    ($s:ident, $gate:expr, $masks:expr, |$k:ident| $start:expr, |$out:ident| $own:expr) => {{
        let (k0, k1, mut seen) = keys($s, &$gate, $masks);
        let $k = k0;
        let (p0, m0) = $start;
        let $k = k1;
        let (p1, m1) = $start;
        ($s.public)(&m0);
        ($s.public)(&m1);
        assert_eq!([m0.len(), m1.len()], [p1.expects(), p0.expects()]);
        let $out = p0.finish(&m1).unwrap();
        seen.own[0] = $own;
        let $out = p1.finish(&m0).unwrap();
        seen.own[1] = $own;
        seen.messages = [m0, m1].map(|m| m[18..].to_vec());
        seen
    }};
}

fn sign(s: &Setting<'_>, bits: u32) -> Seen {
    silent!(s, Sign::<u64>::new(bits).unwrap(), &s.masks, |k| {
        let out = k.evaluate(&s.masked, &s.cpu).unwrap();
        out.as_bytes().to_vec()
    })
}

fn relu(s: &Setting<'_>, bits: u32) -> Seen {
    exchange!(
        s,
        Relu::<u64>::new(bits).unwrap(),
        &s.masks,
        |k| k.start(&s.masked, &s.cpu).unwrap(),
        |out| packed(bits, out.as_slice())
    )
}

fn truncate(s: &Setting<'_>, range: Range) -> Seen {
    exchange!(
        s,
        Truncate::<u64>::new(38, 12, range).unwrap(),
        &s.masks,
        |k| k.start(&s.masked, &s.cpu).unwrap(),
        |out| packed(38, out.as_slice())
    )
}

fn stochastic(s: &Setting<'_>, gate: &Stochastic<u64>, bits: u32) -> Seen {
    silent!(s, *gate, &s.masks, |k| packed(
        bits,
        k.evaluate(&s.masked).unwrap().as_slice()
    ))
}

fn table(bits: u32) -> Table<u64> {
    let of = |i: u32| {
        u64::from(i)
            .wrapping_add(1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    Table::from_fn(bits, |i| {
        of(i) ^ of(i).rotate_left(29).wrapping_mul(of(i) | 1)
    })
    .unwrap()
}

fn lookup_bits(s: &Setting<'_>, bits: u32) -> Seen {
    let table = table(bits);
    silent!(s, LookupBits::<u64>::new(bits).unwrap(), &s.masks, |k| {
        let out = k.evaluate(&s.masked, &[&table], &s.cpu).unwrap();
        packed(64, out[0].as_slice())
    })
}

fn spline(s: &Setting<'_>, output: u32) -> Seen {
    let pieces: [&[i128]; 3] = [&[1, 3], &[8, -5, 7], &[1]];
    let gate = Spline::<u64>::new(16, output, &[-300, 41], &pieces).unwrap();
    exchange!(
        s,
        gate,
        &s.masks,
        |k| k.start(&s.masked, &s.cpu).unwrap(),
        |out| packed(output, out.as_slice())
    )
}

/// A party at the end of the exchanges of [`DigitSign`].
macro_rules! done {
    ($progress:expr) => {
        match $progress {
            Progress::Done(out) => out.as_bytes().to_vec(),
            Progress::Open(..) => panic!("the parties do not agree"),
        }
    };
}

fn digits(s: &Setting<'_>, bits: u32, digit: u32, radix: u32) -> Seen {
    let gate = DigitSign::<u64>::new(bits, digit, radix).unwrap();
    let (k0, k1, mut seen) = keys(s, &gate, &s.masks);
    let mut both = (
        k0.evaluate(&s.masked).unwrap(),
        k1.evaluate(&s.masked).unwrap(),
    );
    loop {
        both = match both {
            (Progress::Open(p0, m0), Progress::Open(p1, m1)) => {
                (s.public)(&m0);
                (s.public)(&m1);
                seen.messages[0].extend(&m0[18..]);
                seen.messages[1].extend(&m1[18..]);
                (p0.finish(&m1).unwrap(), p1.finish(&m0).unwrap())
            }
            (a, b) => {
                seen.own = [done!(a), done!(b)];
                return seen;
            }
        };
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Scenario> {
    let of = |name, unused, run| Scenario { name, unused, run };
    vec![
        of("sign of 1 bit", 0, |s| sign(s, 1)),
        of("sign of 2 bits", 0, |s| sign(s, 2)),
        of("sign of 8 bits", 0, |s| sign(s, 8)),
        of("sign of 9 bits", 0, |s| sign(s, 9)),
        of("sign of 38 bits", 0, |s| sign(s, 38)),
        of("sign of 64 bits", 0, |s| sign(s, 64)),
        of("mask of 20 bits", 0, |s| {
            exchange!(
                s,
                Mask::<u64>::new(20).unwrap(),
                (),
                |k| k.open(&s.shares).unwrap(),
                |_out| Vec::new()
            )
        }),
        of("mask of bits", 0, |s| {
            exchange!(s, BitMask, (), |k| k.open(&s.bit_shares).unwrap(), |_out| {
                Vec::new()
            })
        }),
        of("bit to ring", 0, |s| {
            exchange!(
                s,
                BitToRing::<u64>::new(38).unwrap(),
                (),
                |k| k.start(&s.bit_shares).unwrap(),
                |out| packed(38, out.as_slice())
            )
        }),
        of("select", 0, |s| {
            let gate = Select::<u64>::new(38).unwrap();
            silent!(s, gate, (&s.bit_masks, &s.masks), |k| {
                let out = k.evaluate(&s.opened, &s.masked).unwrap();
                packed(38, out.as_slice())
            })
        }),
        of("relu of 8 bits", 0, |s| relu(s, 8)),
        of("relu of 38 bits", 0, |s| relu(s, 38)),
        of("relu and truncation", 0, |s| {
            exchange!(
                s,
                ReluTruncate::<u64>::new(38, 12, 38).unwrap(),
                &s.masks,
                |k| k.start(&s.masked, &s.cpu).unwrap(),
                |out| packed(38, out.as_slice())
            )
        }),
        of("truncate and reduce", 0, |s| {
            exchange!(
                s,
                TruncateReduce::<u64>::new(38, 12).unwrap(),
                &s.masks,
                |k| k.start(&s.masked, &s.cpu).unwrap(),
                |out| packed(26, out.as_slice())
            )
        }),
        of("arithmetic shift", 0, |s| truncate(s, Range::Signed)),
        of("logical shift", 0, |s| truncate(s, Range::Unsigned)),
        of("shift within a window", 0, |s| {
            truncate(s, Range::SignedWithin(36))
        }),
        of("sign extension", 0, |s| {
            exchange!(
                s,
                Extend::<u64>::signed(20, 38).unwrap(),
                &s.masks,
                |k| k.start(&s.masked, &s.cpu).unwrap(),
                |out| packed(38, out.as_slice())
            )
        }),
        of("extension within a window", 0, |s| {
            let gate = ExtendWithin::<u64>::signed(20, 18, 38).unwrap();
            silent!(s, gate, &s.masks, |k| packed(
                38,
                k.evaluate(&s.masked).unwrap().as_slice()
            ))
        }),
        of("stochastic truncation, reduced", 0, |s| {
            stochastic(s, &Stochastic::reduce(38, 12).unwrap(), 26)
        }),
        of("stochastic truncation within a window", 0, |s| {
            stochastic(s, &Stochastic::within(38, 12, 36).unwrap(), 38)
        }),
        of("look-up of 8 bits, one-bit leaves", 0, |s| {
            lookup_bits(s, 8)
        }),
        of("look-up of 11 bits, one-bit leaves", 0, |s| {
            lookup_bits(s, 11)
        }),
        of("look-up of 8 bits", 0, |s| {
            let table = table(8);
            silent!(s, Lookup::<u64>::new(8, 16).unwrap(), &s.masks, |k| {
                let out = k.evaluate(&s.masked, &[&table], &s.cpu).unwrap();
                packed(16, out[0].as_slice())
            })
        }),
        of("look-up of 8 bits, one-bit leaves and a sign", 0, |s| {
            let table = table(8);
            exchange!(
                s,
                SignedLookup::<u64>::new(8, 16, 1).unwrap(),
                &s.masks,
                |k| k.start(&s.masked, &[&table], &s.cpu).unwrap(),
                |out| packed(16, out[0].as_slice())
            )
        }),
        of("spline", 0, |s| spline(s, 16)),
        of("spline to more bits", 0, |s| spline(s, 32)),
        of("comparison", 0, |s| {
            let gate = Compare::<u64>::new(38).unwrap();
            let questions = [Question::within(3, 5000), Question::below(77)];
            silent!(s, gate, &s.masks, |k| {
                let out = k.evaluate(&s.masked, &questions, &s.cpu).unwrap();
                out.iter().flat_map(|b| b.as_bytes().to_vec()).collect()
            })
        }),
        // The leaf of a comparison function has 3 entries of 42 bits.
        of("interval", 2 * 8, |s| {
            let gate = Interval::<u64, u64>::new(38, 42).unwrap();
            silent!(s, gate, &s.masks, |k| {
                let questions = [Question::within(3, 5000)];
                let out = k.evaluate(&s.masked, &questions, &s.cpu).unwrap();
                packed(42, out[0].as_slice())
            })
        }),
        of("sign by digits of 4 bits", 0, |s| digits(s, 38, 4, 4)),
        of("sign by digits of 2 bits", 0, |s| digits(s, 32, 2, 2)),
    ]
}
