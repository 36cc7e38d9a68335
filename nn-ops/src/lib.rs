//! Private inference.
