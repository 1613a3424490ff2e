//! What is said of a bad `[server.verify]` and a bad `[forward_auth.<id>]`.

use crate::config::tests::support::{GOOD, ROUTE, faults};

const VERIFY: &str = "[server.verify]\npeers = [\"127.0.0.1/32\"]\ndialect = \"nginx\"\n";
const SERVICE: &str =
    "[forward_auth.sso]\nurl = \"https://sso.test/auth\"\nheaders = [\"Authorization\"]\n";
const ASKS: &str = "auth = [\"forward_auth\"]\n";

#[test]
fn bad_settings_of_verify_are_told() {
    let with = |from: &str, to: &str| {
        assert!(VERIFY.contains(from), "{from}");
        format!("{GOOD}{}{ROUTE}", VERIFY.replace(from, to))
    };
    let nginx = "dialect = \"nginx\"\n";
    assert_eq!(faults(&with("nginx", "nginx")), "");
    for (text, sentence) in [
        (with(nginx, ""), "dialect"),
        (with("nginx", "apache"), "unknown word `apache`"),
        (with("\"127.0.0.1/32\"", ""), "nobody could ask"),
        (with("127.0.0.1/32", "0.0.0.0/0"), "clients could name the path themselves"),
        (with("127.0.0.1/32", "::/0"), "clients could name the path themselves"),
        (
            with(nginx, &format!("{nginx}headers = [\"X-Original-Host\"]\n")),
            "add \"X-Original-URI\"",
        ),
        (with(nginx, &format!("{nginx}headers = [\"X-Forwarded-Uri\"]\n")), "unknown word"),
        (
            with(nginx, "dialect = \"envoy\"\nheaders = [\"X-Original-URI\"]\n"),
            "only nginx chooses",
        ),
        (
            with(nginx, &format!("{nginx}oauth2_proxy_paths = true\n"))
                .replace("access =", "path = \"/oauth2/*\"\naccess ="),
            "takes such paths",
        ),
    ] {
        let told = faults(&text);
        assert!(told.contains(sentence), "expected: {sentence}\n{text}\ntold:\n{told}");
    }
}

#[test]
fn bad_settings_of_services_are_told() {
    let swap = |from: &str, to: &str| {
        assert!(SERVICE.contains(from), "{from}");
        format!("{GOOD}{}{ROUTE}{ASKS}", SERVICE.replace(from, to))
    };
    let with = |more: &str| format!("{GOOD}{SERVICE}{more}\n{ROUTE}{ASKS}");
    let other = "[forward_auth.other]\nurl = \"https://o.test\"\nalways = true";
    assert_eq!(faults(&with("")), "");
    for (text, sentence) in [
        (format!("{GOOD}{ROUTE}{ASKS}"), "there is no service to ask"),
        (with(other), "add forward_auth = with one of other, sso"),
        (format!("{}forward_auth = \"ss\"\n", with("")), "did you mean `sso`?"),
        (
            format!("{GOOD}{SERVICE}{ROUTE}forward_auth = \"sso\"\n"),
            "is for routes with that way in",
        ),
        (swap("https:", "http:"), "whoever can listen in could say yes"),
        (swap("https://sso.test", "http://127.0.0.1"), "insecure_http = true"),
        (swap("https://sso.test", "https://u:p@sso.test"), "no user name, password"),
        (swap("\"Authorization\"", ""), "nothing of a request would make it be asked"),
        (swap("Authorization", "Cookie"), "cookies are named in `cookies`"),
        (swap("Authorization", "X-Original-URI"), "this field cannot be passed on"),
        (with("cookies = [\"__Host-portcullis\"]"), "would be a password to the service"),
        (with("cookies = [\"a b\"]"), "no cookie can be called so"),
        (with("claims = { email = \"X-Email\" }"), "nothing names the person"),
        (with("email_verified = true\njwt = { header = \"X-JWT\" }"), "are not read where `jwt`"),
        (with("timeout = \"31s\""), "it is not between"),
        (with("cache = \"6m\""), "so long could nobody be locked out"),
        (with("pass = [\"X-User-JWT\"]"), "the service's own `X-User-JWT` and ours would be one"),
        (with("pass = [\"Content-Length\"]"), "`Content-Length` cannot be passed on"),
    ] {
        let told = faults(&text);
        assert!(told.contains(sentence), "expected: {sentence}\n{text}\ntold:\n{told}");
    }
}
