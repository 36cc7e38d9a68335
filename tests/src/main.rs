//! The command under test.
fn main() {}
