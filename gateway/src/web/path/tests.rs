use proptest::prelude::*;

use super::*;

fn canonical(raw: &str) -> Result<String, PathFault> {
    CanonicalPath::parse(raw).map(|path| path.as_str().to_owned())
}

/// What a tolerant server behind us might make of a path: decode until nothing changes, every
/// slash-like octet is a slash, parameters are cut off, dot segments are resolved.
fn tolerant_reading(path: &str) -> String {
    let mut text = path.as_bytes().to_vec();
    for _ in 0..4 {
        text = percent_encoding::percent_decode(&text).collect();
    }
    let text = String::from_utf8_lossy(&text).replace('\\', "/");
    let mut stack: Vec<&str> = Vec::new();
    for segment in text.split('/').map(|s| s.split([';', '\0']).next().unwrap_or("").trim()) {
        match segment {
            "" | "." => {}
            ".." => drop(stack.pop()),
            other => stack.push(other),
        }
    }
    format!("/{}", stack.join("/"))
}

#[test]
fn unreserved_octets_are_unescaped_and_hex_is_upper_case() {
    assert_eq!(canonical("/%61dmin/%7euser%2dx%5Fy"), Ok("/admin/~user-x_y".into()));
    assert_eq!(canonical("/caf%c3%a9/a%20b"), Ok("/caf%C3%A9/a%20b".into()));
    assert_eq!(canonical("/u/a%40b%3ac"), Ok("/u/a%40b%3Ac".into()));
}

#[test]
fn ordinary_paths_are_borrowed_as_they_are() {
    for path in ["/", "/a", "/a/", "/a/b.c/d", "/a;v=1/b", "/x;", "/@v/c:d", "/.well-known/x"] {
        let parsed = CanonicalPath::parse(path).unwrap();
        assert_eq!(parsed.as_str(), path);
        assert!(matches!(parsed.into_cow(), Cow::Borrowed(_)), "{path}");
    }
    for path in ["/...", "/a..b", "/..a", "/.a", "/a.", "/100%25", "/100%25x1", "/[x]|{y}"] {
        assert_eq!(canonical(path), Ok(path.into()));
    }
}

#[test]
fn each_rule_has_its_fault() {
    use PathFault as F;
    let cases = [
        ("/a\\b", F::Backslash),
        ("/a%", F::BadEscape),
        ("/a%4", F::BadEscape),
        ("/%u002e/", F::BadEscape),
        ("/%+1", F::BadEscape),
        ("/a b", F::Control),
        ("/a\tb", F::Control),
        ("/a\u{7f}", F::Control),
        ("/a/../b", F::DotSegment),
        ("/%2E%2e/b", F::DotSegment),
        ("/..%20/b", F::DotSegment),
        ("/..;x=1/b", F::DotSegment),
        ("/..;/b", F::DotSegment),
        ("/a/.", F::DotSegment),
        ("/%252e", F::DoubleEscape),
        ("/%25%32%66", F::DoubleEscape),
        ("//a", F::EmptySegment),
        ("/a//", F::EmptySegment),
        ("/%00", F::EscapedControl),
        ("/%0d%0a", F::EscapedControl),
        ("/a%2fb", F::EscapedDelimiter),
        ("/a%5Cb", F::EscapedDelimiter),
        ("/a%3bb", F::EscapedDelimiter),
        ("/a%3F", F::EscapedDelimiter),
        ("/a%23", F::EscapedDelimiter),
        ("/a#b", F::Fragment),
        ("/a?b", F::Fragment),
        ("/;/a", F::LoneParameter),
        ("/;x", F::LoneParameter),
        ("/a;/b", F::LoneParameter),
        ("/caf\u{e9}", F::NonAscii),
        ("/\u{212a}", F::NonAscii),
        ("", F::NotAbsolute),
        ("*", F::NotAbsolute),
        ("admin/secret", F::NotAbsolute),
        ("/%c0%ae%c0%ae/", F::NotUtf8),
        ("/%e0%80%af", F::NotUtf8),
        ("/%ff", F::NotUtf8),
        ("/a<b", F::Unescaped),
    ];
    for (raw, fault) in cases {
        assert_eq!(canonical(raw), Err(fault), "{raw}");
    }
    assert_eq!(canonical(&format!("/{}", "a".repeat(MAX_PATH))), Err(F::TooLong));
    assert!(canonical(&format!("/{}", "a".repeat(MAX_PATH - 1))).is_ok());
}

#[test]
fn no_join_of_two_segments_leads_a_tolerant_server_elsewhere() {
    let lefts = ["/pub", "/pub/a", "/", "/pub;v=1", "/%70ub", "/pub%20", "/p.b", "/pub/%2e"];
    let joins = [
        "/../",
        "/%2e%2e/",
        "/%252e%252e/",
        "/..;/",
        "//",
        "/..\\",
        "\\..\\",
        "/%c0%ae%c0%ae/",
        "%2f..%2f",
        "/.%2e%5c",
        "/..%00/",
        "/.;/..;a=b/%2e./",
    ];
    let rights = ["admin", "admin/", "%61dmin", "Admin", "admin;x", "admin%20", "adm%69n/x", "a"];
    let mut seen = 0;
    for (left, join, right) in
        lefts.iter().flat_map(|l| joins.iter().flat_map(move |j| rights.map(|r| (l, j, r))))
    {
        seen += 1;
        let raw = format!("{left}{join}{right}");
        assert!(canonical(&raw).is_err(), "{raw} was accepted as {:?}", canonical(&raw));
    }
    assert_eq!(seen, 8 * 12 * 8);
}

#[test]
fn queries_are_bounded_and_plain() {
    assert_eq!(query_fault("a=1&b=%zz;c=\\"), None);
    assert_eq!(query_fault("a#b"), Some(QueryFault::Fragment));
    assert_eq!(query_fault("a b"), Some(QueryFault::Control));
    assert_eq!(query_fault("a=\r\n"), Some(QueryFault::Control));
    assert_eq!(query_fault("a=\u{e9}"), Some(QueryFault::NonAscii));
    assert_eq!(query_fault(&"a".repeat(MAX_QUERY)), None);
    assert_eq!(query_fault(&"a".repeat(MAX_QUERY + 1)), Some(QueryFault::TooLong));
    assert_eq!(query_fault(&vec!["a"; 1000].join("&")), None);
    assert_eq!(query_fault(&vec!["a"; 1001].join(";")), Some(QueryFault::TooManyParameters));
}

proptest! {
    #[test]
    fn canonical_text_parses_to_itself_borrowed(raw in "/(%[0-9a-fA-F]{2}|[ -~]|\\PC){0,24}") {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            let again = CanonicalPath::parse(path.as_str()).unwrap();
            prop_assert_eq!(again.as_str(), path.as_str());
            prop_assert!(matches!(again.into_cow(), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn an_accepted_path_has_one_reading(raw in "(/|\\.|%2[eEfF5]|%5[cC]|;|%25|2[ef]|%20|a|%61|\\\\){1,12}") {
        if let Ok(path) = CanonicalPath::parse(&raw) {
            let plain = percent_decode_str(path.as_str()).decode_utf8().unwrap();
            let kept = plain.split('/').map(|s| s.split(';').next().unwrap().trim())
                .filter(|s| !s.is_empty()).collect::<Vec<_>>().join("/");
            prop_assert_eq!(tolerant_reading(path.as_str()), format!("/{kept}"));
        }
    }

    #[test]
    fn the_short_way_says_what_the_rules_say(raw in "/([a-z]{0,2}[/.]{0,2}|%2[eEfF5]|;|[ -~]|\\PC){0,12}") {
        prop_assert_eq!(CanonicalPath::parse(&raw), CanonicalPath::parse_odd(&raw));
    }

    #[test]
    fn nothing_makes_it_panic(raw in "\\PC*") {
        let _ = CanonicalPath::parse(&raw);
        let _ = query_fault(&raw);
    }
}
