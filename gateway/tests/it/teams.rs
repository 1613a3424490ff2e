//! The app as a tab in Microsoft Teams: signing in without a redirect, and what that opens.

use portcullis::base::{Clock, SystemClock};
use serde_json::{Value, json};
use url::Url;

use crate::support::browser::{Browser, Kind, form};
use crate::support::forge::claims;
use crate::support::http::Message;
use crate::support::lab::Lab;
use crate::support::provider::Provider;
use crate::support::raw::Raw;
use crate::support::settings::{HOST, Route, Settings};
use crate::support::socket;

pub(crate) const SITE: &str = "https://localhost";
pub(crate) const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const TEAMS_WEB: &str = "5e3ce6c0-2b1f-4285-8d4b-75ee78787346";
const COOKIE: &str = "__Host-portcullis-teams";
/// 43 characters that are no hash of anything we know; and the hash of "verifier".
pub(crate) const CHALLENGE: &str = "iMnq5o6zALKXGivsnlom_0F5_WYda32GHkxlV7mq7hQ";

/// A house with a tab at `/tab/*`; the rest is for who signed in in a window.
async fn house(teams: &str) -> Lab {
    house_with(teams, "").await
}

async fn house_with(teams: &str, provider_more: &str) -> Lab {
    let provider = Provider::start_as_entra(TENANT).await;
    Lab::around(provider, |settings| with_tabs(settings, teams, provider_more)).await
}

pub(crate) fn with_tabs(settings: &mut Settings, teams: &str, provider_more: &str) {
    settings.https = true;
    settings.provider = format!("subject = \"oid\"\n{provider_more}");
    settings.issuers = format!("[teams]\nprovider = \"test\"\n{teams}");
    settings.routes.insert(
        0,
        Route {
            path: "/tab/*",
            auth: r#"["teams", "session"]"#,
            access: "access = \"authenticated\"",
            token: r#"{ audience = "agent" }"#,
        },
    );
}

/// What Teams gives the page of a tab.
pub(crate) fn token(lab: &Lab, change: &Value) -> String {
    let mut all = json!({
        "ver": "2.0", "aud": "portcullis", "azp": TEAMS_WEB, "tid": TENANT, "oid": "oid-engineer",
        "sub": "pairwise", "scp": "access_as_user", "name": "Ann Engineer",
    });
    all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    lab.provider.sign(&all)
}

pub(crate) async fn post(
    tab: &mut Browser,
    page: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> Message {
    let fields = [&[("Origin", SITE)], fields].concat();
    tab.fetch("POST", &format!("{SITE}/.portcullis/teams/{page}"), &fields, body).await
}

/// A tab in which somebody is signed in. It is a browser of its own: browsers keep what a framed page
/// stores apart from what the same page stores in a window.
async fn signed_in(lab: &Lab) -> Browser {
    let mut tab = lab.browser();
    let bearer = format!("Bearer {}", token(lab, &json!({})));
    let answer = post(&mut tab, "session", &[("Authorization", &bearer)], "").await;
    assert_eq!(answer.status(), 204, "{}", answer.text());
    tab
}

/// The code that a window hands over.
pub(crate) fn code(answer: &Message) -> String {
    let text = answer.text();
    text.split_once("data-code=\"").unwrap().1.split('"').next().unwrap().to_owned()
}

fn policy(answer: &Message) -> String {
    answer.headers.all("content-security-policy").collect::<Vec<_>>().join(" | ")
}

#[tokio::test]
async fn a_tab_signs_in_at_its_own_address_and_reaches_the_app() {
    let lab = house("").await;
    let mut tab = lab.browser();
    let deep = format!("{SITE}/tab/deep?x=1");
    let page = tab.get(Kind::Iframe, &deep).await;
    assert_eq!(page.status(), 200, "never a redirect to pages that refuse to be framed");
    assert!(page.text().contains("/.portcullis/teams/tab.js"), "{}", page.text());
    assert!(page.text().contains("integrity=\"sha384-"), "{}", page.text());
    let said = policy(&page);
    assert!(said.contains("frame-ancestors 'self' https://teams.microsoft.com"), "{said}");
    assert!(said.contains("script-src 'self' https://res.cdn.office.net/teams-js/"), "{said}");
    assert_eq!(page.header("x-frame-options"), None);
    assert_eq!(page.header("cross-origin-opener-policy"), None);
    assert_eq!(page.header("set-cookie"), None);
    let script = tab.get(Kind::Fetch, &format!("{SITE}/.portcullis/teams/tab.js")).await;
    assert!(script.text().contains("getAuthToken"), "{}", script.text());

    let mut tab = signed_in(&lab).await;
    let cookie = tab.cookies(HOST)[0].clone();
    assert_eq!(cookie.name, COOKIE);
    for attribute in ["path=/", "secure", "httponly", "samesite=none", "partitioned"] {
        assert!(cookie.has(attribute), "{cookie:?}");
    }
    let answer = tab.get(Kind::Iframe, &deep).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(lab.recorder.last().target(), "/tab/deep?x=1");
    assert_eq!(lab.recorder.last().header("cookie"), None, "our cookie stays here");
    let minted = claims(&lab.last_token());
    assert_eq!(minted["sub"], "oid-engineer");
    assert_eq!(minted["auth_method"], "teams");
    assert_eq!(minted["idp"], lab.provider.issuer());

    let url = Url::parse(SITE).unwrap();
    let line = format!("Cookie: {}", tab.cookie_header(&url));
    let own = vec![line.clone(), "Origin: https://localhost".to_owned()];
    let refused = socket::open(lab.gateway.http, "/tab/ws", &own).await;
    assert!(refused.is_err(), "the cookie of a tab travels over TLS only");
    let (https, tls) = (lab.gateway.https.unwrap(), lab.gateway.authority.as_ref().unwrap());
    let raw = Raw::connect_tls(https, HOST, tls.client(&["http/1.1"])).await.unwrap();
    let mut open = socket::open_on(raw, "/tab/ws", &own).await.expect("a WebSocket has it too");
    assert_eq!(open.round_trip("hello").await.as_deref(), Some("hello"));
}

#[tokio::test]
async fn a_tabs_cookie_opens_nothing_else_and_only_for_our_own_pages() {
    let lab = house("").await;
    let mut tab = signed_in(&lab).await;
    lab.recorder.clear();
    let home = tab.fetch("GET", &format!("{SITE}/home"), &[], "").await;
    assert_eq!(home.status(), 401, "another route does not look at it");
    let url = format!("{SITE}/tab/x");
    for foreign in [
        &[("Origin", "https://evil.example")][..],
        &[("Origin", "https://teams.microsoft.com")],
        // Twice there, as the browser's own is.
        &[("Origin", "null"), ("Sec-Fetch-Site", "cross-site")],
    ] {
        let answer = tab.fetch("POST", &url, foreign, "").await;
        assert_eq!(answer.status(), 403, "{foreign:?} {}", answer.text());
    }
    assert!(lab.recorder.requests().is_empty());
    assert_eq!(tab.fetch("POST", &url, &[("Origin", SITE)], "").await.status(), 200);
}

#[tokio::test]
async fn a_token_that_does_not_count_begins_nothing_and_says_no_cause() {
    let lab = house("").await;
    let mut tab = lab.browser();
    for change in [
        json!({ "aud": "somebody-else" }),
        json!({ "scp": "other" }),
        json!({ "azp": "somebody" }),
        json!({ "idtyp": "app" }),
        json!({ "tid": "22222222-2222-3333-4444-555555555555" }),
        json!({ "exp": SystemClock.now().as_secs() - 100 }),
        json!({ "iss": "https://login.microsoftonline.com/common/v2.0" }),
    ] {
        let bearer = format!("Bearer {}", token(&lab, &change));
        let answer = post(&mut tab, "session", &[("Authorization", &bearer)], "").await;
        assert_eq!(answer.status(), 401, "{change}");
        assert_eq!(answer.json()["error"], "teams_token_refused");
        assert_eq!(answer.json().as_object().unwrap().len(), 3, "{}", answer.text());
    }
    let bearer = format!("Bearer {}", token(&lab, &json!({})));
    let session = format!("{SITE}/.portcullis/teams/session");
    let from = |origin| [("Authorization", bearer.as_str()), ("Origin", origin)];
    let answer = tab.fetch("POST", &session, &from("https://evil.example"), "").await;
    assert_eq!(answer.status(), 403);
    assert_eq!(tab.fetch("GET", &session, &from(SITE), "").await.status(), 405);
    assert_eq!(post(&mut tab, "session", &[], "").await.status(), 401);
    assert!(tab.cookies(HOST).is_empty());
    assert!(lab.gateway.has_printed("teams_token_refused", 1).await);
    let signature = bearer.rsplit('.').next().unwrap();
    assert!(!lab.gateway.printed().contains(signature), "a token is in the log");
}

#[tokio::test]
async fn whom_the_provider_does_not_let_in_does_not_come_by_a_tab() {
    let lab = house_with("", "allow = { users = [\"oid-sales\"] }").await;
    for (oid, status) in [("oid-engineer", 403), ("oid-sales", 204)] {
        let mut tab = lab.browser();
        let bearer = format!("Bearer {}", token(&lab, &json!({ "oid": oid })));
        let answer = post(&mut tab, "session", &[("Authorization", &bearer)], "").await;
        assert_eq!(answer.status(), status, "{oid} {}", answer.text());
        assert_eq!(tab.cookies(HOST).is_empty(), status == 403);
    }
}

#[tokio::test]
async fn a_window_and_a_tab_are_one_person_and_signing_out_ends_both() {
    let lab = house("").await;
    for leave_by_tab in [false, true] {
        let mut tab = signed_in(&lab).await;
        let mut window = lab.browser();
        lab.provider.remember(&mut window, "engineer");
        let page = window.navigate(&format!("{SITE}/home")).await;
        assert_eq!(page.answer.status(), 200, "{:#?}", page.hops);
        let in_window = claims(&lab.last_token());
        tab.get(Kind::Iframe, &format!("{SITE}/tab/x")).await;
        let in_tab = claims(&lab.last_token());
        for claim in ["iss", "sub", "idp"] {
            assert_eq!(in_window[claim], in_tab[claim], "{claim}");
        }
        assert_ne!(in_window["sid"], in_tab["sid"]);

        let leaving = if leave_by_tab { &mut tab } else { &mut window };
        let me = leaving.fetch("GET", &format!("{SITE}/.portcullis/me"), &[], "").await;
        let csrf = format!("csrf={}", me.json()["csrf"].as_str().unwrap());
        let fields = [("Origin", SITE), ("Content-Type", "application/x-www-form-urlencoded")];
        let logout = format!("{SITE}/.portcullis/logout");
        let answer = leaving.fetch("POST", &logout, &fields, &csrf).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert!(leaving.cookies(HOST).iter().all(|cookie| cookie.name.ends_with("-login")));
        let x = tab.fetch("GET", &format!("{SITE}/tab/x"), &[], "").await;
        assert_eq!(x.status(), 401, "the tab");
        let home = window.fetch("GET", &format!("{SITE}/home"), &[], "").await;
        assert_eq!(home.status(), 401, "the window");
    }
}

#[tokio::test]
async fn a_window_of_its_own_hands_its_sign_in_to_the_tab_once() {
    let lab = house("").await;
    let mut window = lab.browser();
    lab.provider.remember(&mut window, "engineer");
    let start = format!("{SITE}/.portcullis/teams/popup-start?challenge={CHALLENGE}");
    let page = window.navigate(&start).await;
    assert_eq!(page.answer.status(), 200, "{:#?} {}", page.hops, page.answer.text());
    assert_eq!(page.url.path(), "/.portcullis/teams/popup-end");
    // Nobody gets a code without a click on our page, which nobody can frame.
    assert!(policy(&page.answer).contains("frame-ancestors 'none'"));
    let (action, fields) = form(&page).unwrap();
    let forged: Vec<_> = fields.iter().filter(|(name, _)| name != "csrf").cloned().collect();
    assert_eq!(window.submit(&action, &forged).await.answer.status(), 403);
    let mut codes = Vec::new();
    for _ in 0..2 {
        let handed = window.submit(&action, &fields).await.answer;
        assert_eq!(handed.status(), 200, "{}", handed.text());
        assert_eq!(handed.header("cross-origin-opener-policy"), None);
        codes.push(code(&handed));
    }
    let mut tab = lab.browser();
    let redeem = |code: &str, verifier: &str| format!("code={code}&verifier={verifier}");
    let wrong = post(&mut tab, "redeem", &[], &redeem(&codes[0], "guessed")).await;
    assert_eq!(wrong.status(), 401, "whoever steals the code lacks the other half");
    let spent = post(&mut tab, "redeem", &[], &redeem(&codes[0], "verifier")).await;
    assert_eq!(spent.status(), 401, "and spoils it");
    let good = post(&mut tab, "redeem", &[], &redeem(&codes[1], "verifier")).await;
    assert_eq!(good.status(), 204, "{}", good.text());
    let again = post(&mut lab.browser(), "redeem", &[], &redeem(&codes[1], "verifier")).await;
    assert_eq!(again.status(), 401);
    assert_eq!(tab.get(Kind::Iframe, &format!("{SITE}/tab/x")).await.status(), 200);
    assert_eq!(claims(&lab.last_token())["sub"], "oid-engineer");
    for odd in ["", "?challenge=x", "?challenge=a&challenge=b"] {
        let start = format!("{SITE}/.portcullis/teams/popup-start{odd}");
        assert_eq!(window.navigate(&start).await.answer.status(), 400, "{odd}");
    }
}

#[tokio::test]
async fn an_app_that_forbids_frames_is_framed_as_a_tab_and_nowhere_else() {
    let lab = house("frame_ancestors = [\"https://teams.microsoft.com\"]").await;
    let mut tab = signed_in(&lab).await;
    let shown = tab.get(Kind::Iframe, &format!("{SITE}/tab/shut")).await;
    assert_eq!(shown.header("x-frame-options"), None);
    assert_eq!(
        policy(&shown),
        "default-src 'self'; frame-ancestors 'self' https://teams.microsoft.com"
    );
    let plain = tab.get(Kind::Iframe, &format!("{SITE}/tab/x")).await;
    assert_eq!(policy(&plain), "frame-ancestors 'self' https://teams.microsoft.com");
    let other = tab.get(Kind::Iframe, &format!("{SITE}/public/shut")).await;
    assert_eq!(other.header("x-frame-options"), Some("DENY"));
    assert_eq!(policy(&other), "default-src 'self'; frame-ancestors 'none'");
    // Elsewhere a frame gets the page that it always got.
    let home = tab.get(Kind::Iframe, &format!("{SITE}/home")).await;
    assert_eq!(home.status(), 401);
    assert!(policy(&home).contains("frame-ancestors 'none'"));
}

#[tokio::test]
async fn callers_that_are_no_tab_get_what_they_always_got() {
    let lab = house("").await;
    let mut browser = lab.browser();
    let url = format!("{SITE}/tab/x");
    let navigated = browser.get(Kind::Navigate, &url).await;
    assert_eq!(navigated.status(), 302);
    // A phone shows a tab as a page of its own: the address of the tab says so.
    let phone = browser.get(Kind::Navigate, &format!("{url}?portcullis_teams=1")).await;
    assert_eq!(phone.status(), 200);
    assert!(phone.text().contains("/.portcullis/teams/tab.js"));
    let script = browser.fetch("GET", &format!("{url}?portcullis_teams=1"), &[], "").await;
    assert_eq!(script.status(), 401);
    assert_eq!(script.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn without_tabs_there_are_no_pages_for_them() {
    let lab = Lab::start().await;
    for page in ["session", "redeem", "popup-start", "popup-end", "tab.js", ""] {
        let answer = lab.get(&format!("/.portcullis/teams/{page}"), &[]).await;
        assert_eq!(answer.status(), 404, "{page}");
    }
}

#[tokio::test]
async fn a_ticket_opens_one_websocket_where_there_are_no_cookies() {
    let lab = house("").await;
    let mut tab = lab.browser();
    let bearer = format!("Bearer {}", token(&lab, &json!({})));
    let fields = [("Authorization", bearer.as_str())];
    let mut ask = async |path: &str, fields: &[(&str, &str)]| {
        let answer = post(&mut tab, "ticket", fields, &format!("path={path}")).await;
        assert_eq!(answer.header("set-cookie"), None);
        let ticket = answer.json()["ticket"].as_str().map(str::to_owned);
        (answer.status(), ticket.unwrap_or_default())
    };
    let (https, authority) = (lab.gateway.https.unwrap(), lab.gateway.authority.as_ref().unwrap());
    let open = async |path: &str| {
        let raw = Raw::connect_tls(https, HOST, authority.client(&["http/1.1"])).await.unwrap();
        let origin = [format!("Origin: {SITE}")];
        socket::open_on(raw, path, &origin).await.map_err(|answer| answer.status())
    };
    let (status, ticket) = ask("/tab/ws", &fields).await;
    assert_eq!(status, 200);
    let at = |ticket: &str| format!("/tab/ws?a=%31&portcullis_ticket={ticket}&b=2");
    let mut socket = open(&at(&ticket)).await.expect("an upgrade");
    assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
    assert_eq!(lab.recorder.last().target(), "/tab/ws?a=%31&b=2", "the ticket stays here");
    assert_eq!(claims(&lab.last_token())["sub"], "oid-engineer");
    lab.recorder.clear();
    assert_eq!(open(&at(&ticket)).await.err(), Some(401), "used");
    assert_eq!(open(&at("made-up")).await.err(), Some(401));
    // Not for anything but a handshake, nor for another route.
    let (_, other) = ask("/tab/ws", &fields).await;
    let plain = lab.browser().fetch("GET", &format!("{SITE}{}", at(&other)), &[], "").await;
    assert_eq!(plain.status(), 401);
    assert_eq!(open(&format!("/ws?portcullis_ticket={other}")).await.err(), Some(401));
    assert!(lab.recorder.requests().is_empty());
    assert!(open(&at(&other)).await.is_ok(), "none of these has used it up");
    for (path, fields, status) in [
        ("/home", &fields[..], 400),
        ("/tab/../home", &fields[..], 400),
        ("/tab/ws", &[][..], 401),
        ("/tab/ws", &[("Authorization", "Bearer x")][..], 401),
    ] {
        assert_eq!(ask(path, fields).await.0, status, "{path}");
    }
    let (bearer, foreign) = (bearer.as_str(), [("Origin", "https://evil.test")]);
    let foreign = [&foreign[..], &[("Authorization", bearer)]].concat();
    let url = format!("{SITE}/.portcullis/teams/ticket");
    let answer = lab.browser().fetch("POST", &url, &foreign, "path=/tab/ws").await;
    assert_eq!(answer.status(), 403);
    for secret in [&ticket, &other] {
        assert!(!lab.gateway.printed().contains(secret.as_str()), "a ticket is in the log");
    }
    // A tab that has its cookie needs no token.
    let mut tab = signed_in(&lab).await;
    let answer = post(&mut tab, "ticket", &[], "path=/tab/ws").await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(open(&at(answer.json()["ticket"].as_str().unwrap())).await.is_ok());
}

#[tokio::test]
async fn a_cookie_of_the_app_gets_what_browsers_ask_of_one_in_a_frame() {
    let lab = house("").await;
    let mut tab = signed_in(&lab).await;
    let sets = [("X-Answer-Cookie", "theme=dark; Path=/; SameSite=Lax")];
    let answer = tab.fetch("GET", &format!("{SITE}/tab/x"), &sets, "").await;
    let set = answer.header("set-cookie");
    assert_eq!(set, Some("theme=dark; Path=/; Secure; SameSite=None; Partitioned"));
}
