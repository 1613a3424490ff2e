//! Fetching JSON from another service, with every limit set.

use std::time::Duration;

use reqwest::{Client, StatusCode, redirect};
use serde_json::Value;
use url::{Host, Url};

/// Why a document could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The answer is not JSON.
    #[error("{url} did not answer with JSON")]
    NotJson {
        /// What was fetched.
        url: String,
    },
    /// The service answered with an error; `body` is what it said, if that was JSON.
    #[error("{url} answered {status}")]
    Status {
        /// What was fetched.
        url: String,
        /// The answer's status.
        status: StatusCode,
        /// The answer's body.
        body: Value,
    },
    /// The answer is larger than anything we asked for.
    #[error("{url} answered with more than {MOST_BYTES} bytes")]
    TooLarge {
        /// What was fetched.
        url: String,
    },
    /// No answer: name, connection, TLS or time.
    #[error("{url} cannot be reached: {cause}")]
    Unreachable {
        /// What was fetched.
        url: String,
        /// Why, without the address.
        cause: String,
    },
}

/// Neither a key set nor sixteen days of weather comes near this.
const MOST_BYTES: usize = 1 << 20;

/// A client that follows no redirect and waits no longer than `timeout` for a whole answer.
///
/// A loopback `target` is reached without a proxy, whatever the environment says.
///
/// # Errors
///
/// When the TLS set-up of this machine is unusable.
pub fn http_client(target: &Url, timeout: Duration) -> Result<Client, reqwest::Error> {
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(timeout)
        .timeout(timeout)
        .user_agent(concat!("agent-backend/", env!("CARGO_PKG_VERSION")));
    let builder = if is_loopback(target) { builder.no_proxy() } else { builder };
    builder.build()
}

/// Gets `url` and reads the answer as JSON.
///
/// # Errors
///
/// See [`FetchError`].
pub async fn fetch_json(client: &Client, url: &Url) -> Result<Value, FetchError> {
    let unreachable = |cause: reqwest::Error| FetchError::Unreachable {
        url: url.to_string(),
        cause: cause.without_url().to_string(),
    };
    let request = client.get(url.clone()).header("accept", "application/json");
    let mut response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(FetchError::TooLarge { url: url.to_string() });
        }
        body.extend_from_slice(&chunk);
    }
    let parsed = serde_json::from_slice::<Value>(&body);
    if status.is_success() {
        parsed.map_err(|_| FetchError::NotJson { url: url.to_string() })
    } else {
        let body = parsed.unwrap_or(Value::Null);
        Err(FetchError::Status { url: url.to_string(), status, body })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
