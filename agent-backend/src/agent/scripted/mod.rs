//! The offline model: rules instead of a network, the same answer every time, for demo and tests.

mod intent;
mod model;
mod weather_words;
mod wording;

pub use intent::{Intent, understand};
pub use model::Scripted;
