//! The real NVIDIA `NeMo` Agent Toolkit, which believes a header of whoever reaches it.

use serde_json::{Value, json};
use url::Url;

use crate::support::apps::{App, House, everything};
use crate::support::browser::Browser;
use crate::support::provider::Provider;
use crate::support::raw::exchange;
use crate::support::socket;

const JSON: (&str, &str) = ("content-type", "application/json");

/// What the workflow saw of a request.
async fn whoami(browser: &mut Browser, url: &str, forged: &[(&str, &str)]) -> Value {
    let lines = [&[JSON], forged].concat();
    let answer = browser.fetch("POST", url, &lines, r#"{"text":"hello"}"#).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let said = answer.json()["value"].as_str().expect("the workflow's word").to_owned();
    serde_json::from_str(&said).unwrap()
}

fn field<'a>(seen: &'a Value, name: &str) -> Option<&'a str> {
    let fields = seen["headers"].as_array().unwrap();
    fields.iter().find(|pair| pair[0] == name).and_then(|pair| pair[1].as_str())
}

/// The toolkit, and a gateway before it with its preset.
async fn toolkit() -> (App, House) {
    let app = App::nat().await;
    let provider = Provider::start().await;
    let house = app.house(provider, |settings| {
        let session = r#"["session"]"#;
        settings.routes.push(everything("nvidia-nat", session, r#"{ audience = "nat" }"#));
    });
    let house = house.await;
    (app, house)
}

#[tokio::test]
async fn each_person_is_somebody_else_to_it_and_nobody_makes_up_who_they_are() {
    let (app, house) = toolkit().await;
    let generate = format!("{}/generate", house.url);
    let mut engineer = house.sign_in("engineer").await;
    let seen = whoami(&mut engineer, &generate, &[]).await;
    assert_eq!(field(&seen, "x-user-id"), Some("sub-engineer"), "{seen:#}");
    assert!(field(&seen, "authorization").unwrap().starts_with("Bearer "), "{seen:#}");

    // What it would believe: its header, its cookie, a key, a token.
    let forged =
        [("X-User-ID", "forged-boss"), ("x_user_id", "forged-boss"), ("X-API-Key", "forged-boss")];
    let forged = [&forged[..], &[("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")]].concat();
    engineer.plant("localhost", "nat-session", "forged-boss");
    let again = whoami(&mut engineer, &generate, &forged).await;
    assert_eq!(again["user"], seen["user"], "{again:#}");
    assert!(!again.to_string().contains("forged-boss"), "{again:#}");
    let mut sales = house.sign_in("sales").await;
    assert_ne!(whoami(&mut sales, &generate, &[]).await["user"], seen["user"]);

    // Who reaches it past the gateway is whoever they say.
    let body = r#"{"text":"hello"}"#;
    let head = "POST /generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let rest = format!("Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let past = format!("{head}X-User-ID: sub-engineer\r\n{rest}");
    let past = exchange(app.address, past).await.unwrap();
    assert!(past.text().contains(seen["user"].as_str().unwrap()), "what the gateway must prevent");
    let nobody = exchange(house.lab.gateway.http, format!("{head}{rest}")).await.unwrap();
    assert_eq!(nobody.status(), 401);
}

#[tokio::test]
async fn its_web_socket_is_guarded_by_the_gateway_alone() {
    let (app, house) = toolkit().await;
    let origin = "Origin: http://localhost".to_owned();
    assert!(socket::open(app.address, "/websocket", &[]).await.is_ok(), "it lets anybody in");
    let to = house.lab.gateway.http;
    let stranger = socket::open(to, "/websocket", std::slice::from_ref(&origin)).await.err();
    assert_eq!(stranger.map(|answer| answer.status()), Some(401));
    let browser = house.sign_in("engineer").await;
    let cookie = format!("Cookie: {}", browser.cookie_header(&Url::parse(&house.url).unwrap()));
    let lines = [cookie, origin, "X-User-ID: forged-boss".to_owned()];
    let mut open = socket::open(to, "/websocket", &lines).await.expect("an upgrade");
    let text = json!({ "type": "text", "text": "hello" });
    let message = json!({
        "type": "user_message", "schema_type": "generate", "conversation_id": "c",
        "content": { "messages": [{ "role": "user", "content": [text] }] },
    });
    let answer = open.round_trip(&message.to_string()).await.expect("an answer");
    assert!(answer.contains("sub-engineer") && !answer.contains("forged-boss"), "{answer}");
}
