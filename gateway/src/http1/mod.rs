//! HTTP/1.1 messages and the two ends of a connection that carries them (RFC 9112).
//!
//! What a proxy needs of HTTP/1.1 and no more: heads are parsed once and strictly, bodies are
//! followed and never collected, and a connection that waits holds neither a buffer nor an armed
//! timer of its own. Nothing in here knows what a request is for; `proxy::direct` does.
//!
//! ```text
//!  socket ──▶ Inlet ──▶ Pump (Body decoder → Coding) ──▶ socket
//!               │ RequestHead / AnswerHead
//! ```

mod answer;
mod body;
mod frames;
mod inlet;
mod pump;
mod request;
mod spare;
mod timer;

pub use answer::{AnswerFault, AnswerHead};
pub use body::{Body, BodyFault, Piece};
pub use frames::{FrameTracker, close_frame};
pub use inlet::{Filled, Inlet};
pub use pump::{Coding, Pump, PumpFault, Waits};
pub use request::{HeadFault, HeadLimits, HeadScan, RequestHead, check_http1, check_length};
pub use spare::Spare;
pub use timer::Timer;
