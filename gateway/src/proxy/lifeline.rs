//! What holds a live stream to its session.
//!
//! pingora has no call to end a request that is being relayed. The edge therefore runs each request
//! beside its lifeline; when the session ends, the lifeline is cut, and the edge drops the request:
//! an HTTP/1.1 connection closes, one HTTP/2 stream is reset, the others on it go on. A WebSocket
//! first gets a second to see a close frame.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::proxy::connection::Connection;
use crate::proxy::streams::{StreamName, farewell};
use crate::session::{EndCause, StreamTicket};

/// How long a WebSocket has, after its close frame is asked for, before it is simply cut.
const POLITE: Duration = Duration::from_secs(1);

/// The lifeline of one request. Empty, and never cut, unless the request becomes a live stream.
#[derive(Debug, Default)]
pub struct Lifeline {
    stream: OnceLock<Tied>,
    tied: Notify,
    expired: CancellationToken,
}

/// Why a request was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// It used up its time.
    Expired,
    /// The session that its stream was bound to ended.
    SessionEnded(EndCause),
}

impl Cut {
    /// The word used in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::SessionEnded(cause) => cause.as_str(),
        }
    }
}

#[derive(Debug)]
struct Tied {
    ticket: StreamTicket,
    websocket: Option<Arc<Connection>>,
    name: Option<StreamName>,
}

tokio::task_local! {
    static CURRENT: Arc<Lifeline>;
}

/// Runs one request with its lifeline in reach of [`current`].
pub async fn scope<F: Future>(lifeline: Arc<Lifeline>, request: F) -> F::Output {
    CURRENT.scope(lifeline, request).await
}

/// The lifeline of the request that this task is serving.
pub fn current() -> Option<Arc<Lifeline>> {
    CURRENT.try_with(Arc::clone).ok()
}

impl Lifeline {
    /// Ties this request to a session's live streams. `websocket` is the connection to close with
    /// a frame, where the stream is a WebSocket.
    pub(super) fn tie(
        &self,
        ticket: StreamTicket,
        websocket: Option<Arc<Connection>>,
        name: Option<StreamName>,
    ) {
        if self.stream.set(Tied { ticket, websocket, name }).is_ok() {
            self.tied.notify_one();
        }
    }

    /// Whether this request is tied to a session's live streams.
    pub(super) fn is_tied(&self) -> bool {
        self.stream.get().is_some()
    }

    /// Cuts the request because it has used up its time.
    pub fn expire(&self) {
        self.expired.cancel();
    }

    /// Resolves when the request must be dropped. Cancel safe.
    pub async fn cut(&self) -> Cut {
        tokio::select! {
            cause = self.session_ended() => Cut::SessionEnded(cause),
            () = self.expired.cancelled() => Cut::Expired,
        }
    }

    async fn session_ended(&self) -> EndCause {
        let tied = loop {
            if let Some(tied) = self.stream.get() {
                break tied;
            }
            self.tied.notified().await;
        };
        let cause = tied.ticket.ended().await;
        if let Some(name) = &tied.name {
            name.closed(cause);
        }
        if let Some(connection) = &tied.websocket {
            let route = tied.name.as_ref().map(|name| name.farewell);
            let (code, reason) = farewell(cause, route);
            connection.close_websocket(code, reason);
            tokio::time::sleep(POLITE).await;
        }
        cause
    }
}
