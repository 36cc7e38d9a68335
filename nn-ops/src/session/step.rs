//! Where in the program a message belongs.
//!
//! A session counts its steps; a fork counts its own on a lane that no other session of the same run ever has. Lane and
//! count are packed into 64 bits, so a step is unique within a session for ever, and equal at all parties because they
//! run the same program in the same order. Streams of common randomness are keyed by it.

use core::fmt;

use crate::transport::NetError;

/// Lane and count: 24 bits of fork, 10 bits of fork within the fork, 30 bits of count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(u64);

const COUNT_BITS: u32 = 30;
const INNER_BITS: u32 = 10;
const OUTER_BITS: u32 = 24;

impl StepId {
    /// As it stands in a frame, and as a stream of randomness is keyed.
    #[must_use]
    pub fn to_u64(self) -> u64 {
        self.0
    }

    pub(crate) fn from_u64(raw: u64) -> Self {
        Self(raw)
    }

    pub(crate) fn lane(self) -> Lane {
        Lane(self.0 >> COUNT_BITS)
    }

    fn count(self) -> u64 {
        self.0 & ((1 << COUNT_BITS) - 1)
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (outer, inner) = self.lane().split();
        match (outer, inner) {
            (0, 0) => write!(f, "step {}", self.count()),
            (o, 0) => write!(f, "step {} of fork {o}", self.count()),
            (o, i) => write!(f, "step {} of fork {o}.{i}", self.count()),
        }
    }
}

impl fmt::Debug for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What all steps of one session object share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lane(u64);

impl Lane {
    fn split(self) -> (u64, u64) {
        (self.0 >> INNER_BITS, self.0 & ((1 << INNER_BITS) - 1))
    }
}

/// Gives out the steps and forks of one lane, in program order, each once.
#[derive(Debug)]
pub(crate) struct Counter {
    lane: Lane,
    steps: u64,
    forks: u64,
}

impl Counter {
    pub(crate) fn root() -> Self {
        Self::on(Lane(0))
    }

    fn on(lane: Lane) -> Self {
        Self {
            lane,
            steps: 0,
            forks: 0,
        }
    }

    pub(crate) fn lane(&self) -> Lane {
        self.lane
    }

    pub(crate) fn next(&mut self) -> Result<StepId, NetError> {
        if self.steps >> COUNT_BITS != 0 {
            return Err(NetError::Exhausted { what: "steps" });
        }
        let step = StepId((self.lane.0 << COUNT_BITS) | self.steps);
        self.steps += 1;
        Ok(step)
    }

    pub(crate) fn fork(&mut self) -> Result<Self, NetError> {
        self.forks += 1;
        let exhausted = Err(NetError::Exhausted { what: "forks" });
        let lane = match self.lane.split() {
            (0, 0) if self.forks >> OUTER_BITS == 0 => self.forks << INNER_BITS,
            (outer, 0) if outer != 0 && self.forks >> INNER_BITS == 0 => self.lane.0 | self.forks,
            _ => return exhausted,
        };
        Ok(Self::on(Lane(lane)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn steps_are_unique_over_lanes() {
        let mut root = Counter::root();
        let mut seen = HashSet::new();
        let mut lanes = vec![];
        for _ in 0..3 {
            let mut child = root.fork().unwrap();
            lanes.push(child.fork().unwrap());
            lanes.push(child.fork().unwrap());
            lanes.push(child);
        }
        lanes.push(root);
        for lane in &mut lanes {
            for _ in 0..4 {
                let step = lane.next().unwrap();
                assert_eq!(step.lane(), lane.lane());
                assert!(seen.insert(step));
            }
        }
        assert_eq!(seen.len(), 40);
    }

    #[test]
    fn nothing_wraps() {
        let mut c = Counter {
            steps: (1 << COUNT_BITS) - 1,
            ..Counter::root()
        };
        assert!(c.next().is_ok());
        assert!(c.next().is_err());
        assert!(c.next().is_err());
        let mut child = c.fork().unwrap();
        let mut grandchild = child.fork().unwrap();
        assert!(grandchild.fork().is_err());
        child.forks = (1 << INNER_BITS) - 1;
        assert!(child.fork().is_err());
        c.forks = (1 << OUTER_BITS) - 1;
        assert!(c.fork().is_err());
        assert!(grandchild.next().unwrap().to_string().contains("fork 1.1"));
    }
}
