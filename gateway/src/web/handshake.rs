//! The one upgrade that is let through: a strict WebSocket handshake (RFC 6455 section 4.2.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderName, Method, Version};

/// What a request asks to be turned into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// Nothing: there is no `Upgrade`.
    None,
    /// Something else, `h2c` for one. The field is dropped and the request is an ordinary one: a
    /// tunnel that somebody behind us opens would pass all rules by.
    Other,
    /// A WebSocket, wrongly: answer 400.
    Refused(HandshakeFault),
    /// A WebSocket.
    WebSocket,
}

/// The rule that a WebSocket handshake breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeFault {
    /// A body would be read as frames by one side and as a body by the other.
    #[error("WebSocket handshake has a body")]
    Body,
    /// `Connection` does not list `upgrade`.
    #[error("WebSocket handshake without `Connection: upgrade`")]
    Connection,
    /// Not the base64 form of 16 octets, or not exactly one.
    #[error("WebSocket handshake with a bad `Sec-WebSocket-Key`")]
    Key,
    /// Not GET.
    #[error("WebSocket handshake with a method other than GET")]
    Method,
    /// `Upgrade` names more than `websocket`.
    #[error("WebSocket handshake that offers another protocol too")]
    Offers,
    /// Not HTTP/1.1.
    #[error("WebSocket handshake over a version other than HTTP/1.1")]
    Protocol,
    /// Not version 13, or not exactly one.
    #[error("WebSocket handshake with a version other than 13")]
    Version,
}

/// Reads what a request asks to be upgraded to.
pub fn upgrade(method: &Method, version: Version, headers: &HeaderMap) -> Upgrade {
    if !headers.contains_key(UPGRADE) {
        return Upgrade::None;
    }
    if !lists(headers, &UPGRADE, b"websocket") {
        return Upgrade::Other;
    }
    match check(method, version, headers) {
        Ok(()) => Upgrade::WebSocket,
        Err(fault) => Upgrade::Refused(fault),
    }
}

fn check(method: &Method, version: Version, headers: &HeaderMap) -> Result<(), HandshakeFault> {
    let rule = |holds: bool, fault| if holds { Ok(()) } else { Err(fault) };
    let protocol = single(headers, &UPGRADE);
    let key = single(headers, &SEC_WEBSOCKET_KEY).unwrap_or_default();
    let bodiless = !headers.contains_key(TRANSFER_ENCODING)
        && headers.get_all(CONTENT_LENGTH).iter().all(|length| length.as_bytes() == b"0");
    rule(method == Method::GET, HandshakeFault::Method)?;
    rule(version == Version::HTTP_11, HandshakeFault::Protocol)?;
    rule(
        protocol.is_some_and(|name| name.eq_ignore_ascii_case(b"websocket")),
        HandshakeFault::Offers,
    )?;
    rule(lists(headers, &CONNECTION, b"upgrade"), HandshakeFault::Connection)?;
    rule(single(headers, &SEC_WEBSOCKET_VERSION) == Some(b"13"), HandshakeFault::Version)?;
    rule(key.len() == 24 && is_nonce(key), HandshakeFault::Key)?;
    rule(bodiless, HandshakeFault::Body)
}

fn is_nonce(key: &[u8]) -> bool {
    STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)
}

/// The only value of a field that must occur once.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?.as_bytes();
    values.next().is_none().then_some(first.trim_ascii())
}

/// Whether the comma-separated field, in one or several lines, lists a word.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &[u8]) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|octet| *octet == b','))
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn handshake(changes: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in GOOD.iter().filter(|(name, _)| changes.iter().all(|c| c.0 != *name)) {
            headers.append(*name, HeaderValue::from_static(value));
        }
        for (name, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn asked(changes: &[(&'static str, &'static str)]) -> Upgrade {
        upgrade(&Method::GET, Version::HTTP_11, &handshake(changes))
    }

    #[test]
    fn a_handshake_of_a_browser_is_a_websocket() {
        assert_eq!(asked(&[]), Upgrade::WebSocket);
        assert_eq!(asked(&[("upgrade", "WebSocket")]), Upgrade::WebSocket);
        assert_eq!(asked(&[("content-length", "0")]), Upgrade::WebSocket);
    }

    #[test]
    fn other_upgrades_are_dropped() {
        assert_eq!(asked(&[("upgrade", "")]), Upgrade::None);
        for other in ["h2c", "foo", "TLS/1.0", "websocket/13", "websockets"] {
            assert_eq!(asked(&[("upgrade", other)]), Upgrade::Other, "{other}");
        }
    }

    #[test]
    fn each_rule_of_the_handshake_is_enforced() {
        use HandshakeFault as F;
        let cases: [(&[(&str, &str)], F); 13] = [
            (&[("upgrade", "websocket, h2c")], F::Offers),
            (&[("upgrade", "h2c"), ("upgrade", "websocket")], F::Offers),
            (&[("upgrade", "websocket"), ("upgrade", "websocket")], F::Offers),
            (&[("connection", "")], F::Connection),
            (&[("connection", "close, upgrades")], F::Connection),
            (&[("sec-websocket-version", "")], F::Version),
            (&[("sec-websocket-version", "8, 13")], F::Version),
            (&[("sec-websocket-key", "")], F::Key),
            (&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=")], F::Key),
            (&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZTEy")], F::Key),
            (&[("sec-websocket-key", "!!!!!!!!!!!!!!!!!!!!!!==")], F::Key),
            (&[("content-length", "5")], F::Body),
            (&[("transfer-encoding", "chunked")], F::Body),
        ];
        for (changes, fault) in cases {
            assert_eq!(asked(changes), Upgrade::Refused(fault), "{changes:?}");
        }
        let headers = handshake(&[]);
        let post = upgrade(&Method::POST, Version::HTTP_11, &headers);
        assert_eq!(post, Upgrade::Refused(F::Method));
        for version in [Version::HTTP_10, Version::HTTP_2] {
            let asked = upgrade(&Method::GET, version, &headers);
            assert_eq!(asked, Upgrade::Refused(F::Protocol));
        }
    }
}
