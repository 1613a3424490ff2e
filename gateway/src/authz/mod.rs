//! May they? The authorizers, and the only place that makes a permit.

mod authorizer;
mod rules;

pub use authorizer::{Authorizer, DenyReason, Question, Verdict};
pub use rules::{Allow, AllowAuthenticated, Public};
