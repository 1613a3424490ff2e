//! The way in `forward_auth`: the word of an external service, asked as nginx's `auth_request` asks.

mod answer;
mod question;
mod settings;
mod way;

pub use settings::{ForwardAuthSettings, Names};
pub use way::ForwardAuth;
