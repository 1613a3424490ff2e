use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> Pattern {
    let (methods, rest) = match text.split_once(' ') {
        Some((methods, rest)) => (Some(methods.split(',').map(str::to_owned).collect()), rest),
        None => (None::<Vec<String>>, text),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap());
    Pattern::parse(host, path, methods.as_deref()).unwrap()
}

fn table(texts: &[&'static str]) -> Table<&'static str> {
    Table::build(texts.iter().map(|text| (pattern(text), *text)).collect()).unwrap()
}

fn ties(texts: &[&str]) -> Vec<(usize, usize)> {
    let built = Table::build(texts.iter().map(|text| (pattern(text), ())).collect());
    built.err().unwrap_or_default().iter().map(|tie| (tie.first, tie.second)).collect()
}

#[test]
fn the_most_specific_pattern_wins_in_any_order() {
    let mut texts = [
        "*/*",
        "*.example.com/*",
        "*.app.example.com/*",
        "app.example.com/*",
        "app.example.com/api/*",
        "app.example.com/api/v1/*",
        "app.example.com/api/v1",
        "POST app.example.com/api/v1",
    ];
    for _ in 0..texts.len() {
        texts.rotate_left(1);
        let table = table(&texts);
        let cases = [
            ("other", "/", "*/*"),
            ("x.example.com", "/", "*.example.com/*"),
            ("x.app.example.com", "/api/v1", "*.app.example.com/*"),
            ("app.example.com", "/", "app.example.com/*"),
            ("app.example.com", "/apis", "app.example.com/*"),
            ("app.example.com", "/api", "app.example.com/api/*"),
            ("app.example.com", "/api/v1", "app.example.com/api/v1"),
            ("app.example.com", "/api/v1/", "app.example.com/api/v1/*"),
            ("app.example.com", "/api/v1/x/y", "app.example.com/api/v1/*"),
        ];
        for (host, path, wanted) in cases {
            assert_eq!(table.find(host, path, &Method::GET), Found::Route(&wanted), "{host}{path}");
        }
        let posted = table.find("app.example.com", "/api/v1", &Method::POST);
        assert_eq!(posted, Found::Route(&"POST app.example.com/api/v1"));
    }
}

#[test]
fn a_host_without_the_path_falls_back_to_the_wildcards() {
    let table = table(&["a.b/x/*", "*.b/y/*", "*/z/*"]);
    assert_eq!(table.find("a.b", "/y", &Method::GET), Found::Route(&"*.b/y/*"));
    assert_eq!(table.find("a.b", "/z", &Method::GET), Found::Route(&"*/z/*"));
    assert_eq!(table.find("a.b", "/w", &Method::GET), Found::None);
    assert_eq!(table.find("b", "/y", &Method::GET), Found::None);
}

#[test]
fn a_path_without_the_method_does_not_fall_back() {
    let table = table(&["GET,PUT a/admin/*", "a/*", "*/*"]);
    let refused = Found::MethodNotAllowed(vec![Method::GET, Method::HEAD, Method::PUT]);
    assert_eq!(table.find("a", "/admin/x", &Method::POST), refused);
    assert_eq!(table.find("a", "/admin/x", &Method::HEAD), Found::Route(&"GET,PUT a/admin/*"));
}

#[test]
fn an_escape_does_not_slip_past_a_route() {
    let table = table(&["a/@admin/*", "a/*"]);
    for path in ["/@admin", "/%40admin", "/%40admin/x"] {
        assert_eq!(table.find("a", path, &Method::GET), Found::Route(&"a/@admin/*"), "{path}");
    }
}

#[test]
fn a_table_without_routes_finds_nothing() {
    let empty = Table::<()>::build(Vec::new()).unwrap();
    assert_eq!(empty.find("a", "/", &Method::GET), Found::None);
}

#[test]
fn ties_are_reported_all_at_once() {
    let texts = ["a/x/*", "A./x/*", "GET a/x", "POST,GET a/x", "a/x", "*.a/@x", "*.a/%40x"];
    assert_eq!(ties(&texts), [(0, 1), (2, 3), (5, 6)]);
    assert_eq!(ties(&["a/*", "a/*", "a/*"]), [(0, 1), (0, 2)]);
    assert_eq!(ties(&["a/x", "a/x/*", "a/x/", "GET a/x", "POST a/x", "b/x", "*/x", "*.a/x"]), []);
}

#[test]
fn a_tie_names_both_routes() {
    let both = vec![(pattern("a/x"), ()), (pattern("a/x"), ())];
    let ties = Table::build(both).unwrap_err();
    assert_eq!(ties[0].to_string(), "routes 1 and 2 both claim `a/x`");
}

#[test]
fn a_thousand_routes_are_all_found() {
    let texts: Vec<String> =
        (0..1000).map(|n| format!("h{}.a/p{}/q{n}/*", n % 7, n % 13)).collect();
    let routes = texts.iter().map(|text| (pattern(text), text.clone())).collect();
    let table = Table::build(routes).unwrap();
    for text in &texts {
        let (host, path) = text.split_at(4);
        let path = path.replace("/*", "/r/s");
        assert_eq!(table.find(host, &path, &Method::GET), Found::Route(text));
    }
}

/// The same meaning, written as a scan: what the tree is checked against.
fn scanned<'a>(
    routes: &'a [(Pattern, usize)],
    host: &str,
    path: &str,
    method: &Method,
) -> Found<'a, usize> {
    let rank = |pattern: &Pattern| {
        let host = match &pattern.host {
            HostPattern::Any => (0, 0),
            HostPattern::Suffix(suffix) => (1, suffix.len()),
            HostPattern::Exact(_) => (2, 0),
        };
        let path = match &pattern.path {
            PathPattern::Prefix(path) => (0, segments(path).count()),
            PathPattern::Exact(_) => (1, 0),
        };
        (host, path)
    };
    let covering: Vec<_> =
        routes.iter().filter(|(p, _)| p.host.covers(host) && p.path.covers(path)).collect();
    let Some(top) = covering.iter().map(|(p, _)| rank(p)).max() else {
        return Found::None;
    };
    let top: Vec<_> = covering.into_iter().filter(|(p, _)| rank(p) == top).collect();
    let lists = |wanted: &Method| {
        top.iter().find(|(p, _)| matches!(&p.methods, Methods::Only(all) if all.contains(wanted)))
    };
    let get = if method == Method::HEAD { lists(&Method::GET) } else { None };
    let any = || top.iter().find(|(p, _)| p.methods == Methods::Any);
    if let Some((_, route)) = lists(method).or(get).or_else(any) {
        return Found::Route(route);
    }
    let mut allowed: Vec<Method> = ["GET", "HEAD", "POST"]
        .iter()
        .map(|name| name.parse().unwrap())
        .filter(|m| lists(m).is_some() || (*m == Method::HEAD && lists(&Method::GET).is_some()))
        .collect();
    allowed.dedup();
    Found::MethodNotAllowed(allowed)
}

fn any_pattern() -> impl Strategy<Value = Pattern> {
    (
        prop_oneof![Just("*"), Just("*.b"), Just("*.a.b"), Just("a.b"), Just("c.a.b"), Just("d")],
        "(/[xy@]){0,3}(/|/\\*|/%40)",
        prop_oneof![
            Just(None),
            Just(Some(vec!["GET".to_owned()])),
            Just(Some(vec!["POST".to_owned(), "GET".to_owned()])),
            Just(Some(vec!["HEAD".to_owned()])),
        ],
    )
        .prop_map(|(host, path, methods)| Pattern::parse(host, &path, methods.as_deref()).unwrap())
}

proptest! {
    #[test]
    fn find_agrees_with_a_scan_by_specificity(
        patterns in prop::collection::vec(any_pattern(), 0..12),
        requests in prop::collection::vec(
            ("(c\\.)?(a\\.)?[bd]", "(/([xy@]|%40|xy)){0,4}/?", "GET|HEAD|POST"), 1..12),
    ) {
        let mut routes: Vec<(Pattern, usize)> = Vec::new();
        for pattern in patterns {
            // Keep what does not tie with what is there.
            let mut more = routes.clone();
            more.push((pattern, routes.len()));
            if Table::build(more.clone()).is_ok() {
                routes = more;
            }
        }
        let table = Table::build(routes.clone()).unwrap();
        for (host, path, method) in requests {
            let path = if path.is_empty() { "/" } else { path.as_str() };
            let method: Method = method.parse().unwrap();
            prop_assert_eq!(
                table.find(&host, path, &method),
                scanned(&routes, &host, path, &method),
                "{}{} in {:?}", host, path, routes
            );
        }
    }
}
