//! Talking over HTTP: the pages that need a body, a stream or a socket.

mod about;
mod heartbeat;
mod history;
mod routes;
mod send;
mod socket;
mod state;
mod wire;

pub use history::History;
pub use routes::{ROUTES, routes};
pub use state::ChatState;
