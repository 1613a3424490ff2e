//! Bytes in, bytes out: sealing, keys, signatures.
