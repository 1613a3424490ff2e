//! What the lab shows: tables for people, JSON for programs, charts, and the page in `benches/`.

mod bars;
mod glance;
mod lines;
mod markdown;
mod model;
pub(crate) mod readme;
mod record;

pub(crate) use record::Report;
