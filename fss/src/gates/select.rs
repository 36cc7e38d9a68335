//! Selection by a masked bit.
