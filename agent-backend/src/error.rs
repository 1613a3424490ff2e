//! What the agent answers when it says no: one closed enum, a public sentence, a private cause.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Every refusal and failure a client can see. The cause is logged and never sent.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The request itself is wrong; the sentence says how and is safe to show.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// As many turns are running as the agent allows.
    #[error("too many turns are running")]
    Busy,
    /// The keys that verify tokens cannot be fetched.
    #[error("verification keys are unavailable: {0}")]
    KeysUnavailable(String),
    /// No such page.
    #[error("no such page")]
    NotFound,
    /// There is no token, or not one that proves who is calling.
    #[error("no verified caller: {0}")]
    Unauthenticated(String),
}

impl ApiError {
    /// The status code of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::KeysUnavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::Busy => "busy",
            Self::KeysUnavailable(_) => "keys_unavailable",
            Self::NotFound => "not_found",
            Self::Unauthenticated(_) => "unauthenticated",
        }
    }

    /// The sentence for the client. Which check a token failed is not told: it would help whoever
    /// is forging one.
    pub fn public(&self) -> &'static str {
        match self {
            Self::BadRequest(sentence) => sentence,
            Self::Busy => "The agent is busy. Try again in a moment.",
            Self::KeysUnavailable(_) => {
                "The keys that verify your identity cannot be fetched right now."
            }
            Self::NotFound => "There is nothing at this address.",
            Self::Unauthenticated(_) => {
                "This agent answers only requests with a verified identity."
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match &self {
            Self::KeysUnavailable(cause) => tracing::warn!(%cause, "verification keys unavailable"),
            Self::Unauthenticated(cause) => tracing::info!(%cause, "refused: no verified caller"),
            Self::BadRequest(_) | Self::Busy | Self::NotFound => {
                tracing::debug!(fault = %self, "refused");
            }
        }
        let status = self.status();
        let body = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "code": self.code(),
            "detail": self.public(),
        });
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self, Self::KeysUnavailable(_) | Self::Busy) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}
