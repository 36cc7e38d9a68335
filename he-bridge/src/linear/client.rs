//! The party with the key.

use core::fmt;
use core::ops::Range;

use piquet_core::wire::{Header, Machine, SessionId, Step};
use piquet_core::{Prg, RingVec};
use rand_core::CryptoRng;

use super::{Instance, Layer, exactly, fresh};
use crate::backend::{Backend, Seed};
use crate::{Error, kinds};

/// A secret key of one session; wiped on drop.
pub struct Key<B: Backend> {
    pub(super) secret: B::SecretKey,
    session: SessionId,
    params: u64,
}

impl<B: Backend> Key<B> {
    /// A new key, and the message that tells the server its public half, [`Key::message_len`] bytes. `step` is the number of the key in its session.
    pub fn new<R: CryptoRng + ?Sized>(
        backend: &B,
        session: SessionId,
        step: u64,
        rng: &mut R,
        out: &mut Vec<u8>,
    ) -> Self {
        let mut prg = fresh(rng);
        let secret = backend.secret_key(&mut prg);
        let params = backend.params().tag();
        Instance { session, step }.begin(kinds::PUBLIC_KEY, out);
        out.extend_from_slice(&params.to_le_bytes());
        backend.public_key(&secret, &mut prg, out);
        Self {
            secret,
            session,
            params,
        }
    }
    /// The session in which it is used.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }
    /// Bytes of its message: a header, the tag of the parameters, and a public key.
    #[must_use]
    pub fn message_len(backend: &B) -> usize {
        Header::LEN + size_of::<u64>() + backend.public_key_len()
    }
}

impl<B: Backend> fmt::Debug for Key<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// One product at the client: [`Machine`] to its share of the output.
///
/// Cost: an encryption for each input polynomial, a decryption for each output polynomial, [`Layer::bytes`].
pub struct Product<'a, B: Backend> {
    layer: &'a Layer<B>,
    key: &'a Key<B>,
    instance: Instance,
    input: &'a [u64],
    salt: Seed,
    seed: Seed,
    prg: Prg,
    output: RingVec<u64>,
    state: State,
}

enum State {
    Opening,
    /// The number of the next request.
    Requests(usize),
    /// The responses of the next message, and the positions of their results.
    Responses(Range<usize>, Vec<Places>),
}

/// Positions in a polynomial, and the elements of the output that stand there.
type Places = (Vec<u32>, Vec<usize>);

impl<'a, B: Backend> Product<'a, B> {
    /// The product number `step` of the key's session, of this share of the input: residues modulo t, `[batch][height][width][channel]`. A step is used
    /// once.
    pub fn new<R: CryptoRng + ?Sized>(
        layer: &'a Layer<B>,
        key: &'a Key<B>,
        step: u64,
        input: &'a [u64],
        rng: &mut R,
    ) -> Result<Self, Error> {
        layer.check_input(input)?;
        if key.params != layer.backend.params().tag() {
            return Err(Error::Foreign("key"));
        }
        let instance = Instance {
            session: key.session,
            step,
        };
        let mut salt = Seed::default();
        rng.fill_bytes(&mut salt);
        Ok(Self {
            layer,
            key,
            instance,
            input,
            seed: instance.seed(&salt),
            salt,
            prg: fresh(rng),
            output: RingVec::zeros(layer.output_len()),
            state: State::Opening,
        })
    }
    /// Encrypts what belongs in the message that `begin` opens.
    fn request(mut self, begin: usize, out: &mut Vec<u8>) -> Step<Self> {
        let schedule = &self.layer.schedule;
        let range = schedule.request_message(begin);
        self.instance.begin(kinds::REQUEST, out);
        let encrypt = |index: usize, out: &mut Vec<u8>| self.encrypt(index, out);
        if super::threads() > 1 {
            let made = super::each(range.len(), |i| {
                let mut bytes = Vec::with_capacity(self.layer.backend.ciphertext_len());
                encrypt(range.start + i, &mut bytes);
                bytes
            });
            made.iter().for_each(|bytes| out.extend_from_slice(bytes));
        } else {
            out.reserve(range.len() * self.layer.backend.ciphertext_len());
            range.clone().for_each(|index| encrypt(index, out));
        }
        if schedule.request_run_ends(range.end) {
            // Responses begin with those of the run's first unit: as many as the units before it have.
            let first = schedule.before(begin);
            self.await_response(first);
            Step::Recv(self)
        } else {
            self.state = State::Requests(range.end);
            Step::Send(self)
        }
    }
    fn await_response(&mut self, begin: usize) {
        let schedule = &self.layer.schedule;
        let range = schedule.response_message(begin);
        let places = range.clone().map(|index| {
            let [group, tile, o] = schedule.response(index);
            self.layer.encoding.output(group, tile, o)
        });
        self.state = State::Responses(range.clone(), places.collect());
    }
    fn encrypt(&self, index: usize, out: &mut Vec<u8>) {
        let Layer {
            backend, encoding, ..
        } = self.layer;
        let [group, tile, i] = self.layer.schedule.request(index);
        let mut polynomial = RingVec::zeros(encoding.degree());
        encoding.input(group, tile, i, self.input, polynomial.as_mut_slice());
        backend.encrypt(
            &self.key.secret,
            &self.seed,
            index as u64,
            polynomial.as_slice(),
            &mut self.prg.fork(index as u64),
            out,
        );
    }
    /// Decrypts a message of responses.
    fn responses(&mut self, places: &[Places], mut rest: &[u8]) -> Result<(), Error> {
        let backend = &self.layer.backend;
        let cut: Vec<&[u8]> = (places.iter())
            .map(|(positions, _)| {
                let (head, tail) = rest.split_at(backend.response_len(positions.len()));
                rest = tail;
                head
            })
            .collect();
        let shares = super::each(places.len(), |i| {
            let positions = &places[i].0;
            let mut share = RingVec::zeros(positions.len());
            backend
                .decrypt(&self.key.secret, cut[i], positions, share.as_mut_slice())
                .map(|()| share)
        });
        let output = self.output.as_mut_slice();
        for ((_, elements), share) in places.iter().zip(shares) {
            for (element, y) in elements.iter().zip(share?.as_slice()) {
                output[*element] = *y;
            }
        }
        Ok(())
    }
}

impl<B: Backend> Machine for Product<'_, B> {
    type Output = RingVec<u64>;
    type Error = Error;
    fn expects(&self) -> usize {
        match &self.state {
            State::Responses(_, places) => {
                let each = |(p, _): &Places| self.layer.backend.response_len(p.len());
                Header::LEN + places.iter().map(each).sum::<usize>()
            }
            _ => 0,
        }
    }
    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        let want = self.expects();
        match core::mem::replace(&mut self.state, State::Opening) {
            State::Opening => {
                exactly(inbox, 0)?;
                self.instance.begin(kinds::OPENING, out);
                out.extend_from_slice(&self.layer.tag);
                out.extend_from_slice(&self.salt);
                self.state = State::Requests(0);
                Ok(Step::Send(self))
            }
            State::Requests(begin) => {
                exactly(inbox, 0)?;
                Ok(self.request(begin, out))
            }
            State::Responses(range, places) => {
                let body = self.instance.read(kinds::RESPONSE, inbox, want)?;
                self.responses(&places, body)?;
                let schedule = &self.layer.schedule;
                if range.end == schedule.responses() {
                    Ok(Step::Done(self.output))
                } else if schedule.response_run_ends(range.end) {
                    let next = schedule.after(range.end);
                    Ok(self.request(next, out))
                } else {
                    self.await_response(range.end);
                    Ok(Step::Recv(self))
                }
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
