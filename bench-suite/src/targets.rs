//! What a row of `piquet bench` should need at most, from `data/targets.toml`.

use serde::{Deserialize, Serialize};

use crate::engines::Engine;

/// What some rows should need at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Target {
    /// The engine that it holds for.
    #[serde(default = "rep3")]
    pub engine: Engine,
    /// Rows of our table that it holds for, without the name of the engine.
    #[serde(skip_serializing)]
    pub rows: Vec<String>,
    /// Time, without set-up, on the machine that the file names.
    pub seconds: f64,
    /// Better still.
    #[serde(default)]
    pub stretch_seconds: Option<f64>,
    /// Sent by all parties.
    pub bytes: f64,
    /// Better still.
    #[serde(default)]
    pub stretch_bytes: Option<f64>,
    /// Of a party, at its peak.
    #[serde(default)]
    pub memory: Option<f64>,
}

fn rep3() -> Engine {
    Engine::Rep3
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Targets {
    /// Time over a slower network, in limits of the same row, at most.
    pub times_limit: f64,
    /// Of rows over loop-back, in the order of the file.
    #[serde(rename = "target")]
    pub rows: Vec<Target>,
}

/// All targets.
pub fn targets() -> Result<Targets, toml::de::Error> {
    toml::from_str(include_str!("../data/targets.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_for_a_row_and_no_row_has_two() {
        let all = targets().unwrap();
        let mut seen = Vec::new();
        assert!(all.times_limit > 1.0);
        for t in &all.rows {
            let stretch = t.stretch_seconds.is_none_or(|s| s < t.seconds)
                && t.stretch_bytes.is_none_or(|b| b < t.bytes);
            assert!(t.seconds > 0.0 && t.bytes > 0.0 && stretch, "{t:?}");
            for row in &t.rows {
                let name = row.strip_suffix("-exact").unwrap_or(row);
                assert!(crate::cli::bench_rows().contains(&name), "{row}");
                let row = (t.engine, row.clone());
                assert!(!seen.contains(&row), "{row:?}");
                seen.push(row);
            }
        }
        for row in crate::cli::bench_rows() {
            let of_rep3 = (Engine::Rep3, row.to_owned());
            assert!(seen.contains(&of_rep3), "{row}");
        }
    }
}
