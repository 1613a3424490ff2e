//! A running agent whose clock stands still.

use std::sync::Arc;

use agent_backend::app::{self, Running};
use agent_backend::clock::ManualClock;
use agent_backend::config::Options;
use clap::Parser;
use serde_json::{Value, json};

use super::issuer::Issuer;

/// Sunday, 22 November 2026, 10:00 UTC.
pub(crate) const NOW: i64 = 1_795_341_600;

pub(crate) struct Agent {
    pub(crate) url: String,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) http: reqwest::Client,
    pub(crate) running: Running,
}

impl Agent {
    /// Nothing answers at port 9 of this machine: the weather is offline unless `more` says so.
    pub(crate) async fn start(issuer: &str, more: &[&str]) -> Self {
        let clock = Arc::new(ManualClock::at(jiff::Timestamp::from_second(NOW).unwrap()));
        let mut arguments = vec!["agent-backend", "--gateway", issuer, "--pace-ms", "0"];
        if !more.contains(&"--weather-url") {
            arguments.extend(["--weather-url", "http://127.0.0.1:9"]);
        }
        arguments.extend(["--geocoding-url", "http://127.0.0.1:9"]);
        arguments.extend(more);
        let options = Options::parse_from(arguments);
        let running = app::start(options, clock.clone()).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url: format!("http://{}", running.address()), clock, http, running }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> reqwest::Response {
        self.http
            .get(format!("{}{path}", self.url))
            .header("x-user-jwt", token)
            .send()
            .await
            .unwrap()
    }

    /// The status of `/whoami` with this token.
    pub(crate) async fn status(&self, token: &str) -> u16 {
        self.get("/whoami", token).await.status().as_u16()
    }

    /// Asks, and returns the whole turn as (event, data).
    pub(crate) async fn ask(&self, token: &str, message: &str) -> Vec<(String, Value)> {
        let response = self
            .http
            .post(format!("{}/chat", self.url))
            .header("x-user-jwt", token)
            .body(json!({ "message": message }).to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        sse(&response.text().await.unwrap())
    }

    /// The answer's words, and the result of its last tool.
    pub(crate) async fn answer(&self, issuer: &Issuer, message: &str) -> (String, Value) {
        let turn = self.ask(&issuer.token("ed", &claims(&issuer.url)), message).await;
        let words = turn.iter().filter(|(name, _)| name == "token");
        let words = words.map(|(_, data)| data["text"].as_str().unwrap()).collect();
        let result = turn.iter().rfind(|(name, _)| name == "tool_result");
        (words, result.map(|(_, data)| data.clone()).unwrap_or_default())
    }
}

/// Claims that verify, of someone in sales.
pub(crate) fn claims(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": "agent", "sub": "demo|sales", "name": "Sam Sales",
        "email": "sales@demo.example", "groups": ["sales"], "auth_method": "session",
        "iat": NOW, "nbf": NOW, "exp": NOW + 60,
    })
}

/// Events of a finished stream.
pub(crate) fn sse(text: &str) -> Vec<(String, Value)> {
    let blocks = text.split("\n\n").filter(|block| block.contains("event: "));
    blocks
        .map(|block| {
            let field = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap_or_default()
                    .to_owned()
            };
            (field("event: "), serde_json::from_str(&field("data: ")).unwrap())
        })
        .collect()
}
