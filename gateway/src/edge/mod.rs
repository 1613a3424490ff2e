//! Connections: accept loop, TLS by SNI, limits, deadlines, drain.

mod accept;
mod app;
mod io;
mod listener;
mod load;
mod rewound;
mod tls;

pub use accept::{AcceptLimits, Servers, serve};
pub use app::Edge;
pub use listener::{Bound, bind};
pub use load::Load;
pub use tls::{Certificate, CertificateFault, Sites};
