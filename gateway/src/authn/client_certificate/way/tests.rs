use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::json;

use super::*;
use crate::authn::client_certificate::SubjectField;
use crate::authn::conformance::{Samples, a_way_in_keeps_the_contract};
use crate::base::{ManualClock, Timestamp};
use crate::identity::ClaimMapping;
use crate::web::mtls::ClientCertificate;
use crate::web::mtls::testing::{Authority, Said, email, uri};

fn way(trust: &str, subject: SubjectField) -> (ClientCertificates, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
    let rules = CertificateRules {
        trust: trust.to_owned(),
        issuer: "urn:corp".to_owned(),
        subject,
        email_verified: true,
        claims: ClaimMapping {
            groups: "organizational_unit".to_owned(),
            keep: vec!["serial".to_owned()],
            ..ClaimMapping::default()
        },
    };
    (ClientCertificates::new([rules], Arc::clone(&clock) as Arc<dyn Clock>), clock)
}

fn show(way: &ClientCertificates, shown: &ClientCertificate) -> Outcome {
    show_with(way, shown, &Method::GET, &HeaderMap::new())
}

fn show_with(
    way: &ClientCertificates,
    shown: &ClientCertificate,
    method: &Method,
    headers: &HeaderMap,
) -> Outcome {
    let request = Request { method, certificate: Some(shown), ..Request::sample(headers) };
    way.authenticate_now(&request).unwrap()
}

fn rejected(outcome: Outcome) -> RejectReason {
    match outcome {
        Outcome::Reject(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_page_of_another_site_changes_nothing_with_a_browsers_certificate() {
    let (way, _) = way("corp", SubjectField::CommonName);
    let shown = Authority::new().certificate(Said { common_names: &["ann"], ..Said::default() });
    let from = |origin: &'static str, site: &'static str| {
        let named = [("origin", origin), ("sec-fetch-site", site)];
        let named = named.into_iter().filter(|(_, value)| !value.is_empty());
        named
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect::<HeaderMap>()
    };
    let (own, foreign) = (from("https://app.test", "same-origin"), from("https://evil.test", ""));
    let (unnamed, none) = (from("", "cross-site"), HeaderMap::new());
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let ask = |headers| show_with(&way, &shown, &method, headers);
        assert!(matches!(ask(&own), Outcome::Accept(_)), "{method}");
        assert!(matches!(ask(&none), Outcome::Accept(_)), "{method}: a program");
        assert_eq!(rejected(ask(&foreign)), RejectReason::CrossSite, "{method}");
        assert_eq!(rejected(ask(&unnamed)), RejectReason::CrossSite, "{method}");
    }
    assert!(matches!(show_with(&way, &shown, &Method::GET, &foreign), Outcome::Accept(_)));
}

#[tokio::test]
async fn a_request_without_a_certificate_has_no_credential() {
    let (way, _) = way("corp", SubjectField::CommonName);
    a_way_in_keeps_the_contract(Samples {
        way: &way,
        takes_everybody: false,
        way_without_dependency: None,
        good: vec![],
        bad: vec![],
        undecided: None,
    })
    .await;
}

#[test]
fn the_operator_chooses_which_name_is_the_subject() {
    let authority = Authority::new();
    let shown = authority.certificate(Said {
        common_names: &["ann"],
        unit: Some("staff"),
        names: vec![
            uri("spiffe://corp.test/ann"),
            email("ann@corp.test"),
            rcgen::SanType::DnsName("ann.corp.test".try_into().unwrap()),
        ],
        serial: 0xa1,
    });
    for (field, subject) in [
        (SubjectField::CommonName, "ann"),
        (SubjectField::DistinguishedName, "OU=staff,CN=ann"),
        (SubjectField::Dns, "ann.corp.test"),
        (SubjectField::Email, "ann@corp.test"),
        (SubjectField::Uri, "spiffe://corp.test/ann"),
    ] {
        let Outcome::Accept(proof) = show(&way("corp", field).0, &shown) else { panic!("good") };
        let who = proof.principal();
        assert_eq!((who.issuer.as_str(), who.subject.as_str()), ("urn:corp", subject));
        assert_eq!(who.display_name(), "ann");
        assert_eq!(who.groups, ["staff"]);
        assert!(who.email.as_ref().is_some_and(|email| email.verified));
        assert_eq!(who.claims["serial"], json!("a1"));
        assert_eq!(proof.way_in(), WayIn::ClientCertificate);
        assert_eq!(proof.expires(), Some(shown.ends()), "streams end with it");
    }
}

#[test]
fn a_certificate_that_names_nobody_or_two_is_refused() {
    let authority = Authority::new();
    let two = authority.certificate(Said {
        common_names: &["ann", "bob"],
        names: vec![uri("spiffe://corp.test/a"), uri("spiffe://corp.test/b")],
        ..Said::default()
    });
    let long = "a".repeat(256);
    let long = authority.certificate(Said { common_names: &[&long], ..Said::default() });
    for (shown, field) in [
        (&two, SubjectField::CommonName),
        (&two, SubjectField::Uri),
        (&two, SubjectField::Email),
        (&two, SubjectField::Dns),
        (&long, SubjectField::CommonName),
        (&long, SubjectField::DistinguishedName),
    ] {
        assert_eq!(rejected(show(&way("corp", field).0, shown)), RejectReason::Claims);
    }
    let nameless = authority.certificate(Said { common_names: &[], ..Said::default() });
    let whole = way("corp", SubjectField::DistinguishedName).0;
    assert_eq!(rejected(show(&whole, &nameless)), RejectReason::Claims);
}

#[test]
fn a_certificate_ends_on_an_open_connection_too() {
    let shown = Authority::new().certificate(Said::default());
    let (way, clock) = way("corp", SubjectField::CommonName);
    assert!(matches!(show(&way, &shown), Outcome::Accept(_)));
    clock.advance(shown.ends().since(clock.now()));
    assert_eq!(rejected(show(&way, &shown)), RejectReason::Expired);
}

#[test]
fn a_certificate_of_other_authorities_is_refused() {
    let shown = Authority::new().certificate(Said::default());
    let (way, _) = way("partners", SubjectField::CommonName);
    assert_eq!(rejected(show(&way, &shown)), RejectReason::Issuer);
}
