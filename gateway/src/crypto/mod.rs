//! Bytes in, bytes out: sealing, keys, signatures.

pub mod keyfile;
mod seal;
mod sealing_keys;

pub use seal::Sealer;
pub use sealing_keys::{SealingKeys, SealingKeysFault};
