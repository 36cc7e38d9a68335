//! Functions of fixed-point numbers.
