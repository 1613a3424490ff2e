//! What operators ask: health and metrics for anybody who reaches the listener; sessions, API keys and
//! the rest for those who show that they may.

mod answer;
mod api_keys;
mod door;
mod health;
mod page;
mod router;
mod sessions;
mod socket;

pub(super) use door::Door;
pub(super) use router::{Admin, router};
pub(super) use socket::{AdminSocket, Peer, SocketFault, SocketFile};
