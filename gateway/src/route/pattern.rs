//! What a route asks of a request's host, path and method.

use std::fmt;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::web::{CanonicalPath, Host, HostFault, PathFault};

/// A route's host, path and methods. Plain text: no part of it is ever read as an expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The hosts.
    pub host: HostPattern,
    /// The paths.
    pub path: PathPattern,
    /// The methods.
    pub methods: Methods,
}

/// Which hosts a pattern covers; ports are not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// `*`: every host.
    Any,
    /// One host.
    Exact(String),
    /// `*.example.com`: every host below `example.com`, at any depth, not `example.com` itself. Holds
    /// the text after `*.`.
    Suffix(String),
}

/// Which paths a pattern covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// One path, compared with escapes decoded; `/x/` is not `/x`.
    Exact(String),
    /// `/x/*`: `/x` and everything below it, never `/xy`. Holds `/x`, or nothing for `/*`.
    Prefix(String),
}

/// Which methods a pattern covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Methods {
    /// Every method.
    Any,
    /// These, sorted and without repetition. `GET` covers `HEAD` where no route with the same host
    /// and path lists `HEAD`.
    Only(Vec<Method>),
}

/// Why a pattern is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    /// A host that no request can have.
    #[error("host `{text}` cannot match: {fault}")]
    BadHost {
        /// The host as written.
        text: String,
        /// The rule that it breaks.
        fault: HostFault,
    },
    /// Not a method.
    #[error("`{0}` is not a method; write it in upper case, as in `GET`")]
    BadMethod(String),
    /// A path that no request can have.
    #[error("path `{text}` cannot match: {fault}")]
    BadPath {
        /// The path as written.
        text: String,
        /// The rule that it breaks.
        fault: PathFault,
    },
    /// `*` elsewhere than at the end, after a slash.
    #[error(
        "path `{0}` has a `*` that is not a whole last segment; write `/x/*`, or `%2A` for a star"
    )]
    MisplacedStar(String),
    /// An empty list of methods, which nothing matches.
    #[error("the list of methods is empty; leave it out to cover all")]
    NoMethod,
    /// A host with a port, which is not looked at.
    #[error("host `{0}` has a port; write the name alone")]
    Port(String),
}

impl Pattern {
    /// Reads a pattern; `methods` is `None` where a route covers all.
    ///
    /// # Errors
    ///
    /// The first fault.
    pub fn parse(host: &str, path: &str, methods: Option<&[String]>) -> Result<Self, PatternFault> {
        Ok(Self {
            host: HostPattern::parse(host)?,
            path: PathPattern::parse(path)?,
            methods: methods.map_or(Ok(Methods::Any), Methods::parse)?,
        })
    }
}

impl HostPattern {
    /// Reads `*`, `*.example.com` or `app.example.com`.
    ///
    /// # Errors
    ///
    /// A host that no request can have, or one with a port.
    pub fn parse(text: &str) -> Result<Self, PatternFault> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let name = |bare: &str| {
            let host = Host::parse(bare)
                .map_err(|fault| PatternFault::BadHost { text: text.to_owned(), fault })?;
            match host.port() {
                Some(_) => Err(PatternFault::Port(text.to_owned())),
                None => Ok(host.name().to_owned()),
            }
        };
        match text.strip_prefix("*.") {
            Some(suffix) => Ok(Self::Suffix(name(suffix)?)),
            None => Ok(Self::Exact(name(text)?)),
        }
    }

    /// Whether the pattern covers a host in lower case, without port.
    pub fn covers(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => name == host,
            Self::Suffix(suffix) => host
                .strip_suffix(suffix.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
        }
    }
}

impl PathPattern {
    /// Reads `/x/y` or `/x/*`.
    ///
    /// # Errors
    ///
    /// A path that no request can have, or a misplaced `*`.
    pub fn parse(text: &str) -> Result<Self, PatternFault> {
        let (path, below) = match text.strip_suffix("/*") {
            Some(path) => (path, true),
            None => (text, false),
        };
        if path.contains('*') {
            return Err(PatternFault::MisplacedStar(text.to_owned()));
        }
        if below && path.is_empty() {
            return Ok(Self::Prefix(String::new()));
        }
        let canonical = CanonicalPath::parse(path)
            .map_err(|fault| PatternFault::BadPath { text: text.to_owned(), fault })?;
        // `/x//*` would be a prefix with an empty last segment: no request has one in the middle.
        if below && path.ends_with('/') {
            let fault = PathFault::EmptySegment;
            return Err(PatternFault::BadPath { text: text.to_owned(), fault });
        }
        let canonical = canonical.as_str().to_owned();
        Ok(if below { Self::Prefix(canonical) } else { Self::Exact(canonical) })
    }

    /// Whether the pattern covers a canonical path. Escapes are compared decoded, since upstreams
    /// decode them: a rule for `/@admin/*` holds for `/%40admin/x`.
    pub fn covers(&self, path: &str) -> bool {
        match self {
            Self::Exact(own) => decoded(own).eq(decoded(path)),
            Self::Prefix(own) => {
                let depth = segments(own).count();
                let begins =
                    segments(own).zip(segments(path)).all(|(a, b)| decoded(a).eq(decoded(b)));
                begins && segments(path).count() >= depth
            }
        }
    }
}

impl Methods {
    /// Reads a list of methods.
    ///
    /// # Errors
    ///
    /// An empty list, or what is not a method in upper case.
    pub fn parse(names: &[String]) -> Result<Self, PatternFault> {
        let mut methods = names.iter().map(|name| method(name)).collect::<Result<Vec<_>, _>>()?;
        methods.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        methods.dedup();
        if methods.is_empty() {
            return Err(PatternFault::NoMethod);
        }
        Ok(Self::Only(methods))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Methods::Only(methods) = &self.methods {
            let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
            write!(f, "{} ", names.join(","))?;
        }
        match &self.host {
            HostPattern::Any => f.write_str("*")?,
            HostPattern::Exact(name) => f.write_str(name)?,
            HostPattern::Suffix(suffix) => write!(f, "*.{suffix}")?,
        }
        match &self.path {
            PathPattern::Exact(path) => f.write_str(path),
            PathPattern::Prefix(path) => write!(f, "{path}/*"),
        }
    }
}

fn method(name: &str) -> Result<Method, PatternFault> {
    let fault = || PatternFault::BadMethod(name.to_owned());
    if name.bytes().any(|octet| octet.is_ascii_lowercase()) {
        return Err(fault());
    }
    Method::from_bytes(name.as_bytes()).map_err(|_| fault())
}

/// The segments of a path: what is between slashes, after the first.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}

/// The octets that a segment stands for. No separator can come out: a canonical path has none escaped.
pub(super) fn decoded(segment: &str) -> impl Iterator<Item = u8> {
    percent_decode_str(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> PathPattern {
        PathPattern::parse(text).unwrap()
    }

    #[test]
    fn a_suffix_needs_a_dot_before_it_and_something_before_the_dot() {
        let host = HostPattern::parse("*.Example.com").unwrap();
        assert!(host.covers("a.example.com") && host.covers("b.a.example.com"));
        for other in ["example.com", "evilexample.com", ".example.com", "a.example.com.evil"] {
            assert!(!host.covers(other), "{other}");
        }
        assert!(!HostPattern::parse("a.b").unwrap().covers("axb"));
    }

    #[test]
    fn a_prefix_ends_at_a_slash() {
        for inside in ["/x", "/x/", "/x/y", "/x/y/z"] {
            assert!(path("/x/*").covers(inside), "{inside}");
        }
        for outside in ["/", "/xy", "/X", "/y/x", "/x;v=1"] {
            assert!(!path("/x/*").covers(outside), "{outside}");
        }
        assert!(path("/*").covers("/") && path("/*").covers("/a/b"));
        assert!(path("/x").covers("/x") && !path("/x").covers("/x/"));
        assert!(path("/@admin/*").covers("/%40admin/x"));
        assert!(path("/%61dmin").covers("/admin"));
    }

    #[test]
    fn faulty_patterns_are_named() {
        use PatternFault as F;
        assert!(matches!(HostPattern::parse("a:80"), Err(F::Port(_))));
        for bad in ["", "a.*", "*a.b", "*.*.b", "a/b", "*."] {
            assert!(matches!(HostPattern::parse(bad), Err(F::BadHost { .. })), "{bad}");
        }
        for bad in ["/a*", "/*/b", "/**", "*", "/a/**"] {
            assert!(matches!(PathPattern::parse(bad), Err(F::MisplacedStar(_))), "{bad}");
        }
        for bad in ["", "x", "/a//b", "/a//*", "//*", "/a/../b", "/a%2fb", "/a?b"] {
            assert!(matches!(PathPattern::parse(bad), Err(F::BadPath { .. })), "{bad}");
        }
        assert_eq!(Methods::parse(&[]), Err(F::NoMethod));
        assert!(matches!(Methods::parse(&["get".into()]), Err(F::BadMethod(_))));
        assert!(matches!(Methods::parse(&["G T".into()]), Err(F::BadMethod(_))));
    }

    #[test]
    fn a_pattern_prints_as_it_is_written() {
        let methods = ["POST".to_owned(), "GET".to_owned(), "GET".to_owned()];
        let pattern = Pattern::parse("*.Example.com", "/%61/*", Some(&methods)).unwrap();
        assert_eq!(pattern.to_string(), "GET,POST *.example.com/a/*");
        assert_eq!(Pattern::parse("*", "/*", None).unwrap().to_string(), "*/*");
    }
}
