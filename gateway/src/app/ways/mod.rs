//! A route's `auth` list → its chain: one file per way in.

mod anonymous;
mod bearer;
mod chain;
mod forward_auth;
mod session;

pub(super) use chain::Ways;
