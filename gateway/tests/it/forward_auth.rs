//! The way in `forward_auth`, with a helper as people have already written it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::http::Message;
use crate::support::lab::Lab;
use crate::support::settings::Route;

/// `{"alg":"HS256"}`, `{"user":"gonzalo","display_name":"Gonzalo","exp":4102444800}` and a signature
/// that nobody but the application checks.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiZ29uemFsbyIsImRpc3BsYXlfbmFtZSI6IkdvbnphbG8iLCJleHAiOjQxMDI0NDQ4MDB9.c2lnbmF0dXJl";

/// The helper: answers 200 with a token of its own unless `X-Key` says something else.
struct Helper {
    url: String,
    asked: Arc<Mutex<Vec<HeaderMap>>>,
    task: JoinHandle<()>,
}

impl Helper {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/oauth2/auth", listener.local_addr().unwrap());
        let asked = Arc::default();
        let router =
            Router::new().route("/oauth2/auth", any(answer)).with_state(Arc::clone(&asked));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked, task }
    }

    fn last(&self) -> HeaderMap {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(asked): State<Arc<Mutex<Vec<HeaderMap>>>>, headers: HeaderMap) -> Response {
    let key = headers.get("x-key").and_then(|key| key.to_str().ok()).unwrap_or("good").to_owned();
    asked.lock().unwrap().push(headers);
    match key.as_str() {
        "good" => [("x-user-jwt", TOKEN), ("set-cookie", "helper=1")].into_response(),
        "huge" => ([("x-user-jwt", TOKEN)], "x".repeat(1 << 20)).into_response(),
        "silent" => std::future::pending().await,
        "elsewhere" => {
            (StatusCode::FOUND, [("location", "/"), ("x-user-jwt", TOKEN)]).into_response()
        }
        code => StatusCode::from_u16(code.parse().unwrap()).unwrap().into_response(),
    }
}

/// The standard house with a route `/helped/*` that asks.
async fn house(helper: &Helper, more: &str, token: &'static str) -> Lab {
    Lab::with(|settings| {
        let helped =
            Route { path: "/helped/*", auth: r#"["forward_auth"]"#, token, ..settings.routes[4].clone() };
        settings.routes.push(helped);
        settings.issuers = format!(
            "[forward_auth.helper]\nurl = \"{}\"\ninsecure_http = true\nalways = true\n{more}\n\
             jwt = {{ header = \"X-User-JWT\", subject = \"user\", claims = {{ name = \"display_name\" }} }}\n",
            helper.url
        );
    })
    .await
}

const SEEN: &str = "headers = [\"X-Key\"]\ntimeout = \"4s\"\npass = [\"X-User-JWT\"]";

fn tokens(request: &Message) -> Vec<&str> {
    request.headers.all("x-user-jwt").collect()
}

#[tokio::test]
async fn the_token_of_a_helper_reaches_the_application_as_it_is() {
    let helper = Helper::start().await;
    let lab = house(&helper, SEEN, "{ off = true }").await;
    let lines = [
        "X-User-JWT: forged".to_owned(),
        "X_User_JWT: forged".to_owned(),
        "Cookie: portcullis=canary; app=1".to_owned(),
        "Authorization: Bearer canary".to_owned(),
        "X-Key: good".to_owned(),
        "X-Original-URI: /public".to_owned(),
    ];
    let answer = lab.get("/helped/chat?x=1", &lines).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header("set-cookie"), None);
    let last = lab.recorder.last();
    assert_eq!(tokens(&last), [TOKEN]);
    assert_eq!(last.header("x-key"), None, "what was shown to the helper is not the application's");
    let asked = helper.last();
    assert_eq!(asked["x-original-uri"], "/helped/chat?x=1");
    assert_eq!(asked["x-original-method"], "GET");
    assert_eq!(asked["x-original-host"], "localhost");
    assert!(!format!("{asked:?}").contains("canary"), "{asked:?}");
}

#[tokio::test]
async fn the_words_of_a_helper_become_claims_of_ours() {
    let helper = Helper::start().await;
    let lab =
        house(&helper, "headers = [\"X-Key\"]\ntimeout = \"20s\"", "{ audience = \"agent\" }")
            .await;
    assert_eq!(lab.get("/helped/x", &[]).await.status(), 200);
    let (token, jwks) = (lab.last_token(), lab.jwks().await);
    assert_ne!(token, TOKEN);
    let site = crate::support::lab::SITE;
    let read = crate::support::peers::verify(&token, &jwks, site, "agent").await.unwrap();
    let claims = &read["claims"];
    assert_eq!(claims["sub"], "gonzalo", "{read:#}");
    assert_eq!(claims["display_name"], "Gonzalo");
    assert_eq!(claims["auth_method"], "forward_auth");
}

#[tokio::test]
async fn a_helper_that_says_no_or_nothing_lets_nobody_through() {
    let helper = Helper::start().await;
    let lab = house(&helper, SEEN, "{ off = true }").await;
    for (key, status) in [
        ("401", 401),
        ("403", 403),
        ("404", 503),
        ("500", 503),
        ("204", 503),
        ("elsewhere", 503),
        ("huge", 503),
        ("silent", 503),
    ] {
        let answer = lab.get("/helped/x", &[format!("X-Key: {key}")]).await;
        assert_eq!(answer.status(), status, "{key}");
        assert!(!answer.text().contains("127.0.0.1"), "{key}: {}", answer.text());
    }
    let twice = ["X-Key: good".to_owned(), "X-Key: 403".to_owned()];
    assert_eq!(lab.get("/helped/x", &twice).await.status(), 401);
    let handshake = [
        "Upgrade: websocket".to_owned(),
        "Connection: Upgrade".to_owned(),
        "Sec-WebSocket-Version: 13".to_owned(),
        "Sec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA==".to_owned(),
        "X-Key: 401".to_owned(),
    ];
    let request: String = handshake.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!("GET /helped/ws HTTP/1.1\r\nHost: localhost\r\n{request}\r\n");
    assert_eq!(crate::support::raw::status_of(lab.gateway.http, request).await, 401);
    drop(helper);
    assert!(lab.recorder.requests().is_empty());
    assert!(lab.gateway.has_printed("the service answered with 404", 1).await);
}

#[tokio::test]
async fn a_helper_that_is_gone_lets_nobody_through() {
    let helper = Helper::start().await;
    let lab = house(&helper, SEEN, "{ off = true }").await;
    drop(helper);
    let answer = lab.get("/helped/x", &[]).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.header("retry-after").is_some());
    assert!(lab.recorder.requests().is_empty());
}
