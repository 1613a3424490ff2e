//! An app's own cookies belong to the session that they were set in.

use serde_json::json;

use crate::presets::house::{app_cookies, fetch, routes, seen};
use crate::support::browser::Kind;
use crate::support::lab::SITE;
use crate::support::logout::{logout_token, post_logout};
use crate::support::socket;

const BOUND: &str = "[[routes]]\napp_cookies = [\"who*\"]\n$";

#[tokio::test]
async fn the_app_sees_what_it_set_and_the_browser_cannot_change_it() {
    let lab = routes(BOUND).await;
    let mut browser = lab.sign_in("engineer").await;
    let sets = [
        ("X-Answer-Cookie", "who=ann; Path=/; HttpOnly; SameSite=Lax"),
        ("X-Answer-Cookie", "who_1=\"a b\"; Path=/"),
        ("X-Answer-Cookie", "theme=dark; Path=/"),
        ("X-Answer-Cookie", "=who=shadow; Path=/"),
    ];
    let answer = fetch(&mut browser, "/a", &sets).await;
    let set: Vec<_> = answer.headers.all("set-cookie").collect();
    assert!(set[0].starts_with("who=ann.") && set[0].ends_with("; Path=/; HttpOnly; SameSite=Lax"));
    assert_eq!(set[2], "theme=dark; Path=/");
    assert_eq!(set.len(), 3, "{set:?}");
    fetch(&mut browser, "/b", &[]).await;
    assert_eq!(seen(&lab), "who=ann; who_1=\"a b\"; theme=dark");
    let cookies = browser.cookie_header(&url::Url::parse(SITE).unwrap());
    lab.recorder.clear();
    let mut socket = socket::open_by_library(lab.gateway.http, "/ws", &cookies).await;
    assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
    assert_eq!(seen(&lab), "who=ann; who_1=\"a b\"; theme=dark");
    let good = app_cookies(&browser);
    let value = |index: usize| good[index].split_once('=').unwrap().1.to_owned();
    for (name, wrong) in [
        ("who", "ann".to_owned()),
        ("who", value(0).replacen("ann", "bob", 1)),
        ("who", value(1)),
        ("who_2", value(0)),
        ("who_script", "set-by-a-page".to_owned()),
        ("who", format!("{}=", value(0))),
    ] {
        let mut other = browser.clone();
        other.plant("localhost", name, &wrong);
        fetch(&mut other, "/b", &[]).await;
        assert!(!seen(&lab).contains(&format!("{name}=")), "{name}={wrong}: {}", seen(&lab));
    }
}

#[tokio::test]
async fn a_cookie_of_another_session_is_dropped_and_removed_with_the_next_page() {
    let lab = routes(BOUND).await;
    let mut ann = lab.sign_in("engineer").await;
    fetch(&mut ann, "/a", &[("X-Answer-Cookie", "who=ann; Path=/")]).await;
    let stale = app_cookies(&ann)[0].split_once('=').unwrap().1.to_owned();
    // The same person in another session, and somebody else.
    for user in ["engineer", "sales"] {
        let mut other = lab.sign_in(user).await;
        other.plant("localhost", "who", &stale);
        let answer = fetch(&mut other, "/b", &[]).await;
        assert_eq!(seen(&lab), "", "{user}");
        // A script's answer removes nothing: another one may have set a new cookie meanwhile.
        assert_eq!(answer.header("set-cookie"), None);
        let page = other.get(Kind::Navigate, &format!("{SITE}/b")).await;
        assert_eq!(seen(&lab), "");
        let removed = page.header("set-cookie").unwrap();
        assert!(removed.starts_with("who=; Path=/; Max-Age=0"), "{removed}");
        assert_eq!(app_cookies(&other), Vec::<String>::new());
        let page = other.get(Kind::Navigate, &format!("{SITE}/b")).await;
        assert_eq!(page.header("set-cookie"), None, "once is enough");
    }
    fetch(&mut ann, "/a", &[("X-Answer-Cookie", "who_1=\"a b\"; Path=/")]).await;
    let page = ann.get(Kind::Navigate, &format!("{SITE}/b")).await;
    assert_eq!(page.header("set-cookie"), None);
    assert_eq!(seen(&lab), "who=ann; who_1=\"a b\"");
}

#[tokio::test]
async fn it_is_removed_at_sign_out_and_survives_a_restart_of_the_gateway() {
    let lab = routes(BOUND).await;
    let mut ann = lab.sign_in("engineer").await;
    fetch(&mut ann, "/a", &[("X-Answer-Cookie", "who=ann; Path=/")]).await;
    let lab = lab.crash().await;
    lab.aim(&mut ann);
    fetch(&mut ann, "/b", &[]).await;
    assert_eq!(seen(&lab), "who=ann");
    lab.sign_out(&mut ann).await;
    assert_eq!(app_cookies(&ann), Vec::<String>::new());
}

#[tokio::test]
async fn after_a_logout_at_the_provider_it_goes_with_the_next_sign_in_and_reaches_no_app() {
    let lab = routes(BOUND).await;
    let mut ann = lab.sign_in("engineer").await;
    fetch(&mut ann, "/a", &[("X-Answer-Cookie", "who=ann; Path=/")]).await;
    let token = logout_token(&lab.provider, &json!({}));
    assert_eq!(post_logout(lab.gateway.http, &token).await.status(), 200);
    assert_eq!(app_cookies(&ann).len(), 1, "nobody has spoken with the browser yet");
    lab.recorder.clear();
    let page = ann.navigate(&format!("{SITE}/b")).await;
    assert_eq!(page.answer.status(), 200, "{:#?}", page.hops);
    assert_eq!(app_cookies(&ann), Vec::<String>::new());
    assert_eq!(seen(&lab), "");
}

#[tokio::test]
async fn one_apps_cookie_is_not_anothers() {
    let text = format!(
        "{BOUND}[[routes]]\npath = \"/other/*\"\napp_cookies = [\"who*\"]\n{}\n[upstreams.second]\n\
         servers = [\"127.0.0.1:1\"]\n",
        "auth = [\"session\"]\naccess = \"authenticated\"\nupstream = \"second\"\n"
    );
    let lab = routes(&text).await;
    let mut ann = lab.sign_in("engineer").await;
    fetch(&mut ann, "/a", &[("X-Answer-Cookie", "who=ann; Path=/")]).await;
    // Nobody listens there; what counts is that a page of the other app removes it.
    let page = ann.get(Kind::Navigate, &format!("{SITE}/other/x")).await;
    assert_eq!(page.status(), 502);
    fetch(&mut ann, "/b", &[]).await;
    assert_eq!(seen(&lab), "who=ann");
}

#[tokio::test]
async fn what_a_visitor_was_is_not_what_the_signed_in_person_is() {
    let open = "auth = [\"session\", \"anonymous\"]\nlogin = [\"test\"]\naccess = \"public\"\n\
        upstream = \"agent\"\n";
    let text = BOUND.replace('$', open);
    let text = format!("{text}[[routes]]\npath = \"/home\"\n$");
    let lab = routes(&text).await;
    let mut visitor = lab.browser();
    fetch(&mut visitor, "/a", &[("X-Answer-Cookie", "who=visitor; Path=/")]).await;
    fetch(&mut visitor, "/a", &[]).await;
    assert_eq!(seen(&lab), "who=visitor");
    let kept = app_cookies(&visitor)[0].split_once('=').unwrap().1.to_owned();
    lab.sign_in_with(&mut visitor, "engineer").await;
    visitor.plant("localhost", "who", &kept);
    fetch(&mut visitor, "/a", &[]).await;
    assert_eq!(seen(&lab), "");
}
