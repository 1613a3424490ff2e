//! Templates of providers: a `kind` of the file, expanded into `kind = "oidc"` before it is read. What is
//! written in the file wins over what a template fills in.

mod auth0;
mod cognito;
mod descope;
mod entra;
mod expansion;
mod gitlab;
mod google;
mod keycloak;
mod okta;
mod schema;
mod template;
mod words;

pub use entra::{Entra, GroupsOverage};
pub use words::Guid;

pub(super) use schema::OWN;
pub(super) use template::Template;
