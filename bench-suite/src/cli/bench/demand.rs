//! What a row asks of machine and network, from its program alone.

use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::model::{ModelError, Op, Program};

use crate::cli::Failure;
use crate::engines::Engine;

/// What counts as the inference: set-up stands beside it.
const INFERENCE: [Phase; 2] = [Phase::Offline, Phase::Online];

/// Of one inference, without set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Demand {
    /// Bits of the ring.
    pub(super) ring_bits: u32,
    /// Bits that a comparison looks at, fewest and most; none if nothing is compared.
    pub(super) windows: Option<[u32; 2]>,
    /// Over the directed link that carries most.
    pub(super) busiest_link: u64,
    /// Longest chain of messages.
    pub(super) rounds: u32,
    /// Multiply-accumulates of all parties together.
    pub(super) macs: u64,
    /// Estimate of one party's memory.
    pub(super) memory: u64,
}

impl Demand {
    pub(super) fn of(
        engine: Engine,
        program: &Program,
        truncation: Truncation,
    ) -> Result<Self, Failure> {
        let cost = engine.estimate(program, truncation, *engine.parties().start())?;
        let plan = &cost.plan;
        let busiest = INFERENCE.iter().filter_map(|p| plan.busiest_link(*p));
        Ok(Self {
            ring_bits: program.width()?,
            windows: windows(program)?,
            // One phase after the other.
            busiest_link: busiest.map(|l| l.bytes).sum(),
            rounds: INFERENCE.iter().map(|p| plan.total(*p).rounds).sum(),
            macs: cost.macs,
            memory: cost.memory_bytes,
        })
    }
}

/// A comparison looks at a sign and at all bits of what is compared, as it was declared: a value, or, for a maximum, the
/// difference of two, which has a bit more.
fn windows(program: &Program) -> Result<Option<[u32; 2]>, ModelError> {
    let mut range: Option<[u32; 2]> = None;
    for (node, _, _) in program.iter() {
        let beside = match node.op {
            Op::Relu => 1,
            Op::MaxPool(_) | Op::Argmax => 2,
            _ => continue,
        };
        for input in &node.inputs {
            let w = program.format(*input)?.bound() + beside;
            let [low, high] = range.unwrap_or([w, w]);
            range = Some([low.min(w), high.max(w)]);
        }
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::work;

    #[test]
    fn operations_compare_on_the_windows_that_they_are_named_after() {
        for (row, ring, window) in [
            ("relu-1e6", 32, Some(31)),
            ("relu-1e6-z64", 64, Some(32)),
            ("maxpool-stem", 32, Some(20)),
            ("maxpool-stem-w31", 32, Some(31)),
            ("maxpool-stem-z64", 64, Some(32)),
            ("matmul-1024", 32, None),
            ("matmul-1024-z64", 64, None),
        ] {
            let program = work::prepare(row, 1, None).unwrap().task.program;
            let d = Demand::of(Engine::Rep3, &program, Truncation::Stochastic).unwrap();
            assert_eq!(d.ring_bits, ring, "{row}");
            assert_eq!(d.windows, window.map(|w| [w, w]), "{row}");
            // Some link carries at least its share of the six, and none carries all.
            let cost = Engine::Rep3.estimate(&program, Truncation::Stochastic, 3);
            let all = cost.unwrap().plan.total(Phase::Online).bytes;
            assert!((all / 8..all).contains(&d.busiest_link), "{row}: {d:?}");
        }
    }
}
