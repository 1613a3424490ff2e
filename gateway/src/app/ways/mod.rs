//! A route's `auth` list → its chain: one file per way in.

mod anonymous;
mod api_key;
mod bearer;
mod chain;
mod client_certificate;
mod forward_auth;
mod password;
mod session;
mod signed_url;
mod teams;
mod trusted_headers;

pub(super) use chain::Ways;
pub(super) use teams::{tab, tabs};
