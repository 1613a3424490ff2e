//! How a client without a token learns where to get one (RFC 9728), clients of MCP before all, and what
//! a token is good for in the end.

use portcullis::base::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::support::forge::claims;
use crate::support::http::Message;
use crate::support::issuer::TokenIssuer;
use crate::support::lab::{Lab, SITE};
use crate::support::peers;
use crate::support::raw::exchange;
use crate::support::settings::{CLIENT_SECRET, HOST, Route};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// `/mcp/*` takes tokens of `ci` with the scope `tools`; the rest of the house does not.
async fn lab(issuer: &str, sections: &str) -> Lab {
    let sections = format!(
        "[issuers.ci]\nissuer = \"{issuer}\"\naudiences = [\"api\"]\ninsecure_http = true\n{sections}"
    );
    Lab::with(|settings| {
        settings.issuers = sections;
        settings.routes.insert(
            0,
            Route {
                path: "/mcp/*",
                auth: r#"["bearer", "session"]"#,
                access: "access = \"authenticated\"\nscopes = [\"tools\"]",
                token: r#"{ audience = "agent" }"#,
            },
        );
    })
    .await
}

async fn ask(lab: &Lab, method: &str, path: &str, lines: &str) -> Message {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}Content-Length: 0\r\nConnection: \
         close\r\n\r\n"
    );
    exchange(lab.gateway.http, request).await.unwrap()
}

#[tokio::test]
async fn a_resource_describes_itself_to_everybody() {
    let issuer = TokenIssuer::start().await;
    let lab = lab(&issuer.issuer, "").await;
    for path in ["/mcp", "/mcp/", "/mcp/deep/er"] {
        let answer = ask(&lab, "GET", &format!("{WELL_KNOWN}{path}"), "").await;
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text());
        assert_eq!(
            answer.json(),
            json!({
                "resource": format!("{SITE}{path}"),
                "authorization_servers": [issuer.issuer],
                "scopes_supported": ["tools"],
                "bearer_methods_supported": ["header"],
            })
        );
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let at = format!("{WELL_KNOWN}/mcp");
    let head = ask(&lab, "HEAD", &at, "").await;
    assert_eq!((head.status(), head.text().as_str()), (200, ""));
    // A page that sends a field of MCP's asks first.
    let preflight = "Origin: https://inspector.test\r\nAccess-Control-Request-Method: GET\r\n\
        Access-Control-Request-Headers: mcp-protocol-version\r\n";
    let asked = ask(&lab, "OPTIONS", &at, preflight).await;
    assert_eq!(asked.status(), 204);
    assert_eq!(asked.header("access-control-allow-origin"), Some("*"));
    assert_eq!(asked.header("access-control-allow-headers"), Some("*"));
    assert_eq!(ask(&lab, "POST", &at, "").await.status(), 405);
    // Where no token opens anything, the address is the application's.
    assert!(lab.recorder.requests().is_empty());
    for path in ["", "/", "/public", "/mcpx"] {
        let path = format!("{WELL_KNOWN}{path}");
        assert_ne!(ask(&lab, "GET", &path, "").await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_client_of_mcp_is_told_where_and_for_what_to_get_a_token() {
    let issuer = TokenIssuer::start().await;
    let now = SystemClock.now().as_secs();
    let wish = |change: Value| {
        let mut all =
            json!({ "iss": issuer.issuer, "aud": "api", "sub": "robot", "exp": now + 300 });
        all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        json!({ "alg": "ES256", "header": { "typ": "at+jwt" }, "claims": all })
    };
    let wishes =
        [json!({}), json!({ "exp": now - 90 }), json!({ "scope": "tools", "exp": now + 45 })];
    let (jwks, tokens) = peers::mint(&["ES256"], &wishes.map(wish)).await;
    issuer.publish(jwks);
    let lab = lab(&issuer.issuer, "").await;
    let plain = "Bearer realm=\"portcullis\", scope=\"tools\"";
    let metadata = format!("resource_metadata=\"{SITE}{WELL_KNOWN}/mcp\"");
    let (poor, old, good) = (&tokens[0], &tokens[1], &tokens[2]);
    let new = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: add\r\n";
    let early = "Accept: application/json, text/event-stream\r\n";
    for (token, status, error, code) in [
        (None, 401, "", "sign_in_required"),
        (Some(old), 401, "error=\"invalid_token\", ", "sign_in_required"),
        (Some(poor), 403, "error=\"insufficient_scope\", ", "insufficient_scope"),
    ] {
        for kind in [new, early] {
            let token = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
            let lines = format!("{kind}{}", token.unwrap_or_default());
            let answer = ask(&lab, "POST", "/mcp/v1", &lines).await;
            assert_eq!(answer.status(), status, "{}", answer.text());
            let challenge = answer.headers.all("www-authenticate").next().unwrap().to_owned();
            assert_eq!(challenge, format!("{plain}, {error}{metadata}"));
            let body = answer.json();
            assert_eq!(body["jsonrpc"], "2.0");
            assert_eq!(body["id"], Value::Null);
            assert!(body["error"]["code"].is_i64(), "{body}");
            assert_eq!(body["error"]["data"]["error"], code);
            assert!(body["error"]["message"].is_string());
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
    assert!(lab.recorder.requests().is_empty());
    // Others are answered as before.
    let script = ask(&lab, "POST", "/mcp/v1", "Accept: application/json\r\n").await;
    assert_eq!(script.json()["error"], "sign_in_required");
    let good = format!("{new}Authorization: Bearer {good}\r\n");
    assert_eq!(ask(&lab, "POST", "/mcp/v1", &good).await.status(), 200);
    // What was made for a token that ends in 45 seconds does not live for a minute.
    let minted = claims(&lab.last_token());
    assert_eq!(minted["exp"], now + 45, "{minted}");
}

#[tokio::test]
async fn an_issuer_with_a_secret_is_no_place_to_ask_for_a_token() {
    let issuer = TokenIssuer::start().await;
    let home = "[issuers.home]\nissuer = \"https://home.test\"\naudiences = [\"api\"]\n\
        secret = { env = \"TEST_CLIENT_SECRET\" }\n";
    let lab = lab(&issuer.issuer, home).await;
    let document = ask(&lab, "GET", &format!("{WELL_KNOWN}/mcp"), "").await.json();
    assert_eq!(document["authorization_servers"], json!([issuer.issuer]));
    let now = SystemClock.now().as_secs();
    let said = json!({
        "iss": "https://home.test", "aud": "api", "sub": "app", "exp": now + 300, "scope": "tools",
    });
    let key = |secret: &str| jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    let sign = |alg, secret| {
        let header = jsonwebtoken::Header::new(alg);
        jsonwebtoken::encode(&header, &said, &key(secret)).unwrap()
    };
    use jsonwebtoken::Algorithm::{HS256, HS384};
    for (token, status) in [
        (sign(HS256, CLIENT_SECRET), 200),
        (sign(HS384, CLIENT_SECRET), 401),
        (sign(HS256, "another-secret-of-32-bytes-and-more"), 401),
    ] {
        let lines = format!("Authorization: Bearer {token}\r\n");
        let answer = ask(&lab, "POST", "/mcp/v1", &lines).await;
        assert_eq!(answer.status(), status, "{}", answer.text());
    }
    assert_eq!(claims(&lab.last_token())["idp"], "https://home.test");
    assert!(!lab.gateway.printed().contains(CLIENT_SECRET));
}
