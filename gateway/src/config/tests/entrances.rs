//! What is said of bad `[signed_urls.<id>]` and `[trusted_headers]`, and of routes that ask for them.

use crate::config::tests::support::{GOOD, ROUTE, faults};

const KEY: &str = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn file(section: &str, auth: &str) -> String {
    format!("{GOOD}{section}\n{ROUTE}auth = {auth}\n")
}

fn told(cases: &[(String, &str)]) {
    for (text, sentence) in cases {
        let shown = faults(text);
        assert!(shown.contains(sentence), "{sentence}: {shown}\n{text}");
    }
}

#[test]
fn bad_settings_of_signed_links_are_told() {
    let auth = r#"["session", "signed_url"]"#;
    let portal = format!("[signed_urls.portal]\npublic_keys = [\"{KEY}\"]\n");
    assert_eq!(faults(&file(&portal, auth)), "");
    let with = |more: &str| file(&format!("{portal}{more}"), auth);
    let swap = |from: &str, to: &str| file(&portal.replace(from, to), auth);
    let twice = format!("[\"{KEY}\", \"{KEY}\"]");
    told(&[
        (file("", auth), "no link can be good: nobody signs any"),
        (file(&portal, r#"["signed_url"]"#), "add \"session\" to `auth`"),
        (file(&portal, "[\"session\"]\nsigned_urls = [\"portal\"]"), "for routes with the way in"),
        (file(&portal, &format!("{auth}\nsigned_urls = [\"portla\"]")), "did you mean `portal`?"),
        (swap("portal", "corp"), "providers.corp has this id too"),
        (swap("portal", "Po"), "cannot be an id"),
        (swap(KEY, "canary-private"), "this is not an Ed25519 public key"),
        (swap(&format!("[\"{KEY}\"]"), "[]"), "without a key no link is good"),
        (swap(&format!("[\"{KEY}\"]"), &twice), "this key is there twice"),
        (with("forms = []"), "without a form"),
        (with("forms = [\"plain\"]"), "forms"),
        (with("audience = \"\""), "the audience is empty"),
        (with("max_age = \"25h\""), "is not between 1s and 24h"),
        (with("max_age = \"0s\""), "is not between 1s and 24h"),
        (with("max_uses = 0"), "a link could never be used"),
    ]);
}

#[test]
fn bad_settings_of_trusted_headers_are_told() {
    let auth = r#"["trusted_headers"]"#;
    let good = "[trusted_headers]\nfrom = [\"10.0.0.5/32\"]\n";
    assert_eq!(faults(&file(good, auth)), "");
    let with = |more: &str| file(&format!("{good}{more}"), auth);
    told(&[
        (file("", auth), "nobody's header fields count"),
        (file("[trusted_headers]\nfrom = []", auth), "nobody's word would count"),
        (file("[trusted_headers]", auth), "from"),
        (file("[trusted_headers]\nfrom = [\"0.0.0.0/0\"]", auth), "anybody can be anybody"),
        (file("[trusted_headers]\nfrom = [\"::/0\"]", auth), "anybody can be anybody"),
        (with("issuer = \"\""), "the issuer is empty"),
        (with("user = \"Cookie\""), "`Cookie` is for something else"),
        (with("groups = \"X-Forwarded-Email\""), "is trusted_headers.email too"),
    ]);
    // Where the address is the stable name, one field is both.
    assert_eq!(faults(&with("user = \"X-Forwarded-Email\"")), "");
}

#[test]
fn bad_ends_of_streams_are_told() {
    let with = |streams: &str| format!("{GOOD}{ROUTE}streams = {streams}\n");
    assert_eq!(faults(&with("{ at_end = \"grace\", grace = \"1m\", close_code = 4401 }")), "");
    assert_eq!(faults(&with("{ at_end = \"keep\" }")), "");
    told(&[
        (with("{ at_end = \"linger\" }"), "routes[0].streams.at_end"),
        (with("{ grace = \"1m\" }"), "add at_end = \"grace\", or leave `grace` out"),
        (with("{ at_end = \"grace\", grace = \"0s\" }"), "is not between 1ms and 1h"),
        (with("{ at_end = \"grace\", grace = \"2h\" }"), "2h is not between 1ms and 1h"),
        (with("{ close_code = 1000 }"), "1000 is no code that a WebSocket may end with here"),
        (with("{ close_code = 5000 }"), "use 1008, or one of 4000 to 4999"),
    ]);
}
