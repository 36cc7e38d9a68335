//! What a peer gives as its reason, in few words: whom it names, and what for.

/// Reasons that end a session, by how their text begins (the peer is `{}`), and what we call them.
const REASONS: &[(&str, &str)] = &[
    ("{} hung up", "hung up"),
    ("{} stalled: ", "stalled"),
    ("{} floods: ", "floods"),
    ("{} ended the session while", "left early"),
    ("{} sent an unexpected message", "unexpected message"),
    ("{} sent a message of another session", "another session"),
    ("{} sent what cannot be read", "unreadable"),
    ("{} sent a bad frame", "bad frame"),
    ("{} sent a bad handshake", "bad handshake"),
    (
        "{} arrived at another session identifier",
        "another identifier",
    ),
    ("{} disagrees on version", "other version"),
    ("{} disagrees on engine", "other engine"),
    ("{} disagrees on program digest", "other program"),
    ("{} disagrees on ring bits", "other ring"),
    ("{} disagrees on options digest", "other options"),
    ("{} refused the connection", "refused"),
    ("no connection with {} at", "no connection"),
    ("no trusted connection with {}: ", "not trusted"),
    (
        "whoever answers at the address of {} is not it",
        "not Piquet",
    ),
    ("link to {}: ", "broken link"),
];

/// Whom an error names, and what for; with the whole text if it is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Said {
    pub who: String,
    pub what: String,
}

impl Said {
    /// From what the command wrote to standard error.
    pub fn of(err: &str) -> Self {
        let last = err.lines().rev().find_map(|l| l.strip_prefix("piquet: "));
        let mut text = last.unwrap_or(err.trim());
        if let Some((peer, rest)) = peer_of(text)
            && let Some(rest) = rest.strip_prefix(": ")
        {
            let _ = peer;
            text = rest;
        }
        // Who passes on what others said is not to blame.
        while let Some((_, rest)) = peer_of(text)
            && let Some(rest) = rest.strip_prefix(" aborted: ")
        {
            text = rest;
        }
        for (pattern, what) in REASONS {
            let Some((before, after)) = pattern.split_once("{}") else {
                continue;
            };
            let found = text.strip_prefix(before).and_then(peer_of);
            if let Some((who, rest)) = found
                && rest.starts_with(after)
            {
                return Self::new(who, what);
            }
        }
        // `party 1 sent 3 bytes in step 7, expected 4`, `party 1 sent step 8, expected step 7`
        if let Some((who, rest)) = peer_of(text)
            && rest.starts_with(" sent ")
            && rest.contains(", expected ")
        {
            let length = rest.contains(" bytes in ");
            let what = if length { "wrong length" } else { "wrong step" };
            return Self::new(who, what);
        }
        Self::new("", text)
    }

    fn new(who: &str, what: &str) -> Self {
        Self {
            who: who.to_owned(),
            what: what.to_owned(),
        }
    }
}

/// The peer at the front of a text, and what follows it.
fn peer_of(text: &str) -> Option<(&str, &str)> {
    for name in ["the client", "the dealer"] {
        if let Some(rest) = text.strip_prefix(name) {
            return Some((name, rest));
        }
    }
    let digits = text.strip_prefix("party ")?;
    let n = digits.find(|c: char| !c.is_ascii_digit());
    let end = "party ".len() + n.unwrap_or(digits.len());
    (end > "party ".len()).then(|| text.split_at(end))
}

#[test]
fn reasons_are_found_under_what_is_put_around_them() {
    let said = |err: &str| {
        let Said { who, what } = Said::of(err);
        (who, what)
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        said("piquet: party 0: party 2 aborted: party 1 hung up\n"),
        pair("party 1", "hung up")
    );
    assert_eq!(
        said("piquet: the client sent 3 bytes in step 4 of fork 2, expected 9\n"),
        pair("the client", "wrong length")
    );
    assert_eq!(
        said("piquet: party 0: link to party 1: x"),
        pair("party 1", "broken link")
    );
    assert_eq!(said("piquet: something else"), pair("", "something else"));
}
