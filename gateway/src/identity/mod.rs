//! What is known of a caller, and the proofs that a check has passed.

mod fact;
mod mapping;
mod memo;
mod principal;
mod proof;
mod step_up;
mod way_in;

pub use fact::Fact;
pub use mapping::{ClaimMapping, claim};
pub use memo::Memo;
pub use principal::{Email, Principal};
pub use proof::{Authenticated, Passed, Permit, SessionRef};
pub use step_up::{Lacking, StepUp, Strength};
pub use way_in::WayIn;
