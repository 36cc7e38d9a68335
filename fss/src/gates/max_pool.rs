//! The maximum of a window.
