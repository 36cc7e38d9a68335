//! OTs with choices and messages of the parties' own.

use serde_json::Value;

use super::cots::Cots;
use super::{Run, message};
use crate::support::show;

/// With chosen choices, if there are any, and messages of `len` bytes: string b of OT i is at (2 i + b) len.
///
/// Blocks and strings of 16 bytes differ in the kind byte alone.
pub(crate) fn run(
    cots: &Cots,
    choices: Option<&[bool]>,
    blocks: bool,
    len: usize,
    strings: &[u8],
) -> Run {
    let mut messages = Vec::new();
    let cots = match choices {
        None => cots.clone(),
        Some(c) => {
            let (cots, message) = cots.choose(c);
            messages.push((1, message));
            cots
        }
    };
    let mask = |m: &[u8], pad: u128| -> Vec<u8> {
        m.iter()
            .zip(cots.stretch(pad, len))
            .map(|(m, p)| m ^ p)
            .collect()
    };
    let pads = (0..cots.q.len()).flat_map(|i| cots.pads(i));
    let body: Vec<_> = strings
        .chunks(len)
        .zip(pads)
        .flat_map(|(m, p)| mask(m, p))
        .collect();
    let got = body.chunks(2 * len).enumerate();
    let got =
        got.flat_map(|(i, pair)| mask(&pair[usize::from(cots.b[i]) * len..][..len], cots.pad(i)));
    let got: Vec<_> = got.collect();
    for (i, (m, b)) in strings.chunks(2 * len).zip(&cots.b).enumerate() {
        assert_eq!(m[usize::from(*b) * len..][..len], got[i * len..][..len]);
    }
    let kind = if blocks { 0x59 } else { 0x5a };
    messages.push((0, message(&cots.session, kind, cots.first, &body)));
    Run {
        messages,
        outputs: [Value::Null, show::bytes(&got)],
    }
}
