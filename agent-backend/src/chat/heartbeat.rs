//! `GET /events`: a stream that does nothing but stay open. When the session ends, the gateway ends
//! the stream, and that is how the page learns of it.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use futures::{StreamExt, stream};
use serde_json::json;

use super::state::ChatState;
use super::wire::{event_stream, sse_event};
use crate::caller::Verified;

/// Often enough that the page shows a pulse, seldom enough to cost nothing.
const BEAT: Duration = Duration::from_secs(5);

pub(super) async fn events(Verified(caller): Verified, State(state): State<ChatState>) -> Response {
    let clock = state.clock.clone();
    let hello = json!({ "sub": caller.sub, "name": caller.name, "time": clock.now().as_second() });
    let hello = stream::once(async move { sse_event("hello", &hello) });
    let beats = stream::unfold(1_u64, move |count| {
        let clock = clock.clone();
        async move {
            tokio::time::sleep(BEAT).await;
            let beat = json!({ "count": count, "time": clock.now().as_second() });
            Some((sse_event("heartbeat", &beat), count + 1))
        }
    });
    let stopped = async move { state.stopped().await };
    event_stream(hello.chain(beats).map(Ok::<_, Infallible>).take_until(stopped))
}
