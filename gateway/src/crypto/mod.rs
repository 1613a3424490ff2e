//! Bytes in, bytes out: sealing, keys, signatures.

pub mod keyfile;
