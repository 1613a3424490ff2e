//! From host, path and method to the most specific route: one look-up for the host and one for each
//! segment that a pattern names, however many routes there are.

use std::collections::HashMap;
use std::fmt;

use http::Method;

use crate::route::pattern::{HostPattern, Methods, PathPattern, Pattern, decoded, segments};

/// Patterns and what they lead to.
///
/// The most specific pattern wins: an exact host before the longest `*.suffix` before `*`; then an
/// exact path before the longest prefix; then a list of methods before none. Order of writing never
/// matters. Two consequences are decisions of ours:
///
/// - A host without any matching path falls back to the wildcards that cover it, so that a route
///   for `*` serves what no host claims for itself.
/// - A matching path without the method does not fall back: whoever writes `GET /admin/*` means that
///   nothing else is done there, and a laxer `/*` must not let a POST through.
#[derive(Clone, Debug)]
pub struct Table<T> {
    routes: Vec<T>,
    exact: Map<Box<[u8]>, Paths>,
    suffixes: Map<Box<[u8]>, Paths>,
    any: Paths,
}

/// What a table knows of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a, T> {
    /// Host and path are known, the method is not: 405 with these in `Allow`, sorted.
    MethodNotAllowed(Vec<Method>),
    /// Nothing covers it: 404.
    None,
    /// The most specific route.
    Route(&'a T),
}

/// Two patterns with the same host and path and a method in common: none is more specific.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tie {
    /// The place of the earlier one in the list that the table was built from.
    pub first: usize,
    /// The place of the later one.
    pub second: usize,
    /// The later one.
    pub pattern: Pattern,
}

/// A hash that is quick and not keyed against floods: the keys are the configuration's, and what a
/// client asks for is never put in.
type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// The paths of one host: a tree by segment, in one list; the first node is the root.
#[derive(Clone, Debug)]
struct Paths(Vec<Node>);

#[derive(Clone, Debug, Default)]
struct Node {
    /// By the decoded octets of the segment.
    children: Map<Box<[u8]>, usize>,
    exact: Leaf,
    below: Leaf,
}

/// The routes of one host and path.
#[derive(Clone, Debug, Default)]
struct Leaf {
    any: Option<usize>,
    only: Vec<(Method, usize)>,
}

impl<T> Table<T> {
    /// Builds a table.
    ///
    /// # Errors
    ///
    /// All ties, each pair once.
    pub fn build(routes: Vec<(Pattern, T)>) -> Result<Self, Vec<Tie>> {
        let mut table = Self {
            routes: Vec::with_capacity(routes.len()),
            exact: Map::default(),
            suffixes: Map::default(),
            any: Paths::new(),
        };
        let mut ties = Vec::new();
        for (index, (pattern, route)) in routes.into_iter().enumerate() {
            let paths = match &pattern.host {
                HostPattern::Any => &mut table.any,
                HostPattern::Exact(name) => {
                    table.exact.entry(name.as_bytes().into()).or_insert_with(Paths::new)
                }
                HostPattern::Suffix(suffix) => {
                    table.suffixes.entry(suffix.as_bytes().into()).or_insert_with(Paths::new)
                }
            };
            let rivals = paths.insert(&pattern, index);
            ties.extend(rivals.into_iter().map(|first| Tie {
                first,
                second: index,
                pattern: pattern.clone(),
            }));
            table.routes.push(route);
        }
        if ties.is_empty() { Ok(table) } else { Err(ties) }
    }

    /// Whether the method decides which route serves a host and path, or whether one does.
    pub fn tells_methods_apart(&self, host: &str, path: &str) -> bool {
        self.leaf(host, path).is_some_and(|leaf| !leaf.only.is_empty())
    }

    /// The most specific route for a host (lower case, without port), a canonical path and a method.
    pub fn find(&self, host: &str, path: &str, method: &Method) -> Found<'_, T> {
        let Some(leaf) = self.leaf(host, path) else {
            return Found::None;
        };
        match leaf.route(method).and_then(|index| self.routes.get(index)) {
            Some(route) => Found::Route(route),
            None => Found::MethodNotAllowed(leaf.methods()),
        }
    }

    /// Whether any route is for this host, whatever the path: 404 and not 421.
    pub fn knows_host(&self, host: &str) -> bool {
        let suffix = || {
            memchr::memchr_iter(b'.', host.as_bytes())
                .filter_map(|dot| host.get(dot + 1..))
                .any(|suffix| self.suffixes.contains_key(suffix.as_bytes()))
        };
        !self.any.is_empty() || self.exact.contains_key(host.as_bytes()) || suffix()
    }

    /// All routes, in the order they were given in.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.routes.iter()
    }

    fn leaf(&self, host: &str, path: &str) -> Option<&Leaf> {
        let exact = || self.exact.get(host.as_bytes())?.leaf(path);
        // `a.b.c` is covered by `*.b.c`, then by `*.c`.
        let suffix = || {
            memchr::memchr_iter(b'.', host.as_bytes())
                .filter(|dot| *dot > 0 && !self.suffixes.is_empty())
                .filter_map(|dot| self.suffixes.get(host.as_bytes().get(dot + 1..)?))
                .find_map(|paths| paths.leaf(path))
        };
        exact().or_else(suffix).or_else(|| self.any.leaf(path))
    }
}

impl Paths {
    fn new() -> Self {
        Self(vec![Node::default()])
    }

    fn is_empty(&self) -> bool {
        let bare = |leaf: &Leaf| leaf.any.is_none() && leaf.only.is_empty();
        self.0.iter().all(|node| bare(&node.exact) && bare(&node.below))
    }

    /// Adds a pattern; the routes that it ties with.
    fn insert(&mut self, pattern: &Pattern, index: usize) -> Vec<usize> {
        let (path, exact) = match &pattern.path {
            PathPattern::Exact(path) => (path, true),
            PathPattern::Prefix(path) => (path, false),
        };
        let mut at = 0;
        for segment in segments(path) {
            at = self.child(at, decoded(segment).collect());
        }
        let Some(node) = self.0.get_mut(at) else {
            return Vec::new();
        };
        let leaf = if exact { &mut node.exact } else { &mut node.below };
        leaf.insert(&pattern.methods, index)
    }

    fn child(&mut self, at: usize, segment: Vec<u8>) -> usize {
        let next = self.0.len();
        let Some(node) = self.0.get_mut(at) else {
            return at;
        };
        let child = *node.children.entry(segment.into()).or_insert(next);
        if child == next {
            self.0.push(Node::default());
        }
        child
    }

    fn leaf(&self, path: &str) -> Option<&Leaf> {
        let mut node = self.0.first()?;
        let mut best = None;
        let mut rest = path.strip_prefix('/');
        while let Some(path) = rest {
            let (segment, behind) = match memchr::memchr(b'/', path.as_bytes()) {
                Some(slash) => (path.get(..slash)?, path.get(slash + 1..)),
                None => (path, None),
            };
            rest = behind;
            best = node.below.filled().or(best);
            match self.step(node, segment) {
                Some(child) => node = child,
                None => return best,
            }
        }
        node.exact.filled().or(node.below.filled()).or(best)
    }

    fn step(&self, node: &Node, segment: &str) -> Option<&Node> {
        if node.children.is_empty() {
            return None;
        }
        let child = if memchr::memchr(b'%', segment.as_bytes()).is_some() {
            let segment: Vec<u8> = decoded(segment).collect();
            node.children.get(segment.as_slice())
        } else {
            node.children.get(segment.as_bytes())
        };
        self.0.get(*child?)
    }
}

impl Leaf {
    fn insert(&mut self, methods: &Methods, index: usize) -> Vec<usize> {
        let mut rivals = Vec::new();
        match methods {
            Methods::Any => match self.any {
                Some(rival) => rivals.push(rival),
                None => self.any = Some(index),
            },
            Methods::Only(methods) => {
                let taken = self.only.iter().filter(|(method, _)| methods.contains(method));
                rivals.extend(taken.map(|(_, rival)| *rival));
                self.only.extend(methods.iter().map(|method| (method.clone(), index)));
            }
        }
        rivals.sort_unstable();
        rivals.dedup();
        rivals
    }

    fn filled(&self) -> Option<&Self> {
        (self.any.is_some() || !self.only.is_empty()).then_some(self)
    }

    fn route(&self, method: &Method) -> Option<usize> {
        let listed = |method: &Method| {
            self.only.iter().find_map(|(own, route)| (own == method).then_some(*route))
        };
        // RFC 9110 section 9.1: whoever answers GET answers HEAD.
        let as_get = || {
            if method == Method::HEAD { listed(&Method::GET) } else { None }
        };
        listed(method).or_else(as_get).or(self.any)
    }

    fn methods(&self) -> Vec<Method> {
        let mut methods: Vec<Method> = self.only.iter().map(|(method, _)| method.clone()).collect();
        if methods.contains(&Method::GET) {
            methods.push(Method::HEAD);
        }
        methods.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        methods.dedup();
        methods
    }
}

impl fmt::Display for Tie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = (self.first + 1, self.second + 1);
        write!(f, "routes {first} and {second} both claim `{}`", self.pattern)
    }
}

#[cfg(test)]
mod tests;
