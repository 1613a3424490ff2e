//! A web origin: scheme, host and port, and nothing else.

use std::fmt;
use std::str::FromStr;

use crate::config::text::text_setting;
use crate::web;

/// A web origin such as `https://app.example.com` or `http://localhost:8080`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(web::origin::Origin);

text_setting!(Origin, "origin", "https://app.example.com", "^https?://[^/?#@]+/?$");

impl Origin {
    /// The origin.
    pub fn get(&self) -> &web::origin::Origin {
        &self.0
    }

    /// Whether the host is this machine itself, by name or address.
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.0.host())
    }
}

/// Whether a host is this machine itself, by name or address.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let odd = |why: &str| {
            format!(
                "{why}\nhelp: write scheme, host and, where needed, port: \
                 \"https://app.example.com\""
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| odd("this is not a URL"))?;
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(odd("an origin starts with https:// or http://"));
        }
        if rest.contains('@') {
            return Err(odd("an origin has no user name or password in it"));
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '\\']) {
            return Err(odd("an origin has no path, query or fragment"));
        }
        let origin = format!("{}://{authority}", scheme.to_ascii_lowercase());
        web::origin::Origin::parse(&origin)
            .map(Self)
            .ok_or_else(|| odd("this is not a host with an optional port"))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_shown_as_browsers_write_it() {
        for (text, shown) in [
            ("https://App.Example.com/", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn more_than_an_origin_is_refused() {
        for text in [
            "https://a.test/x",
            "https://a.test?x",
            "https://u:p@a.test",
            "ftp://a.test",
            "a.test",
            "https://",
            "https://127.1",
            "https://a.test:x",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_told_by_name_and_by_address() {
        for (text, loopback) in [
            ("http://localhost", true),
            ("http://127.0.0.2:1", true),
            ("http://[::1]", true),
            ("http://app.localhost", true),
            ("http://localhost.evil.test", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().is_loopback(), loopback, "{text}");
        }
    }
}
