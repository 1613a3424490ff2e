//! Ways in: one file per method of proving who sends a request.

mod anonymous;
pub mod api_key;
mod authenticator;
pub mod bearer;
mod chain;
pub mod client_certificate;
#[cfg(test)]
mod conformance;
pub mod forward_auth;
pub mod password;
mod session;
mod signed_url;
pub mod teams;
mod throttle;
mod tries;
mod trusted_headers;

pub use anonymous::Anonymous;
pub use authenticator::{Authenticator, Outcome, RejectReason, Unavailable};
pub use chain::{Chain, ChainFault};
pub use session::{CookieNames, SessionCookie};
pub use signed_url::{BOUND, Entrance, LINK_TYPE, LinkForms, LinkSigner, Links};
pub use throttle::{Allowance, Counted, Held, Throttle};
pub use tries::{Ledger, Tries};
pub use trusted_headers::{ProxyCertificates, TrustedHeaders};
