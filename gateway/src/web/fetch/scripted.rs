//! A client that plays a script; for tests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::web::fetch::{Fetch, FetchError};

/// Answers by URL (without its query), and remembers what was asked.
#[derive(Debug, Default)]
pub struct ScriptedFetch(Mutex<Script>);

#[derive(Debug, Default)]
struct Script {
    answers: HashMap<String, Result<http::Response<Bytes>, FetchError>>,
    asked: Vec<http::Request<Bytes>>,
}

impl ScriptedFetch {
    /// From now on, `url` gives `status` and `body`.
    pub fn answer(&self, url: &str, status: u16, body: impl Into<Bytes>) {
        let mut response = http::Response::new(body.into());
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        self.respond(url, response);
    }

    /// From now on, `url` gives this response.
    pub fn respond(&self, url: &str, response: http::Response<Bytes>) {
        self.with(|script| script.answers.insert(url.to_owned(), Ok(response)));
    }

    /// From now on, `url` fails with `error`.
    pub fn fail(&self, url: &str, error: FetchError) {
        self.with(|script| script.answers.insert(url.to_owned(), Err(error)));
    }

    /// What was asked of `url` so far.
    pub fn asked(&self, url: &str) -> Vec<http::Request<Bytes>> {
        self.with(|script| {
            script.asked.iter().filter(|request| address(request) == url).cloned().collect()
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Script) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Fetch for ScriptedFetch {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, FetchError> {
        let url = address(&request);
        let answer = self.with(|script| {
            script.asked.push(request);
            script.answers.get(&url).cloned()
        });
        // Give others a turn, as a real exchange would.
        tokio::task::yield_now().await;
        answer.unwrap_or_else(|| {
            Err(FetchError::Connect { host: url, cause: "not in the script".to_owned() })
        })
    }
}

fn address(request: &http::Request<Bytes>) -> String {
    let uri = request.uri().to_string();
    uri.split('?').next().unwrap_or_default().to_owned()
}
