//! The piquet command.
