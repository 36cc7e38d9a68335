//! What is printed: each row of ours, and below it the target and the same work by others; then batches by the picture,
//! and every row beside the least time that it could take.

use std::fmt::Write;

use super::row::Row;
use crate::peers::{Figure, Source};
use crate::report::{self, Machine};

/// Everything that is printed.
pub(super) struct Page<'a> {
    pub(super) suite: &'a str,
    pub(super) command: String,
    pub(super) machine: &'a Machine,
    pub(super) rows: &'a [Row],
}

impl Page<'_> {
    /// For a terminal.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{}, revision {}\n{}",
            self.setting(),
            env!("PIQUET_REVISION"),
            main_table(self.rows)
        );
        for (title, table) in self.more() {
            let _ = write!(text, "\n\n{title}:\n{table}");
        }
        text.push('\n');
        for note in self.notes() {
            let _ = write!(text, "\n- {note}");
        }
        text
    }

    /// A section of a page that keeps the history of these tables.
    pub(super) fn markdown(&self) -> String {
        let date = self.rows.first().map_or("", |r| r.date.as_str());
        let mut text = format!(
            "## {}, revision {}\n\n`{}`: {}.\n\n{}\n",
            date.split('T').next().unwrap_or(date),
            env!("PIQUET_REVISION"),
            self.command,
            self.setting(),
            main_table(self.rows)
        );
        for (title, table) in self.more() {
            let _ = write!(text, "\n### {title}\n\n{table}\n");
        }
        for note in self.notes() {
            let _ = write!(text, "\n- {note}");
        }
        text
    }

    fn setting(&self) -> String {
        let runs = self.rows.first().map_or(0, |r| r.seconds.len());
        let threads = self.rows.first().map_or(1, |r| r.threads);
        format!(
            "{} on {}, {} cores, {}; {threads} threads a party, all parties here, mutual TLS; median of {runs}",
            self.suite, self.machine.cpu, self.machine.cores, self.machine.cpu_level,
        )
    }

    /// The tables after the first, with their titles, where they have rows.
    fn more(&self) -> Vec<(&'static str, String)> {
        let batches = self.rows.iter().any(|r| r.batch > 1);
        let limits = self.rows.iter().any(|r| r.limit.is_some());
        let tables = [
            (
                batches,
                "Batches, by the picture",
                batch_table as fn(_) -> _,
            ),
            (
                limits,
                "The least time that each row could take",
                limit_table,
            ),
        ];
        let shown = tables.into_iter().filter(|(any, ..)| *any);
        shown
            .map(|(_, title, table)| (title, table(self.rows)))
            .collect()
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            format!(
                "every answer was held to the plain network's: off by at most {:.2}% of its range; those of operations to the \
                 oracle's, to the last place",
                100.0 * worst(self.rows)
            ),
            "window: bits that a comparison looks at, fewest and most of the row; by calibration in networks, declared and filled by \
             the inputs in operations; a comparison costs its window, so figures of unequal windows do not compare"
                .to_owned(),
            "time x and sent x: how many times as much as Piquet; target: data/targets.toml, set for 2 cores of a Zen 5, met where \
             these are 1 or more; (p): the authors' figure on their hardware; others: data/peers.toml"
                .to_owned(),
        ];
        let mut add = |note: String| {
            if !notes.contains(&note) {
                notes.push(note);
            }
        };
        for row in self.rows {
            if let Some(l) = &row.limit {
                add(format!("the limit of {}: {}", kind(row), l.is));
            }
        }
        for row in self.rows {
            if row.extra {
                add(format!(
                    "{} was not asked for: it is the computation in the limits of slower networks",
                    row.id
                ));
            }
            if let Some(off) = row.memory_off() {
                add(format!(
                    "memory of {}: planned {}, which is {off:.2} times what was measured",
                    row.id,
                    report::bytes(row.planned_memory_bytes)
                ));
            }
            for f in &row.peers {
                if let Some(r) = &f.remark {
                    add(format!("{} {}, {}: {r}", f.peer, f.version, f.row));
                }
            }
        }
        notes
    }
}

/// The largest error of any row, of the range of its answers.
fn worst(rows: &[Row]) -> f64 {
    let of = |r: &Row| match r.check.reference_range {
        range if range > 0.0 => r.check.max_abs_error / range,
        _ => 0.0,
    };
    rows.iter().map(of).fold(0.0, f64::max)
}

fn kind(row: &Row) -> &'static str {
    match row.network.as_str() {
        "loopback" => "rows over loop-back",
        _ => "rows over slower networks",
    }
}

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

fn main_table(rows: &[Row]) -> String {
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

fn batch_table(rows: &[Row]) -> String {
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

fn limit_table(rows: &[Row]) -> String {
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

#[cfg(test)]
mod tests {
    use super::super::row::tests::example;
    use super::*;

    fn page<R>(rows: &[Row], f: impl Fn(&Page<'_>) -> R) -> R {
        f(&Page {
            suite: "rep3",
            command: "piquet bench --suite rep3".to_owned(),
            machine: &Machine::here(),
            rows,
        })
    }

    /// The line of a table that begins with these cells.
    fn line(text: &str, cells: &[&str]) -> Vec<String> {
        let split = |l: &str| -> Vec<String> {
            let cells = l.trim_matches('|').split('|');
            cells.map(|c| c.trim().to_owned()).collect()
        };
        let mut lines = text.lines().map(split);
        lines
            .find(|l| l.starts_with(&cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>()))
            .unwrap()
    }

    #[test]
    fn target_and_peers_stand_below_the_row() {
        let text = page(&[example()], |p| p.text());
        let ours = line(&text, &["rep3-tiny", "Piquet"]);
        assert_eq!(
            ours[2..7],
            ["32", "18-20", "1.500 s", "700.0 MB", "300.0 MB"]
        );
        let target = line(&text, &["", "target (stretch)"]);
        assert_eq!(
            target[4..],
            ["3.000 s (2.000 s)", "1.000 GB", "600.0 MB", "2.00", "1.43"]
        );
        assert!(
            text.contains("SPU") && text.contains("planned 210.0 MB, which is 0.70 times"),
            "{text}"
        );
        assert!(!text.contains("Batches"));
    }

    #[test]
    fn limits_show_their_parts_and_batches_their_pictures() {
        let mut batch = example();
        batch.id = "rep3-tiny-batch32".to_owned();
        (batch.batch, batch.extra, batch.limit) = (32, true, None);
        (batch.picture_seconds, batch.picture_bytes) = (0.5, 2e6);
        let text = page(&[example(), batch], |p| p.text());
        let limit = line(&text, &["rep3-tiny", "loopback"]);
        assert_eq!(
            limit[2..],
            [
                "1.500 s", "1.250 s", "0.500 s", "0.250 s", "0.500 s", "1.20"
            ]
        );
        let batch = line(&text, &["rep3-tiny-batch32", "32", "1.500 s"]);
        assert_eq!(batch[3..], ["0.500 s", "700.0 MB", "2.0 MB"]);
        assert!(
            text.contains("rep3-tiny-batch32 was not asked for"),
            "{text}"
        );
    }

    #[test]
    fn markdown_says_when_where_and_how() {
        let text = page(&[example()], |p| p.markdown());
        let revision = env!("PIQUET_REVISION");
        let head =
            format!("## 2026-11-21, revision {revision}\n\n`piquet bench --suite rep3`: rep3 on ");
        assert!(text.starts_with(&head), "{text}");
        // Every table is one: a blank line, a header, a line of dashes.
        let lines: Vec<&str> = text.lines().collect();
        for (i, l) in lines
            .iter()
            .enumerate()
            .filter(|(_, l)| l.starts_with("|--"))
        {
            assert!(
                lines[i - 1].starts_with("| row") && lines[i - 2].is_empty(),
                "{l}"
            );
        }
        assert_eq!(text.matches("\n|--").count(), 2);
    }
}
