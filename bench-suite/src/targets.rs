//! What a row of `piquet bench` should need at most, from `data/targets.toml`.

use serde::{Deserialize, Serialize};

/// What some rows should need at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Target {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    target: Vec<Target>,
}

/// All targets, in the order of the file.
pub fn targets() -> Result<Vec<Target>, toml::de::Error> {
    let file: File = toml::from_str(include_str!("../data/targets.toml"))?;
    Ok(file.target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_for_a_row_and_no_row_has_two() {
        let all = targets().unwrap();
        let mut seen = Vec::new();
        for t in &all {
            let stretch = t.stretch_seconds.is_none_or(|s| s < t.seconds)
                && t.stretch_bytes.is_none_or(|b| b < t.bytes);
            assert!(t.seconds > 0.0 && t.bytes > 0.0 && stretch, "{t:?}");
            for row in &t.rows {
                let name = row.strip_suffix("-exact").unwrap_or(row);
                assert!(crate::cli::bench_rows().contains(&name), "{row}");
                assert!(!seen.contains(row), "{row}");
                seen.push(row.clone());
            }
        }
        for row in crate::cli::bench_rows() {
            assert!(seen.iter().any(|s| s == row), "{row}");
        }
    }
}
