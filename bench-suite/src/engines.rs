//! The protocol suites that the command knows: one line of each table, one arm of each `match`.

use core::fmt;
use core::ops::RangeInclusive;
use core::str::FromStr;

use piquet_nn_ops::Error;
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::model::Program;
use piquet_nn_ops::plan::{self, Plan};
use piquet_nn_ops::rep3::Rep3Cost;
use piquet_nn_ops::semi2k::Semi2kCost;
use piquet_nn_ops::transport::Cast;
use serde::{Deserialize, Serialize};

/// A protocol suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Engine {
    /// Three parties, replicated shares.
    Rep3,
    /// Two to ten parties, additive shares.
    Semi2k,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Rep3, Self::Semi2k];

    /// What it is called in files and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rep3 => "rep3",
            Self::Semi2k => "semi2k",
        }
    }

    /// How many parties compute.
    #[must_use]
    pub fn parties(self) -> RangeInclusive<usize> {
        match self {
            Self::Rep3 => 3..=3,
            Self::Semi2k => 2..=10,
        }
    }

    /// Where the correlated randomness of the parties comes from, if they do not make it themselves.
    #[must_use]
    pub fn correlations(self) -> Option<&'static str> {
        match self {
            Self::Rep3 => None,
            Self::Semi2k => Some("trusted-dealer"),
        }
    }

    /// Who may do what without learning anything.
    #[must_use]
    pub fn secure_against(self) -> &'static str {
        match self {
            Self::Rep3 => "one semi-honest party (honest majority)",
            Self::Semi2k => "all parties but one, semi-honest; the dealer may collude with none",
        }
    }

    /// Whether it has a dealer beside its parties.
    #[must_use]
    pub fn has_dealer(self) -> bool {
        self.correlations().is_some()
    }

    /// Its parties, its dealer if it has one, and a client.
    pub fn cast(self, parties: usize) -> Result<Cast, String> {
        let possible = self.parties();
        if !possible.contains(&parties) {
            let (low, high) = possible.into_inner();
            let many = match low == high {
                true => low.to_string(),
                false => format!("{low} to {high}"),
            };
            return Err(format!("engine {self} has {many} parties, not {parties}"));
        }
        Ok(Cast {
            parties,
            dealer: self.has_dealer(),
            client: true,
        })
    }

    /// What an inference costs, from shapes alone.
    pub fn estimate(
        self,
        program: &Program,
        truncation: Truncation,
        parties: usize,
    ) -> Result<Estimate, Error> {
        match self {
            Self::Rep3 => {
                let cost = plan::plan(Rep3Cost::new(program.width()?), program, truncation)?;
                Ok(Estimate {
                    engine: self,
                    parties,
                    plan: cost.plan().clone(),
                    macs: cost.macs(),
                    memory_bytes: cost.memory_bytes(),
                    truncation_failure: cost.truncation_failure(),
                })
            }
            Self::Semi2k => {
                let cost = Semi2kCost::new(parties, program.width()?);
                let cost = plan::plan(cost, program, truncation)?;
                Ok(Estimate {
                    engine: self,
                    parties,
                    plan: cost.plan().clone(),
                    macs: cost.macs(),
                    memory_bytes: cost.memory_bytes(),
                    truncation_failure: cost.truncation_failure(),
                })
            }
        }
    }
}

/// What an inference will cost.
#[derive(Debug)]
pub struct Estimate {
    /// With this protocol suite.
    pub engine: Engine,
    /// Among so many parties.
    pub parties: usize,
    /// Bytes, messages and rounds; peers in the order of [`Cast::peers`].
    pub plan: Plan,
    /// Multiply-accumulates of all peers together.
    pub macs: u64,
    /// Memory of one party, about.
    pub memory_bytes: u64,
    /// Bound on the probability that local truncation spoils anything.
    pub truncation_failure: f64,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Engine {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|e| e.name() == s)
            .ok_or_else(|| {
                let known: Vec<_> = Self::ALL.iter().map(|e| e.name()).collect();
                format!(
                    "engine `{s}` is unknown; known are: {}",
                    known.join(" and ")
                )
            })
    }
}

impl TryFrom<String> for Engine {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        s.parse()
    }
}

impl From<Engine> for String {
    fn from(e: Engine) -> Self {
        e.name().to_owned()
    }
}
