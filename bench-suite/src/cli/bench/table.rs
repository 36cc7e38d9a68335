//! The table: each row of ours, and below it the same work by others.

use super::Row;
use crate::peers::Source;
use crate::report::{self, Machine};

pub(super) fn table(rows: &[Row], machine: &Machine, suite: &str) -> String {
    let mut t = report::table(&[
        "row",
        "system",
        "time",
        "sent by all",
        "memory",
        "time x",
        "sent x",
    ]);
    let dash = || "-".to_owned();
    let mut notes = Vec::new();
    for row in rows {
        t.add_row(vec![
            row.id.clone(),
            "Piquet".to_owned(),
            report::seconds(row.median),
            report::bytes(row.bytes),
            report::bytes(row.peak_rss_bytes),
            dash(),
            dash(),
        ]);
        for f in &row.peers {
            let mark = match f.source {
                Source::Measured => "",
                Source::Paper => " (p)",
            };
            let times = |theirs: Option<f64>, ours: f64| {
                theirs.map_or_else(dash, |t| format!("{:.1}", t / ours))
            };
            t.add_row(vec![
                String::new(),
                format!("{} {}{mark}", f.peer, f.version),
                f.seconds.map_or_else(dash, |s| format!("{s:.2} s")),
                f.bytes.map_or_else(dash, |b| report::bytes(b as u64)),
                dash(),
                times(f.seconds, row.median),
                times(f.bytes, row.bytes as f64),
            ]);
            if let Some(r) = &f.remark {
                let note = format!("{} {}, {}: {r}", f.peer, f.version, f.row);
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
    }
    let runs = rows.first().map_or(0, |r| r.seconds.len());
    let threads = rows.first().map_or(1, |r| r.threads);
    let worst = rows.iter().map(|r| {
        let c = &r.check;
        if c.reference_range > 0.0 {
            c.max_abs_error / c.reference_range
        } else {
            0.0
        }
    });
    let mut text = format!(
        "{suite} on {}, {} cores, {}, revision {}; {threads} threads a party, all parties here, mutual TLS; median of {runs}\n{t}\n\
         every answer was held to the plain network's: off by at most {:.2}% of its range\n\
         time x and sent x: how many times as much as Piquet; (p): the authors' figure on their hardware; peers: see data/peers.toml",
        machine.cpu,
        machine.cores,
        machine.cpu_level,
        env!("PIQUET_REVISION"),
        100.0 * worst.fold(0.0, f64::max),
    );
    for n in notes {
        text.push_str("\n- ");
        text.push_str(&n);
    }
    text
}
