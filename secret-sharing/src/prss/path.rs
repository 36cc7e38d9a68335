//! Names of places in a protocol.

use core::fmt;

/// Where in a program shared randomness is drawn: a path of labels and indices, held as a 32-byte digest.
///
/// ```
/// use piquet_secret_sharing::prss::StepPath;
/// let layer = StepPath::root().child("relu", 3);
/// assert_ne!(layer.child("carry", 0), layer.child("carry", 1));
/// assert_ne!(layer.child("carry", 0), StepPath::root().child("carry", 0));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StepPath([u8; 32]);

impl StepPath {
    /// The empty path.
    #[must_use]
    pub fn root() -> Self {
        Self(
            *blake3::Hasher::new_derive_key("piquet 2026 step path")
                .finalize()
                .as_bytes(),
        )
    }
    /// One step down. Distinct (label, index) pairs give distinct paths, up to collisions of BLAKE3.
    #[must_use]
    pub fn child(&self, label: &str, index: u64) -> Self {
        let mut h = blake3::Hasher::new_keyed(&self.0);
        h.update(&index.to_le_bytes());
        h.update(label.as_bytes());
        Self(*h.finalize().as_bytes())
    }
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<u64> for StepPath {
    /// The path of a program that numbers its steps.
    fn from(step: u64) -> Self {
        Self::root().child("step", step)
    }
}

impl fmt::Debug for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "StepPath({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}
