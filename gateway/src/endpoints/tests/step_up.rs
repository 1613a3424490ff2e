//! Signing in for a page that wants more of a sign-in.

use http::StatusCode;
use serde_json::json;
use url::Url;

use crate::endpoints::tests::fixture::{Browser, Fixture, location, query, text};

const STEP_UP: &str = "/.portcullis/login?return_to=/x&step_up=/pay/*";

fn asked(at: &Url, name: &str) -> Option<String> {
    at.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn the_provider_is_asked_for_what_the_route_wants_and_never_for_what_a_link_says() {
    let fixture = Fixture::new();
    let mut ann = Browser::new();
    for target in ["/.portcullis/login?return_to=/pay/x", STEP_UP] {
        let more = format!("{target}&acr_values=none&max_age=0&prompt=none&scope=admin");
        let at = Url::parse(location(&fixture.get(&mut ann, &more).await)).unwrap();
        assert_eq!(query(&at, "acr_values"), "mfa", "{target}");
        assert_eq!((query(&at, "max_age"), asked(&at, "prompt")), ("300".to_owned(), None));
        assert!(!query(&at, "scope").contains("admin"));
    }
    for plain in ["/.portcullis/login?return_to=/x", "/.portcullis/login?return_to=/x&step_up=nope"]
    {
        let at = Url::parse(location(&fixture.get(&mut ann, plain).await)).unwrap();
        assert_eq!((asked(&at, "acr_values"), asked(&at, "max_age")), (None, None), "{plain}");
    }
}

#[tokio::test]
async fn a_provider_that_does_not_comply_ends_at_a_page_and_begins_no_session() {
    let now = super::fixture::NOW;
    for claims in [
        json!({ "acr": "pwd", "auth_time": now }),
        json!({ "auth_time": now }),
        json!({ "acr": "mfa" }),
        json!({ "acr": "mfa", "auth_time": now - 3_600 }),
        json!({ "acr": "mfa", "auth_time": now + 3_600 }),
    ] {
        let fixture = Fixture::new();
        let mut ann = Browser::new();
        let at = Url::parse(location(&fixture.get(&mut ann, STEP_UP).await)).unwrap();
        let back = fixture.consent(&at, &claims);
        let reply = fixture.get(&mut ann, &back).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{claims}: {}", text(&reply));
        assert!(!ann.jar.contains_key("__Host-portcullis"), "{claims}");
    }
}

#[tokio::test]
async fn whoever_never_has_enough_stops_at_a_page_at_the_third_time() {
    let fixture = Fixture::new();
    let mut ann = Browser::new();
    for _ in 0..2 {
        let at = Url::parse(location(&fixture.get(&mut ann, STEP_UP).await)).unwrap();
        let proof = json!({ "acr": "mfa", "auth_time": super::fixture::NOW });
        let back = fixture.consent(&at, &proof);
        let reply = fixture.get(&mut ann, &back).await;
        assert_eq!((reply.status, location(&reply)), (StatusCode::SEE_OTHER, "/x"));
    }
    let stopped = fixture.get(&mut ann, STEP_UP).await;
    assert_eq!(stopped.status, StatusCode::BAD_REQUEST);
    assert!(text(&stopped).contains("not in the way that this page needs"), "{}", text(&stopped));
    assert!(text(&stopped).contains("step_up="), "{}", text(&stopped));
    let again = fixture.get(&mut ann, &format!("{STEP_UP}&again=1")).await;
    assert_eq!(again.status, StatusCode::FOUND);
}
