//! What is said of a bad `[issuers.<id>]`, and of routes that ask for one.

use crate::config::tests::support::{GOOD, Scratch, faults, parse, parse_in};

const CI: &str = "[issuers.ci]\nissuer = \"https://ci.test\"\naudiences = [\"api\"]\n";
const ASKED: &str = "[issuers.asked]\nissuer = \"https://as.test\"\nintrospection = { url = \
    \"https://as.test/introspect\", client_id = \"gateway\", client_secret = { env = \"SECRET\" } }\n";
const ROUTE: &str = "[[routes]]\nupstream = \"app\"\naccess = \"authenticated\"\n";

fn file(sections: &str, route: &str) -> String {
    format!("{GOOD}{sections}{ROUTE}{route}")
}

#[test]
fn a_good_issuer_is_taken() {
    let loaded = parse(&file(
        &format!("{CI}{ASKED}"),
        "auth = [\"bearer\", \"session\"]\nissuers = [\"ci\"]\nscopes = [\"read\"]\n",
    ));
    let config = loaded.unwrap().config;
    let route = &config.routes[0];
    assert!(route.keeps_authorization());
    let ids: Vec<_> = config.issuers_of(route).map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["ci"]);
    let shown = config.redacted().to_string();
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn an_issuer_that_is_not_there_is_told_with_the_remedy() {
    assert_eq!(
        faults(&file(CI, "auth = [\"bearer\"]\nissuers = [\"cl\"]\n")),
        r#"error: there is no issuer `cl`
  --> p.toml:20:12 routes[0].issuers[0]
   |
20 | issuers = ["cl"]
   |            ^^^^
help: did you mean `ci`?
"#
    );
    assert_eq!(
        faults(&file("", "auth = [\"bearer\"]\n")),
        r#"error: no token can be good: there is no issuer
  --> p.toml:16:8 routes[0].auth
   |
16 | auth = ["bearer"]
   |        ^^^^^^^^^^
help: add [issuers.<id>] with `issuer` and `audiences`
"#
    );
}

#[test]
fn bad_settings_of_issuers_are_told() {
    let bearer = "auth = [\"bearer\"]\n";
    let with = |more: &str| file(&format!("{CI}{more}\n"), bearer);
    let swap = |from: &str, to: &str| file(&CI.replace(from, to), bearer);
    for (text, sentence) in [
        (swap("audiences = [\"api\"]\n", ""), "tokens for any application of the issuer"),
        (swap("https://ci.test", "ci"), "add jwks_url or jwks_file"),
        (swap("https://ci.test", "http://ci.test"), "`http://ci.test/` is not https"),
        (swap("https://ci.test", ""), "the issuer is empty"),
        (swap("\"api\"", "\"\""), "an audience is empty"),
        (with("algorithms = [\"HS256\"]"), "whoever can verify it can also forge it"),
        (
            with("secret = { env = \"S\" }\nalgorithms = [\"ES256\"]"),
            "has public keys, and no secret",
        ),
        (
            with("secret = { env = \"S\" }\nalgorithms = [\"HS256\", \"RS256\"]"),
            "RS256 has public keys",
        ),
        (with("secret = { env = \"S\" }\nalgorithms = [\"HS512\"]"), "these algorithms need 64"),
        (with("secret = { env = \"SHORT\" }"), "has 7 bytes; these algorithms need 32"),
        (with("secret = { env = \"UNSET\" }"), "issuers.ci.secret"),
        (
            with("secret = { env = \"S\" }\njwks_url = \"https://ci.test/jwks\""),
            "and secret is there",
        ),
        (with("algorithms = [\"none\"]"), "`none` is not accepted"),
        (with("algorithms = []"), "without an algorithm no token is taken"),
        (with("leeway = \"61s\""), "lets expired tokens in"),
        (with("subject = \"\""), "the claim's name is empty"),
        (with("scopes = [\"a b\"]"), "issuers.ci.scopes[0]"),
        (with("stale_keys = \"0s\""), "leave it out for the default, \"24h\""),
        (with("verified_cache = 1000001"), "take gigabytes"),
        (with("jwks_url = \"http://ci.test/jwks\""), "issuers.ci.jwks_url"),
        (with("jwks_url = \"https://u:p@ci.test/jwks\""), "no user name or password"),
        (with("jwks_url = \"https://ci.test/jwks\"\njwks_file = \"x\""), "more than one of"),
        (with("jwks_file = \"missing.json\""), "/nonexistent/missing.json`: it cannot be read"),
        (with("jwks = \"x\""), "unknown key `jwks` in `issuers.ci`"),
        (with("required_claims = { azp = \"x\" }"), "`azp` is not a list"),
        (with("introspection = { url = \"https://a.test\" }"), "`client_id` is missing"),
        (with("[issuers.two]\nissuer = \"https://ci.test\"\naudiences = [\"x\"]"), "join the two"),
        (with("[issuers.CI]\nissuer = \"https://x.test\"\naudiences = [\"x\"]"), "cannot be an id"),
        (file(ASKED, bearer).replace("SECRET", "UNSET"), "`UNSET` is not set"),
        (
            file(&format!("{ASKED}{}", ASKED.replace("as", "bs")), bearer)
                .replace("[issuers.bsked]", "[issuers.other]"),
            "opaque tokens would be shown to",
        ),
        (file(CI, "issuers = [\"ci\"]\n"), "`issuers` is for routes with the way in `bearer`"),
        (file(CI, "scopes = [\"a\"]\n"), "`scopes` is for routes with the way in `bearer`"),
        (file(CI, "forward_authorization = true\n"), "`forward_authorization` is for routes"),
        (file(CI, "auth = [\"bearer:ci\"]\n"), "write \"bearer\""),
    ] {
        let told = faults(&text);
        assert!(told.contains(sentence), "expected: {sentence}\n{text}\ntold:\n{told}");
    }
}

#[test]
fn a_file_without_a_usable_key_is_told_before_it_is_needed() {
    let folder = Scratch::new("jwks");
    let text = file(&format!("{CI}jwks_file = \"keys.json\"\n"), "auth = [\"bearer\"]\n");
    for (keys, sentence) in [
        ("{}", "not a well-formed key"),
        ("{\"keys\":[]}", "it holds no key"),
        ("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "a private or shared key"),
    ] {
        std::fs::write(folder.0.join("keys.json"), keys).unwrap();
        let told = parse_in(&folder.0, &text).unwrap_err().to_string();
        assert!(told.contains(sentence), "{told}");
    }
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let keys = format!("{{\"keys\":[{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{x}\"}}]}}");
    std::fs::write(folder.0.join("keys.json"), keys).unwrap();
    parse_in(&folder.0, &text).unwrap();
}
