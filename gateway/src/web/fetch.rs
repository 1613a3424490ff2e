//! One outbound HTTP exchange, with limits: nothing else in the crate calls out by HTTP.

mod address;
mod client;
mod scripted;

use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

pub use address::{AddressPolicy, is_loopback_host};
pub use client::{FetchLimits, HttpClient};
pub use scripted::ScriptedFetch;

/// Sends one request and reads the whole answer, within limits of time and size.
///
/// Redirects are not followed: the answer of a trusted host must not choose the next host.
#[async_trait]
pub trait Fetch: Send + Sync + std::fmt::Debug {
    /// Sends `request`, whose URI is absolute, and gives the answer whatever its status.
    ///
    /// # Errors
    /// When there is no complete answer within the limits, or the address is not allowed.
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, FetchError>;
}

/// Why there is no answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FetchError {
    /// The host is, or resolves to, an address that this client may not call.
    #[error(
        "{host} resolves to a private address, which is not called on behalf of a public issuer; \
         correct the document that names it"
    )]
    AddressRefused {
        /// The host as it was asked for.
        host: String,
    },
    /// The answer was cut off.
    #[error("the answer of {host} is larger than {limit} bytes")]
    AnswerTooLarge {
        /// Who answered.
        host: String,
        /// The limit it passed.
        limit: usize,
    },
    /// The client could not be set up.
    #[error("the HTTP client cannot be built: {0}; check the extra CA file")]
    Build(String),
    /// No connection, or it broke.
    #[error("cannot reach {host}: {cause}; check the network, the name and the certificate")]
    Connect {
        /// Who was called.
        host: String,
        /// What the client library says of it.
        cause: String,
    },
    /// Not a URL that may be called.
    #[error("{url} is not an https URL, and plain HTTP is allowed to loopback hosts only")]
    SchemeRefused {
        /// The address without its query, which may hold secrets.
        url: String,
    },
    /// The time for the whole exchange is over.
    #[error("{host} did not answer completely within {millis} ms")]
    TimedOut {
        /// Who was called.
        host: String,
        /// The limit.
        millis: u128,
    },
}
