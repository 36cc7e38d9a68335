//! A known-answer vector: what the reference says, what the crate says, what a file says.

use serde_json::{Value, json};

use super::pairs::Pair;
use super::show;
use super::talk::post;
use crate::reference::Run;

pub(crate) struct Case {
    name: String,
    inputs: Value,
    pub(crate) reference: Run,
    crate_: Box<dyn Fn() -> Pair>,
    pub(crate) rejects: Vec<Reject>,
}

/// A message spoilt on its way, and the error of a party.
pub(crate) struct Reject {
    pub(crate) message: usize,
    edit: Edit,
    party: usize,
    pub(crate) error: String,
}

#[derive(Clone)]
pub(crate) enum Edit {
    Xor(usize, u8),
    Cut(usize),
    Append(usize),
    Put(usize, Vec<u8>),
}

impl Edit {
    fn apply(&self, m: &mut Vec<u8>) {
        match self {
            Self::Xor(at, with) => m[*at] ^= with,
            Self::Cut(n) => m.truncate(m.len() - n),
            Self::Append(n) => m.resize(m.len() + n, 0),
            Self::Put(at, bytes) => m[*at..at + bytes.len()].copy_from_slice(bytes),
        }
    }
    fn text(&self) -> String {
        match self {
            Self::Xor(at, with) => format!("xor {with:02x} at {at}"),
            Self::Cut(n) => format!("cut {n} off the end"),
            Self::Append(n) => format!("append {n} zeros"),
            Self::Put(at, bytes) => format!("put {} at {at}", show::hex(bytes)),
        }
    }
}

impl Case {
    pub(crate) fn new(
        name: impl Into<String>,
        inputs: Value,
        reference: Run,
        crate_: impl Fn() -> Pair + 'static,
    ) -> Self {
        let mut it = Self {
            name: name.into(),
            inputs,
            reference,
            crate_: Box::new(crate_),
            rejects: Vec::new(),
        };
        // What every message has in common: the bytes of the header, and its length.
        for (i, (_, m)) in it.reference.messages.clone().iter().enumerate() {
            let (len, kind) = (m.len(), m[1]);
            let context = "message belongs to another session or step";
            for (edit, error) in [
                (Edit::Xor(0, 3), "wire version 2, expected 1".into()),
                (
                    Edit::Xor(1, 0x40),
                    format!("message kind {}, expected {kind}", kind ^ 0x40),
                ),
                (Edit::Xor(9, 0x80), context.into()),
                (Edit::Xor(10, 1), context.into()),
                (
                    Edit::Cut(1),
                    format!("message is {} bytes, expected {len}", len - 1),
                ),
                (
                    Edit::Append(1),
                    format!("message is {} bytes, expected {len}", len + 1),
                ),
            ] {
                it.reject(i, edit, &format!("message of the peer: {error}"));
            }
        }
        it
    }
    /// The party that hears the message refuses it.
    pub(crate) fn reject(&mut self, message: usize, edit: Edit, error: &str) {
        let party = usize::from(1 - self.reference.messages[message].0);
        self.reject_at(party, message, edit, error);
    }
    pub(crate) fn reject_at(&mut self, party: usize, message: usize, edit: Edit, error: &str) {
        self.rejects.push(Reject {
            message,
            edit,
            party,
            error: error.into(),
        });
    }
    fn vector(&self, messages: &[(u8, Vec<u8>)], outputs: [&Value; 2]) -> Value {
        let message = |(from, m): &(u8, Vec<u8>)| json!({"from": from, "bytes": show::bytes(m)});
        let reject = |r: &Reject| json!({"message": r.message, "edit": r.edit.text(), "party": r.party, "error": r.error});
        json!({
            "name": self.name,
            "inputs": self.inputs,
            "messages": messages.iter().map(message).collect::<Value>(),
            "outputs": outputs,
            "rejects": self.rejects.iter().map(reject).collect::<Value>(),
        })
    }
}

/// The file: a line for each of what has to be refused.
fn written(cases: &[Value]) -> String {
    let case = |v: &Value| {
        let mut v = v.clone();
        let rejects = v.as_object_mut().unwrap().remove("rejects").unwrap();
        let lines: Vec<_> = rejects
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        let head = serde_json::to_string_pretty(&v).unwrap();
        let head = head.strip_suffix("\n}").unwrap();
        format!(
            "{head},\n  \"rejects\": [\n    {}\n  ]\n}}",
            lines.join(",\n    ")
        )
    };
    format!(
        "[{}]\n",
        cases.iter().map(case).collect::<Vec<_>>().join(",\n")
    )
}

/// Holds the crate and the file to the reference.
pub(crate) fn hold(protocol: &str, cases: &[Case]) {
    let path = format!(
        "{}/tests/vectors/{protocol}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let of_reference = |c: &Case| c.vector(&c.reference.messages, c.reference.outputs.each_ref());
    let wanted: Vec<_> = cases.iter().map(of_reference).collect();
    if std::env::var_os("PIQUET_BLESS").is_some() {
        std::fs::write(&path, written(&wanted)).unwrap();
    }
    let file = std::fs::read_to_string(&path).unwrap();
    let file: Vec<Value> = serde_json::from_str(&file).unwrap();
    assert_eq!(file.len(), cases.len(), "{path}");
    for ((case, wanted), file) in cases.iter().zip(&wanted).zip(&file) {
        let name = &case.name;
        let (a, b) = (case.crate_)();
        let got = post(a, b, |_, _| {});
        let [a, b] = got.ends.map(|e| e.expect("an end").expect("no error"));
        let got = case.vector(&got.messages, [&a, &b]);
        for part in ["inputs", "messages", "outputs", "rejects"] {
            assert_eq!(
                wanted[part], file[part],
                "{protocol}, {name}: reference and file, {part}"
            );
            assert_eq!(
                got[part], file[part],
                "{protocol}, {name}: crate and file, {part}"
            );
        }
        for r in &case.rejects {
            let (a, b) = (case.crate_)();
            let got = post(a, b, |i, m| {
                if i == r.message {
                    r.edit.apply(m);
                }
            });
            let what = format!(
                "{protocol}, {name}: {} of message {}",
                r.edit.text(),
                r.message
            );
            let end = got.ends[r.party]
                .as_ref()
                .unwrap_or_else(|| panic!("{what}: no end"));
            assert_eq!(end.as_ref().unwrap_err().to_string(), r.error, "{what}");
        }
    }
}
