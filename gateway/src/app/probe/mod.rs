//! Whether an application verifies what it is sent: it is asked with tokens that it must refuse.

mod ask;
mod keys;
mod public_key;
mod report;
mod tokens;

pub use ask::{ProbeFault, probe};
pub use report::{Finding, Got, Report};
