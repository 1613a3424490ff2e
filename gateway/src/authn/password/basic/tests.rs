use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::authn::conformance::{ask, ask_at};
use crate::authn::password::fake::Lab;
use crate::base::SystemEntropy;
use crate::web::Scheme;

fn way(lab: &Lab, asks: bool) -> Basic {
    let among = ["staff".into(), "guests".into()];
    Basic::new(lab.desk.clone(), among, asks, lab.clock.clone(), &SystemEntropy)
}

fn basic(name: &str, password: &str) -> Vec<(&'static str, String)> {
    vec![("authorization", format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))]
}

#[tokio::test]
async fn a_good_pair_is_accepted_and_judged_once_in_a_while() {
    let lab = Lab::new();
    let way = way(&lab, true);
    for _ in 0..3 {
        let outcome = ask(&way, &basic("Ann", "staff-password")).await;
        let Outcome::Accept(proof) = outcome else { panic!("{outcome:?}") };
        assert_eq!(proof.principal().subject, "ann");
        assert_eq!((proof.way_in(), proof.session().is_none()), (WayIn::Password, true));
    }
    assert_eq!(lab.staff.asked(), 1);
    lab.clock.advance(REMEMBERED);
    ask(&way, &basic("Ann", "staff-password")).await;
    assert_eq!(lab.staff.asked(), 2);
}

#[tokio::test]
async fn what_is_bad_is_rejected_and_what_is_not_ours_is_absent() {
    let lab = Lab::new();
    let way = way(&lab, true);
    assert!(matches!(ask(&way, &vec![]).await, Outcome::Absent));
    let bearer = vec![("authorization", "Bearer x".to_owned())];
    assert!(matches!(ask(&way, &bearer).await, Outcome::Absent));
    let outcome = ask(&way, &basic("ann", "wrong")).await;
    assert!(matches!(outcome, Outcome::Reject(RejectReason::Unknown)), "{outcome:?}");
    let outcome = ask(&way, &basic("eve", "guests-password")).await;
    assert!(matches!(outcome, Outcome::Reject(RejectReason::Disabled)), "{outcome:?}");
    let twice = [basic("ann", "staff-password"), basic("ann", "staff-password")].concat();
    let outcome = ask(&way, &twice).await;
    assert!(matches!(outcome, Outcome::Reject(RejectReason::Repeated)), "{outcome:?}");
    for _ in 0..3 {
        ask(&way, &basic("ann", "wrong")).await;
    }
    let outcome = ask(&way, &basic("ann", "staff-password")).await;
    assert!(matches!(outcome, Outcome::Reject(RejectReason::TooMany)), "{outcome:?}");
}

#[tokio::test]
async fn a_directory_that_is_down_is_unavailable() {
    let lab = Lab::new();
    lab.staff.down.store(true, Ordering::SeqCst);
    let outcome = ask(&way(&lab, true), &basic("ann", "staff-password")).await;
    assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
}

/// THREATS F3: no letter moves between name and password, so no pair is taken for another.
#[tokio::test]
async fn pairs_that_are_one_text_are_two_pairs() {
    let lab = Lab::new();
    let way = way(&lab, true);
    let of = |name: &str, password: &str| way.fingerprint(name, &Secret::from(password));
    assert_ne!(of("ann", "x"), of("annx", ""));
    assert_ne!(of("a", "nnx"), of("an", "nx"));
    assert_eq!(of("ann", "x"), of("ann", "x"));
    assert_ne!(of("ann", "x"), self::way(&lab, true).fingerprint("ann", &Secret::from("x")));
}

#[tokio::test]
async fn requests_at_the_same_moment_are_one_login() {
    let lab = Lab::new();
    let way = Arc::new(way(&lab, true));
    lab.staff.gate.forget_permits(usize::MAX >> 4);
    let asking = (0..12).map(|_| {
        let way = Arc::clone(&way);
        tokio::spawn(async move { ask(&*way, &basic("ann", "staff-password")).await })
    });
    let asking: Vec<_> = asking.collect();
    while lab.staff.asked() < 1 {
        tokio::task::yield_now().await;
    }
    lab.staff.gate.add_permits(100);
    for one in asking {
        assert!(matches!(one.await.unwrap(), Outcome::Accept(_)));
    }
    assert_eq!(lab.staff.asked(), 1);
}

#[tokio::test]
async fn a_password_over_the_open_wire_does_not_count() {
    let lab = Lab::new();
    let way = way(&lab, true);
    let pair = basic("ann", "staff-password");
    let outcome = ask_at(&way, &pair, Scheme::Http, "app.test").await;
    assert!(matches!(outcome, Outcome::Reject(RejectReason::Misplaced)), "{outcome:?}");
    assert!(matches!(ask_at(&way, &pair, Scheme::Http, "localhost").await, Outcome::Accept(_)));
    assert_eq!(way.challenge(), Some("Basic realm=\"portcullis\", charset=\"UTF-8\""));
    assert_eq!(self::way(&lab, false).challenge(), None);
}

/// Browsers send a remembered pair along whichever page asks.
#[tokio::test]
async fn a_page_of_another_site_changes_nothing_with_it() {
    let lab = Lab::new();
    let way = way(&lab, true);
    for (method, field, good) in [
        (Method::POST, Some(("origin", "https://evil.test")), false),
        (Method::POST, Some(("origin", "null")), false),
        (Method::DELETE, Some(("sec-fetch-site", "cross-site")), false),
        (Method::POST, Some(("origin", "https://app.test")), true),
        (Method::GET, Some(("sec-fetch-site", "cross-site")), true),
        (Method::POST, None, true),
    ] {
        let mut headers = HeaderMap::new();
        let (_, pair) = basic("ann", "staff-password").remove(0);
        headers.insert("authorization", pair.parse().unwrap());
        if let Some((name, value)) = field {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let request = Request { method: &method, ..Request::sample(&headers) };
        let outcome = way.authenticate(&request).await;
        assert_eq!(matches!(outcome, Outcome::Accept(_)), good, "{method} {field:?} {outcome:?}");
    }
}
