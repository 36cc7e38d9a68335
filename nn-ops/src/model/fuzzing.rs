//! Doors for fuzzers: whatever these bytes are, nothing panics, and what is accepted survives a round trip.

use super::{Graph, Program};

/// JSON of a graph.
pub fn graph_json(bytes: &[u8]) {
    if let Ok(g) = Graph::from_json(bytes) {
        let again = g.to_json().and_then(|json| Graph::from_json(&json));
        assert_eq!(again, Ok(g));
    }
}

/// JSON of a program.
pub fn program_json(bytes: &[u8]) {
    if let Ok(p) = Program::from_json(bytes) {
        let again = p.to_json().and_then(|json| Program::from_json(&json));
        assert_eq!(again, Ok(p));
    }
}

/// An ONNX file.
#[cfg(feature = "onnx")]
pub fn onnx(bytes: &[u8]) {
    if let Ok(imported) = crate::onnx::import(bytes, None, &crate::onnx::Options::default()) {
        assert_eq!(imported.params.check(&imported.graph), Ok(()));
        let again = imported
            .graph
            .to_json()
            .and_then(|json| Graph::from_json(&json));
        assert_eq!(again, Ok(imported.graph));
    }
}
