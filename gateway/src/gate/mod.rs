//! The decision: route → ways in → policy → token. No socket in sight.

mod again;
mod app;
mod challenge;
mod decide;
#[cfg(test)]
pub(crate) mod fixture;
mod page;
mod plan;
mod refusal;
mod resource;
mod tab;

pub use app::{AppPlan, Told, is_framed, left_mark, removed_cookies};
pub use decide::{Admitted, Facts, Gate, Refused};
pub use page::Page;
pub use plan::{Farewell, RoutePlan, RouteRules};
pub use refusal::Refusal;
pub use resource::ProtectedResource;
pub use tab::Tab;
