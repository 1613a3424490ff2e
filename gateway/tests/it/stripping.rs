//! No word of a client about itself reaches an upstream, in any spelling, on any route.

use crate::support::http::Message;
use crate::support::lab::{Lab, SITE};
use crate::support::raw::exchange;
use crate::support::settings::HOST;

/// Names that some app would believe.
const NAMES: &[&str] = &[
    "X-User-JWT",
    "X-Debug-User-JWT",
    "X-User",
    "X-User-Email",
    "X-Auth-Request-User",
    "X-Auth-Request-Access-Token",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Forwarded-Access-Token",
    "X-Remote-User",
    "X-Remote-Groups",
    "X-WebAuth-User",
    "X-Authenticated-User",
    "X-Original-URL",
    "X-Original-URI",
    "X-Rewrite-URL",
    "X-Real-IP",
    "X-Forwarded-Client-Cert",
    "X-Goog-Authenticated-User-Email",
    "X-Goog-IAP-JWT-Assertion",
    "X-Amzn-Oidc-Data",
    "X-Pomerium-Jwt-Assertion",
    "X-MS-CLIENT-PRINCIPAL",
    "Cf-Access-Jwt-Assertion",
    "CF-Connecting-IP",
    "True-Client-IP",
    "Remote-User",
    "Remote-Groups",
    "Txn-Token",
    "X-Portcullis-User",
    "Forwarded",
];

const FORGED: &str = "forged-by-the-client";

#[tokio::test]
async fn no_spelling_of_an_identity_header_reaches_an_upstream() {
    let lab = Lab::start().await;
    let browser = lab.sign_in("engineer").await;
    let cookie = lab.cookie_line(&browser);
    for path in ["/public/x", "/maybe/x", "/engineering/x", "/debug/x", "/home"] {
        for name in NAMES {
            lab.recorder.clear();
            let mut lines: Vec<_> =
                spellings(name).iter().map(|name| format!("{name}: {FORGED}")).collect();
            lines.push(cookie.clone());
            let answer = lab.get(path, &lines).await;
            // Refusing the whole request is as good.
            if answer.status() == 200 {
                arrived_clean(&lab.recorder.last(), name);
            } else {
                assert_eq!(answer.status(), 400, "{path} {name}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_anonymous_visitor_cannot_bring_a_token() {
    let lab = Lab::start().await;
    for path in ["/public/x", "/maybe/x"] {
        lab.recorder.clear();
        let lines = [format!("X-User-JWT: {FORGED}"), format!("x_user_jwt: {FORGED}")];
        assert_eq!(lab.get(path, &lines).await.status(), 200);
        arrived_clean(&lab.recorder.last(), "X-User-JWT");
    }
}

#[tokio::test]
async fn options_is_no_way_round() {
    let lab = Lab::start().await;
    let request = format!(
        "OPTIONS /public/x HTTP/1.1\r\nHost: {HOST}\r\nOrigin: https://evil.example\r\n\
         Access-Control-Request-Method: POST\r\nX-User-JWT: {FORGED}\r\nConnection: close\r\n\r\n"
    );
    exchange(lab.gateway.http, request).await.unwrap();
    for request in lab.recorder.requests() {
        arrived_clean(&request, "X-User-JWT");
    }
}

#[tokio::test]
async fn naming_our_header_in_connection_does_not_remove_it() {
    let lab = Lab::start().await;
    let browser = lab.sign_in("engineer").await;
    for listed in [
        "close, X-User-JWT",
        "close, x-user-jwt, x-forwarded-for, host",
        "close, X-User-JWT, Cookie",
    ] {
        lab.recorder.clear();
        let request = format!(
            "GET /home HTTP/1.1\r\nHost: {HOST}\r\n{}\r\nConnection: {listed}\r\n\r\n",
            lab.cookie_line(&browser)
        );
        let answer = exchange(lab.gateway.http, request).await.unwrap();
        if answer.status() == 200 {
            assert!(lab.last_token().split('.').count() == 3);
            assert!(lab.recorder.last().header("x-forwarded-for").is_some());
        } else {
            assert!(matches!(answer.status(), 400 | 401), "{answer:?}");
            assert!(lab.recorder.requests().is_empty());
        }
    }
}

#[tokio::test]
async fn our_cookies_stay_with_us_and_the_apps_go_on() {
    let lab = Lab::start().await;
    let browser = lab.sign_in("engineer").await;
    lab.recorder.clear();
    let ours = lab.cookie_line(&browser);
    let line = format!("{ours}; theme=dark; __Host-portcullis=x; session=app");
    assert_eq!(lab.get("/home", &[line]).await.status(), 200);
    let seen = lab.recorder.last();
    let sent: Vec<_> = seen.headers.all("cookie").collect();
    assert_eq!(sent, ["theme=dark; session=app"]);
    lab.recorder.clear();
    assert_eq!(lab.get("/home", &[ours]).await.status(), 200);
    assert_eq!(lab.recorder.last().header("cookie"), None);
}

#[tokio::test]
async fn trailers_carry_no_identity() {
    let lab = Lab::start().await;
    let request = format!(
        "POST /public/x HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\nTrailer: X-User-JWT\r\n\
         Connection: close\r\n\r\n3\r\nabc\r\n0\r\nX-User-JWT: {FORGED}\r\nCookie: {FORGED}\r\n\r\n"
    );
    exchange(lab.gateway.http, request).await.unwrap();
    for bytes in lab.recorder.bytes() {
        assert!(!String::from_utf8_lossy(&bytes).contains(FORGED));
    }
}

#[tokio::test]
async fn hop_by_hop_fields_end_here() {
    let lab = Lab::start().await;
    let lines =
        ["Keep-Alive: 5", "Proxy-Connection: x", "TE: gzip", "Proxy-Authorization: x", "X-Hop: 1"];
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!(
        "GET /public/x HTTP/1.1\r\nHost: {HOST}\r\n{lines}Connection: close, X-Hop\r\n\r\n"
    );
    assert_eq!(exchange(lab.gateway.http, request).await.unwrap().status(), 200);
    let seen = lab.recorder.last();
    for name in ["keep-alive", "proxy-connection", "te", "proxy-authorization", "x-hop"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn what_a_stranger_says_of_the_way_is_not_repeated() {
    let lab = Lab::start().await;
    let lines = [
        "X-Forwarded-For: 203.0.113.9".to_owned(),
        "X-Forwarded-Proto: https".to_owned(),
        "X-Forwarded-Host: evil.example".to_owned(),
        "X-Forwarded-Port: 1".to_owned(),
        "X-Forwarded-Prefix: /evil".to_owned(),
        "X-Forwarded-Uri: /evil".to_owned(),
        "Forwarded: for=203.0.113.9;host=evil.example".to_owned(),
    ];
    assert_eq!(lab.get("/public/x", &lines).await.status(), 200);
    let seen = lab.recorder.last();
    let all = format!("{:?}", seen.headers);
    assert!(!all.contains("203.0.113.9"), "{all}");
    // A token may hold any word of four letters, and neither of these.
    assert!(!all.contains("evil.example") && !all.contains("/evil"), "{all}");
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    assert_eq!(seen.header("x-forwarded-host"), Some(HOST));
    assert_eq!(seen.header("host"), Some(HOST));
    // Nor does it change where a login goes.
    let mut lines = lines.to_vec();
    lines.push("Accept: text/html".to_owned());
    let location = lab.get("/home", &lines).await;
    let location = location.header("location").unwrap_or_default();
    assert!(!location.contains("evil.example"), "{location}");
    assert!(!location.contains("/evil") && !location.contains("%2Fevil"), "{location}");
    assert!(
        location.starts_with('/')
            || location.starts_with(SITE)
            || location.starts_with(&lab.provider.issuer())
    );
}

fn spellings(name: &str) -> Vec<String> {
    vec![
        name.to_owned(),
        name.to_lowercase(),
        name.to_uppercase(),
        name.replace('-', "_"),
        name.to_lowercase().replacen('-', "_", 1),
        name.replace('-', "."),
        name.to_owned(),
    ]
}

fn arrived_clean(request: &Message, name: &str) {
    let folded = |text: &str| text.to_lowercase().replace(['_', '.'], "-");
    for (field, value) in &request.headers.0 {
        assert!(!value.contains(FORGED), "{field} arrived (a spelling of {name})");
        assert!(
            folded(field) != "x-user-jwt" || field.eq_ignore_ascii_case("x-user-jwt"),
            "{field}"
        );
    }
    assert!(request.headers.all("x-user-jwt").count() <= 1);
}
