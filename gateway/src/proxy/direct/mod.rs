//! The direct path: HTTP/1.1 from client to backend without pingora's proxy in between.
//!
//! pingora's `HttpProxy` runs two loops with channels between them, copies each header map several
//! times and makes some seventy allocations per request, which is most of what a request costs. Here
//! one task owns both connections and moves bytes from one to the other. What decides (`judge`), what
//! is stripped and set (`outbound`), and what is logged (`context`) is the same for both paths.
//!
//! pingora's path serves what it is better at: HTTP/2, to clients and to backends. A connection whose
//! request needs it is handed over with what has been read of it ([`Handover`]).
//!
//! ```text
//! serve ─▶ request ─▶ judge ─┬─ reply
//!   ▲                        └─ exchange ─▶ duplex (two pumps) ─▶ tunnel, where it becomes a WebSocket
//!   └──── next request ◀─────────────┘
//! ```

mod bond;
mod client;
mod compose;
mod duplex;
mod exchange;
mod fault;
mod request;
mod serve;
mod tunnel;

pub use serve::{Direct, DirectLimits, Draining, Handover, serve};
