//! Both parties of every protocol of the crate, from explicit inputs.
#![allow(dead_code, reason = "each test takes what it wants")]

use piquet_core::correlation::{MatrixShape, Security};
use piquet_core::wire::SessionId;
use piquet_core::{BitVec, Block, Ring, RingVec};
use piquet_ot::softspoken::{self, Bits, Choices};
use piquet_ot::triples::{bits, gilboa, matrix};
use piquet_ot::{
    ChosenCots, Delta, Error, Malicious, ReceivedCots, ReceivedOts, SemiHonest, SentCots, SentOts,
    additive, base, ferret, ideal, one_of_n, vole,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::Value;

use super::show;
use super::talk::{Talk, begin, done, goes_on, hear, run};

pub(crate) type Pair = (Talk, Talk);

pub(crate) fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn blocks(x: &[Block]) -> Vec<u128> {
    x.iter().map(|b| b.to_u128()).collect()
}

fn bools(x: &BitVec) -> Vec<bool> {
    x.to_bools().collect()
}

fn word<R: Ring>(x: R) -> u128 {
    let v = x.to_i128() as u128;
    if R::BITS == 128 {
        v
    } else {
        v & ((1 << R::BITS) - 1)
    }
}

fn words<R: Ring>(x: &RingVec<R>) -> Value {
    show::words(&x.as_slice().iter().map(|x| word(*x)).collect::<Vec<_>>())
}

fn sent_ots<M: Security>(ots: &SentOts<M>) -> Value {
    let pairs: Vec<_> = ots
        .messages()
        .iter()
        .map(|m| m.map(|b| b.to_u128()))
        .collect();
    show::pairs(&pairs)
}

fn received_ots<M: Security>(ots: &ReceivedOts<M>) -> Value {
    show::chosen(&bools(ots.choices()), &blocks(ots.messages()))
}

fn sent_cots<M: Security>(cots: SentCots<M>) -> Value {
    let first = cots.first_index();
    let (q, delta) = cots.into_raw();
    show::sent_cots(first, &blocks(&q), delta.block().to_u128())
}

fn received_cots<M: Security>(cots: ReceivedCots<M>) -> Value {
    let first = cots.first_index();
    let (b, t) = cots.into_raw();
    show::received_cots(first, &bools(&b), &blocks(&t))
}

/// Correlated OTs that nobody made, from index `first` on.
pub(crate) struct Source {
    pub(crate) session: [u8; 32],
    pub(crate) first: usize,
    pub(crate) n: usize,
    pub(crate) seed: u8,
}

impl Source {
    pub(crate) fn cots<M: Security>(&self) -> (SentCots<M>, ReceivedCots<M>) {
        let mut rng = rng(self.seed);
        let delta = Delta::random_odd(&mut rng);
        let n = self.first + self.n;
        let (mut s, mut r) = ideal::cots(SessionId(self.session), delta, n, &mut rng);
        drop((s.take(self.first).unwrap(), r.take(self.first).unwrap()));
        (s, r)
    }
    /// Each party's, if each is the sender of some.
    fn both<M: Security>(all: &[Self; 2]) -> [(SentCots<M>, ReceivedCots<M>); 2] {
        let ((s0, r1), (s1, r0)) = (all[0].cots(), all[1].cots());
        [(s0, r0), (s1, r1)]
    }
}

pub(crate) fn base(session: [u8; 32], choices: &[bool], [a, b]: [u8; 2]) -> Pair {
    let session = SessionId(session);
    let choices = BitVec::from_bools(choices);
    let sender = base::Sender::machine(session, choices.len(), &mut rng(a)).unwrap();
    let receiver = base::Receiver::machine(session, &choices, &mut rng(b)).unwrap();
    (
        run(sender, |ots| done(sent_ots(&ots))),
        run(receiver, |ots| done(received_ots(&ots))),
    )
}

#[cfg(feature = "ml-kem")]
pub(crate) fn mlkem(session: [u8; 32], choices: &[bool], [a, b]: [u8; 2]) -> Pair {
    use base::mlkem::{Receiver, ReceiverMachine, Sender, SenderMachine};
    let session = SessionId(session);
    let choices = BitVec::from_bools(choices);
    let mut first = Vec::new();
    let sender = Sender::new(session, choices.len(), &mut rng(a)).unwrap();
    let receiver = Receiver::new(session, &choices, &mut rng(b), &mut first).unwrap();
    (
        run(SenderMachine::new(sender), |ots| done(sent_ots(&ots))),
        run(ReceiverMachine::new(receiver, first), |ots| {
            done(received_ots(&ots))
        }),
    )
}

pub(crate) fn random_ots<M: Security>(
    sent: &[[u128; 2]],
    choices: &[bool],
) -> (SentOts<M>, ReceivedOts<M>) {
    let received = sent.iter().zip(choices);
    let received = received
        .map(|(m, c)| Block::from_u128(m[usize::from(*c)]))
        .collect();
    let sent = sent.iter().map(|m| m.map(Block::from_u128)).collect();
    let received = ReceivedOts::from_raw(BitVec::from_bools(choices), received);
    (SentOts::from_raw(sent), received.unwrap())
}

pub(crate) fn uniform(
    session: [u8; 32],
    sent: &[[u128; 2]],
    choices: &[bool],
    [a, b]: [u8; 2],
) -> Pair {
    use base::uniform::{Receiver, ReceiverMachine, Sender, SenderMachine};
    let session = SessionId(session);
    let (sent, received) = random_ots(sent, choices);
    let mut first = Vec::new();
    let sender = Sender::new(session, sent, &mut rng(a), &mut first).unwrap();
    let receiver = Receiver::new(session, received, &mut rng(b)).unwrap();
    (
        run(SenderMachine::new(sender, first), |ots| {
            done(sent_ots(&ots))
        }),
        run(ReceiverMachine::new(receiver), |ots| {
            done(received_ots(&ots))
        }),
    )
}

/// What is done with a set-up.
#[derive(Clone)]
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

/// Rows of bits one after another.
fn rows(count: usize, row: impl Fn(usize) -> BitVec) -> Value {
    show::bits(&(0..count).flat_map(|i| bools(&row(i))).collect::<Vec<_>>())
}

/// What differs between the two kinds of security in the calls.
pub(crate) trait Mode: Security + Sized {
    fn sender_run(
        sender: softspoken::Sender<Self>,
        choices: Choices,
        n: usize,
        rng: &mut ChaCha20Rng,
    ) -> Result<softspoken::SenderRun<Self>, Error>;
}

impl Mode for SemiHonest {
    fn sender_run(
        sender: softspoken::Sender<Self>,
        choices: Choices,
        n: usize,
        _: &mut ChaCha20Rng,
    ) -> Result<softspoken::SenderRun<Self>, Error> {
        softspoken::SenderRun::<Self>::new(sender, choices, n)
    }
}

impl Mode for Malicious {
    fn sender_run(
        sender: softspoken::Sender<Self>,
        choices: Choices,
        n: usize,
        rng: &mut ChaCha20Rng,
    ) -> Result<softspoken::SenderRun<Self>, Error> {
        softspoken::SenderRun::<Self>::new(sender, choices, n, rng)
    }
}

fn send_batches<M: Mode>(
    mut sender: softspoken::Sender<M>,
    mut batches: Vec<Batch>,
    mut rng: ChaCha20Rng,
    mut made: Vec<Value>,
) -> Talk {
    if batches.is_empty() {
        return begin(|_| done(made.into()));
    }
    let (choices, n) = match batches.remove(0) {
        Batch::Random(n) => (Choices::Random, n),
        Batch::Chosen(c) => (Choices::Chosen, c.len()),
        Batch::SmallField(n) => {
            let vole = sender.small_field(n).unwrap();
            let k = vole.bits().get();
            made.push(rows(128, |i| vole.keys(i / k, i % k)));
            return send_batches(sender, batches, rng, made);
        }
        Batch::Split => {
            let child = sender.split(2).pop().unwrap();
            return send_batches(child, batches, rng, made);
        }
    };
    let batch = M::sender_run(sender, choices, n, &mut rng).unwrap();
    run(batch, move |(sender, cots)| {
        made.push(sent_cots(cots));
        goes_on(send_batches(sender, batches, rng, made))
    })
}

fn receive_batches<M: Mode>(
    mut receiver: softspoken::Receiver<M>,
    mut batches: Vec<Batch>,
    mut made: Vec<Value>,
) -> Talk {
    if batches.is_empty() {
        return begin(|_| done(made.into()));
    }
    match batches.remove(0) {
        Batch::Random(n) => {
            let batch = softspoken::ReceiverRun::new(receiver, n);
            run(batch.unwrap(), move |(receiver, cots)| {
                made.push(received_cots(cots));
                goes_on(receive_batches(receiver, batches, made))
            })
        }
        Batch::Chosen(c) => {
            let batch = softspoken::ChosenRun::new(receiver, &BitVec::from_bools(&c));
            run(batch.unwrap(), move |(receiver, cots)| {
                let first = cots.first_index();
                let (b, t) = cots.into_raw();
                made.push(show::received_cots(first, &bools(&b), &blocks(&t)));
                goes_on(receive_batches(receiver, batches, made))
            })
        }
        Batch::SmallField(n) => {
            let vole = receiver.small_field(n).unwrap();
            let k = vole.bits().get();
            let values = rows(128 / k, |tree| vole.values(tree));
            let tags = rows(128, |i| vole.tags(i / k, i % k));
            made.push([values, tags].to_vec().into());
            receive_batches(receiver, batches, made)
        }
        Batch::Split => {
            let child = receiver.split(2).pop().unwrap();
            receive_batches(child, batches, made)
        }
    }
}

/// The bits of Δ, which are the choices of its base OTs.
pub(crate) fn bits_of(delta: u128) -> Vec<bool> {
    (0..128).map(|i| (delta >> i) & 1 == 1).collect()
}

pub(crate) fn softspoken<M: Mode>(
    session: [u8; 32],
    k: u32,
    delta: u128,
    base: &[[u128; 2]],
    batches: &[Batch],
    seed: u8,
) -> Pair {
    let session = SessionId(session);
    let k = Bits::try_from(k).unwrap();
    let (sent, received) = random_ots::<M>(base, &bits_of(delta));
    let sender = softspoken::Sender::setup(session, k, received).unwrap();
    let receiver = softspoken::ReceiverSetUp::new(session, k, sent);
    let [theirs, ours] = [batches.to_vec(), batches.to_vec()];
    (
        run(sender, move |s| {
            goes_on(send_batches(s, ours, rng(seed), Vec::new()))
        }),
        run(receiver, |r| {
            goes_on(receive_batches(r, theirs, Vec::new()))
        }),
    )
}

fn send_expansions<M: Security>(mut sender: ferret::Sender<M>, left: usize) -> Talk {
    if left == 0 {
        let n = sender.available();
        return begin(move |_| done(sent_cots(sender.take(n)?)));
    }
    run(sender.expand().unwrap(), move |s| {
        goes_on(send_expansions(s, left - 1))
    })
}

fn receive_expansions<M: Security>(mut receiver: ferret::Receiver<M>, left: usize) -> Talk {
    if left == 0 {
        let n = receiver.available();
        return begin(move |_| done(received_cots(receiver.take(n)?)));
    }
    run(receiver.expand().unwrap(), move |r| {
        goes_on(receive_expansions(r, left - 1))
    })
}

/// At the parameters of `ideal`.
pub(crate) fn ferret<M: Security>(source: &Source, expansions: usize, [a, b]: [u8; 2]) -> Pair {
    let (sent, received) = source.cots::<M>();
    let session = SessionId(source.session);
    let params = ideal::ferret_params();
    let sender = ferret::Sender::set_up(session, params, sent, &mut rng(a)).unwrap();
    let receiver = ferret::Receiver::set_up(session, params, received, &mut rng(b)).unwrap();
    (
        run(sender, move |s| goes_on(send_expansions(s, expansions))),
        run(receiver, move |r| {
            goes_on(receive_expansions(r, expansions))
        }),
    )
}

/// VOLE over GF(2^128), 128 correlated OTs for one.
pub(crate) fn packed_vole<M: Security>(source: &Source) -> Pair {
    let (s, r) = source.cots::<M>();
    (
        begin(move |_| {
            let (keys, delta) = vole::SubfieldKeys::from(s).pack();
            done(show::sent_cots(0, &blocks(&keys), delta.block().to_u128()))
        }),
        begin(move |_| {
            let (u, v): (Vec<_>, Vec<_>) =
                vole::SubfieldValues::from(r).pack().iter().copied().unzip();
            done([u, v].map(|x| show::blocks(&blocks(&x))).to_vec().into())
        }),
    )
}

pub(crate) fn random<M: Security>(source: &Source) -> Pair {
    let (s, r) = source.cots::<M>();
    (
        begin(move |_| done(sent_ots(&s.into_random_ots()))),
        begin(move |_| done(received_ots(&r.into_random_ots()))),
    )
}

/// Chosen choices, if there are any, then as given.
fn choosing<M: Security>(
    source: &Source,
    choices: Option<&[bool]>,
    send: impl FnOnce(SentCots<M>, &mut Vec<u8>) -> Result<Value, Error> + 'static,
    len: usize,
    receive: impl FnOnce(ChosenCots<M>, &[u8]) -> Result<Value, Error> + 'static,
) -> Pair {
    let (s, r) = source.cots::<M>();
    let Some(choices) = choices else {
        return (
            begin(move |out| done(send(s, out)?)),
            begin(move |_| hear(len, move |m, _| done(receive(r.into(), m)?))),
        );
    };
    let choices = BitVec::from_bools(choices);
    (
        begin(move |_| hear(s.choose_len(), move |m, out| done(send(s.choose(m)?, out)?))),
        begin(move |out| {
            let r = r.choose(&choices, out)?;
            hear(len, move |m, _| done(receive(r, m)?))
        }),
    )
}

/// Messages of 16 bytes, as blocks: both of each OT, OT after OT.
pub(crate) fn chosen_blocks<M: Security>(
    source: &Source,
    choices: Option<&[bool]>,
    messages: &[u8],
) -> Pair {
    let block = |b: &[u8]| Block::from(<[u8; 16]>::try_from(b).unwrap());
    let messages: Vec<_> = messages
        .chunks(32)
        .map(|p| [block(&p[..16]), block(&p[16..])])
        .collect();
    choosing::<M>(
        source,
        choices,
        move |s, out| s.send_blocks(&messages, out).map(|()| Value::Null),
        18 + 32 * source.n,
        |r, m| {
            let got = r.receive_blocks(m)?;
            let got: Vec<_> = got.iter().flat_map(|b| b.to_u128().to_le_bytes()).collect();
            Ok(show::bytes(&got))
        },
    )
}

/// Messages of `len` bytes.
pub(crate) fn chosen_strings<M: Security>(
    source: &Source,
    choices: Option<&[bool]>,
    len: usize,
    messages: &[u8],
) -> Pair {
    let messages = messages.to_vec();
    choosing::<M>(
        source,
        choices,
        move |s, out| s.send_strings(len, &messages, out).map(|()| Value::Null),
        18 + 2 * len * source.n,
        move |r, m| Ok(show::bytes(&r.receive_strings(len, m)?)),
    )
}

fn indexed(indices: &[u8], x: &[u128]) -> Value {
    show::indexed(indices, x)
}

/// 1 of N, with chosen indices if there are any; random, or with messages of so many bits.
pub(crate) fn one_of_n<M: Security>(
    source: &Source,
    n: usize,
    indices: Option<&[u8]>,
    messages: Option<(u32, &[u128])>,
) -> Pair {
    let (s, r) = source.cots::<M>();
    let messages = messages.map(|(bits, m)| (bits, m.to_vec()));
    let bits = messages.as_ref().map(|(bits, _)| *bits);
    let send = move |s: SentCots<M>, out: &mut Vec<u8>| {
        let s = one_of_n::SentOneOfN::new(s, n)?;
        match messages {
            None => done(show::blocks(&blocks(&s.into_random()))),
            Some((bits, m)) => {
                s.send(bits, &m, out)?;
                done(Value::Null)
            }
        }
    };
    let receive = move |r: one_of_n::ReceivedOneOfN<M>| {
        let indices = r.indices().to_vec();
        match bits {
            None => done(indexed(&indices, &blocks(&r.into_random()))),
            Some(bits) => {
                let len = one_of_n::message_len(n, r.len(), bits)?;
                hear(len, move |m, _| {
                    let got = r.receive::<u128>(bits, m)?;
                    done(indexed(&indices, got.as_slice()))
                })
            }
        }
    };
    match indices.map(<[u8]>::to_vec) {
        None => (
            begin(move |out| send(s, out)),
            begin(move |_| receive(one_of_n::ReceivedOneOfN::new(r, n)?)),
        ),
        Some(indices) => (
            begin(move |_| hear(s.choose_len(), move |m, out| send(s.choose(m)?, out))),
            begin(move |out| receive(one_of_n::choose(r, n, &indices, out)?)),
        ),
    }
}

/// One additive correlation of `width` elements of k bits for each OT.
pub(crate) fn additive<R: Ring, M: Security>(
    source: &Source,
    width: usize,
    k: u32,
    delta: &[u128],
) -> Pair {
    let shape = additive::Shape {
        ots: source.n,
        width,
        bits: k,
    };
    let (s, r) = source.cots::<M>();
    let delta: Vec<_> = delta.iter().map(|d| R::from_u64(*d as u64)).collect();
    let len = shape.message_len::<R>().unwrap();
    (
        begin(move |out| done(words(&additive::send(s, shape, &delta, out)?))),
        begin(move |_| {
            hear(len, move |m, _| {
                done(words(&additive::receive::<R, M>(r, shape, m)?))
            })
        }),
    )
}

pub(crate) fn bit_triples<M: Security>(sources: &[Source; 2]) -> Pair {
    let [p0, p1] = Source::both::<M>(sources).map(|(s, r)| {
        begin(move |_| {
            let parts = bits::from_cots(s, r)?.into_parts();
            done(parts.iter().map(|p| show::bits(&bools(p))).collect())
        })
    });
    (p0, p1)
}

pub(crate) fn ring_triples<R: Ring>(
    sources: &[Source; 2],
    n: usize,
    k: u32,
    seeds: [u8; 2],
) -> Pair {
    let shape = gilboa::Shape {
        triples: n,
        bits: k,
    };
    let [p0, p1] = Source::both(sources);
    let party = move |(s, r), seed| {
        begin(move |out| {
            let pending = gilboa::start::<R, _>(shape, s, r, &mut rng(seed), out)?;
            hear(pending.expects(), move |m, _| {
                done(pending.finish(m)?.into_parts().iter().map(words).collect())
            })
        })
    };
    (party(p0, seeds[0]), party(p1, seeds[1]))
}

pub(crate) fn matrix_triple<R: Ring>(
    sources: &[Source; 2],
    [m, k, n]: [usize; 3],
    bits: u32,
    seeds: [u8; 2],
) -> Pair {
    let matrices = MatrixShape { m, k, n };
    let shape = matrix::Shape { matrices, bits };
    let [p0, p1] = Source::both(sources);
    let party = move |(s, r), seed| {
        begin(move |out| {
            let pending = matrix::start::<R, _>(shape, s, r, &mut rng(seed), out)?;
            hear(pending.expects(), move |m, _| {
                done(pending.finish(m)?.into_parts().iter().map(words).collect())
            })
        })
    };
    (party(p0, seeds[0]), party(p1, seeds[1]))
}
