//! ReLU.
