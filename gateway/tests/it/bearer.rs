//! Access tokens: taken from jose, refused in the standard's words, and through an issuer's bad days.

use std::time::Duration;

use portcullis::base::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::support::forge::claims;
use crate::support::gateway::Signal;
use crate::support::http::Message;
use crate::support::issuer::{Mood, TokenIssuer};
use crate::support::lab::{Lab, SITE};
use crate::support::peers;
use crate::support::raw::{PATIENCE, Raw};
use crate::support::settings::{CLIENT_SECRET, HOST, Route, Settings};
use crate::support::socket::{self, Ending};

const ALGORITHMS: &[&str] = &["EdDSA", "ES256", "ES384", "RS256", "PS256"];
/// Nobody listens there.
const DARK: &str = "http://127.0.0.1:9";

fn now() -> i64 {
    SystemClock.now().as_secs()
}

fn line(token: &str) -> Vec<String> {
    vec![format!("Authorization: Bearer {token}")]
}

fn route(path: &'static str, auth: &'static str, access: &'static str) -> Route {
    Route { path, auth, access, token: r#"{ audience = "agent" }"# }
}

/// Routes for tokens of `ci`, on top of the standard house.
fn with_issuer(settings: &mut Settings, issuer: &str, more: &str) {
    settings.issuers = format!(
        "[issuers.ci]\nissuer = \"{issuer}\"\naudiences = [\"api\"]\ninsecure_http = true\n{more}"
    );
    let authenticated = "access = \"authenticated\"";
    settings.routes.insert(0, route("/api/*", r#"["bearer"]"#, authenticated));
    let scoped = "access = \"authenticated\"\nscopes = [\"deploy\"]";
    settings.routes.insert(0, route("/deploy/*", r#"["bearer"]"#, scoped));
    let forwarded = "access = \"authenticated\"\nforward_authorization = true";
    settings.routes.insert(0, route("/forward/*", r#"["bearer"]"#, forwarded));
}

fn wish(issuer: &str, alg: &str, change: &Value) -> Value {
    let mut all = json!({
        "iss": issuer, "aud": "api", "sub": "robot", "iat": now(), "exp": now() + 300,
        "scope": "read", "groups": ["robots"],
    });
    all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    json!({ "alg": alg, "header": { "typ": "at+jwt" }, "claims": all })
}

async fn tokens(issuer: &TokenIssuer, changes: &[Value]) -> Vec<String> {
    let wishes: Vec<_> = changes.iter().map(|it| wish(&issuer.issuer, "ES256", it)).collect();
    let (jwks, tokens) = peers::mint(&["ES256"], &wishes).await;
    issuer.publish(jwks);
    tokens
}

fn challenges(answer: &Message) -> String {
    // Where a token can be had is said in each of them; see `protected_resource`.
    let bare = |it: &str| it.split(", resource_metadata=").next().unwrap_or_default().to_owned();
    answer.headers.all("www-authenticate").map(bare).collect::<Vec<_>>().join(" | ")
}

#[tokio::test]
async fn tokens_that_jose_signed_are_taken_and_stay_here() {
    let issuer = TokenIssuer::start().await;
    let wishes: Vec<_> =
        ALGORITHMS.iter().map(|alg| wish(&issuer.issuer, alg, &json!({}))).collect();
    let (jwks, tokens) = peers::mint(ALGORITHMS, &wishes).await;
    issuer.publish(jwks);
    let lab = Lab::with(|settings| with_issuer(settings, &issuer.issuer, "")).await;
    for (alg, token) in ALGORITHMS.iter().zip(&tokens) {
        for _ in 0..2 {
            let answer = lab.get("/api/x", &line(token)).await;
            assert_eq!(answer.status(), 200, "{alg}: {}", answer.text());
        }
        assert_eq!(lab.recorder.last().header("authorization"), None, "{alg}");
        assert!(!lab.recorder.last().text().contains(token.as_str()));
        let minted = lab.last_token();
        let verified = peers::verify(&minted, &lab.jwks().await, SITE, "agent").await.unwrap();
        assert_eq!(verified["claims"]["sub"], "robot");
        let minted = claims(&minted);
        assert_eq!(minted["auth_method"], "bearer");
        assert_eq!(minted["idp"], issuer.issuer);
        assert_eq!(minted["groups"], json!(["robots"]));
        assert_eq!(minted.get("sid"), None);
    }
    // One at start, and one more where the first request came before that.
    assert!(issuer.fetched() <= 2, "{} fetches for five keys", issuer.fetched());
    let sent = format!("Bearer {}", tokens[0]);
    lab.get("/forward/x", &line(&tokens[0])).await;
    assert_eq!(lab.recorder.last().header("authorization"), Some(sent.as_str()));
    // What `bearer` does not read is not ours to take away.
    lab.get("/public/x", &["Authorization: Basic eDp5".to_owned()]).await;
    assert_eq!(lab.recorder.last().header("authorization"), Some("Basic eDp5"));
}

#[tokio::test]
async fn a_refused_token_reaches_nobody_and_is_told_why() {
    let issuer = TokenIssuer::start().await;
    let changes = [json!({}), json!({ "exp": now() - 100 }), json!({ "aud": "other" })];
    let tokens = tokens(&issuer, &changes).await;
    let lab = Lab::with(|settings| with_issuer(settings, &issuer.issuer, "")).await;
    let (good, expired, other) = (line(&tokens[0]), line(&tokens[1]), line(&tokens[2]));
    let two = [good.clone(), good.clone()].concat();
    let in_query = format!("/api/x?access_token={}", tokens[0]);
    let escaped = format!("/api/x?a=1&access%5Ftoken={}", tokens[0]);
    let bearer = "Bearer realm=\"portcullis\"";
    let deploy = format!("{bearer}, scope=\"deploy\"");
    let because = |code: &str| format!("{bearer}, error=\"{code}\"");
    for (path, lines, status, challenge) in [
        ("/api/x", vec![], 401, bearer.to_owned()),
        ("/api/x", vec!["Authorization: Basic eDp5".to_owned()], 401, bearer.to_owned()),
        ("/api/x", expired, 401, because("invalid_token")),
        ("/api/x", other, 401, because("invalid_token")),
        ("/api/x", line("rubbish"), 401, because("invalid_token")),
        ("/api/x", line("a b"), 401, because("invalid_token")),
        ("/api/x", two, 400, because("invalid_request")),
        (&in_query, vec![], 400, because("invalid_request")),
        (&escaped, good.clone(), 400, because("invalid_request")),
        ("/deploy/x", vec![], 401, deploy.clone()),
        ("/deploy/x", good.clone(), 403, format!("{deploy}, error=\"insufficient_scope\"")),
    ] {
        let answer = lab.get(path, &lines).await;
        assert_eq!(answer.status(), status, "{path}: {}", answer.text());
        assert_eq!(challenges(&answer), challenge, "{path}");
        assert!(!answer.text().contains("expired"), "{}", answer.text());
        assert_eq!(answer.header("set-cookie"), None);
    }
    assert!(lab.recorder.requests().is_empty(), "{:#?}", lab.recorder.requests());
    assert_eq!(lab.get("/api/x", &good).await.status(), 200);
    // The cause is in the audit log, the token is nowhere.
    for cause in ["bearer: expired", "bearer: audience", "bearer: misplaced", "bearer: scope"] {
        assert!(lab.gateway.has_printed(cause, 1).await, "{cause}");
    }
    for token in &tokens {
        let signature = token.rsplit('.').next().unwrap();
        assert!(!lab.gateway.printed().contains(signature), "a token is in the log");
    }
}

#[tokio::test]
async fn an_outage_of_the_issuer_is_survived_for_the_stated_time() {
    let issuer = TokenIssuer::start().await;
    let tokens = tokens(&issuer, &[json!({}), json!({ "sub": "other" })]).await;
    let short = "stale_keys = \"10s\"";
    let lab = Lab::with(|settings| with_issuer(settings, &issuer.issuer, short)).await;
    assert_eq!(lab.get("/api/x", &line(&tokens[0])).await.status(), 200);
    issuer.be(Mood::Down);
    let begun = Instant::now();
    assert_eq!(lab.get("/api/x", &line(&tokens[0])).await.status(), 200);
    assert_eq!(lab.get("/api/x", &line(&tokens[1])).await.status(), 200, "never seen before");
    sleep(Duration::from_millis(10_500).saturating_sub(begun.elapsed())).await;
    for token in &tokens {
        let answer = lab.get("/api/x", &line(token)).await;
        assert_eq!(answer.status(), 503, "{}", answer.text());
        assert_eq!(challenges(&answer), "", "503 is no word on the token");
        assert!(answer.header("retry-after").is_some());
    }
    let ready = lab.gateway.admin("/readyz").await;
    assert!(ready.contains("issuer ci"), "{ready}");
    issuer.be(Mood::Well);
    becomes(&lab, &tokens[0], 200).await;
}

/// Waits until a request with this token gets this status.
async fn becomes(lab: &Lab, token: &str, status: u16) {
    let asked = async {
        while lab.get("/api/x", &line(token)).await.status() != status {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("it never became {status}"));
}

#[tokio::test]
async fn a_reload_during_an_outage_keeps_the_keys() {
    let issuer = TokenIssuer::start().await;
    let tokens = tokens(&issuer, &[json!({}), json!({ "sub": "other" })]).await;
    let lab = Lab::with(|settings| with_issuer(settings, &issuer.issuer, "")).await;
    assert_eq!(lab.get("/api/x", &line(&tokens[0])).await.status(), 200);
    issuer.be(Mood::Down);
    let mut changed = lab.settings.clone();
    changed.log = "debug".to_owned();
    lab.gateway.rewrite(&changed.render());
    lab.gateway.signal(Signal::Hup).await;
    assert!(lab.gateway.has_printed("configuration loaded", 1).await);
    for token in &tokens {
        assert_eq!(lab.get("/api/x", &line(token)).await.status(), 200);
    }
    // Another place for the keys trusts nothing of the old one.
    let moved = format!("{}jwks_url = \"{DARK}/jwks\"\n", changed.issuers);
    lab.gateway.rewrite(&Settings { issuers: moved, ..changed }.render());
    lab.gateway.signal(Signal::Hup).await;
    // Not by the log: a file that is watched may have been loaded twice before.
    becomes(&lab, &tokens[0], 503).await;
}

#[tokio::test]
async fn made_up_keys_cost_the_issuer_one_fetch() {
    let issuer = TokenIssuer::start().await;
    let tokens = tokens(&issuer, &[json!({})]).await;
    let lab = Lab::with(|settings| with_issuer(settings, &issuer.issuer, "")).await;
    // Also the fetch at start must be over before fetches are counted.
    while issuer.fetched() == 0 || lab.gateway.admin("/readyz").await.contains("issuer ci") {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(lab.get("/api/x", &line(&tokens[0])).await.status(), 200);
    let (before, begun) = (issuer.fetched(), Instant::now());
    let foreign: Vec<_> = (0..50)
        .map(|number| {
            let header = json!({ "kid": format!("made-up-{number}") });
            let mut wish = wish(&issuer.issuer, "ES256", &json!({}));
            wish["header"] = header;
            wish
        })
        .collect();
    let (_, foreign) = peers::mint(&["ES256"], &foreign).await;
    for token in &foreign {
        assert_eq!(lab.get("/api/x", &line(token)).await.status(), 401);
    }
    // One in ten seconds, however many are made up.
    let fetched = issuer.fetched();
    assert!((before + 1..=before + 1 + tens(begun)).contains(&fetched), "{before}, then {fetched}");
    // A token of a stranger costs none at all.
    let (_, strange) = peers::mint(&["ES256"], &[wish(DARK, "ES256", &json!({}))]).await;
    assert_eq!(lab.get("/api/x", &line(&strange[0])).await.status(), 401);
    assert_eq!(issuer.fetched(), fetched);
}

/// How often ten seconds have passed.
fn tens(begun: Instant) -> u32 {
    u32::try_from(begun.elapsed().as_secs() / 10).unwrap()
}

#[tokio::test]
async fn an_opaque_token_is_asked_about() {
    let issuer = TokenIssuer::start().await;
    let lab = Lab::with(|settings| {
        with_issuer(settings, &issuer.issuer, "");
        settings.log = "trace".to_owned();
        settings.issuers = format!(
            "[issuers.as]\nissuer = \"{0}\"\ninsecure_http = true\nintrospection = {{ url = \
             \"{0}/introspect\", client_id = \"gateway\", client_secret = {{ env = \
             \"TEST_CLIENT_SECRET\" }}, cache = \"5s\", timeout = \"4s\" }}\n",
            issuer.issuer
        );
    })
    .await;
    for _ in 0..3 {
        assert_eq!(lab.get("/api/x", &line("good-robot")).await.status(), 200);
    }
    assert_eq!(claims(&lab.last_token())["sub"], "robot");
    assert_eq!(issuer.asked(), 1);
    let bad = lab.get("/api/x", &line("bad")).await;
    assert_eq!(
        (bad.status(), bad.headers.lists("www-authenticate", "error=\"invalid_token\"")),
        (401, true)
    );
    assert_eq!(lab.get("/deploy/x", &line("good-robot")).await.status(), 403);
    sleep(Duration::from_millis(5_100)).await;
    for mood in [Mood::Down, Mood::Silent] {
        issuer.be(mood);
        let answer = lab.get("/api/x", &line("good-robot")).await;
        assert_eq!(answer.status(), 503, "{mood:?}");
    }
    issuer.be(Mood::Well);
    assert_eq!(lab.get("/api/x", &line("good-robot")).await.status(), 200);
    let printed = lab.gateway.printed();
    assert!(!printed.contains("good-robot"), "a token is in the log");
    assert!(!printed.contains(CLIENT_SECRET), "our secret is in the log");
}

#[tokio::test]
async fn a_stream_ends_with_the_token_that_opened_it() {
    const LIFE: i64 = 15;
    let issuer = TokenIssuer::start().await;
    let end = now() + LIFE;
    let tokens = tokens(&issuer, &[json!({ "exp": end }), json!({})]).await;
    let lab = Lab::with(|settings| with_issuer(settings, &issuer.issuer, "")).await;
    let open = async |token: &str| {
        let lines = [line(token), vec![format!("Origin: {SITE}")]].concat();
        socket::open(lab.gateway.http, "/api/ws", &lines).await.expect("an upgrade")
    };
    let (mut brief, mut long) = (open(&tokens[0]).await, open(&tokens[1]).await);
    let mut events = Raw::connect(lab.gateway.http).await;
    let lines = line(&tokens[0]).join("\r\n");
    events
        .send(format!(
            "GET /api/sse HTTP/1.1\r\nHost: {HOST}\r\nAccept: text/event-stream\r\n{lines}\r\n\r\n"
        ))
        .await;
    assert_eq!(brief.round_trip("hello").await.as_deref(), Some("hello"));
    assert!(now() < end, "the machine is too slow for this test");
    let patience = Duration::from_secs(u64::try_from(LIFE).unwrap()) + PATIENCE;
    let ending = brief.ending(patience).await.expect("the socket ends in time");
    assert_eq!(ending, Ending::Frame(1008));
    assert!(now() >= end, "it ended too early");
    timeout(PATIENCE, events.rest()).await.expect("the events end").unwrap();
    assert_eq!(long.round_trip("still there").await.as_deref(), Some("still there"));
}
