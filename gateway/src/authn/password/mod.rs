//! The way in by a name and a password: our form, and HTTP Basic.

mod basic;
mod credential;
mod desk;
#[cfg(test)]
mod fake;

pub use basic::Basic;
pub use desk::{PasswordDesk, PasswordLimits, Said};
