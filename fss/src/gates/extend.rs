//! Zero and sign extension.
