//! The way in by an access token in the `Authorization` field (RFC 6750).

mod accepted;
mod claims;
mod credential;
#[cfg(test)]
mod fake;
mod introspection;
mod issuer;
mod settings;
mod way;

pub(in crate::authn) use credential::{Credential, find};
pub use introspection::Introspection;
pub(in crate::authn) use issuer::Denial;
pub use issuer::{Issuer, SharedSecret, TokenSource};
pub use settings::IssuerSettings;
pub use way::Bearer;
