//! Who is calling: from one header to a verified [`Caller`].

mod extract;
mod keys;
mod person;
mod verify;

pub use extract::{Verified, require_caller};
pub use keys::{KeySource, KeysError, PinnedKey};
pub use person::{Caller, TokenHeader};
pub use verify::{CallerFault, Verifier};
