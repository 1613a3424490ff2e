//! Proof that a configuration was checked.

use std::ops::Deref;

/// A value that passed every check of this floor. Parts are built from nothing else.
#[derive(Clone, Debug)]
pub struct Checked<T>(T);

impl<T> Checked<T> {
    /// Called by `load` only, after the check found no fault.
    pub(super) fn assertion(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Checked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
