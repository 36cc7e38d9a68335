//! What is printed: the tables, what was run where, and the notes without which the figures would mislead.

use std::fmt::Write;

use super::row::Row;
use super::table;
use crate::config::Network;
use crate::engines::Engine;
use crate::report::{self, Machine};

/// Everything that is printed.
pub(super) struct Page<'a> {
    pub(super) suite: Engine,
    pub(super) command: String,
    pub(super) machine: &'a Machine,
    /// What the time of a row over a slower network should be at most, in limits.
    pub(super) times_limit: f64,
    pub(super) rows: &'a [Row],
}

impl Page<'_> {
    /// For a terminal.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{}, revision {}\n{}",
            self.setting(),
            env!("PIQUET_REVISION"),
            table::rows(self.rows)
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
            table::rows(self.rows)
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
            "{} on {}, {} cores, {}; threads of a party: {threads}, all parties here, mutual TLS; median of {runs}",
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
                table::batches as fn(_) -> _,
            ),
            (
                limits,
                "The least time that each row could take",
                table::limits,
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
                 oracle's, too, but for the coin of their truncation",
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
            for f in &row.peers {
                if let Some(r) = &f.remark {
                    add(format!("{} {}, {}: {r}", f.peer, f.version, f.row));
                }
            }
        }
        notes.extend(self.missed());
        notes.extend(self.memory());
        notes
    }

    /// Which rows over slower networks are further from their limit than they should be.
    fn missed(&self) -> Option<String> {
        let mut slower = self.rows.iter().filter(|r| !over_loopback(r)).peekable();
        slower.peek()?;
        let far = slower.filter(|r| r.times_limit.is_some_and(|t| t > self.times_limit));
        let far: Vec<&str> = far.map(|r| r.id.as_str()).collect();
        Some(format!(
            "over slower networks the target is at most {} times the limit: {}",
            self.times_limit,
            if far.is_empty() {
                "met".to_owned()
            } else {
                format!("missed by {}", far.join(", "))
            }
        ))
    }

    /// Where the plan's memory is off.
    fn memory(&self) -> Option<String> {
        let off = |r: &Row| {
            let planned = report::bytes(r.planned_memory_bytes);
            let text = |off| format!("{} ({planned} planned, {off:.2} of it)", r.id);
            r.memory_off().map(text)
        };
        let all: Vec<String> = self.rows.iter().filter_map(off).collect();
        (!all.is_empty()).then(|| {
            format!(
                "the plan's memory is more than a quarter off the measured one for {}",
                all.join(", ")
            )
        })
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

fn over_loopback(row: &Row) -> bool {
    row.network == Network::describe(None)
}

fn kind(row: &Row) -> &'static str {
    match over_loopback(row) {
        true => "rows over loop-back",
        false => "rows over slower networks",
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::example;
    use super::*;

    fn page<R>(rows: &[Row], f: impl Fn(&Page<'_>) -> R) -> R {
        f(&Page {
            suite: Engine::Rep3,
            command: "piquet bench --suite rep3".to_owned(),
            machine: &Machine::here(),
            times_limit: 1.25,
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
            text.contains("SPU") && text.contains("rep3-tiny (210.0 MB planned, 0.70 of it)"),
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
    fn slower_networks_are_held_to_their_target() {
        let mut slower = example();
        slower.network = "shaped 400 Mbit/s 40 ms".to_owned();
        let text = page(&[example(), slower.clone()], |p| p.text());
        assert!(text.contains("at most 1.25 times the limit: met"), "{text}");
        slower.times_limit = Some(1.3);
        let text = page(&[slower], |p| p.text());
        assert!(text.contains("the limit: missed by rep3-tiny"), "{text}");
        let text = page(&[example()], |p| p.text());
        assert!(!text.contains("over slower networks the target"), "{text}");
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
