//! Each preset: what arrives, exactly once, and that nothing of it can be a client's word.

use portcullis::config::PRESETS;
use serde_json::json;

use crate::presets::house::routes;
use crate::support::forge::{claims, header};
use crate::support::lab::{Lab, SITE};
use crate::support::peers::{plain_pyjwt, verify};
use crate::support::raw::exchange;
use crate::support::settings::{CLIENT_SECRET, HOST};

const FORGED: &str = "forged-by-the-client";
const SECRET: &str = "token = { secret = { env = \"TEST_CLIENT_SECRET\" } }\n";

/// Preset, further keys of the route, plain fields that arrive, the field that carries the token, the
/// cookie that does.
type Row = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
);

const EACH: &[Row] = &[
    (
        "authelia",
        "",
        &[
            ("remote-user", "engineer"),
            ("remote-name", "engineer"),
            ("remote-email", "engineer@example.com"),
            ("remote-groups", "engineering,admin"),
        ],
        "",
        "",
    ),
    ("chainlit-header", "", &[], "x-user-jwt", ""),
    ("chainlit-native", SECRET, &[], "", "access_token"),
    ("generic-jwt", "", &[], "x-user-jwt", ""),
    ("gradio", "", &[("remote-user", "engineer")], "x-user-jwt", ""),
    ("nvidia-aiq", "", &[], "authorization", "idToken"),
    ("nvidia-nat", "", &[("x-user-id", "sub-engineer")], "authorization", ""),
    (
        "oauth2-proxy",
        "",
        &[
            ("x-forwarded-user", "sub-engineer"),
            ("x-forwarded-email", "engineer@example.com"),
            ("x-forwarded-preferred-username", "engineer"),
            ("x-forwarded-groups", "engineering,admin"),
            ("x-auth-request-user", "sub-engineer"),
            ("x-auth-request-email", "engineer@example.com"),
            ("x-auth-request-preferred-username", "engineer"),
            ("x-auth-request-groups", "engineering,admin"),
        ],
        "",
        "",
    ),
    (
        "open-webui",
        "",
        &[
            ("x-auth-email", "engineer@example.com"),
            ("x-auth-name", "engineer"),
            ("x-auth-groups", "engineering,admin"),
        ],
        "",
        "",
    ),
    (
        "pomerium",
        "",
        &[
            ("x-pomerium-claim-email", "engineer@example.com"),
            ("x-pomerium-claim-groups", "engineering,admin"),
            ("x-pomerium-claim-name", "engineer"),
            ("x-pomerium-claim-user", "sub-engineer"),
        ],
        "x-pomerium-jwt-assertion",
        "",
    ),
    ("seed-hs256", SECRET, &[], "x-user-jwt", ""),
    (
        "streamlit",
        "",
        &[
            ("x-user-id", "sub-engineer"),
            ("x-user-email", "engineer@example.com"),
            ("x-user-name", "engineer"),
        ],
        "x-user-jwt",
        "",
    ),
];

#[test]
fn every_preset_is_tried() {
    let tried: Vec<_> = EACH.iter().map(|row| row.0).collect();
    let all: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
    assert_eq!(tried, all);
}

#[tokio::test]
async fn each_app_receives_what_its_preset_says_and_nothing_that_a_client_made_up() {
    for (preset, more, fields, carrier, cookie) in EACH {
        let lab = house(preset, more).await;
        let browser = lab.sign_in("engineer").await;
        lab.recorder.clear();
        let mut lines = forgeries(fields, carrier);
        let own = if cookie.is_empty() { "portcullis-teams" } else { cookie };
        lines.push(format!("{}; {cookie}x=y; {own}={FORGED}", lab.cookie_line(&browser)));
        let answer = lab.get("/api", &lines).await;
        assert_eq!(answer.status(), 200, "{preset}: {}", answer.text());
        let seen = lab.recorder.last();
        let all = format!("{:?}", seen.headers);
        assert!(!all.contains(FORGED), "{preset}: {all}");
        for (name, value) in *fields {
            let sent: Vec<_> = seen.headers.all(name).collect();
            assert_eq!(sent, [*value], "{preset}: {name}");
        }
        let mut tokens = Vec::new();
        for (name, value) in &seen.headers.0 {
            if value.contains("eyJ") && name.eq_ignore_ascii_case("cookie") {
                tokens.push(("", value.rsplit_once('=').unwrap().1.to_owned()));
            } else if value.contains("eyJ") {
                let bare = value.strip_prefix("Bearer ").unwrap_or(value);
                assert_eq!(value.starts_with("Bearer "), name == "authorization", "{preset}");
                tokens.push((name.as_str(), bare.to_owned()));
            }
        }
        tokens.sort();
        let mut carriers = Vec::new();
        carriers.extend((!cookie.is_empty()).then_some(""));
        carriers.extend((!carrier.is_empty()).then_some(*carrier));
        let found: Vec<_> = tokens.iter().map(|(name, _)| *name).collect();
        assert_eq!(found, carriers, "{preset}: {all}");
        assert!(tokens.iter().all(|(_, token)| *token == tokens[0].1), "{preset}");
        let line: Vec<_> = seen.headers.all("cookie").collect();
        let kept = format!("{cookie}x=y");
        let expected = match *cookie {
            "access_token" => format!("access_token={}", tokens[0].1),
            "" => kept,
            name => format!("{kept}; {name}={}", tokens[0].1),
        };
        assert_eq!(line, [expected], "{preset}");
    }
}

#[tokio::test]
async fn an_anonymous_visitor_has_no_plain_headers() {
    let lab = routes(
        "[[routes]]\npreset = \"authelia\"\nauth = [\"anonymous\"]\naccess = \"public\"\n\
         upstream = \"agent\"\n",
    )
    .await;
    let lines = forgeries(&[("remote-user", "")], "remote-groups");
    assert_eq!(lab.get("/x", &lines).await.status(), 200);
    let seen = lab.recorder.last();
    for name in ["remote-user", "remote-name", "remote-email", "remote-groups"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn an_app_made_for_pomerium_finds_the_keys_at_its_path() {
    let lab = house("pomerium", "").await;
    lab.sign_in("engineer").await;
    let token = lab.recorder.last().header("x-pomerium-jwt-assertion").unwrap().to_owned();
    let keys = lab.get("/.well-known/pomerium/jwks.json", &[]).await.json();
    let verified = verify(&token, &keys, SITE, "agent").await.unwrap();
    assert_eq!(verified["claims"]["email"], "engineer@example.com");
    // Elsewhere the path is the app's.
    let other = house("generic-jwt", "").await;
    let answer = other.get("/.well-known/pomerium/jwks.json", &[]).await;
    assert_eq!(answer.status(), 401, "{}", answer.text());
}

#[tokio::test]
async fn the_seeds_callback_reads_its_token_unchanged() {
    let lab = house("seed-hs256", SECRET).await;
    lab.sign_in("engineer").await;
    let token = lab.last_token();
    let user = plain_pyjwt(&token, CLIENT_SECRET).await.unwrap();
    assert_eq!(user, json!({ "identifier": "engineer", "display_name": "engineer" }));
    assert_eq!(header(&token)["alg"], "HS256");
    assert_eq!(claims(&token).get("email"), None);
}

#[tokio::test]
async fn a_routes_own_secret_is_for_its_app_only() {
    let text = format!(
        "[[routes]]\npreset = \"seed-hs256\"\n{SECRET}$\n[[routes]]\npath = \"/other/*\"\n$"
    );
    let lab = routes(&text).await;
    let browser = lab.sign_in("engineer").await;
    assert_eq!(header(&lab.last_token())["alg"], "HS256");
    let lines = [lab.cookie_line(&browser)];
    assert_eq!(lab.get("/other/x", &lines).await.status(), 200);
    assert_eq!(header(&lab.last_token())["alg"], "EdDSA");
}

#[tokio::test]
async fn a_key_of_the_route_wins_over_the_presets() {
    let lab = house(
        "authelia",
        "identity_headers = { Remote-User = \"email\", X-Corp-Id = \"sub\" }\n\
         token = { off = false }\n",
    )
    .await;
    lab.sign_in("engineer").await;
    let seen = lab.recorder.last();
    assert_eq!(seen.header("remote-user"), Some("engineer@example.com"));
    assert_eq!(seen.header("remote-name"), Some("engineer"));
    assert_eq!(seen.header("x-corp-id"), Some("sub-engineer"));
    assert!(seen.header("x-user-jwt").is_some());
}

#[tokio::test]
async fn another_proxy_is_told_the_same() {
    let lab = Lab::with(|settings| {
        settings.routes.clear();
        let verify = "peers = [\"127.0.0.1/32\"], dialect = \"forward_auth\"";
        let trusted = "trusted_proxies = [\"127.0.0.1/32\"]\n";
        let state = "state = \"state\"\n";
        settings.swaps.push((state, format!("{state}{trusted}verify = {{ {verify} }}\n")));
        settings.issuers =
            "[[routes]]\npreset = \"authelia\"\nauth = [\"session\"]\nlogin = [\"test\"]\n\
            access = \"authenticated\"\nupstream = \"agent\"\n"
                .to_owned();
    })
    .await;
    let browser = lab.sign_in("engineer").await;
    let request = format!(
        "GET /.portcullis/verify HTTP/1.1\r\nHost: {HOST}\r\n{}\r\nX-Forwarded-Method: GET\r\n\
         X-Forwarded-Proto: http\r\nX-Forwarded-For: 203.0.113.4\r\nX-Forwarded-Host: {HOST}\r\n\
         X-Forwarded-Uri: /home\r\nRemote-User: {FORGED}\r\n\
         Connection: close\r\n\r\n",
        lab.cookie_line(&browser)
    );
    let answer = exchange(lab.gateway.http, request).await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.header("remote-user"), Some("engineer"));
    assert_eq!(answer.header("remote-groups"), Some("engineering,admin"));
}

async fn house(preset: &str, more: &str) -> Lab {
    let algorithm = if preset == "nvidia-aiq" { "algorithm = \"ES256\"" } else { "" };
    Lab::with(|settings| {
        settings.token = algorithm.to_owned();
        settings.routes.clear();
        settings.issuers = format!(
            "[[routes]]\npreset = \"{preset}\"\nauth = [\"session\"]\nlogin = [\"test\"]\n\
             access = \"authenticated\"\nupstream = \"agent\"\n{more}"
        );
    })
    .await
}

/// Each name in several spellings, all of them forged.
fn forgeries(fields: &[(&str, &str)], carrier: &str) -> Vec<String> {
    let names = fields.iter().map(|(name, _)| *name).chain([carrier, "x-user-jwt"]);
    let spelt = names.filter(|name| !name.is_empty()).flat_map(|name| {
        [name.to_owned(), name.to_uppercase(), name.replace('-', "_"), name.replace('-', ".")]
    });
    spelt.map(|name| format!("{name}: {FORGED}")).collect()
}
