//! The decision: route → ways in → policy → token. No socket in sight.

mod challenge;
mod decide;
#[cfg(test)]
pub(crate) mod fixture;
mod page;
mod plan;
mod refusal;
mod resource;
mod tab;

pub use decide::{Admitted, Facts, Gate, Refused};
pub use page::Page;
pub use plan::RoutePlan;
pub use refusal::Refusal;
pub use resource::ProtectedResource;
pub use tab::Tab;
