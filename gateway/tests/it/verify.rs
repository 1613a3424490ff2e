//! The gate as an answer for other proxies: what they may say. Real ones are in `fronts`.

use std::net::SocketAddr;

use crate::support::front::answer_proxies;
use crate::support::http::Message;
use crate::support::lab::{Lab, SITE};
use crate::support::nginx::Nginx;
use crate::support::raw::exchange;
use crate::support::settings::{HOST, Route};

const SEED: &str = r#"{ peers = ["127.0.0.1/32"], dialect = "nginx", oauth2_proxy_paths = true }"#;
const FORWARD_AUTH: &str = r#"{ peers = ["127.0.0.1/32"], dialect = "forward_auth" }"#;
const ENVOY: &str = r#"{ peers = ["127.0.0.1/32"], dialect = "envoy" }"#;
/// Everybody who is not on this machine.
const STRANGERS: &str = r#"{ peers = ["192.0.2.0/24"], dialect = "nginx" }"#;

/// The standard house, which answers other proxies.
async fn house(verify: &str) -> Lab {
    Lab::with(|settings| answer_proxies(settings, verify)).await
}

/// The configuration that people have already written for a helper of this kind: see the manual.
fn as_it_was(lab: &Lab) -> String {
    format!(
        r#"
    upstream oauth2 {{ server {gateway}; }}
    upstream chainlit {{ server {app}; }}
    server {{
        listen LISTEN;
        location / {{
            auth_request /oauth2/auth;
            auth_request_set $user_jwt $upstream_http_x_user_jwt;
            add_header X-Debug-User-JWT $user_jwt always;
            error_page 401 = @error401;
            try_files $uri @proxy_to_app;
        }}
        location = /oauth2/auth {{
            internal;
            proxy_pass http://oauth2/oauth2/auth;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header X-Original-URI $request_uri;
            proxy_set_header X-Original-Remote-Addr $remote_addr;
            proxy_set_header X-Original-Host $host;
        }}
        location @error401 {{ return 302 /oauth2/sign_in?rd=$request_uri; }}
        location @proxy_to_app {{
            proxy_set_header X-User-JWT $user_jwt;
            proxy_pass http://chainlit;
        }}
    }}"#,
        gateway = lab.gateway.http,
        app = lab.recorder.address,
    )
}

async fn get(to: SocketAddr, path: &str, lines: &[&str]) -> Message {
    send(to, "GET", path, lines).await
}

async fn send(to: SocketAddr, method: &str, path: &str, lines: &[&str]) -> Message {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}Connection: close\r\n\r\n");
    exchange(to, request).await.expect("an answer")
}

#[tokio::test]
async fn an_nginx_that_was_written_for_another_helper_works() {
    let lab = house(SEED).await;
    let nginx = Nginx::start(&as_it_was(&lab)).await;
    let stranger = get(nginx.address, "/chat", &[]).await;
    assert_eq!(stranger.status(), 302, "{}", nginx.log());
    assert!(stranger.header("location").unwrap().contains("/oauth2/sign_in?rd=/chat"));

    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    let seen = lab.recorder.requests().len();
    let forged = "X-User-JWT: forged";
    let answer = get(nginx.address, "/chat?x=1", &[&cookie, forged]).await;
    assert_eq!(answer.status(), 200, "{}\n{}", answer.text(), nginx.log());
    assert_eq!(lab.recorder.requests().len(), seen + 1);
    assert_eq!(lab.recorder.last().target(), "/chat?x=1");
    let token = lab.last_token();
    let jwks = lab.jwks().await;
    let read = crate::support::peers::verify(&token, &jwks, SITE, "agent").await.unwrap();
    assert_eq!(read["claims"]["tctx"]["path"], "/chat", "{read:#}");
    assert_eq!(read["claims"]["auth_method"], "oidc", "{read:#}");

    let closed = get(nginx.address, "/engineering/x", &[&cookie]).await;
    assert_eq!(closed.status(), 200);
    let sales = lab.cookie_line(&lab.sign_in("sales").await);
    assert_eq!(get(nginx.address, "/engineering/x", &[&sales]).await.status(), 403);
    assert_eq!(get(nginx.address, "/chat", &["Cookie: portcullis=forged"]).await.status(), 302);
}

#[tokio::test]
async fn a_stranger_cannot_ask() {
    let lab = house(STRANGERS).await;
    let lines = ["X-Original-URI: /public/x", "X-Original-Host: localhost"];
    let more = [&lines[..], &["X-Original-Remote-Addr: 192.0.2.1"]].concat();
    let forged = [&more[..], &["X-Forwarded-For: 192.0.2.1", "X-Real-IP: 192.0.2.1"]].concat();
    for lines in [&more, &forged] {
        let answer = get(lab.gateway.http, "/.portcullis/verify", lines).await;
        assert_eq!(answer.status(), 404);
        assert_eq!(answer.header("x-user-jwt"), None);
    }
    assert!(lab.gateway.has_printed("request_refused", 2).await);
    let off = Lab::start().await;
    assert_eq!(get(off.gateway.http, "/.portcullis/verify", &more).await.status(), 404);
    assert_ne!(get(off.gateway.http, "/ping", &[]).await.status(), 200);
}

#[tokio::test]
async fn what_is_missing_or_said_twice_or_ambiguous_is_a_no() {
    let lab = house(SEED).await;
    let (uri, host, from) = (
        "X-Original-URI: /public/x",
        "X-Original-Host: localhost",
        "X-Original-Remote-Addr: 192.0.2.9",
    );
    let ask =
        async |lines: &[&str]| get(lab.gateway.http, "/.portcullis/verify", lines).await.status();
    assert_eq!(ask(&[uri, host, from]).await, 200);
    assert_eq!(ask(&[host, from]).await, 403);
    assert_eq!(ask(&[uri, from]).await, 403);
    assert_eq!(ask(&[uri, host]).await, 403);
    assert_eq!(ask(&[uri, "X-Original-URI: /engineering", host, from]).await, 403);
    for bad in [
        "/public/../engineering/x",
        "/public/%2e%2e/x",
        "//evil.test/public/x",
        "/public%2f..%2fx",
        "/public/x#/engineering",
        "http://localhost/public/x",
        "public/x",
        "/public/\\x",
        "/.portcullis/me",
        "",
    ] {
        assert_eq!(ask(&[&format!("X-Original-URI: {bad}"), host, from]).await, 403, "{bad}");
    }
    assert_eq!(ask(&[uri, "X-Original-Host: elsewhere.test", from]).await, 403);
    assert_eq!(ask(&[uri, "X-Original-Host: a@localhost", from]).await, 403);
    // What the client may have written, as this nginx does not set it.
    let forged =
        ["X-Forwarded-Uri: /public/x", "X-Original-URL: /public/x", "X-Rewrite-URL: /public"];
    let home = "X-Original-URI: /home";
    assert_eq!(ask(&[&[home, host, from][..], &forged].concat()).await, 401);
}

#[tokio::test]
async fn a_method_that_is_not_said_is_not_guessed() {
    let lab = Lab::with(|settings| {
        answer_proxies(settings, SEED);
        // Reading is for everybody, writing for nobody.
        let reading = Route { path: "/things/*", ..settings.routes[1].clone() };
        settings.routes.push(reading);
        let (from, to) = ("path = \"/things/*\"", "path = \"/things/*\"\nmethods = [\"GET\"]");
        settings.swaps.push((from, to.to_owned()));
    })
    .await;
    let lines = [
        "X-Original-URI: /things/x",
        "X-Original-Host: localhost",
        "X-Original-Remote-Addr: 192.0.2.9",
        "X-Original-Method: GET",
    ];
    let answer = get(lab.gateway.http, "/.portcullis/verify", &lines).await;
    assert_eq!(answer.status(), 403, "{}", answer.text());
    assert!(lab.gateway.has_printed("no `X-Original-Method` is listed", 1).await);
}

#[tokio::test]
async fn traefik_and_caddy_are_answered_as_their_clients_would_be() {
    let lab = house(FORWARD_AUTH).await;
    let ask = async |uri: &str, method: &str, more: &[&str]| {
        let said = [
            format!("X-Forwarded-Uri: {uri}"),
            format!("X-Forwarded-Method: {method}"),
            "X-Forwarded-Proto: http".to_owned(),
            format!("X-Forwarded-Host: {HOST}"),
            "X-Forwarded-For: 203.0.113.4".to_owned(),
        ];
        let said: Vec<&str> = said.iter().map(String::as_str).chain(more.iter().copied()).collect();
        get(lab.gateway.http, "/.portcullis/verify", &said).await
    };
    let page = ask("/home?x=1", "GET", &["Accept: text/html"]).await;
    assert_eq!(page.status(), 302);
    let to = page.header("location").unwrap();
    assert_eq!(to, "http://localhost/.portcullis/login?return_to=/home%3Fx%3D1");
    assert_eq!(ask("/home", "POST", &["Accept: text/html"]).await.status(), 401);
    // The client's words, which these proxies pass on.
    let forged = ["X-Original-URI: /public/x", "X-Original-Method: GET"];
    assert_eq!(ask("/home", "GET", &forged).await.status(), 401);
    // A gRPC refusal is a 200 to a client; to the proxy it would be a yes.
    let grpc = ask("/home", "POST", &["Content-Type: application/grpc"]).await;
    assert_eq!(grpc.status(), 401);
    // A page of another site opens no WebSocket behind that proxy.
    let browser = lab.sign_in("engineer").await;
    let cookie = lab.cookie_line(&browser);
    let handshake =
        [&cookie, "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eHh4eHh4eHh4eHh4eHh4eA=="];
    let foreign = [&handshake[..], &["Origin: http://evil.test"]].concat();
    assert_eq!(ask("/ws", "GET", &foreign).await.status(), 403);
    let own = [&handshake[..], &["Origin: http://localhost"]].concat();
    let yes = ask("/ws", "GET", &own).await;
    assert_eq!(yes.status(), 200);
    assert_eq!(yes.header("x-auth-request-user"), Some("sub-engineer"), "{:#?}", yes.headers);
    for always in ["x-user-jwt", "x-auth-request-email", "x-auth-request-groups"] {
        assert_eq!(ask("/public/x", "GET", &[]).await.headers.all(always).count(), 1, "{always}");
    }
}

#[tokio::test]
async fn an_app_behind_another_proxy_keeps_its_own_cookies_and_gets_its_own_headers() {
    let lab = Lab::with(|settings| {
        answer_proxies(settings, ENVOY);
        let access = "access = \"authenticated\"\npreset = \"nvidia-nat\"";
        let nat = Route { path: "/nat/*", access, ..settings.routes[4].clone() };
        settings.routes.insert(0, nat);
    })
    .await;
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    let lines = [&*format!("{cookie}; nat-session=its-own"), "X-API-Key: forged"];
    let yes = send(lab.gateway.http, "GET", "/.portcullis/verify/nat/x", &lines).await;
    assert_eq!(yes.status(), 200, "{}", yes.text());
    assert_eq!(yes.header("cookie"), Some("nat-session=its-own"));
    assert_eq!(yes.header("x-user-id"), Some("sub-engineer"));
    assert_eq!(yes.header("x-api-key"), Some(""));
    assert!(yes.header("authorization").unwrap().starts_with("Bearer "));
}

#[tokio::test]
async fn envoy_asks_with_the_path_itself() {
    let lab = house(ENVOY).await;
    let cookie = lab.cookie_line(&lab.sign_in("sales").await);
    let at = |path: &str| format!("/.portcullis/verify{path}");
    let (http, cookie) = (lab.gateway.http, cookie.as_str());
    assert_eq!(send(http, "GET", &at("/public/x"), &[]).await.status(), 200);
    assert_eq!(send(http, "DELETE", &at("/home?a=b"), &[cookie]).await.status(), 200);
    assert_eq!(send(http, "GET", &at("/engineering/x"), &[cookie]).await.status(), 403);
    assert_eq!(send(http, "GET", &at(""), &[cookie]).await.status(), 403);
    assert_eq!(send(http, "GET", &at("/.portcullis/me"), &[cookie]).await.status(), 403);
    let forged = ["X-Original-URI: /public/x", "X-Forwarded-Uri: /public/x"];
    assert_eq!(send(http, "GET", &at("/home"), &forged).await.status(), 401);
}

#[tokio::test]
async fn the_paths_of_oauth2_proxy_do_what_they_do_there() {
    let lab = house(SEED).await;
    let http = lab.gateway.http;
    assert_eq!(get(http, "/ping", &[]).await.status(), 200);
    // Who looks like a health check is a visitor all the same.
    let asked = ["X-Original-URI: /home", "X-Original-Host: localhost"];
    for agent in ["GoogleHC/1.0", "kube-probe/1.29"] {
        let lines =
            [&asked[..], &["X-Original-Remote-Addr: 192.0.2.9", &format!("User-Agent: {agent}")]];
        assert_eq!(get(http, "/oauth2/auth", &lines.concat()).await.status(), 401, "{agent}");
    }
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    let who = get(http, "/oauth2/userinfo", &[&cookie]).await.json();
    assert_eq!(who["user"], "sub-engineer", "{who:#}");
    assert_eq!(get(http, "/oauth2/userinfo", &[]).await.status(), 401);
    let out = get(http, "/oauth2/sign_out", &[&cookie]).await;
    assert_eq!(out.header("location"), Some("/.portcullis/logout"));
    assert_eq!(
        get(http, "/oauth2/userinfo", &[&cookie]).await.status(),
        200,
        "a link is no sign-out"
    );
    for (rd, back) in [
        ("/x?y=1", "/x%3Fy%3D1"),
        ("http://localhost/x", "/x"),
        ("http://localhost.evil.test/x", "/"),
        ("//evil.test/", "/"),
        ("https://evil.test/", "/"),
    ] {
        let encoded: String = url::form_urlencoded::byte_serialize(rd.as_bytes()).collect();
        let begun = get(http, &format!("/oauth2/start?rd={encoded}"), &[]).await;
        let to = format!("/.portcullis/login?return_to={back}");
        assert_eq!(begun.header("location"), Some(to.as_str()), "{rd}");
    }
}
