//! No handler without a caller: one gate in front of all pages, and an extractor behind it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::person::Caller;
use super::verify::Verifier;
use crate::error::ApiError;

/// Verifies the token of a request before any page sees it. The page that does not exist is behind
/// it as well, so that a stranger cannot learn what does.
pub async fn require_caller(
    State(verifier): State<Arc<Verifier>>,
    mut request: Request,
    next: Next,
) -> Response {
    match verifier.caller(request.headers()).await {
        Ok(caller) => {
            tracing::debug!(sub = %caller.sub, txn = caller.txn, path = request.uri().path(), "request");
            request.extensions_mut().insert(Arc::new(caller));
            next.run(request).await
        }
        Err(fault) => ApiError::from(fault).into_response(),
    }
}

/// A handler that takes this cannot run without a verified caller, even if someone forgets the gate.
impl<S: Send + Sync> FromRequestParts<S> for Verified {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Arc<Caller>>().cloned();
        caller.map(Self).ok_or_else(|| ApiError::Unauthenticated("the gate was not passed".into()))
    }
}

/// The verified caller of a request.
#[derive(Clone, Debug)]
pub struct Verified(pub Arc<Caller>);
