//! What other systems need for the same work, from `data/peers.toml`.

use serde::{Deserialize, Serialize};

use crate::engines::Engine;

/// Where a figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// Measured by us, on the machine that the file names.
    Measured,
    /// Its authors' claim, on their own hardware.
    Paper,
}

/// One system at one piece of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Figure {
    /// Of our engines the one that it is a counterpart of.
    #[serde(default = "rep3")]
    pub engine: Engine,
    /// Row of our table, without the name of the engine.
    pub row: String,
    /// The system.
    pub peer: String,
    /// Its version.
    pub version: String,
    /// Where this comes from.
    pub source: Source,
    /// Time, without set-up.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// Sent by all parties.
    #[serde(default)]
    pub bytes: Option<f64>,
    /// What one has to know beside it.
    #[serde(default)]
    pub remark: Option<String>,
}

fn rep3() -> Engine {
    Engine::Rep3
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    figure: Vec<Figure>,
}

/// All figures, in the order of the file.
pub fn figures() -> Result<Vec<Figure>, toml::de::Error> {
    let file: File = toml::from_str(include_str!("../data/peers.toml"))?;
    Ok(file.figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_says_something_about_a_row() {
        let all = figures().unwrap();
        for f in &all {
            assert!(f.seconds.is_some() || f.bytes.is_some() || f.remark.is_some());
            assert!(f.seconds.is_none_or(|s| s > 0.0) && f.bytes.is_none_or(|b| b > 0.0));
        }
        for row in crate::cli::bench_rows() {
            let like = crate::cli::bench_like(row);
            let of_rep3 = |f: &&Figure| f.engine == Engine::Rep3 && f.row == like;
            assert!(all.iter().any(|f| of_rep3(&f)), "{row}");
        }
        assert!(
            all.iter()
                .all(|f| crate::cli::bench_rows().contains(&f.row.as_str()))
        );
    }
}
