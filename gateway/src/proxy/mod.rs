//! The only place that speaks pingora's phases; translation, no decisions.

mod admission;
mod connection;
mod context;
mod direct;
mod inbound;
mod judge;
mod lifeline;
mod outbound;
mod rescue;
mod respond;
mod service;
mod standing;
mod streams;

pub use connection::{Connection, Phase, TlsFacts};
pub use direct::{Direct, DirectLimits, Draining, Handover, serve};
pub use lifeline::{Lifeline, current, scope};
pub use service::{Gateway, Parts, Snapshot};
