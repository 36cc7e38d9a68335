//! Whether a cell ended as it must.

use super::cell::{Cell, Engine, Expected, Fault, Phase, UNREADABLE, spoken};
use super::stage::{End, Outcome};

/// Most memory in MiB that anyone may take for this network, unless it is flooded: then what is held for one peer that
/// sends too much, eight times `Limits::early_bytes`, comes on top.
pub const PEAK: f64 = 48.0;
pub const FLOODED: f64 = PEAK + 64.0;

/// Ways in which a connection is refused.
const REFUSALS: &[&str] = &["no connection", "not trusted", "not Piquet", "refused"];

/// What is wrong with how a cell ended; nothing if it ended well.
pub fn complaints(engine: &Engine, cell: Cell, outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let bound = if cell.fault == Fault::Flood {
        FLOODED
    } else {
        PEAK
    };
    for end in outcome.others.iter().chain([&outcome.own]) {
        let mut say = |what: String| wrong.push(format!("{}: {what}", engine.peers[end.peer]));
        if end.hangs {
            say("it hangs".to_owned());
        }
        if end.ended.err.contains("panicked") {
            say(format!("it panicked: {}", end.ended.err));
        }
        let own = end.peer == cell.peer;
        match end.peak {
            // The one that floods holds its own flood, too.
            Some(peak) if peak > bound && !own => say(format!("it took {peak:.1} MiB")),
            None if !own => say("it did not say how much memory it took".to_owned()),
            _ => {}
        }
    }
    match cell.expected(engine) {
        Expected::Good => wrong.extend(not_good(engine, cell, outcome)),
        Expected::Unnoticed => {
            for end in &outcome.others {
                let said = end.said();
                let refused =
                    engine.is_client(end.peer) && said.what.starts_with("the answer is wrong");
                let fine =
                    end.ended.code == Some(0) || refused || names(engine, cell, end, &[UNREADABLE]);
                if !fine {
                    wrong.push(told(engine, end));
                }
            }
            if outcome.output {
                wrong.push("a wrong answer was kept".to_owned());
            }
        }
        Expected::Named(reasons) => {
            for end in &outcome.others {
                let fine = names(engine, cell, end, reasons)
                    || misses(cell, end)
                    || repeats(engine, cell, end);
                if end.ended.code != Some(1) || !fine {
                    wrong.push(told(engine, end));
                }
            }
            wrong.extend(own_end(engine, cell, &outcome.own));
            // What a client has once it goes on is right.
            if !has_all(engine, cell) || outcome.exact == Some(false) {
                wrong.extend(no_result(outcome));
            }
            if !outcome
                .others
                .iter()
                .any(|end| names(engine, cell, end, reasons) || repeats(engine, cell, end))
            {
                wrong.push("nobody names it".to_owned());
            }
        }
        Expected::Differs(what) => {
            for end in outcome.others.iter().chain([&outcome.own]) {
                let said = end.said();
                if end.ended.code != Some(1) || said.who.is_empty() || said.what != what {
                    wrong.push(told(engine, end));
                }
            }
            wrong.extend(no_result(outcome));
        }
        Expected::Cause(texts) => {
            let mut told_cause = false;
            for end in &outcome.others {
                let named = names(engine, cell, end, REFUSALS);
                if end.ended.code != Some(1) || !(named || misses(cell, end)) {
                    wrong.push(told(engine, end));
                }
                told_cause |= named && texts.iter().any(|t| end.ended.err.contains(t));
            }
            if outcome.own.ended.code != Some(1) {
                wrong.push(told(engine, &outcome.own));
            }
            wrong.extend(no_result(outcome));
            if !told_cause {
                let all: Vec<_> = outcome.others.iter().map(|e| told(engine, e)).collect();
                wrong.push(format!("nobody says {texts:?}: {}", all.join("; ")));
            }
        }
        Expected::Late(reasons) => {
            for end in &outcome.others {
                let fine = names(engine, cell, end, reasons) || repeats(engine, cell, end);
                if end.ended.code != Some(0) && !fine {
                    wrong.push(told(engine, end));
                }
            }
            if outcome.exact == Some(false) {
                wrong.push("the answer is wrong".to_owned());
            }
            if !outcome
                .others
                .iter()
                .any(|end| names(engine, cell, end, reasons) || repeats(engine, cell, end))
            {
                wrong.push("nobody names it".to_owned());
            }
        }
    }
    wrong
}

fn told(engine: &Engine, end: &End) -> String {
    format!(
        "{} ended with {:?}: {}",
        engine.peers[end.peer],
        end.ended.code,
        end.ended.err.trim()
    )
}

fn names(engine: &Engine, cell: Cell, end: &End, reasons: &[&str]) -> bool {
    let said = end.said();
    said.who == spoken(engine.peers[cell.peer]) && reasons.contains(&said.what.as_str())
}

/// While connections are made nobody can tell a third party why it leaves: then it is enough that someone names the
/// peer, and the others miss one that has left.
fn misses(cell: Cell, end: &End) -> bool {
    let said = end.said();
    cell.phase == Phase::Connecting
        && !said.who.is_empty()
        && ["no connection", "hung up"].contains(&said.what.as_str())
}

/// Whether the peer may have all that it wants when it goes wrong, or when it goes on: a client that has its result, or
/// that has given its input and then slept.
fn has_all(engine: &Engine, cell: Cell) -> bool {
    let slept = cell.phase == Phase::Offline && cell.fault == Fault::Stopped;
    engine.is_client(cell.peer) && (cell.phase == Phase::Result || slept)
}

fn no_result(outcome: &Outcome) -> Option<String> {
    let any = outcome.output || outcome.exact.is_some();
    any.then(|| "there is a result".to_owned())
}

/// Whoever is flooded leaves with much unread, and its last words to the one that floods may be lost on the way: that one
/// misses it, and others may hear so first.
fn repeats(engine: &Engine, cell: Cell, end: &End) -> bool {
    let aborted = format!("{} aborted: ", spoken(engine.peers[cell.peer]));
    cell.fault == Fault::Flood && end.ended.err.contains(&aborted)
}

fn not_good(engine: &Engine, cell: Cell, outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    let all = outcome.others.iter().chain([&outcome.own]);
    wrong.extend(
        all.filter(|e| e.ended.code != Some(0))
            .map(|e| told(engine, e)),
    );
    // A client that goes wrong keeps no result.
    let keeps = !engine.is_client(cell.peer) || cell.phase == Phase::Connecting;
    if keeps && (!outcome.output || outcome.exact != Some(true)) {
        wrong.push("the answer is missing or wrong".to_owned());
    }
    wrong
}

/// It fails, too, by itself, and names someone; unless it was killed, or has all that it wants.
fn own_end(engine: &Engine, cell: Cell, own: &End) -> Option<String> {
    let fine = match own.ended.code {
        None => cell.fault == Fault::Killed,
        Some(0) => has_all(engine, cell),
        Some(1) => !own.said().who.is_empty(),
        Some(_) => false,
    };
    (!fine).then(|| format!("itself: {}", told(engine, own)))
}
