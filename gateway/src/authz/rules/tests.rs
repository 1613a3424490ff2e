use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::HeaderMap;
use proptest::prelude::*;

use super::*;
use crate::base::RouteId;
use crate::identity::{Authenticated, Email, WayIn};
use crate::web::Request;

/// What an authorizer says of a person; `None` is "yes".
fn judge(rule: &dyn Authorizer, who: Principal, way: WayIn) -> Option<DenyReason> {
    let (headers, route) = (HeaderMap::new(), RouteId::from("chat"));
    let request = Request {
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        ..Request::sample(&headers)
    };
    let authenticated = Authenticated::assertion(Arc::new(who), way, None);
    match rule.authorize(Question { authenticated, route: &route, request: &request }) {
        Verdict::Allow(permit) => {
            assert_eq!(permit.route(), &route);
            assert_eq!(permit.authenticated().way_in(), way);
            None
        }
        Verdict::Deny(reason) => Some(reason),
    }
}

fn allows(rule: &Allow, who: Principal) -> bool {
    judge(rule, who, WayIn::Session).is_none()
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn users(list: &[&str]) -> Allow {
    Allow::new(&texts(list), &[], &[])
}

fn person(subject: &str, address: &str, verified: bool) -> Principal {
    let email = Some(Email { address: address.to_owned(), verified });
    Principal { email, ..Principal::new("https://idp.test", subject) }
}

#[test]
fn nobody_in_particular_passes_a_public_route_only() {
    let nobody = Principal::anonymous;
    assert_eq!(judge(&Public, nobody(), WayIn::Anonymous), None);
    assert_eq!(judge(&AllowAuthenticated, nobody(), WayIn::Anonymous), Some(DenyReason::Anonymous));
    // Not even where somebody wrote the word into a list.
    let rule = users(&["anonymous", ""]);
    assert_eq!(judge(&rule, nobody(), WayIn::Anonymous), Some(DenyReason::Anonymous));
    let ann = Principal::new("https://idp.test", "ann");
    assert_eq!(judge(&AllowAuthenticated, ann.clone(), WayIn::Session), None);
    assert_eq!(judge(&Public, ann, WayIn::Session), None);
}

#[test]
fn empty_lists_let_nobody_through() {
    let ann = person("ann", "ann@corp.test", true);
    assert_eq!(judge(&Allow::default(), ann, WayIn::Session), Some(DenyReason::NotListed));
    let blank = Principal { groups: texts(&[""]), ..person("", "", true) };
    assert!(!allows(&Allow::default(), blank));
}

#[test]
fn a_subject_and_a_group_count_byte_for_byte() {
    let rule = Allow::new(&texts(&["Ann-1"]), &texts(&["Ops"]), &[]);
    assert!(allows(&rule, Principal::new("https://idp.test", "Ann-1")));
    for other in ["ann-1", "ANN-1", "Ann-1 ", "Ann-", "Ann-1\0", "Ops", ""] {
        assert!(!allows(&rule, Principal::new("https://idp.test", other)), "{other:?}");
    }
    let member = |group: &str| Principal {
        groups: texts(&["staff", group]),
        ..Principal::new("https://idp.test", "bob")
    };
    assert!(allows(&rule, member("Ops")));
    for other in ["ops", "Ops ", "/Ops", "Op", "Ann-1", ""] {
        assert!(!allows(&rule, member(other)), "{other:?}");
    }
}

#[test]
fn a_listed_address_opens_when_verified_in_any_case() {
    let rule = users(&["Ann@Corp.test"]);
    for spelling in ["ann@corp.test", "Ann@Corp.test", "ANN@CORP.TEST"] {
        assert!(allows(&rule, person("1", spelling, true)), "{spelling}");
        assert!(!allows(&rule, person("1", spelling, false)), "{spelling} is unverified");
    }
    for other in [
        "ann@corp.test.",
        "ann@corp.test ",
        " ann@corp.test",
        "ann@corp.tes",
        "x@ann@corp.test",
        "ann+x@corp.test",
        "ann",
        "",
    ] {
        assert!(!allows(&rule, person("1", other, true)), "{other}");
    }
}

#[test]
fn a_subject_that_looks_like_a_listed_address_opens_nothing() {
    let rule = users(&["ann@corp.test"]);
    for subject in ["ann@corp.test", "Ann@Corp.test"] {
        assert!(!allows(&rule, Principal::new("https://anybody.test", subject)), "{subject}");
        assert!(!allows(&rule, person(subject, "eve@evil.test", true)), "{subject}");
        assert!(!allows(&rule, person(subject, "ann@corp.test", false)), "{subject}");
    }
}

#[test]
fn an_address_that_looks_like_a_listed_subject_opens_nothing() {
    assert!(!allows(&users(&["root"]), person("eve", "root", true)));
    assert!(!allows(&users(&["root"]), person("eve", "ROOT", true)));
}

#[test]
fn a_domain_is_that_of_a_plain_verified_address() {
    let rule = Allow::new(&[], &[], &texts(&["Corp.test"]));
    assert!(allows(&rule, person("1", "ann@corp.test", true)));
    assert!(allows(&rule, person("1", "ann@CORP.test", true)));
    assert!(!allows(&rule, person("1", "ann@corp.test", false)), "unverified");
    for odd in [
        "ann@evil.test@corp.test",
        "ann@corp.test@evil.test",
        "\"ann@evil.test\"@corp.test",
        "ann@corp.test.",
        "ann@.corp.test",
        "ann@eu.corp.test",
        "ann@evilcorp.test",
        "ann@corp.test.evil.test",
        "ann@corp.test\n",
        "ann@corp.test,eve@evil.test",
        "@corp.test",
        "corp.test",
    ] {
        assert!(!allows(&rule, person("1", odd, true)), "{odd}");
        assert!(!allows(&rule, Principal::new("https://idp.test", odd)), "{odd}");
    }
}

proptest! {
    #[test]
    fn an_unverified_address_never_matters(
        address in "[a-cA-C]{1,2}(@[a-c.]{1,3}){0,2}",
        listed in proptest::collection::vec("[a-c]{1,2}(@[a-c.]{1,3})?", 0..6),
        subject in "[a-c@.]{1,4}",
    ) {
        let rule = Allow::new(&listed, &[], &listed);
        let without = Principal::new("https://idp.test", subject.clone());
        prop_assert_eq!(allows(&rule, person(&subject, &address, false)), allows(&rule, without));
    }

    #[test]
    fn who_is_let_through_is_on_a_list(
        address in "[a-cA-C]{1,2}(@[a-c.]{1,3}){0,2}",
        listed in proptest::collection::vec("[a-c]{1,2}(@[a-c.]{1,3})?", 0..6),
        subject in "[a-c@.]{1,4}",
    ) {
        let by_subject = !subject.contains('@') && listed.contains(&subject);
        let by_address =
            address.contains('@') && listed.contains(&address.to_ascii_lowercase());
        let expected = by_subject || by_address;
        prop_assert_eq!(allows(&users_of(&listed), person(&subject, &address, true)), expected);
    }
}

fn users_of(listed: &[String]) -> Allow {
    Allow::new(listed, &[], &[])
}

#[test]
fn users_and_groups_count_only_of_those_who_are_meant() {
    let corp = || ["https://idp.test".to_owned()];
    let rule = Allow::new(&texts(&["ann"]), &texts(&["ops"]), &[]).only_of(corp());
    let of = |issuer: &str| Principal { groups: texts(&["ops"]), ..Principal::new(issuer, "ann") };
    assert!(allows(&rule, of("https://idp.test")));
    for other in ["https://idp.test/", "https://other.test", "", "https://idp.test.evil.test"] {
        assert!(!allows(&rule, of(other)), "{other}");
    }
    let each = ["https://login.test/{tenantid}/v2.0".to_owned()];
    let rule = Allow::new(&[], &texts(&["ops"]), &[]).only_of(each);
    assert!(allows(&rule, of("https://login.test/t1/v2.0")));
    for other in
        ["https://login.test//v2.0", "https://login.test/a/b/v2.0", "https://evil.test/t1/v2.0"]
    {
        assert!(!allows(&rule, of(other)), "{other}");
    }
    let nobodys = Allow::new(&texts(&["ann"]), &[], &[]).only_of([]);
    assert!(!allows(&nobodys, of("https://idp.test")));
}
