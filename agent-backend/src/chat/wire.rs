//! The agent's events on the wire: the same names and data as server-sent events and as frames.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use serde_json::{Value, json};

use crate::agent::Event;

/// Well below the time after which proxies think a silent connection dead.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// An event as a server-sent event.
pub(super) fn sse_event(name: &str, data: &Value) -> sse::Event {
    sse::Event::default().event(name).data(data.to_string())
}

/// An event as the text of a WebSocket frame: its data, and its name as `type`.
pub(super) fn frame(event: &Event) -> String {
    let mut data = event.data();
    if let Some(fields) = data.as_object_mut() {
        fields.insert("type".to_owned(), json!(event.name()));
    }
    data.to_string()
}

/// A stream of events as an answer that nothing on the way should hold back.
pub(super) fn event_stream<S>(events: S) -> Response
where
    S: Stream<Item = Result<sse::Event, Infallible>> + Send + 'static,
{
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}
