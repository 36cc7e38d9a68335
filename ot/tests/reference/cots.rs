//! Correlated OTs as given, and the random OTs that hashing makes of them.

use super::{Pi, Run, Session, hash};
use crate::support::show;

/// Both halves of correlated OTs: t_i = q_i ⊕ b_i Δ.
#[derive(Clone)]
pub(crate) struct Cots {
    pub(crate) session: Session,
    pub(crate) malicious: bool,
    /// Absolute index of the first.
    pub(crate) first: u64,
    pub(crate) delta: u128,
    pub(crate) q: Vec<u128>,
    pub(crate) b: Vec<bool>,
    pub(crate) t: Vec<u128>,
}

impl Cots {
    fn pi(&self) -> Pi {
        let label = ["correlated OT, semi-honest", "correlated OT, malicious"];
        hash(&self.session, label[usize::from(self.malicious)])
    }
    /// H(first + i, x)
    pub(crate) fn hashed(&self, i: usize, x: u128) -> u128 {
        if self.malicious {
            self.pi().tccr(self.first + i as u64, x)
        } else {
            self.pi().cr(x)
        }
    }
    /// Both pads of OT i.
    pub(crate) fn pads(&self, i: usize) -> [u128; 2] {
        [
            self.hashed(i, self.q[i]),
            self.hashed(i, self.q[i] ^ self.delta),
        ]
    }
    /// The receiver's pad of OT i.
    pub(crate) fn pad(&self, i: usize) -> u128 {
        self.hashed(i, self.t[i])
    }
    /// The pad of `len` bytes that a hash stands for: its first bytes, or a stretched one.
    pub(crate) fn stretch(&self, pad: u128, len: usize) -> Vec<u8> {
        if len <= 16 {
            return pad.to_le_bytes()[..len].to_vec();
        }
        let pi = hash(&self.session, "correlated OT, long pads");
        let blocks = (0..len.div_ceil(16) as u128).map(|c| pi.cr(pad ^ c).to_le_bytes());
        blocks.flatten().take(len).collect()
    }
    /// The same with chosen choices, and what the receiver sends for it.
    pub(crate) fn choose(&self, choices: &[bool]) -> (Self, Vec<u8>) {
        let d: Vec<_> = self.b.iter().zip(choices).map(|(b, c)| b ^ c).collect();
        let message = super::message(&self.session, 0x58, self.first, &super::pack(&d));
        let mut it = self.clone();
        for (q, d) in it.q.iter_mut().zip(&d) {
            *q ^= u128::from(*d) * self.delta;
        }
        it.b = choices.to_vec();
        (it, message)
    }
}

pub(crate) fn random(cots: &Cots) -> Run {
    let n = cots.q.len();
    let sent: Vec<_> = (0..n).map(|i| cots.pads(i)).collect();
    let received: Vec<_> = (0..n).map(|i| cots.pad(i)).collect();
    for i in 0..n {
        assert_eq!(sent[i][usize::from(cots.b[i])], received[i]);
    }
    Run {
        messages: Vec::new(),
        outputs: [show::pairs(&sent), show::chosen(&cots.b, &received)],
    }
}

/// VOLE over GF(2^128): the sums of x^j w_j, x^j u_j and x^j v_j over 128 correlated OTs each; what is over is dropped.
pub(crate) fn packed_vole(cots: &Cots) -> Run {
    let add = |c: &[u128]| {
        c.iter()
            .enumerate()
            .fold(0, |s, (j, c)| s ^ super::mul(1 << j, *c))
    };
    let pack = |x: &[u128]| x.chunks_exact(128).map(add).collect::<Vec<_>>();
    let bits: Vec<_> = cots.b.iter().map(|b| u128::from(*b)).collect();
    let [w, u, v] = [&cots.q, &bits, &cots.t].map(|x| pack(x));
    for i in 0..w.len() {
        assert_eq!(w[i], v[i] ^ super::mul(cots.delta, u[i]));
    }
    Run {
        messages: Vec::new(),
        outputs: [
            show::sent_cots(0, &w, cots.delta),
            [u, v].map(|x| show::blocks(&x)).to_vec().into(),
        ],
    }
}
