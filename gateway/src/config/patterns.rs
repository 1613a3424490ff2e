//! The host and path patterns of routes, as far as the file alone can judge them.

use std::fmt;
use std::str::FromStr;

use crate::config::text::text_setting;
use crate::web::{CanonicalPath, Host};

/// `app.example.com`, `*.example.com`, or `*` for any host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPattern(String);

/// `/x` for exactly that path, `/x/*` for it and everything below it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern(String);

text_setting!(
    HostPattern,
    "host pattern",
    "app.example.com",
    "^(\\*|(\\*\\.)?[^*/:@]+|\\[[^\\]]+\\])$"
);
text_setting!(PathPattern, "path pattern", "/api/*", "^/[^*?#]*\\*?$");

impl HostPattern {
    /// Any host.
    pub fn any() -> Self {
        Self("*".to_owned())
    }

    /// The pattern as text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a host, in lower case and without port, is one of those meant.
    pub fn covers(&self, host: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some("") => true,
            Some(suffix) => host.strip_suffix(suffix).is_some_and(|first| !first.is_empty()),
            None => self.0 == host,
        }
    }
}

impl PathPattern {
    /// Every path.
    pub fn every() -> Self {
        Self("/*".to_owned())
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::any());
        }
        let bare = text.strip_prefix("*.").unwrap_or(text);
        match Host::parse(bare) {
            Ok(host) if host.port().is_none() => {
                let star = if bare.len() < text.len() { "*." } else { "" };
                Ok(Self(format!("{star}{}", host.name())))
            }
            _ => Err(format!(
                "`{text}` is not a host pattern\n\
                 help: write \"app.example.com\", \"*.example.com\" or \"*\", without scheme or port"
            )),
        }
    }
}

impl FromStr for PathPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let odd = |why: &str| {
            format!("{why}\nhelp: write \"/x\" for one path, \"/x/*\" for it and all below it")
        };
        let (plain, star) = text.strip_suffix("/*").map_or((text, ""), |plain| (plain, "/*"));
        if !text.starts_with('/') {
            return Err(odd("a path pattern starts with `/`"));
        }
        if plain.contains('*') {
            return Err(odd("`*` stands only at the end, as `/*`"));
        }
        if plain.is_empty() {
            return Ok(Self::every());
        }
        // Requests are matched in their canonical form: a pattern in another form never matches.
        let canonical = CanonicalPath::parse(plain)
            .map_err(|fault| odd(&format!("{fault}: no request would match it")))?;
        if !star.is_empty() && plain.ends_with('/') {
            return Err(odd("path has an empty segment: no request would match it"));
        }
        Ok(Self(format!("{}{star}", canonical.as_str())))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_could_never_match_are_refused() {
        for text in
            ["", "x", "/x*", "/*/x", "/a//b", "/a/../b", "/a?b", "/a b", "/a\\b", "/a//*", "/a%2fb"]
        {
            assert!(text.parse::<PathPattern>().is_err(), "{text}");
        }
        for text in ["", "a.*", "*a.test", "a..b", "a.test:80", "https://a.test", "a b", "é.test"]
        {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_wildcard_covers_hosts_below_it_only() {
        let pattern: HostPattern = "*.Example.com".parse().unwrap();
        assert!(pattern.covers("a.example.com"));
        assert!(!pattern.covers("example.com"));
        assert!(!pattern.covers("a.example.com.evil.test"));
        assert!(HostPattern::any().covers("anything"));
    }
}
