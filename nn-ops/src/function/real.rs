//! Elementary functions, the same on every machine.
