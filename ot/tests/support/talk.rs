//! Any protocol as one [`Machine`], so that all of them are run, tampered with and traced alike.
#![allow(dead_code, reason = "each test takes what it wants")]

use piquet_core::wire::{Machine, Step};
use piquet_ot::Error;
use serde_json::Value;

type Then = Box<dyn FnOnce(&[u8], &mut Vec<u8>) -> Result<Step<Talk>, Error>>;

/// A party: what it does next, given the message that it waits for.
pub(crate) struct Talk {
    expects: usize,
    then: Then,
}

impl Machine for Talk {
    type Output = Value;
    type Error = Error;
    fn expects(&self) -> usize {
        self.expects
    }
    fn step(self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        (self.then)(inbox, out)
    }
}

/// A party that begins so, without a message.
pub(crate) fn begin(
    then: impl FnOnce(&mut Vec<u8>) -> Result<Step<Talk>, Error> + 'static,
) -> Talk {
    Talk {
        expects: 0,
        then: Box::new(|inbox, out| {
            assert!(inbox.is_empty(), "nothing was due");
            then(out)
        }),
    }
}

/// Waits for a message of so many bytes.
pub(crate) fn hear(
    expects: usize,
    then: impl FnOnce(&[u8], &mut Vec<u8>) -> Result<Step<Talk>, Error> + 'static,
) -> Result<Step<Talk>, Error> {
    let then: Then = Box::new(then);
    Ok(Step::Recv(Talk { expects, then }))
}

/// Goes on as another party, which begins without a message.
pub(crate) fn goes_on(next: Talk) -> Result<Step<Talk>, Error> {
    Ok(Step::Send(next))
}

pub(crate) fn done(value: Value) -> Result<Step<Talk>, Error> {
    Ok(Step::Done(value))
}

/// A machine of the crate, and what is done with what it gives.
pub(crate) fn run<M: Machine<Error = Error> + 'static>(
    m: M,
    then: impl FnOnce(M::Output) -> Result<Step<Talk>, Error> + 'static,
) -> Talk {
    Talk {
        expects: m.expects(),
        then: Box::new(move |inbox, out| match m.step(inbox, out)? {
            Step::Send(m) => Ok(Step::Send(run(m, then))),
            Step::Recv(m) => Ok(Step::Recv(run(m, then))),
            Step::Done(output) => then(output),
        }),
    }
}

/// What each party has in the end, if it came there, and what was said.
pub(crate) struct Post {
    pub(crate) ends: [Option<Result<Value, Error>>; 2],
    pub(crate) messages: Vec<(u8, Vec<u8>)>,
}

/// Runs two parties over a post that keeps the bounds of messages, whatever their length, until nobody has anything to
/// do. `edit` sees each message on its way, with its number.
pub(crate) fn post(a: Talk, b: Talk, mut edit: impl FnMut(usize, &mut Vec<u8>)) -> Post {
    let mut boxes: [std::collections::VecDeque<Vec<u8>>; 2] = Default::default();
    let mut parties = [Some((a, false)), Some((b, false))];
    let mut it = Post {
        ends: [None, None],
        messages: Vec::new(),
    };
    loop {
        let mut moved = false;
        for me in 0..2 {
            while let Some((party, waits)) = parties[me].take() {
                let inbox = if waits {
                    boxes[me].pop_front()
                } else {
                    Some(Vec::new())
                };
                let Some(inbox) = inbox else {
                    parties[me] = Some((party, waits));
                    break;
                };
                moved = true;
                let mut out = Vec::new();
                let step = party.step(&inbox, &mut out);
                if !out.is_empty() {
                    edit(it.messages.len(), &mut out);
                    boxes[1 - me].push_back(out.clone());
                    it.messages.push((me as u8, out));
                }
                match step {
                    Ok(Step::Send(p)) => parties[me] = Some((p, false)),
                    Ok(Step::Recv(p)) => parties[me] = Some((p, true)),
                    Ok(Step::Done(value)) => it.ends[me] = Some(Ok(value)),
                    Err(e) => it.ends[me] = Some(Err(e)),
                }
            }
        }
        if !moved {
            return it;
        }
    }
}
