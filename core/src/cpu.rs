//! Which kernels run: the processor's features, found once at run time.
//!
//! Every kernel has a portable version and, where it pays, an AVX2 and an AVX-512 version with the same output.
//! [`level`] says which one plain constructors take. `PIQUET_CPU=portable|avx2|avx512` forces a lower level for tests
//! and benchmarks; constructors named `with_level` take one explicitly, so one process can compare them all.
//!
//! [`Avx2`], [`Avx512`] and their kin are proofs in the manner of the `memchr` crate: a value can only be had on a
//! processor with the features in its documentation, so that a kernel that takes one is safe to call.

use core::fmt;
use core::str::FromStr;
use std::sync::OnceLock;

/// The environment variable that forces a level down.
pub const ENV: &str = "PIQUET_CPU";

/// A class of kernels. Ordered: each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Plain Rust, any target.
    Portable,
    /// x86-64 with AVX2 and AES-NI.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL. Kernels further ask for VAES or for GFNI and VBMI, and without them fall
    /// back to the level below.
    Avx512,
}

impl Level {
    /// The name that [`ENV`] takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
    /// The highest level of this processor.
    #[must_use]
    pub fn best() -> Self {
        if has_avx512() {
            Self::Avx512
        } else if has_avx2() {
            Self::Avx2
        } else {
            Self::Portable
        }
    }
    /// All levels of this processor, lowest first, for tests and benchmarks.
    pub fn all() -> impl Iterator<Item = Self> {
        let best = Self::best();
        [Self::Portable, Self::Avx2, Self::Avx512]
            .into_iter()
            .filter(move |l| *l <= best)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = CpuError;
    fn from_str(s: &str) -> Result<Self, CpuError> {
        [Self::Portable, Self::Avx2, Self::Avx512]
            .into_iter()
            .find(|l| l.name() == s)
            .ok_or_else(|| CpuError::Unknown(s.to_owned()))
    }
}

/// Why [`ENV`] cannot be obeyed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CpuError {
    /// Not the name of a level.
    #[error("{ENV}={0}: expected portable, avx2 or avx512")]
    Unknown(String),
    /// More than the processor has.
    #[error("{ENV}={asked}: this processor has at most {best}")]
    Unavailable {
        /// The level asked for.
        asked: Level,
        /// The highest level there is.
        best: Level,
    },
}

/// The level in force, or why [`ENV`] cannot be obeyed. Binaries call this first and stop on an error.
pub fn detect() -> Result<Level, CpuError> {
    resolve(
        std::env::var_os(ENV)
            .map(|v| v.to_string_lossy().into_owned())
            .as_deref(),
        Level::best(),
    )
}

/// The level in force: [`detect`], once; where that is an error, [`Level::best`], since a library cannot stop.
#[must_use]
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| detect().unwrap_or_else(|_| Level::best()))
}

fn resolve(asked: Option<&str>, best: Level) -> Result<Level, CpuError> {
    let Some(asked) = asked.filter(|s| !s.is_empty()) else {
        return Ok(best);
    };
    let asked = Level::from_str(asked)?;
    if asked > best {
        return Err(CpuError::Unavailable { asked, best });
    }
    Ok(asked)
}

#[cfg(target_arch = "x86_64")]
macro_rules! has {
    ($($f:tt),*) => { true $(&& std::arch::is_x86_feature_detected!($f))* };
}
#[cfg(not(target_arch = "x86_64"))]
macro_rules! has {
    ($($f:tt),*) => {
        false
    };
}

fn has_avx2() -> bool {
    has!("avx2", "aes", "bmi1", "bmi2", "fma")
}

fn has_avx512() -> bool {
    has_avx2() && has!("avx512f", "avx512bw", "avx512dq", "avx512vl")
}

macro_rules! proof {
    ($(#[$doc:meta])* $name:ident, $level:expr, $has:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name(());

        impl $name {
            /// The proof, if the level in force ([`level`]) allows it and the processor has the features.
            #[inline]
            #[must_use]
            pub fn new() -> Option<Self> {
                Self::at(level())
            }
            /// The proof, if `at` allows it and the processor has the features, whatever [`ENV`] says.
            #[inline]
            #[must_use]
            pub fn at(at: Level) -> Option<Self> {
                (at >= $level && $has).then_some(Self(()))
            }
        }
    };
}

proof!(
    /// Proves `avx2`, `bmi1`, `bmi2`, `fma`.
    Avx2,
    Level::Avx2,
    has_avx2()
);
proof!(
    /// Proves `aes` and `avx2`.
    AesNi,
    Level::Avx2,
    has_avx2()
);
proof!(
    /// Proves `avx512f`, `avx512bw`, `avx512dq`, `avx512vl` and what [`Avx2`] proves.
    Avx512,
    Level::Avx512,
    has_avx512()
);
proof!(
    /// Proves `vaes`, `aes` and what [`Avx512`] proves.
    Vaes512,
    Level::Avx512,
    has_avx512() && has!("vaes")
);
proof!(
    /// Proves `pclmulqdq` and what [`AesNi`] proves.
    Clmul,
    Level::Avx2,
    has_avx2() && has!("pclmulqdq")
);
proof!(
    /// Proves `vpclmulqdq`, `pclmulqdq` and what [`Vaes512`] proves.
    Clmul512,
    Level::Avx512,
    has_avx512() && has!("vaes", "vpclmulqdq", "pclmulqdq")
);
proof!(
    /// Proves `gfni`, `avx512vbmi` and what [`Avx512`] proves.
    Gfni512,
    Level::Avx512,
    has_avx512() && has!("gfni", "avx512vbmi")
);
proof!(
    /// Proves `avx512ifma` and what [`Avx512`] proves.
    Ifma512,
    Level::Avx512,
    has_avx512() && has!("avx512ifma")
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_only_forces_down() {
        use Level::*;
        assert_eq!(resolve(None, Avx2), Ok(Avx2));
        assert_eq!(resolve(Some(""), Avx2), Ok(Avx2));
        assert_eq!(resolve(Some("portable"), Avx512), Ok(Portable));
        let e = resolve(Some("avx512"), Avx2).unwrap_err();
        assert_eq!(
            e.to_string(),
            "PIQUET_CPU=avx512: this processor has at most avx2"
        );
        let e = resolve(Some("fast"), Avx512).unwrap_err();
        assert_eq!(
            e.to_string(),
            "PIQUET_CPU=fast: expected portable, avx2 or avx512"
        );
    }

    #[test]
    fn levels_are_ordered_and_proofs_respect_them() {
        let all: Vec<_> = Level::all().collect();
        assert_eq!(all[0], Level::Portable);
        assert!(all.is_sorted());
        assert_eq!(all.last(), Some(&Level::best()));
        assert!(Avx2::at(Level::Portable).is_none());
        assert!(Avx512::at(Level::Avx2).is_none());
        assert_eq!(
            Avx512::at(Level::Avx512).is_some(),
            Level::best() == Level::Avx512
        );
        assert!(level() <= Level::best());
    }
}
