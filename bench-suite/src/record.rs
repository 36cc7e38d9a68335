//! A measured row, and the JSON file that rows are merged into: one format for `cargo bench` of every crate and for
//! `piquet bench`. The harness of the former, which is not published, compiles this same file.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A measured row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Name, stable over time.
    pub id: String,
    /// The median.
    pub value: f64,
    /// `1/s` for rates (items a second), `s` for times (seconds an item).
    pub unit: String,
    /// Bytes that the parties of a protocol send for each item.
    pub bytes: Option<f64>,
    /// Rounds that a call of the protocol takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    /// Largest error of a result, in units in the last place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ulp: Option<f64>,
    /// Largest error of a result over its correct value, among results of 2^16 units and more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_relative_error: Option<f64>,
    /// The bound of this machine for the same work, in `unit`.
    pub limit: Option<f64>,
    /// What the bound is.
    pub limit_is: Option<String>,
    /// Value over limit for rates, limit over value for times: 1 is perfect.
    pub ratio: Option<f64>,
    /// Threads that worked.
    pub threads: usize,
    /// Level of the CPU kernels.
    pub cpu_level: String,
    /// Commit, with `-dirty` if the tree differs from it.
    pub revision: String,
    /// When, ISO 8601, UTC.
    pub date: String,
}

/// `PACKAGE.json` in the folder `bench` of the target directory that this executable lies in.
pub(crate) fn file(package: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    exe.ancestors()
        .find(|d| d.join("CACHEDIR.TAG").is_file())
        .unwrap_or(Path::new("target"))
        .join("bench")
        .join(format!("{package}.json"))
}

/// Replaces the records with the ids of `new`, keeps the others.
pub(crate) fn merge(file: &Path, new: &[Record]) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut all: Vec<Record> = match fs::read(file) {
        Ok(old) => serde_json::from_slice(&old)
            .map_err(|e| format!("{}: {e}; remove it to start afresh", file.display()))?,
        Err(_) => Vec::new(),
    };
    for n in new {
        match all.iter_mut().find(|o| o.id == n.id) {
            Some(o) => *o = n.clone(),
            None => all.push(n.clone()),
        }
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = file.with_extension("json.tmp");
    fs::write(&draft, serde_json::to_string_pretty(&all)? + "\n")?;
    fs::rename(draft, file)?;
    Ok(())
}

/// Now, as `2026-11-21T06:30:00Z`.
pub(crate) fn now() -> String {
    let t = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    iso(t)
}

/// H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn iso(t: u64) -> String {
    let (day, s) = (t / 86_400, t % 86_400);
    let z = day + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = doy - (153 * mp + 2) / 5 + 1;
    let m = if mp < 10 { mp + 3 } else { mp - 9 };
    let y = yoe + 400 * era + u64::from(m <= 2);
    format!(
        "{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}Z",
        s / 3600,
        s / 60 % 60,
        s % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(iso(1_795_243_199), "2026-11-21T06:39:59Z");
    }

    #[test]
    fn rows_are_merged_by_id() {
        let file = std::env::temp_dir().join(format!("piquet-bench-{}.json", std::process::id()));
        let row = |id: &str, value| Record {
            id: id.to_owned(),
            value,
            unit: "1/s".to_owned(),
            bytes: None,
            rounds: None,
            max_ulp: None,
            max_relative_error: None,
            limit: Some(10.0),
            limit_is: Some("a bound".to_owned()),
            ratio: Some(value / 10.0),
            threads: 1,
            cpu_level: "portable".to_owned(),
            revision: "0123abc".to_owned(),
            date: now(),
        };
        merge(&file, &[row("a", 1.0), row("b", 2.0)]).unwrap();
        merge(&file, &[row("b", 3.0), row("c", 4.0)]).unwrap();
        let all: Vec<Record> = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        fs::write(&file, "{").unwrap();
        assert!(merge(&file, &[]).is_err());
        fs::remove_file(&file).unwrap();
        let got: Vec<_> = all.iter().map(|r| (r.id.as_str(), r.value)).collect();
        assert_eq!(got, [("a", 1.0), ("b", 3.0), ("c", 4.0)]);
    }
}
