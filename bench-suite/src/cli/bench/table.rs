//! The tables: each row of ours, and below it the target and the same work by others; batches by the picture; every row
//! beside the least time that it could take.

use super::row::Row;
use crate::peers::{Figure, Source};
use crate::report;

fn dash() -> String {
    "-".to_owned()
}

fn window(row: &Row) -> String {
    match row.windows {
        None => dash(),
        Some([low, high]) if low == high => low.to_string(),
        Some([low, high]) => format!("{low}-{high}"),
    }
}

/// `2.0`: how many times ours theirs is.
fn times(theirs: Option<f64>, ours: f64) -> String {
    theirs.map_or_else(dash, |t| format!("{:.1}", t / ours))
}

pub(super) fn rows(rows: &[Row]) -> String {
    let mut t = report::table(&[
        "row",
        "system",
        "ring",
        "window",
        "time",
        "sent by all",
        "memory",
        "time x",
        "sent x",
    ]);
    for row in rows {
        t.add_row(vec![
            row.id.clone(),
            "Piquet".to_owned(),
            row.ring_bits.to_string(),
            window(row),
            report::seconds(row.median),
            report::bytes(row.bytes),
            report::bytes(row.peak_rss_bytes),
            dash(),
            dash(),
        ]);
        if let Some(target) = target_line(row) {
            t.add_row(target);
        }
        for f in &row.peers {
            t.add_row(peer_line(row, f));
        }
    }
    t.to_string()
}

fn target_line(row: &Row) -> Option<Vec<String>> {
    let target = row.target.as_ref()?;
    let and = |stretch: Option<f64>, show: &dyn Fn(f64) -> String| {
        stretch.map_or_else(String::new, |s| format!(" ({})", show(s)))
    };
    let seconds = |s: f64| report::seconds(s);
    let bytes = |b: f64| report::bytes(b as u64);
    let stretches = target.stretch_seconds.is_some() || target.stretch_bytes.is_some();
    Some(vec![
        String::new(),
        if stretches {
            "target (stretch)"
        } else {
            "target"
        }
        .to_owned(),
        String::new(),
        String::new(),
        seconds(target.seconds) + &and(target.stretch_seconds, &seconds),
        bytes(target.bytes) + &and(target.stretch_bytes, &bytes),
        target.memory.map_or_else(dash, bytes),
        format!("{:.2}", target.seconds / row.median),
        format!("{:.2}", target.bytes / row.bytes as f64),
    ])
}

fn peer_line(row: &Row, f: &Figure) -> Vec<String> {
    let mark = match f.source {
        Source::Measured => "",
        Source::Paper => " (p)",
    };
    vec![
        String::new(),
        format!("{} {}{mark}", f.peer, f.version),
        String::new(),
        String::new(),
        f.seconds.map_or_else(dash, |s| format!("{s:.2} s")),
        f.bytes.map_or_else(dash, |b| report::bytes(b as u64)),
        dash(),
        times(f.seconds, row.median),
        times(f.bytes, row.bytes as f64),
    ]
}

pub(super) fn batches(rows: &[Row]) -> String {
    let mut t = report::table(&[
        "row",
        "pictures",
        "time of all",
        "time of one",
        "sent for all",
        "sent for one",
    ]);
    for row in rows.iter().filter(|r| r.batch > 1) {
        t.add_row(vec![
            row.id.clone(),
            row.batch.to_string(),
            report::seconds(row.median),
            report::seconds(row.picture_seconds),
            report::bytes(row.bytes),
            report::bytes(row.picture_bytes as u64),
        ]);
    }
    t.to_string()
}

pub(super) fn limits(rows: &[Row]) -> String {
    let mut t = report::table(&[
        "row",
        "network",
        "time",
        "limit",
        "transfer",
        "delay",
        "computation",
        "time / limit",
    ]);
    for row in rows {
        let (Some(l), Some(over)) = (row.limit, row.times_limit) else {
            continue;
        };
        let part = |s: f64| if s > 0.0 { report::seconds(s) } else { dash() };
        t.add_row(vec![
            row.id.clone(),
            row.network.clone(),
            report::seconds(row.median),
            report::seconds(l.seconds),
            part(l.transfer),
            part(l.delay),
            part(l.computation),
            format!("{over:.2}"),
        ]);
    }
    t.to_string()
}
