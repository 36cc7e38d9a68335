//! The party with the weights.

use core::fmt;
use core::ops::Range;
use std::collections::VecDeque;

use piquet_core::wire::{Header, Machine, Reader, SessionId, Step};
use piquet_core::{Prg, RingVec, wipe_vec};
use rand_core::CryptoRng;

use super::{Instance, Layer, OPENING_LEN, client, exactly, fresh};
use crate::backend::{Backend, Seed};
use crate::{Error, kinds};

/// A client's public key, of one session.
pub struct PublicKey<B: Backend> {
    key: B::PublicKey,
    session: SessionId,
    params: u64,
}

impl<B: Backend> PublicKey<B> {
    /// Reads the message of [`client::Key::new`], [`client::Key::message_len`] bytes.
    pub fn read(backend: &B, session: SessionId, step: u64, message: &[u8]) -> Result<Self, Error> {
        let want = client::Key::message_len(backend);
        let body = Instance { session, step }.read(kinds::PUBLIC_KEY, message, want)?;
        let mut reader = Reader::new(body);
        let params = backend.params().tag();
        if reader.u64()? != params {
            return Err(Error::Mismatch("parameters"));
        }
        Ok(Self {
            key: backend.read_public_key(reader.rest())?,
            session,
            params,
        })
    }
    /// The session in which it is used.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }
}

impl<B: Backend> fmt::Debug for PublicKey<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// A layer's weights in the form in which they multiply: for any number of products, in any session. Wiped on drop by
/// the backend.
pub struct Weights<B: Backend> {
    groups: Vec<B::Weights>,
    tag: super::Tag,
}

impl<B: Backend> Weights<B> {
    /// From `[out][in / groups][kh][kw]`, none beyond the bound that the parameters declare.
    pub fn new(layer: &Layer<B>, weights: &[i64]) -> Result<Self, Error> {
        let want = layer.encoding.shape().weight_len();
        if weights.len() != want {
            return Err(Error::Length {
                what: "weights",
                got: weights.len(),
                want,
            });
        }
        let map = layer.encoding.map();
        let prepare = |group| {
            let mut values = layer.encoding.weights(group, weights);
            let prepared = layer.backend.prepare(map, &values);
            wipe_vec(&mut values);
            prepared
        };
        let groups = super::each(layer.encoding.groups(), prepare);
        Ok(Self {
            groups: groups.into_iter().collect::<Result<_, _>>()?,
            tag: layer.tag,
        })
    }
}

impl<B: Backend> fmt::Debug for Weights<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weights")
            .field("groups", &self.groups.len())
            .finish_non_exhaustive()
    }
}

/// Outputs that are evaluated at a time: what a backend prepares of the inputs serves all of them.
const OUTPUTS: usize = 64;

/// One product at the server: [`Machine`] to its share of the output.
///
/// Cost: for each input polynomial its uniform half is expanded and the share added; products as the backend counts
/// them; for each output polynomial an encryption of zero and the way down to the response's moduli.
pub struct Product<'a, B: Backend> {
    layer: &'a Layer<B>,
    key: &'a PublicKey<B>,
    weights: &'a Weights<B>,
    instance: Instance,
    input: Option<&'a [u64]>,
    seed: Seed,
    prg: Prg,
    output: RingVec<u64>,
    /// Inputs of the units that are not done with, the first of them number `unit`.
    inputs: VecDeque<Vec<B::Ciphertext>>,
    unit: usize,
    /// Outputs that are evaluated and not yet masked; the last of them is before number `evaluated`.
    products: VecDeque<B::Ciphertext>,
    evaluated: usize,
    /// Responses whose inputs are all there.
    ready: usize,
    /// Messages that wait for the end of the client's turn.
    finished: VecDeque<Vec<u8>>,
    /// The number of the next response that is to be made.
    made: usize,
    state: State,
}

enum State {
    Begin,
    Opening,
    /// The number of the next request.
    Requests(usize),
    /// The same, to go on with after the responses, and the number of the next response to be sent.
    Responses(usize, usize),
}

impl<'a, B: Backend> Product<'a, B> {
    /// The product number `step` of the key's session. `input` is the server's share, residues modulo t, if the
    /// client does not have the whole input.
    pub fn new<R: CryptoRng + ?Sized>(
        layer: &'a Layer<B>,
        key: &'a PublicKey<B>,
        weights: &'a Weights<B>,
        step: u64,
        input: Option<&'a [u64]>,
        rng: &mut R,
    ) -> Result<Self, Error> {
        input.map_or(Ok(()), |x| layer.check_input(x))?;
        if key.params != layer.backend.params().tag() {
            return Err(Error::Foreign("key"));
        }
        if weights.tag != layer.tag {
            return Err(Error::Foreign("weights"));
        }
        Ok(Self {
            layer,
            key,
            weights,
            instance: Instance {
                session: key.session,
                step,
            },
            input,
            seed: Seed::default(),
            prg: fresh(rng),
            output: RingVec::zeros(layer.output_len()),
            inputs: VecDeque::new(),
            unit: 0,
            products: VecDeque::new(),
            evaluated: 0,
            ready: 0,
            finished: VecDeque::new(),
            made: 0,
            state: State::Begin,
        })
    }
    fn opening(&mut self, inbox: &[u8]) -> Result<(), Error> {
        let body = self.instance.read(kinds::OPENING, inbox, OPENING_LEN)?;
        let mut reader = Reader::new(body);
        if reader.array()? != self.layer.tag {
            return Err(Error::Mismatch("parameters or another layer"));
        }
        self.seed = self.instance.seed(&reader.array()?);
        Ok(reader.end()?)
    }
    /// Reads a message of ciphertexts, and adds the server's share.
    fn requests(&mut self, range: Range<usize>, body: &[u8]) -> Result<(), Error> {
        let Layer {
            backend,
            encoding,
            schedule,
            ..
        } = self.layer;
        let len = backend.ciphertext_len();
        let read = super::each(range.len(), |k| {
            let index = range.start + k;
            let bytes = &body[k * len..][..len];
            let mut ciphertext = backend.read(&self.seed, index as u64, bytes)?;
            if let Some(input) = self.input {
                let [group, tile, i] = schedule.request(index);
                let mut polynomial = RingVec::zeros(encoding.degree());
                encoding.input(group, tile, i, input, polynomial.as_mut_slice());
                backend.add(&mut ciphertext, polynomial.as_slice());
            }
            Ok::<_, Error>(ciphertext)
        });
        for (index, ciphertext) in range.zip(read) {
            let unit = schedule.request_unit(index) - self.unit;
            if self.inputs.len() <= unit {
                self.inputs.push_back(Vec::new());
            }
            if let Some(inputs) = self.inputs.get_mut(unit) {
                inputs.push(ciphertext?);
            }
        }
        Ok(())
    }
    /// Evaluates what comes next, [`OUTPUTS`] at most.
    fn evaluate(&mut self) {
        let Layer {
            backend, schedule, ..
        } = self.layer;
        let range = self.evaluated..self.ready.min(self.evaluated + OUTPUTS);
        let pieces = schedule.pieces(range.clone(), range.len().div_ceil(super::threads()));
        let evaluated = super::each(pieces.len(), |k| {
            let (unit, outs) = pieces[k].clone();
            let [group, _] = schedule.unit(unit);
            let inputs = &self.inputs[unit - self.unit];
            backend.multiply(inputs, &self.weights.groups[group], outs)
        });
        self.products.extend(evaluated.into_iter().flatten());
        self.evaluated = range.end;
        let done = schedule.response_unit(range.end);
        while self.unit < done {
            self.inputs.pop_front();
            self.unit += 1;
        }
    }
    /// Makes the message that the next response opens.
    fn respond(&mut self, out: &mut Vec<u8>) {
        let range = self.layer.schedule.response_message(self.made);
        while self.evaluated < range.end {
            self.evaluate();
        }
        let Layer {
            backend,
            encoding,
            schedule,
            ..
        } = self.layer;
        self.instance.begin(kinds::RESPONSE, out);
        let products: Vec<_> = (range.clone().zip(self.products.drain(..range.len()))).collect();
        let made = super::each_of(products, |(index, product)| {
            let [group, tile, o] = schedule.response(index);
            let (positions, elements) = encoding.output(group, tile, o);
            let mut share = RingVec::zeros(positions.len());
            let mut prg = self.prg.fork(index as u64);
            let mut bytes = Vec::new();
            backend.respond(
                &self.key.key,
                product,
                &positions,
                share.as_mut_slice(),
                &mut prg,
                &mut bytes,
            );
            (bytes, elements, share)
        });
        let output = self.output.as_mut_slice();
        for (bytes, elements, share) in made {
            out.extend_from_slice(&bytes);
            for (element, y) in elements.iter().zip(share.as_slice()) {
                output[*element] = *y;
            }
        }
        self.made = range.end;
    }
    /// Sends the message that response `sent` opens.
    fn send(mut self, requests: usize, sent: usize, out: &mut Vec<u8>) -> Step<Self> {
        match self.finished.pop_front() {
            Some(message) => out.extend_from_slice(&message),
            None => self.respond(out),
        }
        let schedule = &self.layer.schedule;
        let end = schedule.response_message(sent).end;
        if end == schedule.responses() {
            return Step::Done(self.output);
        }
        if schedule.response_run_ends(end) {
            self.state = State::Requests(requests);
            Step::Recv(self)
        } else {
            self.state = State::Responses(requests, end);
            Step::Send(self)
        }
    }
}

impl<B: Backend> Machine for Product<'_, B> {
    type Output = RingVec<u64>;
    type Error = Error;
    fn expects(&self) -> usize {
        match self.state {
            State::Opening => OPENING_LEN,
            State::Requests(begin) => {
                let count = self.layer.schedule.request_message(begin).len();
                Header::LEN + count * self.layer.backend.ciphertext_len()
            }
            State::Begin | State::Responses(..) => 0,
        }
    }
    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        let want = self.expects();
        match self.state {
            State::Begin => {
                exactly(inbox, 0)?;
                self.state = State::Opening;
                Ok(Step::Recv(self))
            }
            State::Opening => {
                self.opening(inbox)?;
                self.state = State::Requests(0);
                Ok(Step::Recv(self))
            }
            State::Requests(begin) => {
                let body = self.instance.read(kinds::REQUEST, inbox, want)?;
                let schedule = &self.layer.schedule;
                let range = schedule.request_message(begin);
                let end = range.end;
                self.requests(range, body)?;
                self.ready = schedule.ready(end);
                if schedule.request_run_ends(end) {
                    let first = schedule.before(begin);
                    return Ok(self.send(end, first, out));
                }
                while schedule.response_message(self.made).end <= self.ready {
                    let mut message = Vec::new();
                    self.respond(&mut message);
                    self.finished.push_back(message);
                }
                self.state = State::Requests(end);
                Ok(Step::Recv(self))
            }
            State::Responses(requests, sent) => {
                exactly(inbox, 0)?;
                Ok(self.send(requests, sent, out))
            }
        }
    }
}

impl<B: Backend> fmt::Debug for Product<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Product")
            .field("layer", self.layer)
            .field("step", &self.instance.step)
            .finish_non_exhaustive()
    }
}
