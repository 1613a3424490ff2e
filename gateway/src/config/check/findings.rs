//! What the checks find.

use crate::config::root::Config;

/// Something wrong with a key, found by a check; [`crate::config::Loaded::faults`] finds the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, such as `routes[0].upstream`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// A completed configuration with all that was found in it.
pub(in crate::config) struct Findings {
    pub(in crate::config) config: Config,
    pub(in crate::config) problems: Vec<Problem>,
    pub(in crate::config) warnings: Vec<Problem>,
}

impl Problem {
    /// A problem with one key.
    pub fn new(
        path: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { path: path.into(), message: message.into(), remedy: remedy.into() }
    }
}
