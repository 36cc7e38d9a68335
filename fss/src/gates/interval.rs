//! Interval containment.
