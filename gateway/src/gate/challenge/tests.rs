use std::sync::Arc;

use proptest::prelude::*;
use url::form_urlencoded;

use super::*;
use crate::authn::RejectReason;
use crate::authn::bearer::{Bearer, Issuer, IssuerSettings, TokenSource};
use crate::authz::DenyReason;
use crate::authz::Public;
use crate::base::ManualClock;
use crate::crypto::KeySet;
use crate::gate::fixture::{Asked, CANARY, NOW, open, plan, unavailable};
use crate::gate::plan::RoutePlan;
use crate::identity::{Lacking, WayIn};
use crate::token::{ClaimSizes, MintError};
use crate::web::{CanonicalPath, query_fault};

/// One of each, with a canary wherever the operator is told more than the client.
fn refusals() -> Vec<Refusal> {
    let sizes = ClaimSizes(vec![(CANARY.to_owned(), 9)]);
    vec![
        Refusal::BadRequest(CANARY),
        Refusal::BodyTooLarge,
        Refusal::ExpectationFailed,
        Refusal::Forbidden(DenyReason::NotListed),
        Refusal::HeaderTooLarge,
        Refusal::InsufficientScope(WayIn::Bearer),
        Refusal::InvalidRequest(WayIn::Bearer, RejectReason::Misplaced),
        Refusal::MethodNotAllowed(vec![http::Method::GET, http::Method::PUT]),
        Refusal::Mint(MintError::TooLarge { bytes: 9, limit: 1, sizes }),
        Refusal::Misdirected,
        Refusal::NotFound,
        Refusal::Origin,
        Refusal::OtherConnection,
        Refusal::StepUp(Arc::default(), Lacking::Context),
        Refusal::StreamLimit,
        Refusal::Unauthenticated(None),
        Refusal::Unauthenticated(Some((WayIn::Session, RejectReason::SessionUnknown))),
        Refusal::Unavailable(unavailable()),
        Refusal::Upstream(CANARY),
        Refusal::UpstreamTimeout,
    ]
}

fn callers() -> Vec<(CallerKind, Asked)> {
    let asked = || Asked { query: Some("b=1&c=%20".to_owned()), ..Asked::get("/a") };
    let navigation = |dest| asked().with("sec-fetch-mode", "navigate").with("sec-fetch-dest", dest);
    vec![
        (CallerKind::Grpc, asked().with("content-type", "application/grpc+proto")),
        (CallerKind::IframeNavigation, navigation("iframe")),
        (CallerKind::Mcp, asked().with("mcp-protocol-version", "2026-07-28")),
        (CallerKind::Navigation, navigation("document")),
        (CallerKind::Programmatic, asked().with("accept", "text/event-stream")),
        (CallerKind::WebSocket, Asked { websocket: true, ..asked() }),
    ]
}

fn refused(refusal: Refusal, login: bool) -> Refused {
    let mut plan = open();
    if !login {
        plan.login.clear();
    }
    Refused::on(&Arc::<RoutePlan>::new(plan), refusal)
}

fn text(reply: &Reply) -> String {
    String::from_utf8(reply.body.to_vec()).unwrap()
}

/// What matters of an answer, on one line.
fn line(kind: CallerKind, code: &str, reply: &Reply) -> String {
    const KEPT: [&str; 7] = [
        "content-type",
        "location",
        "www-authenticate",
        "retry-after",
        "allow",
        "grpc-status",
        "grpc-message",
    ];
    let mut line = format!("{code} {kind:?}: {}", reply.status.as_u16());
    for name in KEPT {
        for value in reply.headers.get_all(name).iter().chain(reply.trailers.get_all(name)) {
            line.push_str(&format!(" [{name}: {}]", value.to_str().unwrap()));
        }
    }
    let body = text(reply);
    let body = match body.split_once("<h1>") {
        Some((_, page)) => page
            .split("<p class=\"reference\">")
            .next()
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
        None => body,
    };
    format!("{}\n", format!("{line} {}", body.trim()).trim_end())
}

#[test]
fn every_no_has_its_shape_for_every_caller() {
    let mut table = String::new();
    for (kind, asked) in callers() {
        for refusal in refusals() {
            let request = asked.request();
            assert_eq!(request.caller_kind(), kind);
            let code = refusal.code();
            table.push_str(&line(kind, code, &refused(refusal, true).reply(&request)));
        }
    }
    let known = include_str!("answers.txt");
    for (now, then) in table.lines().zip(known.lines()) {
        assert_eq!(now, then);
    }
    assert!(table == known, "the table of answers has another length:\n{table}");
}

#[test]
fn no_answer_sets_a_cookie_or_shows_a_cause() {
    for (_, asked) in callers() {
        let hidden = asked.with("authorization", "Bearer SECRET-1").with("cookie", "x=SECRET-2");
        for refusal in refusals() {
            for login in [false, true] {
                let cause = refusal.cause();
                let refused = refused(clone(&refusal), login);
                for reply in [refused.reply(&hidden.request()), refused.bare_reply()] {
                    let shown =
                        format!("{:?} {:?} {}", reply.headers, reply.trailers, text(&reply));
                    for secret in [CANARY, "SECRET-", &*cause, "app\"", "idp.test"] {
                        // A cause that is the public code itself says nothing more.
                        let public = secret == refusal.code();
                        assert!(public || !shown.contains(secret), "{secret} in {shown}");
                    }
                    assert!(!reply.headers.contains_key("set-cookie"));
                    assert!(!reply.headers.contains_key("clear-site-data"));
                    assert_eq!(reply.headers["cache-control"], "no-store");
                    assert_eq!(reply.status == 401, reply.headers.contains_key("www-authenticate"));
                }
            }
        }
    }
}

/// The same refusal again: it is made for one answer, and is no `Clone`.
fn clone(refusal: &Refusal) -> Refusal {
    let same = |other: &Refusal| other.cause() == refusal.cause() && other.code() == refusal.code();
    refusals().into_iter().find(same).unwrap()
}

/// A route that takes tokens with the scope `read`, and sessions too where people can log in.
fn with_tokens(refusal: Refusal, login: bool) -> Refused {
    let issuer = IssuerSettings::new("ci".into(), "https://ci.test", "api");
    let clock = Arc::new(ManualClock::at(NOW));
    let issuer = Issuer::new(issuer, TokenSource::Keys(KeySet::default()), clock);
    let bearer = Bearer::new([Arc::new(issuer)], &["read".to_owned()]);
    let mut plan = plan(vec![Arc::new(bearer)], Public);
    if !login {
        plan.login.clear();
    }
    Refused::on(&Arc::<RoutePlan>::new(plan), refusal)
}

/// RFC 6750 section 3.
#[test]
fn a_refused_token_is_told_why_in_the_standards_words() {
    let challenges = |refusal: Refusal, login: bool| {
        let asked = Asked::get("/a").with("accept", "application/json");
        let reply = with_tokens(refusal, login).reply(&asked.request());
        let all = reply.headers.get_all("www-authenticate").iter();
        let all: Vec<_> = all.map(|value| value.to_str().unwrap().to_owned()).collect();
        format!("{} {}", reply.status.as_u16(), all.join(" | "))
    };
    let sent = |reason| Refusal::Unauthenticated(Some((WayIn::Bearer, reason)));
    let bearer = "Bearer realm=\"portcullis\", scope=\"read\"";
    let session = "Portcullis realm=\"session\"";
    for (refusal, login, expected) in [
        // No token, no error code: RFC 6750 section 3.1.
        (Refusal::Unauthenticated(None), false, format!("401 {bearer}")),
        (Refusal::Unauthenticated(None), true, format!("401 {bearer} | {session}")),
        (sent(RejectReason::Expired), false, format!("401 {bearer}, error=\"invalid_token\"")),
        (sent(RejectReason::Signature), false, format!("401 {bearer}, error=\"invalid_token\"")),
        (
            Refusal::Unauthenticated(Some((WayIn::Session, RejectReason::SessionUnknown))),
            true,
            format!("401 {bearer} | {session}"),
        ),
        (
            Refusal::InsufficientScope(WayIn::Bearer),
            true,
            format!("403 {bearer}, error=\"insufficient_scope\""),
        ),
        (
            Refusal::InvalidRequest(WayIn::Bearer, RejectReason::Repeated),
            true,
            format!("400 {bearer}, error=\"invalid_request\""),
        ),
        (Refusal::Forbidden(DenyReason::NotListed), true, "403 ".to_owned()),
        (Refusal::Unavailable(unavailable()), true, "503 ".to_owned()),
    ] {
        assert_eq!(challenges(refusal, login), expected);
    }
}

#[test]
fn where_nobody_signs_in_nobody_is_sent_to() {
    for (_, asked) in callers() {
        let request = asked.request();
        let mut answers = vec![refused(Refusal::Unauthenticated(None), false).reply(&request)];
        answers.push(Refused::without_route(Refusal::Unauthenticated(None)).reply(&request));
        for reply in answers {
            assert!(!reply.headers.contains_key("location"));
            assert!(!text(&reply).contains("/.portcullis/"), "{}", text(&reply));
        }
    }
}

#[test]
fn a_hostile_address_is_escaped() {
    let hostile = "x=\"><script>alert(1)</script>&y='onload='";
    let asked = Asked { query: Some(hostile.to_owned()), ..Asked::get("/a'b&lt;") }
        .with("sec-fetch-mode", "navigate");
    for dest in ["document", "iframe"] {
        let asked = asked.clone().with("sec-fetch-dest", dest);
        for refusal in refusals() {
            let reply = refused(refusal, true).reply(&asked.request());
            let page = text(&reply);
            for raw in ["<script>alert", "onload=", "/a'b"] {
                assert!(!page.contains(raw), "{raw} in {page}");
            }
            if reply.status.is_redirection() {
                let location = reply.headers["location"].to_str().unwrap();
                // The one that parts the route's name from the way back is ours.
                let location = location.replacen("&step_up=unnamed", "", 1);
                assert!(!location.contains(['"', '<', '\'', '&', ' ']), "{location}");
            } else {
                let policy = reply.headers["content-security-policy"].to_str().unwrap();
                assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe-eval"));
            }
        }
    }
}

#[test]
fn grpc_learns_the_status_from_the_trailers() {
    for refusal in refusals() {
        let expected = match refusal.code() {
            "insufficient_user_authentication" | "sign_in_required" => "16",
            "forbidden" | "insufficient_scope" | "origin_refused" => "7",
            "not_found" | "method_not_allowed" => "12",
            "bad_request" | "invalid_request" => "3",
            "body_too_large" => "8",
            "token_failed" => "13",
            "upstream_timeout" => "4",
            _ => "14",
        };
        let asked = Asked::get("/p.S/M").with("content-type", "application/grpc");
        let reply = refused(refusal, true).reply(&asked.request());
        assert_eq!((reply.status.as_u16(), reply.body.len()), (200, 0));
        assert_eq!(reply.headers["content-type"], "application/grpc");
        assert_eq!(reply.trailers["grpc-status"], expected);
        let message = reply.trailers["grpc-message"].as_bytes();
        assert!(message.iter().all(|octet| matches!(octet, b' '..=b'~') && *octet != b'%'));
    }
}

#[test]
fn an_address_that_no_login_could_come_back_to_is_not_carried_along() {
    let long = format!("/{}", "a".repeat(2_000));
    for asked in [Asked::get(&long), Asked { query: Some(long.clone()), ..Asked::get("/") }] {
        let asked = asked.with("accept", "text/html");
        let reply = refused(Refusal::Unauthenticated(None), true).reply(&asked.request());
        assert_eq!(reply.headers["location"], LOGIN);
    }
}

proptest! {
    #[test]
    fn the_way_back_is_the_page_that_was_asked_for(
        path in "/[a-zA-Z0-9._~!$&'()*+,;=:@%/-]{0,40}",
        query in proptest::option::of("[!-~]{0,60}"),
    ) {
        let Ok(path) = CanonicalPath::parse(&path) else { return Ok(()) };
        if query.as_deref().is_some_and(|query| query_fault(query).is_some()) {
            return Ok(());
        }
        let asked = Asked { query, ..Asked::get(path.as_str()) }.with("accept", "text/html");
        let request = asked.request();
        let reply = refused(Refusal::Unauthenticated(None), true).reply(&request);
        let location = reply.headers["location"].to_str().unwrap();
        let (page, sent) = location.split_once('?').unwrap();
        prop_assert_eq!(page, LOGIN);
        let fields: Vec<_> = form_urlencoded::parse(sent.as_bytes()).collect();
        prop_assert_eq!(fields.len(), 1);
        prop_assert_eq!(&*fields[0].0, "return_to");
        let back = ReturnTo::parse(&fields[0].1).unwrap();
        prop_assert_eq!(back.as_str(), request.path_and_query());
    }
}
