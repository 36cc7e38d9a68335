//! How much noise, and on how long a secret.

use crate::{Error, Security};
use piquet_core::wire::Header;

use super::wire;

/// Correlations that mask the check of one expansion.
pub(super) const CHECK: usize = 128;

/// One LPN instance: `n = trees * 2^depth` samples of a secret of `k` bits, one sample of each 2^depth in error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) k: usize,
    pub(crate) trees: usize,
    pub(crate) depth: usize,
}

impl Stage {
    /// Correlations that it takes: the secret, a path for each tree, and the mask of the check.
    pub(crate) fn inputs(&self, malicious: bool) -> usize {
        self.k + self.trees * self.depth + if malicious { CHECK } else { 0 }
    }
    /// Leaves of one tree.
    pub(crate) fn bin(&self) -> usize {
        1 << self.depth
    }
    /// Samples, of which it makes as many correlations.
    pub(crate) fn n(&self) -> usize {
        self.trees << self.depth
    }
    /// What it costs on the wire: from the sender, and from the receiver.
    fn bytes(&self, malicious: bool) -> [usize; 2] {
        let messages = self.trees.div_ceil(wire::TREES);
        let trees = messages * Header::LEN + wire::SALT + self.trees * wire::tree(self.depth);
        if malicious {
            [
                trees + Header::LEN + wire::ANSWER,
                Header::LEN + wire::REQUEST,
            ]
        } else {
            [trees, 0]
        }
    }
}

/// The stages of an instance: those of the set-up, from small to large, and the one that is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    pub(super) set_up: &'static [Stage],
    pub(super) main: Stage,
}

const SMALL: Stage = Stage {
    k: 13_824,
    trees: 441,
    depth: 7,
};
const MIDDLE: Stage = Stage {
    k: 52_736,
    trees: 391,
    depth: 9,
};
const LARGE: Stage = Stage {
    k: 196_608,
    trees: 285,
    depth: 11,
};

impl Params {
    /// For slow networks: 2^24 correlations at a time for less than a twentieth of a byte each. See the module.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            set_up: &[SMALL, MIDDLE, LARGE],
            main: Stage {
                k: 532_480,
                trees: 4239,
                depth: 12,
            },
        }
    }
    /// For fast networks and small memories: 1.4 million correlations at a time for 0.155 bytes each. The secret takes a quarter of the cache
    /// that [`Params::standard`] wants, and the outputs a twelfth of the memory.
    #[must_use]
    pub const fn light() -> Self {
        Self {
            set_up: &[SMALL, MIDDLE],
            main: Stage {
                k: 122_880,
                trees: 1536,
                depth: 10,
            },
        }
    }
    /// Stages that are as fast to fuzz as they are insecure.
    pub(crate) const fn tiny() -> Self {
        Self {
            set_up: &[Stage {
                k: 50,
                trees: 70,
                depth: 5,
            }],
            main: Stage {
                k: 100,
                trees: 60,
                depth: 6,
            },
        }
    }
    /// Stages that are as fast to test as they are insecure.
    #[cfg(test)]
    pub(crate) const fn insecure(set_up: &'static [Stage], main: Stage) -> Self {
        Self { set_up, main }
    }
    /// Correlations that the set-up takes from another protocol.
    #[must_use]
    pub fn base_cots<M: Security>(&self) -> usize {
        self.stage(0).inputs(M::MALICIOUS)
    }
    /// Correlations that one expansion gives.
    #[must_use]
    pub fn cots_per_expansion<M: Security>(&self) -> usize {
        (self.main.trees - self.kept::<M>(self.set_up.len())) * self.main.bin()
    }
    /// Bits of the secret of the repeated LPN instance: what lies in cache is 16 bytes for each.
    #[must_use]
    pub fn secret_len(&self) -> usize {
        self.main.k
    }
    /// Bytes of the set-up: from the sender, and from the receiver.
    #[must_use]
    pub fn set_up_bytes<M: Security>(&self) -> [usize; 2] {
        let mut all = wire::TOSS;
        for stage in self.set_up {
            let [s, r] = stage.bytes(M::MALICIOUS);
            all = [all[0] + s, all[1] + r];
        }
        all
    }
    /// Bytes of one expansion: from the sender, and from the receiver.
    #[must_use]
    pub fn expansion_bytes<M: Security>(&self) -> [usize; 2] {
        self.main.bytes(M::MALICIOUS)
    }

    /// Stage `i` of an instance, which has the set-up's stages first.
    pub(super) fn stage(&self, i: usize) -> Stage {
        self.set_up.get(i).copied().unwrap_or(self.main)
    }
    /// How many trees of stage `i` are kept for the one after it.
    pub(super) fn kept<M: Security>(&self, i: usize) -> usize {
        let next = self.stage(i + 1).inputs(M::MALICIOUS);
        next.div_ceil(self.stage(i).bin())
    }
    /// Refuses stages that do not feed one another.
    pub(super) fn check<M: Security>(&self) -> Result<(), Error> {
        for i in 0..=self.set_up.len() {
            let stage = self.stage(i);
            let (kept, trees) = (self.kept::<M>(i), stage.trees);
            let enough = if i < self.set_up.len() {
                kept <= trees
            } else {
                kept < trees && stage.depth >= 6
            };
            if !enough || !(2..=24).contains(&stage.depth) || stage.k == 0 {
                return Err(Error::Parameter {
                    what: "correlations of a stage",
                    got: stage.n() as u64,
                    domain: "enough for the next",
                });
            }
        }
        Ok(())
    }
}
