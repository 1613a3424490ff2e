//! Ways in: one file per method of proving who sends a request.

mod anonymous;
mod authenticator;
pub mod bearer;
mod chain;
#[cfg(test)]
mod conformance;
pub mod password;
mod session;
mod throttle;

pub use anonymous::Anonymous;
pub use authenticator::{Authenticator, Outcome, RejectReason, Unavailable};
pub use chain::{Chain, ChainFault};
pub use session::{CookieNames, SessionCookie};
pub use throttle::{Allowance, Counted, Held, Throttle};
