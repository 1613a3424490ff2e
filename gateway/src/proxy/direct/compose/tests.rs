use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING};
use proptest::prelude::*;

use super::*;
use crate::gate::fixture::Asked;
use crate::http1::HeadLimits;
use crate::proxy::outbound::tests::{
    TOKEN, admitted, cookies, id, inbound, name, owned, sent_by, snapshot, snapshot_of_app,
};

const LIMITS: HeadLimits = HeadLimits { bytes: 65_536, fields: 100 };

fn head(text: &str) -> RequestHead {
    RequestHead::parse(Bytes::copy_from_slice(text.as_bytes()), LIMITS).unwrap()
}

fn text_of(fields: &[(String, String)]) -> String {
    let named = fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
    let mut text = String::from("GET /elsewhere HTTP/1.1\r\n");
    if !named {
        text.push_str("Host: app.test\r\n");
    }
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}

/// What the upstream is sent of these fields by the direct path.
fn composed(fields: &[(String, String)]) -> String {
    composed_by(&snapshot(), fields)
}

fn composed_by(snapshot: &Snapshot, fields: &[(String, String)]) -> String {
    let mut out = Vec::new();
    let head = head(&text_of(fields));
    let admitted = admitted(snapshot, &head.headers);
    request(&mut out, &head, &inbound(), &admitted, (snapshot, id()));
    String::from_utf8(out).unwrap()
}

fn answered(wire: &str, leaves: Leaves) -> String {
    let snapshot = snapshot();
    let request = Asked::get("/a%2A/b");
    let admitted = futures::executor::block_on(snapshot.gate.decide(&request.request())).unwrap();
    let answer = AnswerHead::parse(wire.as_bytes(), &Method::GET).unwrap().unwrap();
    let mut out = Vec::new();
    super::answer(&mut out, &answer, leaves, &admitted, (&snapshot, id()));
    String::from_utf8(out).unwrap()
}

#[test]
fn a_request_goes_on_as_it_was_decided_on() {
    let sent = composed(&owned(&[
        ("Host", "evil.test"),
        ("aCCept", "text/html"),
        ("Connection", "close, X-Private, X-User-JWT"),
        ("X-Private", "for the edge only"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        ("TE", "trailers"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Authorization", "Basic eA=="),
        ("Content-Length", "3"),
    ]));
    assert!(sent.starts_with("GET /a%2A/b?q=%41 HTTP/1.1\r\nHost: app.test:8443\r\n"), "{sent}");
    assert!(sent.contains("\r\naCCept: text/html\r\nContent-Length: 3\r\n"), "{sent}");
    assert!(sent.contains("\r\nX-Forwarded-For: 198.51.100.7\r\n"), "{sent}");
    let forwarded = "\r\nForwarded: for=198.51.100.7;host=\"app.test:8443\";proto=https\r\n";
    assert!(sent.contains(forwarded), "{sent}");
    for gone in ["evil", "rivate", "h2c", "AAM", "trailers", "timeout", "Basic", "Connection"] {
        assert!(!sent.contains(gone), "{gone} in {sent}");
    }
    assert!(sent.contains("x-agent-jwt: ey"), "a client cannot have ours removed: {sent}");
}

#[test]
fn an_address_of_ipv6_is_quoted_where_it_must_be() {
    let mut out = Vec::new();
    forwarded(&mut out, "2001:db8::7".parse().unwrap(), "http", "app.test");
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("X-Forwarded-For: 2001:db8::7\r\n"), "{text}");
    assert!(text.contains("for=\"[2001:db8::7]\";host=\"app.test\";proto=http\r\n"), "{text}");
    let mut out = Vec::new();
    forwarded(&mut out, "::ffff:192.0.2.130".parse().unwrap(), "http", "app.test");
    assert!(String::from_utf8(out).unwrap().contains("for=192.0.2.130;"));
}

#[test]
fn an_answer_goes_back_without_what_was_for_us() {
    let wire = "HTTP/1.1 200 Fine\r\nDate: now\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\
        Keep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\nX-Request-Id: forged\r\n\
        X-Debug-User-JWT: forged\r\nSet-Cookie: theme=dark\r\nSet-Cookie: __Host-portcullis=x\r\n\r\n";
    let sent = answered(wire, Leaves { coding: Coding::Chunked, close: true });
    let rest = format!(
        "HTTP/1.1 200 Fine\r\nDate: now\r\nSet-Cookie: theme=dark\r\nX-Request-Id: {}\r\n\
        Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        id()
    );
    assert_eq!(sent, rest);
}

#[test]
fn an_answer_that_names_its_length_as_its_connections_own_keeps_it() {
    let wire = "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 5\r\n\r\n";
    let sent = answered(wire, Leaves { coding: Coding::Raw, close: false });
    assert!(sent.contains("Content-Length: 5\r\n"), "{sent}");
}

#[test]
fn our_own_answer_is_complete() {
    let mut out = Vec::new();
    let page = Reply::text(StatusCode::FORBIDDEN, "no");
    assert_eq!(reply(&mut out, &page, Some(&Method::GET), (id(), false)), 2);
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.starts_with("HTTP/1.1 403 Forbidden\r\n") && text.ends_with("\r\n\r\nno"),
        "{text}"
    );
    assert!(text.contains("content-length: 2\r\n") && !text.contains("Connection"), "{text}");
    let mut out = Vec::new();
    assert_eq!(reply(&mut out, &page, Some(&Method::HEAD), (id(), true)), 0);
    let text = String::from_utf8(out).unwrap();
    assert!(text.ends_with("Connection: close\r\n\r\n"), "{text}");
}

#[test]
fn numbers_are_written_as_everybody_writes_them() {
    for number in [0, 7, 10, 200, 1024, usize::MAX] {
        let mut out = Vec::new();
        decimal(&mut out, number);
        assert_eq!(out, number.to_string().as_bytes());
    }
}

/// Each token was minted for itself.
fn without_token(value: &str) -> String {
    match value.split_once("eyJ") {
        Some((before, _)) => format!("{before}a token"),
        None => value.to_owned(),
    }
}

proptest! {
    /// The two paths cannot drift apart: what pingora's is sent is what the direct one is sent.
    #[test]
    fn both_paths_send_an_upstream_the_same(
        names in proptest::collection::vec(name(), 0..8),
        cookies in proptest::collection::vec(cookies(), 0..3),
        of_app in any::<bool>(),
    ) {
        let snapshot = || if of_app { snapshot_of_app() } else { snapshot() };
        let mut fields: Vec<_> =
            names.into_iter().map(|name| (name, "forged".to_owned())).collect();
        for field in &cookies {
            let pairs: Vec<_> = field.iter().map(|(_, pair)| pair.as_str()).collect();
            fields.push(("cookie".to_owned(), pairs.join("; ")));
        }
        let direct = head(&composed_by(&snapshot(), &fields)).headers;
        let (pingora, _) = sent_by(&snapshot(), &fields);
        if of_app {
            let value = |name: &str| {
                let values: Vec<_> = direct.get_all(name).iter().map(|it| it.to_str().unwrap()).collect();
                values.join("|")
            };
            prop_assert_eq!(value("x-who"), "ann-1");
            prop_assert_eq!(value("x-name"), "Ann %C3%A9");
            prop_assert_eq!(value("x-mail"), "");
            prop_assert!(value(TOKEN).starts_with("Bearer ey"));
            let cookies = value("cookie");
            let line: Vec<_> = cookies.split("; ").collect();
            prop_assert!(line.iter().all(|pair| !pair.starts_with(['a', 'b']) || pair.starts_with("access_token=ey")), "{}", cookies);
            prop_assert!(line.last().unwrap().starts_with("access_token=ey"));
        }
        let sorted = |headers: &HeaderMap| {
            let mut all: Vec<_> = headers
                .iter()
                .filter(|(name, _)| ![TE, HOST, TRANSFER_ENCODING, CONTENT_LENGTH].contains(name))
                .map(|(name, value)| (name.to_string(), without_token(value.to_str().unwrap())))
                .collect();
            all.sort();
            all
        };
        prop_assert_eq!(sorted(&direct), sorted(&pingora.headers));
    }
}
