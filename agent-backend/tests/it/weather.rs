//! The weather against a service that answers well, badly, or not at all.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::Query;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::support::{Agent, Issuer, serve};

/// A day with a null, a short array and an absent field.
fn gappy(date: &str) -> Value {
    json!({
        "hourly_units": { "temperature_2m": "°F", "precipitation": "inch" },
        "hourly": {
            "time": [format!("{date}T09:00"), format!("{date}T10:00"), format!("{date}T11:00")],
            "temperature_2m": [50.0, null, 59.6],
            "precipitation": [0.0, 1.5],
            "relative_humidity_2m": [],
        },
    })
}

async fn start(status: StatusCode, answer: Value) -> (Issuer, Agent, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let handler = move |Query(query): Query<HashMap<String, String>>| async move {
        count.fetch_add(1, Ordering::SeqCst);
        assert_eq!(query["timezone"], "auto");
        assert_eq!(query["latitude"], "43.3200");
        (status, Json(answer))
    };
    let url = serve(Router::new().route("/v1/forecast", get(handler))).await;
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &["--weather-url", &url]).await;
    (issuer, agent, asked)
}

#[tokio::test]
async fn gaps_stay_gaps_units_are_the_services_and_the_answer_is_kept() {
    let (issuer, agent, asked) = start(StatusCode::OK, gappy("2026-11-22")).await;
    let (words, result) = agent.answer(&issuer, "Is going to rain today?").await;
    let forecast = &result["result"];
    assert_eq!(forecast["source"], "open-meteo");
    assert!(forecast["source_note"].as_str().unwrap().contains("CC BY 4.0"));
    assert_eq!(forecast["days"][0]["low"], 50.0);
    assert_eq!(forecast["days"][0]["high"], 59.6);
    assert_eq!(forecast["days"][0]["rain"], 1.5);
    assert_eq!(forecast["days"][0]["humidity"], Value::Null);
    assert_eq!(forecast["hours"][1]["temperature"], Value::Null);
    assert_eq!(forecast["hours"][2]["rain"], Value::Null);
    assert!(words.starts_with("**Yes**") && words.contains("1.5 inch"), "{words}");
    agent.answer(&issuer, "Is going to rain today?").await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the second answer comes from memory");
    agent.clock.advance(Duration::from_secs(30));
}

#[tokio::test]
async fn a_refusal_is_told_with_its_reason_and_not_papered_over() {
    let refusal = json!({ "error": true, "reason": "start_date is out of range" });
    let (issuer, agent, asked) = start(StatusCode::BAD_REQUEST, refusal).await;
    let (words, result) = agent.answer(&issuer, "weather today").await;
    assert_eq!(result["ok"], false);
    assert!(words.contains("start_date is out of range"), "{words}");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "asking again would not help");
}

#[tokio::test]
async fn a_failing_service_is_asked_twice_and_then_sample_data_is_labelled_as_such() {
    let (issuer, agent, asked) = start(StatusCode::BAD_GATEWAY, Value::Null).await;
    let (words, result) = agent.answer(&issuer, "Forecast for the next 7 days").await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(result["result"]["source"], "offline-sample");
    assert_eq!(result["result"]["days"].as_array().unwrap().len(), 7);
    assert!(words.starts_with("**Offline sample data:**"), "{words}");
    let (again, _) = agent.answer(&issuer, "Forecast for the next 7 days").await;
    assert_eq!(words, again, "sample data is the same every time");
    assert_eq!(asked.load(Ordering::SeqCst), 2, "and nobody waits again so soon");
}

#[tokio::test]
async fn a_service_that_hangs_ends_in_labelled_sample_data() {
    let hang = || async { std::future::pending::<()>().await };
    let url = serve(Router::new().route("/v1/forecast", get(hang))).await;
    let issuer = Issuer::start().await;
    let options = ["--weather-url", &url, "--weather-timeout-ms", "60"];
    let agent = Agent::start(&issuer.url, &options).await;
    let (words, result) = agent.answer(&issuer, "weather tomorrow").await;
    assert_eq!(result["result"]["source"], "offline-sample");
    assert!(words.starts_with("**Offline sample data:**"), "{words}");
}

#[tokio::test]
async fn a_range_beyond_the_forecast_and_an_unknown_place_are_told() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &[]).await;
    let (words, _) = agent.answer(&issuer, "Forecast for the next 40 days").await;
    assert!(words.contains("at most 16 days"), "{words}");
    let (words, _) = agent.answer(&issuer, "Weather in Xyzzyville today").await;
    assert!(words.contains("not among the places known offline"), "{words}");
}
