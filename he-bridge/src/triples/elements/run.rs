//! One run: blocks of triples, a window of requests at a time.

use core::fmt;
use core::ops::Range;
use std::collections::VecDeque;
use std::sync::Arc;

use piquet_core::correlation::{RingTriples, SemiHonest};
use piquet_core::wire::{DecodeError, Encode, Machine, Reader, Step};
use piquet_core::{Prg, Ring, RingVec, lanes};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::slots::{self, SLOTS, join};
use super::{Client, Server};
use crate::backend::{Backend, Seed};
use crate::linear::{each, fresh};
use crate::triples::{reduce, width};
use crate::{Error, kinds};

/// Requests that are sent before the first response is waited for.
pub const WINDOW: usize = 8;

/// What both parties' machines have.
struct Batch<R: Ring> {
    bits: u32,
    instance: u32,
    a: RingVec<R>,
    b: RingVec<R>,
    c: RingVec<R>,
    /// Forked for each block and prime; its own stream is not used.
    prg: Prg,
}

impl<R: Ring> Batch<R> {
    fn new<G: CryptoRng + ?Sized>(
        bits: u32,
        instance: u32,
        triples: usize,
        rng: &mut G,
    ) -> Result<Self, Error> {
        width::<R>(bits)?;
        // Block numbers take 32 bits of a step.
        if triples == 0 || triples > isize::MAX as usize / 16 || blocks(triples) > 1 << 32 {
            return Err(Error::Parameter {
                what: "number of triples",
                got: triples as u64,
                domain: "at least 1, and in memory",
            });
        }
        let [mut a, mut b] = [0; 2].map(|_| RingVec::random(triples, rng));
        reduce(&mut a, bits);
        reduce(&mut b, bits);
        let mut c = a.duplicate();
        lanes::zip(c.as_mut_slice(), b.as_slice(), |c, b: R| c.mul(b));
        Ok(Self {
            bits,
            instance,
            a,
            b,
            c,
            prg: fresh(rng),
        })
    }
    fn blocks(&self) -> usize {
        blocks(self.a.len())
    }
    fn range(&self, block: usize) -> Range<usize> {
        block * SLOTS..((block + 1) * SLOTS).min(self.a.len())
    }
    fn step(&self, block: usize) -> u64 {
        u64::from(self.instance) << 32 | block as u64
    }
    /// A generator for one prime of a block.
    fn fork(&self, block: usize, field: usize) -> Prg {
        self.prg.fork((block as u64) << 8 | field as u64)
    }
    /// Adds a block's shares of the cross terms to c.
    fn add(&mut self, block: usize, shares: &RingVec<u64>) {
        let range = self.range(block);
        lanes::zip(
            &mut self.c.as_mut_slice()[range],
            shares.as_slice(),
            |c: R, s: u64| c.add(R::from_u64(s)),
        );
    }
    fn finish(mut self) -> Result<RingTriples<R, SemiHonest>, Error> {
        reduce(&mut self.c, self.bits);
        RingTriples::from_raw(self.bits, self.a, self.b, self.c).ok_or(Error::Parameter {
            what: "bits of an element",
            got: self.bits.into(),
            domain: "at most those of the word",
        })
    }
}

fn blocks(triples: usize) -> usize {
    triples.div_ceil(SLOTS)
}

/// The client's machine.
pub struct ClientRun<R: Ring, B: Backend> {
    client: Arc<Client<B>>,
    batch: Batch<R>,
    /// Blocks asked for, and blocks answered.
    asked: usize,
    answered: usize,
    waiting: bool,
}

impl<R: Ring, B: Backend> ClientRun<R, B> {
    pub(super) fn new<G: CryptoRng + ?Sized>(
        client: Arc<Client<B>>,
        instance: u32,
        triples: usize,
        rng: &mut G,
    ) -> Result<Self, Error> {
        let batch = Batch::new(client.elements.bits, instance, triples, rng)?;
        Ok(Self {
            client,
            batch,
            asked: 0,
            answered: 0,
            waiting: false,
        })
    }
    fn request(&self, block: usize, out: &mut Vec<u8>) {
        let Client {
            elements,
            session,
            keys,
        } = &*self.client;
        let batch = &self.batch;
        out.reserve(elements.request_len());
        elements
            .header(kinds::TRIPLE_REQUEST, *session, batch.step(block))
            .encode(out);
        let mut seed = Seed::default();
        batch
            .fork(block, elements.fields.len())
            .fill_bytes(&mut seed);
        out.extend_from_slice(&seed);
        let range = batch.range(block);
        let factors = [&batch.a, &batch.b].map(|x| &x.as_slice()[range.clone()]);
        for part in each(elements.fields.len(), |j| {
            let field = &elements.fields[j];
            let mut prg = batch.fork(block, j);
            let mut part = Vec::with_capacity(2 * field.he.ciphertext_len());
            for (i, factor) in factors.iter().enumerate() {
                let message = field.polynomial(batch.bits, factor);
                let index = (2 * j + i) as u64;
                field.he.encrypt(
                    &keys[j],
                    &seed,
                    index,
                    message.as_slice(),
                    &mut prg,
                    &mut part,
                );
            }
            part
        }) {
            out.extend_from_slice(&part);
        }
    }
    fn response(&mut self, block: usize, message: &[u8]) -> Result<(), Error> {
        let Client {
            elements,
            session,
            keys,
        } = &*self.client;
        check_len(message, elements.response_len())?;
        let header = elements.header(kinds::TRIPLE_RESPONSE, *session, self.batch.step(block));
        let mut body = Reader::new(header.check(message)?);
        let parts = (elements.fields.iter())
            .map(|f| body.bytes(f.he.response_len(SLOTS)))
            .collect::<Result<Vec<_>, _>>()?;
        body.end()?;
        let residues = each(parts.len(), |j| {
            let field = &elements.fields[j];
            let mut share = RingVec::zeros(SLOTS);
            field.he.decrypt(
                &keys[j],
                parts[j],
                &elements.positions,
                share.as_mut_slice(),
            )?;
            field.evaluate(&mut share);
            Ok(share)
        });
        let residues = residues
            .into_iter()
            .collect::<Result<Vec<_>, DecodeError>>()?;
        let shares = join(&elements.fields, &residues);
        self.batch.add(block, &shares);
        Ok(())
    }
}

impl<R: Ring, B: Backend> Machine for ClientRun<R, B> {
    type Output = RingTriples<R, SemiHonest>;
    type Error = Error;

    fn expects(&self) -> usize {
        if self.waiting {
            self.client.elements.response_len()
        } else {
            0
        }
    }
    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        if self.waiting {
            self.response(self.answered, inbox)?;
            self.answered += 1;
            if self.answered < self.asked {
                return Ok(Step::Recv(self));
            }
            if self.answered == self.batch.blocks() {
                return Ok(Step::Done(self.batch.finish()?));
            }
        } else {
            check_len(inbox, 0)?;
        }
        self.request(self.asked, out);
        self.asked += 1;
        self.waiting = self.asked == self.batch.blocks() || self.asked - self.answered == WINDOW;
        Ok(if self.waiting {
            Step::Recv(self)
        } else {
            Step::Send(self)
        })
    }
}

/// The server's machine.
pub struct ServerRun<R: Ring, B: Backend> {
    server: Arc<Server<B>>,
    batch: Batch<R>,
    /// Blocks asked for, and responses that wait until the window is full.
    asked: usize,
    ready: VecDeque<Vec<u8>>,
    waiting: bool,
}

impl<R: Ring, B: Backend> ServerRun<R, B> {
    pub(super) fn new<G: CryptoRng + ?Sized>(
        server: Arc<Server<B>>,
        instance: u32,
        triples: usize,
        rng: &mut G,
    ) -> Result<Self, Error> {
        let batch = Batch::new(server.elements.bits, instance, triples, rng)?;
        Ok(Self {
            server,
            batch,
            asked: 0,
            ready: VecDeque::new(),
            waiting: false,
        })
    }
    fn answer(&mut self, block: usize, message: &[u8]) -> Result<Vec<u8>, Error> {
        let Server {
            elements,
            session,
            keys,
        } = &*self.server;
        check_len(message, elements.request_len())?;
        let batch = &self.batch;
        let step = batch.step(block);
        let header = elements.header(kinds::TRIPLE_REQUEST, *session, step);
        let mut body = Reader::new(header.check(message)?);
        let seed: Seed = body.array()?;
        let parts = (elements.fields.iter())
            .map(|f| body.bytes(2 * f.he.ciphertext_len()))
            .collect::<Result<Vec<_>, _>>()?;
        body.end()?;
        let range = batch.range(block);
        // The factors of a_0 and of b_0.
        let factors = [&batch.b, &batch.a].map(|x| &x.as_slice()[range.clone()]);
        let parts = each(parts.len(), |j| {
            let field = &elements.fields[j];
            let (first, second) = parts[j].split_at(field.he.ciphertext_len());
            let inputs = [
                field.he.read(&seed, 2 * j as u64, first)?,
                field.he.read(&seed, 2 * j as u64 + 1, second)?,
            ];
            let mut values = Zeroizing::new(Vec::with_capacity(2 * SLOTS));
            for factor in factors {
                values.extend(field.centred(&field.polynomial(batch.bits, factor)));
            }
            let weights = field.he.prepare(&elements.map, &values)?;
            let mut share = RingVec::zeros(SLOTS);
            let mut part = Vec::with_capacity(field.he.response_len(SLOTS));
            for product in field.he.multiply(&inputs, &weights, 0..1) {
                field.he.respond(
                    &keys[j],
                    product,
                    &elements.positions,
                    share.as_mut_slice(),
                    &mut batch.fork(block, j),
                    &mut part,
                );
            }
            field.evaluate(&mut share);
            Ok((part, share))
        });
        let parts = parts.into_iter().collect::<Result<Vec<_>, Error>>()?;
        let mut out = Vec::with_capacity(elements.response_len());
        elements
            .header(kinds::TRIPLE_RESPONSE, *session, step)
            .encode(&mut out);
        let (messages, residues): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        out.extend(messages.into_iter().flatten());
        let mut shares = join(&elements.fields, &residues);
        let whole = slots::modulus(&elements.fields);
        lanes::map(shares.as_mut_slice(), move |s: u64| s.wrapping_sub(whole));
        self.batch.add(block, &shares);
        Ok(out)
    }
}

impl<R: Ring, B: Backend> Machine for ServerRun<R, B> {
    type Output = RingTriples<R, SemiHonest>;
    type Error = Error;

    fn expects(&self) -> usize {
        if self.waiting {
            self.server.elements.request_len()
        } else {
            0
        }
    }
    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        let all = self.batch.blocks();
        if self.waiting {
            let answer = self.answer(self.asked, inbox)?;
            self.ready.push_back(answer);
            self.asked += 1;
            self.waiting = self.asked < all && self.ready.len() < WINDOW;
        } else {
            check_len(inbox, 0)?;
            self.waiting = self.ready.is_empty();
        }
        if self.waiting {
            return Ok(Step::Recv(self));
        }
        if let Some(answer) = self.ready.pop_front() {
            out.extend_from_slice(&answer);
        }
        Ok(match (self.ready.is_empty(), self.asked == all) {
            (true, true) => Step::Done(self.batch.finish()?),
            (true, false) => {
                self.waiting = true;
                Step::Recv(self)
            }
            (false, _) => Step::Send(self),
        })
    }
}

#[cfg(test)]
impl<R: Ring> Batch<R> {
    /// Takes other factors than it drew.
    fn set(&mut self, a: RingVec<R>, b: RingVec<R>) {
        self.c = a.duplicate();
        lanes::zip(self.c.as_mut_slice(), b.as_slice(), |c, b: R| c.mul(b));
        (self.a, self.b) = (a, b);
    }
}

#[cfg(test)]
impl<R: Ring, B: Backend> ClientRun<R, B> {
    pub(super) fn set(&mut self, a: RingVec<R>, b: RingVec<R>) {
        self.batch.set(a, b);
    }
    pub(super) fn factors(&self) -> [&[R]; 2] {
        [&self.batch.a, &self.batch.b].map(RingVec::as_slice)
    }
}

#[cfg(test)]
impl<R: Ring, B: Backend> ServerRun<R, B> {
    pub(super) fn set(&mut self, a: RingVec<R>, b: RingVec<R>) {
        self.batch.set(a, b);
    }
}

fn check_len(message: &[u8], want: usize) -> Result<(), DecodeError> {
    match message.len() {
        got if got == want => Ok(()),
        got => Err(DecodeError::Length { got, want }),
    }
}

impl<R: Ring, B: Backend> fmt::Debug for ClientRun<R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, n) = (self.batch.bits, self.batch.a.len());
        write!(f, "ClientRun<Z_2^{bits}>({n} triples)")
    }
}

impl<R: Ring, B: Backend> fmt::Debug for ServerRun<R, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, n) = (self.batch.bits, self.batch.a.len());
        write!(f, "ServerRun<Z_2^{bits}>({n} triples)")
    }
}
