//! Names that a graph accepts, made of names that may be empty, repeated, endless or full of control characters.

use std::collections::{BTreeMap, BTreeSet};

/// Longest name that comes out, in bytes; a graph allows 200.
const MAX: usize = 160;

/// A name of the file as messages show it.
pub(super) fn shown(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        let c = if c.is_control() { '_' } else { c };
        if out.len() + c.len_utf8() > MAX {
            break;
        }
        out.push(c);
    }
    out
}

/// Gives names that differ from each other, the same ones for the same file.
#[derive(Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
    /// The last number given to a name that was asked for again.
    last: BTreeMap<String, usize>,
}

impl Names {
    /// The name itself, or the name with the first number that makes it new.
    pub(super) fn unique(&mut self, wanted: &str) -> String {
        let wanted = match shown(wanted) {
            s if s.is_empty() => "node".to_owned(),
            s => s,
        };
        if self.taken.insert(wanted.clone()) {
            return wanted;
        }
        let last = self.last.entry(wanted.clone()).or_insert(1);
        loop {
            *last += 1;
            let name = format!("{wanted}#{last}");
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_and_unique() {
        let mut names = Names::default();
        let long = "é".repeat(300);
        let got: Vec<String> = ["a", "a", "a#2", "a", "", "\n\u{7f}", &long, &long]
            .map(|n| names.unique(n))
            .to_vec();
        assert_eq!(got[..5], ["a", "a#2", "a#2#2", "a#3", "node"]);
        assert_eq!(got[5], "__");
        assert!(got.iter().all(|n| n.len() < 200));
        let all: BTreeSet<_> = got.iter().collect();
        assert_eq!(all.len(), got.len());
    }
}
