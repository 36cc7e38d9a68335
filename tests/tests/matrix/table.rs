//! The matrix as a page of the documentation.

use std::fs;
use std::path::PathBuf;

use super::cell::{Cell, Engine, Expected, Fault, Phase, spoken};
use super::judge::{FLOODED, PEAK};
use super::stage::{DEADLINE, HANG};

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/faults.md"))
}

/// Holds the page in the repository to what was played, or, if asked to, writes it.
pub fn check(engines: &[&Engine]) {
    let page = page(engines);
    if std::env::var_os("PIQUET_BLESS").is_some() {
        fs::create_dir_all(path().parent().unwrap()).unwrap();
        fs::write(path(), page).unwrap();
        return;
    }
    let there = fs::read_to_string(path()).unwrap_or_default();
    assert!(
        there == page,
        "docs/faults.md is not what was played; run this test with PIQUET_BLESS=1 and look at the difference"
    );
}

fn page(engines: &[&Engine]) -> String {
    let mut page = format!(
        "\
# What happens when a peer misbehaves

This page is written by `PIQUET_BLESS=1 cargo test --release -p piquet-tests --test matrix`; without the variable the test
holds the page to what it sees. It plays every cell with real processes: the parties, the dealer if there is one, and the
client, with mutual TLS between them, and a small network among them. At the named phase one peer suffers the fault. Each
cell is played with each peer in turn as the one that goes wrong, and must end like this:

- every other peer ends by itself, with exit code 1 and an error that names the peer that went wrong (or, where it says so,
  what is wrong), for one of the reasons in the table; the one that went wrong ends with an error, too, if it is alive and
  lacks anything;
- all within {hang} s on a busy machine; a peer that is silent is named after the deadline, here {deadline} s, or after up to
  twice that if it shows signs of life and only does not send what is due: it may itself wait for a silent one;
- no process panics, hangs or outlives the others; no temporary file, report or result is left;
- none of the others takes more than {peak} MiB of memory, or {flooded} MiB while it is flooded.

The reasons are those of `NetError`, in short. `hung up`: the stream ended without a farewell. `stalled`: nothing due came
within the deadline. `floods`: more came ahead of its time than is held. `left early`: it said goodbye with a message due.
`wrong length`, `wrong step`, `unexpected message`, `another session`: a message is not the one that is due. `bad frame`: a
header breaks the format. `unreadable`: a message of the right length means nothing. `no connection`, `not trusted`: it is
missed, or turned away, while connections are made; then nobody can tell a third peer why it leaves, so some may miss one
that has left already.

*Well*: everyone ends well with the right answer. *Farewell*: what nobody asked for is found when the session ends, by those
who got it; those who did not may have left in peace. *Unnoticed*: the engines are secure against semi-honest parties, so
falsified shares of the right length go through and the result is wrong; the client of the test knows what it should be,
says so and keeps none; where bytes cannot be read the peer is named.
",
        hang = HANG.as_secs(),
        deadline = DEADLINE,
        peak = PEAK,
        flooded = FLOODED,
    );
    for engine in engines {
        page += &section(engine);
    }
    page += "
## Full disks

`tests/tests/disk.rs` fills the disk under every file that the command writes: results, reports, programs, keys, and the
folder of a run. The command names the file, ends with exit code 1, and leaves neither a part of it nor anything else; a file
that was there before stays as it was.
";
    page
}

fn section(engine: &Engine) -> String {
    let peers: Vec<_> = engine.peers.iter().map(|p| spoken(p)).collect();
    let (known, befallen): (Vec<_>, Vec<_>) =
        Fault::ALL.into_iter().partition(|f| f.is_of_identity());
    let names: Vec<_> = engine.phases.iter().map(|p| p.name()).collect();
    let mut text = format!(
        "\n## {}\n\nPeers: {}. {} cells.\n\n| what befalls a peer | {} |\n|{}\n",
        engine.name,
        peers.join(", "),
        Cell::all(engine).len(),
        names.join(" | "),
        "---|".repeat(names.len() + 1)
    );
    for fault in befallen {
        let cells: Vec<_> = engine
            .phases
            .iter()
            .map(|p| entry(engine, *p, fault))
            .collect();
        text += &format!("| {} | {} |\n", fault.name(), cells.join(" | "));
    }
    text += "\n| who a peer is, and what it came for | what the others say |\n|---|---|\n";
    for fault in known {
        let said: Vec<_> = engine
            .phases
            .iter()
            .map(|p| entry(engine, *p, fault))
            .filter(|e| e != NOTHING)
            .collect();
        text += &format!("| {} | {} |\n", fault.name(), said.join("; "));
    }
    text
}

const NOTHING: &str = "–";

/// What the others say, by the peer that goes wrong where that makes a difference.
fn entry(engine: &Engine, phase: Phase, fault: Fault) -> String {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    let cells = Cell::all(engine);
    for cell in cells
        .into_iter()
        .filter(|c| c.phase == phase && c.fault == fault)
    {
        let words = words(cell.expected(engine));
        let peer = spoken(engine.peers[cell.peer]);
        match groups.iter_mut().find(|(w, _)| *w == words) {
            Some((_, peers)) => peers.push(peer),
            None => groups.push((words, vec![peer])),
        }
    }
    match &groups[..] {
        [] => NOTHING.to_owned(),
        [(words, _)] => words.clone(),
        many => {
            let each: Vec<_> = many
                .iter()
                .map(|(words, peers)| format!("{words} ({})", peers.join(", ")))
                .collect();
            each.join("; ")
        }
    }
}

fn words(expected: Expected) -> String {
    match expected {
        Expected::Good => "*well*".to_owned(),
        Expected::Unnoticed => "*unnoticed*, or unreadable".to_owned(),
        Expected::Named(reasons) => reasons.join(" or "),
        Expected::Late(reasons) => format!("*farewell*: {}", reasons.join(" or ")),
        Expected::Differs(what) => what.to_owned(),
        Expected::Cause(texts) => {
            let quoted: Vec<_> = texts.iter().map(|t| format!("\"...{t}...\"")).collect();
            quoted.join(" or ")
        }
    }
}
