use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};

use super::*;
use crate::authn::conformance::{Fields, Samples, a_way_in_keeps_the_contract, ask};
use crate::base::{ManualClock, SystemEntropy, Timestamp};
use crate::crypto::{Sealer, SealingKeys};
use crate::identity::Principal;
use crate::session::{
    Lifetimes, LiveStreams, MemoryStore, NewSession, ProviderTokens, SessionSettings,
};

struct Tab {
    way: TeamsCookie,
    good: String,
    of_another_provider: String,
}

async fn tab() -> Tab {
    let entropy = Arc::new(SystemEntropy);
    let sealer = Sealer::new(Arc::new(SealingKeys::in_memory(&*entropy)), entropy.clone());
    let hour = Duration::from_secs(3_600);
    let settings =
        SessionSettings { lifetimes: Lifetimes { idle: hour, absolute: hour }, hot: 100 };
    let manager = Arc::new(SessionManager::new(
        Arc::new(MemoryStore::new(100)),
        sealer,
        Arc::new(LiveStreams::new(100)),
        Arc::new(ManualClock::at(Timestamp::from_secs(1_000_000))),
        entropy,
        settings,
    ));
    let mut handles = Vec::new();
    for provider in ["entra", "corp"] {
        let new = NewSession {
            principal: Arc::new(Principal::new("https://idp.test", "ann")),
            signed_in_by: WayIn::Teams,
            provider: provider.into(),
            auth_time: Timestamp::from_secs(1_000_000),
            auth_time_stated: true,
            acr: None,
            amr: Arc::new([]),
            acrs: Arc::default(),
            tokens: ProviderTokens::default(),
        };
        let (handle, _) = manager.start(new, None).await.unwrap();
        handles.push(handle.to_text().expose().clone());
    }
    let way = TeamsCookie::new(CookieNames::default(), manager, "entra".into());
    let [good, of_another_provider] = handles.try_into().unwrap();
    Tab { way, good, of_another_provider }
}

fn cookie(name: &str, value: &str) -> Fields {
    vec![("cookie", format!("a=b; {name}={value}"))]
}

const NAME: &str = "__Host-portcullis-teams";

#[tokio::test]
async fn it_keeps_the_contract() {
    let tab = tab().await;
    let (one, unknown) = (&tab.good, "A".repeat(43));
    a_way_in_keeps_the_contract(Samples {
        way: &tab.way,
        takes_everybody: false,
        way_without_dependency: None,
        good: vec![(cookie(NAME, one), "ann")],
        bad: vec![
            (cookie(NAME, "x"), RejectReason::Malformed),
            (cookie(NAME, &unknown), RejectReason::SessionUnknown),
            (cookie(NAME, &tab.of_another_provider), RejectReason::OtherProvider),
            (vec![("cookie", format!("{NAME}={one}; {NAME}={one}"))], RejectReason::Repeated),
        ],
        undecided: None,
    })
    .await;
    // The cookie of a window is not that of a tab.
    let window = ask(&tab.way, &cookie("__Host-portcullis", one)).await;
    assert!(matches!(window, Outcome::Absent), "{window:?}");
    assert!(CookieNames::default().is_ours(NAME));
}

#[tokio::test]
async fn what_may_change_something_must_come_from_our_own_pages() {
    let tab = tab().await;
    let own = ("origin", "https://app.test");
    for (method, fields, may) in [
        (Method::GET, vec![("sec-fetch-site", "cross-site")], true),
        (Method::POST, vec![own], true),
        (Method::POST, vec![("sec-fetch-site", "same-origin")], true),
        (Method::POST, vec![("origin", "https://evil.test")], false),
        (Method::POST, vec![("origin", "https://teams.microsoft.com")], false),
        (Method::POST, vec![("origin", "null")], false),
        (Method::POST, vec![("sec-fetch-site", "cross-site")], false),
        (Method::PUT, vec![("sec-fetch-site", "same-site")], false),
        (Method::DELETE, vec![own, ("sec-fetch-site", "cross-site"), own], false),
        (Method::from_bytes(b"PURGE").unwrap(), vec![("sec-fetch-site", "cross-site")], false),
    ] {
        let mut headers = HeaderMap::new();
        let handle = format!("{NAME}={}", tab.good);
        headers.insert("cookie", HeaderValue::from_str(&handle).unwrap());
        for (name, value) in &fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let request = Request { method: &method, ..Request::sample(&headers) };
        let outcome = tab.way.authenticate(&request).await;
        match outcome {
            Outcome::Accept(_) => assert!(may, "{method} {fields:?}"),
            Outcome::Reject(reason) => {
                assert!(!may, "{method} {fields:?}");
                assert_eq!(reason, RejectReason::CrossSite);
            }
            other => panic!("{other:?}"),
        }
    }
}
