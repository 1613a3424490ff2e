//! A turn on the wire.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::{Agent, Issuer, claims, sse};

#[tokio::test]
async fn a_turn_calls_the_tool_then_speaks_then_ends() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &[]).await;
    let token = issuer.token("ed", &claims(&issuer.url));
    let turn = agent.ask(&token, "What is 12 * (7 + 1)?").await;
    let mut names: Vec<&str> = turn.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    assert_eq!(names, ["tool_call", "tool_result", "token", "done"]);
    assert_eq!(turn[0].1["name"], "calculator");
    assert_eq!(turn[0].1["id"], turn[1].1["id"]);
    assert_eq!(turn[1].1["result"]["result"], "96");
    assert_eq!(turn.last().unwrap().1["reason"], "complete");
}

#[tokio::test]
async fn nothing_on_the_way_is_invited_to_hold_the_stream_back() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &[]).await;
    let token = issuer.token("ed", &claims(&issuer.url));
    let mut response = agent.get("/events", &token).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let first = response.chunk().await.unwrap().unwrap();
    let hello = sse(std::str::from_utf8(&first).unwrap());
    assert_eq!(hello[0].0, "hello");
    // The stream would stay open for ever; stopping the agent ends it.
    agent.running.stop().await.unwrap();
    while let Ok(Some(_)) = response.chunk().await {}
}

#[tokio::test]
async fn a_follow_up_understands_the_conversation_and_others_do_not_share_it() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &[]).await;
    agent.answer(&issuer, "Will it rain in Oslo tomorrow?").await;
    let (words, result) = agent.answer(&issuer, "And in Paris?").await;
    assert_eq!(result["result"]["place"], "Paris");
    assert!(words.to_lowercase().contains("tomorrow"), "{words}");
    let mut other = claims(&issuer.url);
    other["sub"] = json!("demo|other");
    let turn = agent.ask(&issuer.token("ed", &other), "And in Paris?").await;
    assert!(turn.iter().all(|(name, _)| name != "tool_call"));
}

#[tokio::test]
async fn a_bad_question_is_refused_with_a_sentence() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &[]).await;
    let token = issuer.token("ed", &claims(&issuer.url));
    let long = json!({ "message": "x".repeat(4001) }).to_string();
    for body in ["", "{}", "{\"message\": \"  \"}", "{\"message\": \"a\", \"sub\": \"b\"}", &long] {
        let request = agent.http.post(format!("{}/chat", agent.url)).header("x-user-jwt", &token);
        let response = request.body(body.to_owned()).send().await.unwrap();
        assert_eq!(response.status(), 400);
        let problem: Value = response.json().await.unwrap();
        assert!(problem["detail"].as_str().is_some_and(|text| text.ends_with('.')));
    }
}

#[tokio::test]
async fn a_web_socket_carries_the_same_events_as_frames() {
    let issuer = Issuer::start().await;
    let agent = Agent::start(&issuer.url, &[]).await;
    let url = format!("{}/ws", agent.url.replace("http", "ws"));
    let stranger = tokio_tungstenite::connect_async(url.as_str()).await;
    assert!(stranger.is_err(), "no socket without a verified caller");

    let mut request = url.into_client_request().unwrap();
    let token = issuer.token("ed", &claims(&issuer.url));
    request.headers_mut().insert("x-user-jwt", token.parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    socket.send(Message::text("nonsense")).await.unwrap();
    let ask = json!({ "type": "chat", "message": "Who am I?" });
    socket.send(Message::text(ask.to_string())).await.unwrap();
    let mut kinds: Vec<String> = Vec::new();
    let mut words = String::new();
    while kinds.last().is_none_or(|last| last != "done") {
        if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
            let frame: Value = serde_json::from_str(&text).unwrap();
            words.push_str(frame["text"].as_str().unwrap_or_default());
            kinds.push(frame["type"].as_str().unwrap().to_owned());
        }
    }
    kinds.dedup();
    assert_eq!(kinds, ["error", "tool_call", "tool_result", "token", "done"]);
    assert!(words.contains("Sam Sales") && words.contains("sales"), "{words}");
}
