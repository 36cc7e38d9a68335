//! How fast a row could be, and what that is made of.

use serde::Serialize;

use super::demand::Demand;
use super::rates::Rates;
use crate::config::Network;

/// Over a slower network: what its links and the messages' order dictate, and the work as it is.
pub(super) const OF_NETWORK: &str = "bytes of the busiest directed link / bandwidth + rounds x delay + the same work over loop-back, \
     measured in the same run";
/// Over loop-back: the processor and its TLS, each with nothing else to do.
pub(super) const OF_MACHINE: &str = "multiply-accumulates on the registers of all cores + bytes through the TLS of three idle parties, \
     both measured here";

/// The least time of a row, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Limit {
    /// The sum of the parts.
    pub(super) seconds: f64,
    /// Bytes on their way.
    pub(super) transfer: f64,
    /// Messages that wait for each other.
    pub(super) delay: f64,
    /// Work of the processors.
    pub(super) computation: f64,
    /// How it was found.
    pub(super) is: &'static str,
}

impl Limit {
    fn new(transfer: f64, delay: f64, computation: f64, is: &'static str) -> Self {
        Self {
            seconds: transfer + delay + computation,
            transfer,
            delay,
            computation,
            is,
        }
    }

    /// Over links of this kind, if the work alone takes `computation`.
    pub(super) fn of_network(demand: &Demand, network: &Network, computation: f64) -> Self {
        let bandwidth = network.megabits_per_second * 1e6 / 8.0;
        let delay = network.delay_milliseconds / 1e3;
        let transfer = demand.busiest_link as f64 / bandwidth;
        Self::new(
            transfer,
            f64::from(demand.rounds) * delay,
            computation,
            OF_NETWORK,
        )
    }

    /// Over loop-back, for `bytes` in all and so many cores at work; none where a product has no instruction.
    pub(super) fn of_machine(
        demand: &Demand,
        bytes: u64,
        cores: usize,
        rates: &Rates,
    ) -> Option<Self> {
        let computation = match demand.macs {
            0 => 0.0,
            macs => macs as f64 / (rates.macs(demand.ring_bits)? * cores as f64),
        };
        Some(Self::new(
            bytes as f64 / rates.wire,
            0.0,
            computation,
            OF_MACHINE,
        ))
    }

    /// How many times the limit a measured time is: 1 is perfect.
    pub(super) fn times(&self, measured: f64) -> f64 {
        measured / self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::rates::Registers;

    const DEMAND: Demand = Demand {
        ring_bits: 32,
        windows: None,
        busiest_link: 150_000_000,
        rounds: 500,
        macs: 24_000_000_000,
        memory: 0,
    };
    const RATES: Rates = Rates {
        macs_32: Some(Registers {
            per_second: 20e9,
            is: "an instruction",
        }),
        macs_64: None,
        wire: 1e9,
    };

    #[test]
    fn a_slower_network_is_its_busiest_link_its_rounds_and_the_work() {
        let wan = Network {
            megabits_per_second: 400.0,
            delay_milliseconds: 40.0,
        };
        let l = Limit::of_network(&DEMAND, &wan, 1.5);
        assert_eq!((l.transfer, l.delay, l.computation), (3.0, 20.0, 1.5));
        assert_eq!((l.seconds, l.times(49.0)), (24.5, 2.0));
    }

    #[test]
    fn a_machine_is_its_registers_and_its_tls() {
        let l = Limit::of_machine(&DEMAND, 500_000_000, 2, &RATES).unwrap();
        assert_eq!((l.transfer, l.delay, l.computation), (0.5, 0.0, 0.6));
        // No instruction for this ring: nothing to compare with, unless nothing is multiplied.
        let mut d = Demand {
            ring_bits: 64,
            ..DEMAND
        };
        assert_eq!(Limit::of_machine(&d, 500_000_000, 2, &RATES), None);
        d.macs = 0;
        let l = Limit::of_machine(&d, 500_000_000, 2, &RATES).unwrap();
        assert_eq!(l.seconds, 0.5);
    }
}
