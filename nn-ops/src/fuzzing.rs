//! Decoders of what a stranger may send, for fuzzing: none may panic, and what is accepted encodes to the same bytes.

/// A frame header.
pub fn frame_header(bytes: &[u8]) {
    if let Ok(header) = crate::transport::frame::FrameHeader::decode(bytes) {
        assert_eq!(header.encode(), bytes);
    }
}
/// The first bytes on a connection.
pub fn hello(bytes: &[u8]) {
    crate::transport::fuzz_hello(bytes);
}
/// What a peer says of its settings.
pub fn agreement(bytes: &[u8]) {
    crate::session::fuzz_agreement(bytes);
}
