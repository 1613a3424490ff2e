//! The address of one backend server.

use std::fmt;
use std::str::FromStr;

use crate::config::text::text_setting;

/// One backend: `host:port`, `http://host:port` or `https://host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// `Some(true)` for `https://`, `Some(false)` for `http://`, `None` where no scheme is written.
    pub(super) tls: Option<bool>,
    host: String,
    port: u16,
}

text_setting!(
    ServerAddress,
    "server address",
    "127.0.0.1:8000",
    "^(https?://)?[^/?#@ ]+(:[0-9]+)?/?$"
);

impl ServerAddress {
    /// The host name or address; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for ServerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (tls, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Some(false), rest),
            Some(("https", rest)) => (Some(true), rest),
            Some(_) => return Err(odd(text)),
            None => (None, text),
        };
        let rest = if tls.is_some() { rest.strip_suffix('/').unwrap_or(rest) } else { rest };
        let (host, port) = split(rest, tls).ok_or_else(|| odd(text))?;
        Ok(Self { tls, host: host.to_ascii_lowercase(), port })
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.tls {
            Some(true) => "https://",
            Some(false) => "http://",
            None => "",
        };
        if self.host.contains(':') {
            write!(f, "{scheme}[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}{}:{}", self.host, self.port)
        }
    }
}

fn split(text: &str, tls: Option<bool>) -> Option<(&str, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(inner) => {
            let (address, after) = inner.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match text.split_once(':') {
            Some((host, port)) => (is_name(host).then_some(host)?, Some(port)),
            None => (is_name(text).then_some(text)?, None),
        },
    };
    let port = match (port, tls) {
        (Some(port), _) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
        (None, Some(true)) => 443,
        (None, Some(false)) => 80,
        _ => return None,
    };
    (port != 0).then_some((host, port))
}

fn is_name(host: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !host.is_empty() && host.len() <= 253 && host.bytes().all(legal)
}

fn odd(text: &str) -> String {
    format!(
        "`{text}` is not the address of a server\n\
         help: write \"host:port\", \"http://host:port\" or \"https://host:port\", without a path"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (text, host, port, tls) in [
            ("127.0.0.1:8000", "127.0.0.1", 8000, None),
            ("http://agent", "agent", 80, Some(false)),
            ("https://agent.test/", "agent.test", 443, Some(true)),
            ("[::1]:8000", "::1", 8000, None),
        ] {
            let read: ServerAddress = text.parse().unwrap();
            assert_eq!((read.host(), read.port(), read.tls), (host, port, tls));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "agent",
            "agent:0",
            "agent:99999",
            "ftp://a:1",
            "http://a:1/x",
            "a b:1",
            "u@a:1",
            "::1:80",
            "a:+1",
        ] {
            assert!(text.parse::<ServerAddress>().is_err(), "{text}");
        }
    }
}
