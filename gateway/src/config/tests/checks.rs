//! One bad setting each, and the sentence that must be said of it.

use proptest::prelude::{ProptestConfig, any, prop, prop_assert, proptest};

use crate::config::Problem;
use crate::config::tests::support::{GOOD, ROUTE, faults, parse};

/// Puts lines below a line of the good file.
fn with(line: &str, more: &str) -> String {
    let text = format!("{GOOD}{ROUTE}");
    assert!(text.contains(line), "{line}");
    text.replacen(line, &format!("{line}\n{more}"), 1)
}

/// Puts a text in place of another one.
fn swap(from: &str, to: &str) -> String {
    let text = format!("{GOOD}{ROUTE}");
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

fn each_is_told(cases: &[(String, &str)]) {
    for (text, sentence) in cases {
        let told = faults(text);
        assert!(told.contains(sentence), "expected: {sentence}\n{text}\ntold:\n{told}");
    }
}

#[test]
fn bad_settings_of_the_server_are_told() {
    let url = "public_url = \"http://localhost:8080\"";
    let http = "http = { listen = \"127.0.0.1:8080\" }";
    each_is_told(&[
        (swap("http://localhost:8080", "http://app.example.com"), "and not on this machine"),
        (swap("http://localhost:8080", "https://a.test/x"), "an origin has no path"),
        (swap("\"http://localhost:8080\"", "5"), "origin such as"),
        (with(url, "origins = [\"http://a.test\"]"), "server.origins[0]"),
        (with(url, "trusted_proxies = [\"10.0.0.0/33\"]"), "server.trusted_proxies[0]"),
        (with(url, "threads = 0"), "a whole number above 0"),
        (with(url, "limits = { idle_time = \"0s\" }"), "0 would refuse every request"),
        (with(url, "limits = { header_bytes = \"10B\" }"), "is not between 1KiB and 1MiB"),
        (with(url, "admin = { listen = \"127.0.0.1:8080\" }"), "is taken by server.http.listen"),
        (swap("127.0.0.1:8080\" }", "localhost\" }"), "write address and port"),
        (swap(http, ""), "nothing listens for requests"),
        (swap("8080\" }", "8080\", redirect_to_https = true }"), "which is not https"),
        (
            with(url, "https = { listen = \"[::]:1\", certificates = [] }"),
            "TLS needs a certificate",
        ),
        (
            with(
                url,
                "https = { listen = \"[::]:1\", certificates = [{ chain = \"c\", key = \"k\" }] }",
            ),
            "cannot read `/nonexistent/c`",
        ),
    ]);
}

#[test]
fn bad_settings_of_providers_are_told() {
    let id = "client_id = \"portcullis\"";
    each_is_told(&[
        (swap("[providers.corp]", "[providers.Corp]"), "`Corp` cannot be an id"),
        (swap("kind = \"oidc\"", "kind = \"saml\""), "kind `saml` is not known"),
        (swap("kind = \"oidc\"", ""), "[providers.corp] lacks its `kind`"),
        (swap("https://login.example.com", "http://login.example.com"), "the issuer is not https"),
        (swap("https://login.example.com", "http://localhost:1"), "insecure_http = true"),
        (swap("https://login.example.com", "https://u:p@a.test"), "no user name, password"),
        (swap("https://login.example.com", "login"), "`login` is not a URL"),
        (with(id, "leeway = \"2m\""), "lets expired tokens in"),
        (with(id, "allow = {}"), "an empty list lets nobody sign in"),
        (with(id, "scopes = [\"openid email\"]"), "a scope is one word"),
        (with(id, "ca = \"none.pem\""), "cannot read `/nonexistent/none.pem`"),
        (with(id, "client_secret = { file = \"none\" }"), "cannot read `/nonexistent/none`"),
        (with(id, "client_secret = { env = \"A\", file = \"b\" }"), "has one place"),
        (with(id, "client_secret = {}"), "the secret names no place"),
    ]);
}

#[test]
fn bad_settings_of_sessions_and_tokens_are_told() {
    let end = "access = \"authenticated\"";
    each_is_told(&[
        (with(end, "[session]\nidle = \"13h\""), "12h is shorter than session.idle, 13h"),
        (with(end, "[session]\nabsolute = \"201d\""), "sealed a session may be gone"),
        (with(end, "[session.refresh]\nevery = \"4s\""), "would ask its provider all the time"),
        (with(end, "[session]\nhot = 0"), "no session would fit into memory"),
        (with(end, "[session]\nstore = { kind = \"memory\", path = \"x\" }"), "unknown key `path`"),
        (with(end, "[token]\nalgorithm = \"none\""), "unknown word `none`"),
        (with(end, "[token]\nalgorithm = \"HS256\""), "HS256 needs a shared secret"),
        (with(end, "[token]\nsecret = { env = \"A\" }"), "is for HS256 only, not EdDSA"),
        (
            with(end, "[token]\nalgorithm = \"HS256\"\nsecret = { env = \"SHORT\" }"),
            "the secret has 7 bytes; one shorter than 32 can be guessed",
        ),
        (with(end, "[token]\nlifetime = \"1h\""), "is not between 5s and 10m"),
        (with(end, "[token]\npublish_before = \"31d\""), "is not shorter than token.rotate_after"),
    ]);
}

#[test]
fn bad_settings_of_upstreams_are_told() {
    let servers = "servers = [\"127.0.0.1:8000\"]";
    each_is_told(&[
        (swap("\"127.0.0.1:8000\"", ""), "an upstream needs a server"),
        (swap("\"127.0.0.1:8000\"", "\"http://a/x\""), "is not the address of a server"),
        (swap("\"127.0.0.1:8000\"", "\"https://a\", \"http://b\""), "some servers are https"),
        (swap("\"127.0.0.1:8000\"", "\"a:1\", \"a:1\""), "`a:1` is there twice"),
        (
            swap("\"127.0.0.1:8000\"]", "\"http://a\"]\ntls = { name = \"a\" }"),
            "the servers are plain http",
        ),
        (with(servers, "write_time = \"0s\""), "would fail every request"),
        (with(servers, "balance = \"random\""), "unknown word `random`"),
    ]);
}

#[test]
fn bad_rules_and_ways_in_of_routes_are_told() {
    let end = "access = \"authenticated\"";
    each_is_told(&[
        (with(end, "allow = { users = [\"a\"] }"), "`access` and `allow` are both there"),
        (swap(end, "allow = {}"), "an empty list lets nobody through"),
        (with(end, "auth = []"), "without a way in nobody gets in"),
        (with(end, "auth = [\"anonymous\", \"session\"]"), "put `anonymous` last"),
        (with(end, "auth = [\"session\", \"session\"]"), "`session` is there twice"),
        (with(end, "login = [\"crop\"]"), "did you mean `corp`?"),
        (with(end, "auth = [\"anonymous\"]\nlogin = [\"corp\"]"), "the way in `session`"),
        (with(end, "host = \"a.test\""), "add \"https://a.test\" to server.origins"),
        (with(end, "host = \"http://a.test\""), "is not a host pattern"),
    ]);
}

#[test]
fn bad_targets_and_tokens_of_routes_are_told() {
    let end = "access = \"authenticated\"";
    each_is_told(&[
        (with(end, "path = \"/a/../b\""), "no request would match it"),
        (with(end, "path = \"/.portcullis/x\""), "the gateway's own"),
        (with(end, "methods = [\"TRACE\"]"), "`TRACE` is never forwarded"),
        (with(end, "methods = [\"GET\", \"GET\"]"), "`GET` is there twice"),
        (with(end, "token = { header = \"Cookie\" }"), "`Cookie` cannot carry a token"),
        (with(end, "token = { header = \"X_User\" }"), "is not a header name"),
        (with(end, "token = { claims = [\"emial\"] }"), "did you mean `email`?"),
        (with(end, "token = { max_bytes = \"1B\" }"), "is not between 1KiB and 64KiB"),
        (with(end, "token = { off = true, debug_header = true }"), "there is no token to show"),
        (with(end, "token = { off = true, reuse = \"30s\" }"), "there is no token to share"),
        (with(end, "token = { reuse = \"60s\" }"), "is not shorter than token.lifetime"),
        (with(end, "token = { reuse = \"0s\" }"), "tokens cannot be shared for 0s"),
        (
            with(end, "token = { reuse = \"9s\", claims = [\"tctx\"] }"),
            "a shared token has no `tctx`",
        ),
        (with(end, &format!("name = \"x\"\n{ROUTE}path = \"/y\"\nname = \"x\"")), "called `x` too"),
    ]);
    let nobody = "[server]\npublic_url = \"http://localhost\"\nhttp = { listen = \"[::1]:1\" }\n\
        [upstreams.app]\nservers = [\"a:1\"]\n";
    each_is_told(&[(format!("{nobody}{ROUTE}"), "nobody can sign in")]);
}

#[test]
fn what_a_higher_floor_finds_is_placed_in_the_file() {
    let loaded = parse(&format!("{GOOD}{ROUTE}")).unwrap();
    let tie = Problem::new("routes[0].path", "it ties", "make one more specific");
    let told = loaded.faults(vec![tie]).to_string();
    assert!(told.contains("--> p.toml:13:1 routes[0].path"), "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let refused = parse(&text).err();
        prop_assert!(refused.is_some_and(|faults| !faults.is_empty()));
    }

    #[test]
    fn no_change_of_a_good_file_makes_it_panic_or_fail_without_a_word(
        at in any::<prop::sample::Index>(),
        put in "[\\[\\]{}=\"'.,a-z0-9\n\u{0}é-]{0,6}",
        cut in 0_usize..12,
    ) {
        let mut text: Vec<char> = format!("{GOOD}{ROUTE}").chars().collect();
        let from = at.index(text.len());
        text.splice(from..(from + cut).min(text.len()), put.chars());
        let refused = parse(&text.into_iter().collect::<String>()).err();
        prop_assert!(refused.is_none_or(|faults| !faults.is_empty()));
    }
}
