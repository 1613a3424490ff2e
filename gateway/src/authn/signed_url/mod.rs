//! The way in by a signed link, which becomes a session.

mod bound;
mod credential;
mod links;
mod message;
mod reach;
mod signer;
#[cfg(test)]
mod tests;

pub use bound::LINK_TYPE;
pub use credential::BOUND;
pub use links::{Entrance, Links};
pub(in crate::authn) use reach::reaches;
pub use signer::{LinkForms, LinkSigner};
