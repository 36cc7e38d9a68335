//! Products of a client's input with a server's weights, in shares.
