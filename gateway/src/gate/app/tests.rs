use std::sync::Arc;

use http::HeaderMap;
use proptest::prelude::{prop_assert_eq, proptest};

use super::*;
use crate::base::SeededEntropy;
use crate::crypto::SealingKeys;
use crate::gate::fixture::Asked;
use crate::identity::Principal;

fn app() -> AppPlan {
    let keys = Arc::new(SealingKeys::in_memory(&SeededEntropy::new(5)));
    AppPlan {
        fields: Vec::new(),
        max_groups: 2,
        replaced: vec!["token".parse().unwrap()],
        bound: vec!["who*".parse().unwrap()],
        logout: vec!["/logout".to_owned()],
        login: Vec::new(),
        front: "/".to_owned(),
        own: CookieNames::default(),
        tagger: Tagger::new(keys),
        upstream: "app".to_owned(),
    }
}

fn told(app: &AppPlan, subject: &str, way: WayIn) -> Told {
    let who = Arc::new(Principal::new("https://idp.test", subject));
    let permit = Permit::assertion(Authenticated::assertion(who, way, None), "r".into());
    app.tell(&Asked::get("/").request(), &permit, None)
}

fn relayed(app: &AppPlan, field: &str, told: &Told) -> Option<String> {
    let relayed = app.relayed(field.as_bytes(), told)?;
    Some(String::from_utf8(relayed.into_owned()).unwrap())
}

#[test]
fn in_a_tab_all_cookies_get_what_frames_need_and_elsewhere_none() {
    let app = app();
    let framed = told(&app, "ann", WayIn::Teams);
    let all = "; Secure; SameSite=None; Partitioned";
    let theme = relayed(&app, "theme=dark; Path=/; SameSite=Lax", &framed);
    assert_eq!(theme.unwrap(), format!("theme=dark; Path=/{all}"));
    let who = relayed(&app, "who=ann; HttpOnly", &framed).unwrap();
    assert!(who.starts_with("who=ann.") && who.ends_with(&format!("; HttpOnly{all}")), "{who}");
    let gone = relayed(&app, "who=; Max-Age=0", &framed).unwrap();
    assert_eq!(gone, format!("who=; Max-Age=0{all}"), "a removal removes");
    assert_eq!(relayed(&app, "token=x", &framed), None);
    assert_eq!(relayed(&app, "odd", &framed).as_deref(), Some("odd"));
    let window = told(&app, "ann", WayIn::Session);
    let theme = relayed(&app, "theme=dark; Path=/; SameSite=Lax", &window);
    assert_eq!(theme.as_deref(), Some("theme=dark; Path=/; SameSite=Lax"));
    for odd in ["=who=x", "who", " = token=x"] {
        assert_eq!(relayed(&app, odd, &window), None, "{odd}");
    }
}

#[test]
fn what_is_removed_in_a_tab_says_that_it_is_a_tabs() {
    let app = app();
    let page = Asked::get("/").with("cookie", "who=stale; theme=dark").with("accept", "text/html");
    let removed = |framed| app.removals(&page.request(), b"session", framed);
    assert_eq!(
        removed(true),
        ["who=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=None; Partitioned"]
    );
    assert_eq!(removed(false), ["who=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"]);
}

#[test]
fn without_a_session_a_cookie_is_the_principals() {
    let app = app();
    let (ann, bob) = (told(&app, "ann", WayIn::Bearer), told(&app, "bob", WayIn::Bearer));
    let set = relayed(&app, "who=1; Path=/", &ann).unwrap();
    let value = set.split(';').next().unwrap().strip_prefix("who=").unwrap();
    assert_eq!(app.unbound(&ann.session, "who", value.as_bytes()), Some(&b"1"[..]));
    assert_eq!(app.unbound(&bob.session, "who", value.as_bytes()), None);
    assert_eq!(app.unbound(&ann.session, "who2", value.as_bytes()), None);
}

#[test]
fn a_mark_leads_to_the_signed_out_page_for_a_minute() {
    let app = app();
    let request = Asked::get("/");
    let mark = left_mark(&app.own, &request.request()).unwrap();
    assert!(mark.starts_with("__Host-portcullis-signed-out=1; Path=/; Max-Age=60"), "{mark}");
    assert!(!app.has_just_left(&request.request()));
    let marked = request.with("cookie", "__Host-portcullis-signed-out=1");
    assert!(app.has_just_left(&marked.request()));
    assert!(app.own.is_ours("__Host-portcullis-signed-out"));
}

proptest! {
    /// What an application set comes back to it byte for byte, and to nobody else.
    #[test]
    fn a_value_goes_round(value in "[!#-+\\--:<-\\[\\]-~]{1,60}", name in "who[a-z0-9_]{0,4}") {
        let app = app();
        let ann = told(&app, "ann", WayIn::Bearer);
        let set = relayed(&app, &format!("{name}={value}; Path=/"), &ann).unwrap();
        let pair = set.split(';').next().unwrap().to_owned();
        let mut headers = HeaderMap::new();
        headers.insert("cookie", HeaderValue::from_str(&format!("a=1; {pair}; {name}=x")).unwrap());
        let request = Asked { headers, ..Asked::get("/") };
        let cookie = |session: &[u8]| {
            let cookie = app.cookie(&request.request(), session, None).unwrap();
            cookie.to_str().unwrap().to_owned()
        };
        let expected = format!("a=1; {name}={value}");
        prop_assert_eq!(cookie(&ann.session), expected);
        let bob = told(&app, "bob", WayIn::Bearer);
        prop_assert_eq!(cookie(&bob.session), "a=1");
    }
}
