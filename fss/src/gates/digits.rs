//! Comparison by one-time truth tables of digits.
