//! A route's `auth` list → its chain: one file per way in.

mod anonymous;
mod bearer;
mod chain;
mod password;
mod session;

pub(super) use chain::Ways;
