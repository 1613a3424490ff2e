//! An app in two layers, as NVIDIA's AIQ describes itself: the backend verifies a token of its own on
//! HTTP, by discovery, and leaves WebSockets to others.

use serde_json::json;
use url::Url;

use crate::support::apps::{App, everything};
use crate::support::port;
use crate::support::provider::Provider;
use crate::support::raw::exchange;
use crate::support::settings::HOST;
use crate::support::socket;

#[tokio::test]
async fn a_backend_that_validates_by_discovery_knows_people_and_programs() {
    let (port, provider) = (port::free(), Provider::start().await);
    let site = format!("http://localhost:{port}");
    let environment = [
        ("AIQ_EXTERNAL_HOSTNAMES", "localhost"),
        ("AIQ_JWT_ISSUER", site.as_str()),
        ("AIQ_JWT_AUDIENCE", "aiq"),
    ];
    let app = App::script("aiq.py", &environment).await;
    let issuer = provider.issuer();
    let house = app.house_at(port, provider, |settings| {
        settings.token = "algorithm = \"ES256\"".to_owned();
        settings.issuers = format!(
            "[issuers.ci]\nissuer = \"{issuer}\"\naudiences = [\"api\"]\ninsecure_http = true\n"
        );
        let auth = r#"["session", "bearer"]"#;
        settings.routes.push(everything("nvidia-aiq", auth, "{ audience = \"aiq\" }"));
    });
    let house = house.await;
    let url = format!("{site}/v1/data_sources");

    // Somebody with a browser, who also has a token of an app that was here before.
    let mut browser = house.sign_in("engineer").await;
    browser.plant("localhost", "idToken", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.");
    let answer = browser.fetch("GET", &url, &[], "").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let seen = answer.json();
    assert_eq!(seen["principal"]["sub"], "sub-engineer");
    assert_eq!(seen["principal"]["email"], "engineer@example.com");
    assert_eq!(seen["tool_has_token"], true);
    assert_eq!(seen["authorizations"], 1);

    // A program with a token of its own, which says that nobody can be asked back.
    let token = house.lab.provider.sign(&json!({ "aud": "api", "sub": "robot" }));
    let program = |host: &str| {
        format!(
            "GET /v1/data_sources HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             X-AIQ-Mode: headless\r\nConnection: close\r\n\r\n"
        )
    };
    let answer = exchange(house.lab.gateway.http, program(HOST)).await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.json()["principal"]["sub"], "robot");
    assert_eq!(answer.json()["mode"], "headless");
    // The program's token is none of the app's: past the gateway it opens nothing.
    let direct = exchange(app.address, program(HOST)).await.unwrap();
    assert_eq!(direct.status(), 401, "{}", direct.text());

    // Nobody, and the host name by which the app would take anybody for a colleague.
    let nobody = |host: &str| {
        format!("GET /v1/data_sources HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    };
    assert_eq!(exchange(house.lab.gateway.http, nobody(HOST)).await.unwrap().status(), 401);
    let inside = exchange(app.address, nobody("aiq.internal")).await.unwrap();
    assert_eq!(inside.json()["principal"]["sub"], "internal", "what the gateway must prevent");
    let foreign = exchange(house.lab.gateway.http, nobody("aiq.internal")).await.unwrap();
    assert!(foreign.status() >= 400, "{}", foreign.status());

    // The app looks at no WebSocket; the gateway does.
    let to = house.lab.gateway.http;
    let refused = socket::open(to, "/v1/ws", &["Origin: http://localhost".to_owned()]).await;
    assert_eq!(refused.err().expect("nobody").status(), 401);
    let cookie = format!("Cookie: {}", browser.cookie_header(&Url::parse(&site).unwrap()));
    let lines = [cookie, "Origin: http://localhost".to_owned()];
    let mut open = socket::open(to, "/v1/ws", &lines).await.expect("an upgrade");
    assert_eq!(open.round_trip("hello").await.as_deref(), Some("hello"));
}
