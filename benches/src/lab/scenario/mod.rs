//! What is measured, one file for each kind of measurement.

pub(crate) mod instructions;
pub(crate) mod load;
pub(crate) mod login;
pub(crate) mod memory;
pub(crate) mod scale;
pub(crate) mod start;
