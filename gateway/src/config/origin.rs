//! A web origin: scheme, host and port, and nothing else.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::config::text::text_setting;

/// A web origin such as `https://app.example.com` or `http://localhost:8080`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: &'static str,
    /// Host with the port where it is not the scheme's own, lower case.
    authority: String,
    host: String,
}

text_setting!(Origin, "origin", "https://app.example.com", "^https?://[^/?#@]+/?$");

impl Origin {
    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Whether it is reached over TLS.
    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// The host without port; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host with its port, as browsers send it in `Host`: without the scheme's own port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether the host is this machine itself, by name or address.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
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
        let url = Url::parse(text).map_err(|_| odd("this is not a URL"))?;
        let scheme = match url.scheme() {
            "http" => "http",
            "https" => "https",
            _ => return Err(odd("an origin starts with https:// or http://")),
        };
        if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
            return Err(odd("an origin has no user name or password in it"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(odd("an origin has no path, query or fragment"));
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let authority = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        Ok(Self { scheme, authority, host })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
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
        for text in
            ["https://a.test/x", "https://a.test?x", "https://u:p@a.test", "ftp://a.test", "a.test"]
        {
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
