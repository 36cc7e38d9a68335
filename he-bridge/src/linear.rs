//! Products of a client's input with a server's weights, in shares: the linear layers of two-party inference.
//!
//! **Protocol** (the linear part of Cheetah, eprint 2022/207, with the encodings of [`crate::encoding`]). The client
//! has a key and a share x_C of a layer's input, the server its weights W and, if it has one, the other share x_S.
//! The client sends Enc(x_C); the server adds x_S, multiplies, and answers with W x + r under the client's key, made
//! anew and masked by [`Backend::respond`]; it keeps -r. So y_C + y_S = W (x_C + x_S) modulo t: exactly, or in
//! [`Mode::Approximate`] up to one unit of the last place that noise decides.
//!
//! **Messages.** Input polynomials are numbered unit by unit, output polynomials likewise; a unit is a group of
//! channels and a tile of positions, with the inputs and outputs of its own. After the opening (a salt, and a tag of
//! all that both have to agree on) the client sends its encryptions, [`REQUESTS`] in a message, and the server its
//! results, [`RESPONSES`] in a message; each message has a header of session and step. Units are taken in runs whose
//! requests and responses are at most [`RUN_BYTES`] long where a unit is no longer than that: the client sends all
//! requests of a run and then takes all its responses, the server does the converse. Both orders are fixed, so that
//! two blocking parties never wait for each other however little their channel buffers. One round trip for each run.
//!
//! **Overlap.** The server reads a message of ciphertexts while the client encrypts the next one, evaluates whatever
//! is complete, and the client decrypts while the server evaluates what comes after. With the feature `parallel` the
//! polynomials of a message are shared out among the threads of the caller's pool; the bytes are the same, as every
//! polynomial's randomness has a number.
//!
//! **Memory.** The client holds one message and its share of the output; the server those inputs of
//! one run that are not yet evaluated, 64 evaluated outputs, the finished responses of one run, and its share.
//!
//! **Security**: semi-honest, under RLWE with ternary secrets.
//! - The server sees a public key and encryptions under it: pseudorandom.
//! - The client sees (c_0, c_1), where c_1 = p_1 u + e_1 + what the product left. p_1 is uniform and u fresh, so c_1
//!   is pseudorandom by RLWE with the secret u, once nothing else depends on u. In [`Mode::Exact`] c_0 = -c_1 s + Δ
//!   (W x + r) + noise + flooding, where the noise (the product's, and e u + e_0 + e_1 s of the fresh encryption of
//!   zero) moves the flooding by a distance of 2^-40 at most for each coefficient; without it, the simulator draws
//!   c_1 and the flooding, and has W x + r = y_C from the client's output, uniform. In [`Mode::Approximate`] what is
//!   sent of c_0 is padded with a uniform number modulo its own modulus: the simulator draws it. Rounding to the
//!   response's moduli is done to what is simulated, and only the coefficients that hold outputs are sent.
//! - A **malicious** client who sends a public key that is none (p_1 = 0, say) gets results that are not made anew,
//!   and learns of W what it likes; one that sends malformed ciphertexts learns linear functions of W that no layer
//!   computes. A malicious server makes the results wrong, and learns of x_C only what somebody later tells it of
//!   wrong results. Nothing here detects either.
//!
//! The tag, all lengths and the layer's shape are public, and so are the bounds on weights that the parameters
//! declare.

pub mod client;
mod schedule;
pub mod server;

use core::fmt;
use std::sync::Arc;

use piquet_core::linalg::ConvShape;
use piquet_core::wire::{DecodeError, Encode, Header, SessionId};
use piquet_core::{Block, Prg};
use rand_core::CryptoRng;
use zeroize::Zeroize;

use crate::backend::{Backend, Seed};
use crate::encoding::{Costs, Encoding, Split, Tile, plan};
use crate::{Error, Mode, Native, PlainModulus};
use schedule::Schedule;

/// Ciphertexts in a message of the client, at most.
pub const REQUESTS: usize = 8;
/// Results in a message of the server, at most.
pub const RESPONSES: usize = 16;
/// Bytes of ciphertexts that the client sends, and bytes that the server sends, before it is the other's turn: at
/// most so many, unless one unit has more.
pub const RUN_BYTES: usize = 64 << 20;

/// What both parties agree on before a product: parameters, and how the layer lies in polynomials.
pub struct Layer<B> {
    backend: Arc<B>,
    encoding: Encoding,
    schedule: Schedule,
    tag: Tag,
}

/// Stands for a layer and its parameters.
type Tag = [u8; 16];

impl Layer<Native> {
    /// The cheapest way that [`plan()`] finds to compute a layer whose weights are at most `weight` in absolute
    /// value. It depends on the arguments alone: both parties find the same.
    pub fn plan(
        shape: &ConvShape,
        plain: PlainModulus,
        mode: Mode,
        weight: u64,
    ) -> Result<Self, Error> {
        let plan = plan(shape, plain, mode, weight, &Costs::default())?;
        Self::new(Arc::new(Native::new(plan.params)), plan.encoding)
    }
}

impl<B: Backend> Layer<B> {
    /// Checks that degree and sums of the encoding are those that the backend's parameters allow.
    pub fn new(backend: Arc<B>, encoding: Encoding) -> Result<Self, Error> {
        let params = backend.params();
        let (need, have) = (encoding.bound(params.bound().weight), params.bound());
        for (what, got, fine, domain) in [
            (
                "degree of the encoding",
                encoding.degree() as u64,
                encoding.degree() == params.degree(),
                "the degree of the parameters",
            ),
            (
                "terms of a coefficient",
                need.terms,
                need.terms <= have.terms,
                "at most the declared bound",
            ),
            (
                "terms that meet a message",
                need.useful,
                need.useful <= have.useful,
                "at most the declared bound",
            ),
        ] {
            if !fine {
                return Err(Error::Parameter { what, got, domain });
            }
        }
        let schedule = Schedule::new(&*backend, &encoding, RUN_BYTES);
        let tag = tag(&*backend, &encoding);
        Ok(Self {
            backend,
            encoding,
            schedule,
            tag,
        })
    }
    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &Arc<B> {
        &self.backend
    }
    /// How the layer lies in polynomials.
    #[must_use]
    pub fn encoding(&self) -> &Encoding {
        &self.encoding
    }
    /// [`client::Key::new`] for this layer's parameters.
    pub fn key<R: CryptoRng + ?Sized>(
        &self,
        session: SessionId,
        step: u64,
        rng: &mut R,
        out: &mut Vec<u8>,
    ) -> client::Key<B> {
        client::Key::new(&*self.backend, session, step, rng, out)
    }
    /// [`server::PublicKey::read`] for this layer's parameters.
    pub fn public_key(
        &self,
        session: SessionId,
        step: u64,
        message: &[u8],
    ) -> Result<server::PublicKey<B>, Error> {
        server::PublicKey::read(&*self.backend, session, step, message)
    }
    /// Elements of the input, of either share.
    #[must_use]
    pub fn input_len(&self) -> usize {
        self.encoding.shape().input_len()
    }
    /// Elements of the output, of either share: `[batch][height][width][out]`.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.encoding.shape().output_len()
    }
    /// Bytes that the client sends for one product, and bytes that the server sends.
    ///
    /// With n_in and n_out polynomials in all, the client sends 18 + 48 bytes of opening, n_in ciphertexts, and 18
    /// bytes for each message of [`REQUESTS`]; the server [`Backend::response_len`] for each output polynomial, and
    /// 18 for each message of [`RESPONSES`].
    #[must_use]
    pub fn bytes(&self) -> [usize; 2] {
        let s = &self.schedule;
        let requests = s.requests() * self.backend.ciphertext_len();
        let responses: usize = (0..s.responses())
            .map(|i| self.response_len(s.response(i)))
            .sum();
        [
            OPENING_LEN + requests + s.request_messages() * Header::LEN,
            responses + s.response_messages() * Header::LEN,
        ]
    }
    fn response_len(&self, [group, tile, o]: [usize; 3]) -> usize {
        let wanted = self.encoding.wanted(group, tile, o);
        self.backend.response_len(wanted)
    }
    /// Whether a share of the input is of the layer's length and of residues.
    fn check_input(&self, x: &[u64]) -> Result<(), Error> {
        if x.len() != self.input_len() {
            return Err(Error::Length {
                what: "input",
                got: x.len(),
                want: self.input_len(),
            });
        }
        residues("input", x, self.backend.params().plain())
    }
}

impl<B> fmt::Debug for Layer<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer")
            .field("shape", self.encoding.shape())
            .field("degree", &self.encoding.degree())
            .finish_non_exhaustive()
    }
}

/// Whether all are below t; in time that does not depend on which one is not.
#[inline(never)]
pub(crate) fn residues(what: &'static str, x: &[u64], t: PlainModulus) -> Result<(), Error> {
    let most = match t {
        PlainModulus::Bits(k) => piquet_core::pack::mask(k),
        PlainModulus::Prime(t) => t - 1,
    };
    let over = (x.iter()).fold(false, |over, x| over | most.overflowing_sub(*x).1);
    if over {
        return Err(Error::Parameter {
            what,
            got: most,
            domain: "residues, none above this",
        });
    }
    Ok(())
}

fn tag<B: Backend>(backend: &B, encoding: &Encoding) -> Tag {
    let shape = encoding.shape();
    let mut h = blake3::Hasher::new_derive_key("piquet 2026 he layer");
    let mut words = |xs: &[usize]| {
        for x in xs {
            h.update(&(*x as u64).to_le_bytes());
        }
    };
    words(&[shape.batch, shape.in_channels, shape.out_channels]);
    words([shape.input, shape.kernel, shape.stride, shape.dilation].as_flattened());
    words(&shape.padding);
    let Split {
        merge,
        inputs,
        outputs,
        tile,
        distance,
    } = *encoding.split();
    words(&[shape.groups, encoding.degree(), merge, inputs, outputs]);
    match tile {
        Tile::Pixels(n) => words(&[0, n]),
        Tile::Area(area) => words(&[[1].as_slice(), &area].concat()),
    }
    words(&[distance, REQUESTS, RESPONSES, RUN_BYTES]);
    h.update(&backend.params().tag().to_le_bytes());
    let mut tag = Tag::default();
    tag.copy_from_slice(&h.finalize().as_bytes()[..16]);
    tag
}

/// Bytes of the opening.
const OPENING_LEN: usize = Header::LEN + size_of::<Tag>() + size_of::<Seed>();

/// One product: session and step, which stand in each of its headers.
#[derive(Debug, Clone, Copy)]
struct Instance {
    session: SessionId,
    step: u64,
}

impl Instance {
    fn header(&self, kind: u8) -> Header {
        Header {
            kind,
            session: self.session,
            step: self.step,
        }
    }
    fn begin(&self, kind: u8, out: &mut Vec<u8>) {
        self.header(kind).encode(out);
    }
    /// What follows the header in a message of `want` bytes.
    fn read<'a>(&self, kind: u8, inbox: &'a [u8], want: usize) -> Result<&'a [u8], DecodeError> {
        exactly(inbox, want)?;
        self.header(kind).check(inbox)
    }
    /// The seed of the uniform halves: a salt that is sent again makes other ones in another session or step.
    fn seed(&self, salt: &Seed) -> Seed {
        let purpose = format!("piquet 2026 he linear, step {}", self.step);
        self.session.derive_key(&purpose, salt)
    }
}

fn exactly(inbox: &[u8], want: usize) -> Result<(), DecodeError> {
    match inbox.len() {
        got if got == want => Ok(()),
        got => Err(DecodeError::Length { got, want }),
    }
}

/// A generator with a seed of the caller's.
pub(crate) fn fresh<R: CryptoRng + ?Sized>(rng: &mut R) -> Prg {
    let mut seed = [0; 16];
    rng.fill_bytes(&mut seed);
    let prg = Prg::new(Block::from_u128(u128::from_le_bytes(seed)));
    seed.zeroize();
    prg
}

/// `f` of 0..n, in order; on all threads of the caller's pool with the feature `parallel`.
pub(crate) fn each<T: Send>(n: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    #[cfg(feature = "parallel")]
    if n > 1 {
        use rayon::prelude::*;
        return (0..n).into_par_iter().map(f).collect();
    }
    (0..n).map(f).collect()
}

/// As [`each`], of things that `f` takes.
fn each_of<A: Send, T: Send>(items: Vec<A>, f: impl Fn(A) -> T + Sync + Send) -> Vec<T> {
    #[cfg(feature = "parallel")]
    if items.len() > 1 {
        use rayon::prelude::*;
        return items.into_par_iter().map(f).collect();
    }
    items.into_iter().map(f).collect()
}

/// Threads that [`each`] has.
fn threads() -> usize {
    #[cfg(feature = "parallel")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "parallel"))]
    1
}

#[cfg(test)]
pub(crate) mod tests;
