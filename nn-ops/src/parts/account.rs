//! What each peer has spent, told to the owner of the result.

use piquet_core::wire::{DecodeError, Reader};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ledger::{Ledger, Row};

/// Largest report in bytes.
const MAX_REPORT: usize = 16 << 20;
/// Bytes of the message that says how long a report is.
pub(crate) const LENGTH: usize = 8;

/// What one peer spent: layers and phases of its ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// By layer.
    pub layers: Vec<Row>,
    /// By phase, in order; a phase may come several times.
    pub phases: Vec<Row>,
}

impl Account {
    /// Up to now.
    pub(crate) fn of(ledger: &Ledger) -> Self {
        let mut phases = ledger.phases().to_vec();
        phases.push(ledger.so_far());
        Self {
            layers: ledger.layers().to_vec(),
            phases,
        }
    }

    /// As two messages: its length, and itself.
    pub(crate) fn encode(&self) -> Result<[Vec<u8>; 2], Error> {
        let bytes = serde_json::to_vec(self).map_err(|e| Error::Environment {
            what: "report",
            reason: e.to_string(),
        })?;
        Ok([(bytes.len() as u64).to_le_bytes().to_vec(), bytes])
    }

    /// The length that is due after the first message.
    pub(crate) fn length(message: &[u8]) -> Result<usize, DecodeError> {
        let n = Reader::new(message).u64()?;
        usize::try_from(n)
            .ok()
            .filter(|n| *n <= MAX_REPORT)
            .ok_or(DecodeError::Range("length of a report"))
    }

    /// From the second message.
    pub(crate) fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        serde_json::from_slice(message).map_err(|_| DecodeError::Range("report"))
    }
}
