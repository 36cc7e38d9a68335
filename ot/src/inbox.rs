//! What a machine is handed where no message is due.

use piquet_core::wire::{DecodeError, Reader};

/// Refuses anything but nothing.
pub(crate) fn nothing(inbox: &[u8]) -> Result<(), DecodeError> {
    Reader::new(inbox).end()
}
