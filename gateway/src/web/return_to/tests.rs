use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use url::Url;

use super::*;

const SITE: &str = "https://app.example.com/.portcullis/callback/corp";

/// How a target on another site may begin: for a browser, for a lax reader, or after one decoding.
const STARTS: [&str; 58] = [
    "//",
    "///",
    "////",
    "/\\",
    "\\/",
    "\\\\",
    "\\",
    "/\\/",
    "/\t/",
    "/\n/",
    "/\r/",
    "\t//",
    " //",
    "\u{0}//",
    "/ /",
    "http://",
    "https://",
    "HTTPS://",
    "https:",
    "https:/",
    "https:\\\\",
    "http:\\",
    "ftp://",
    "//%09/",
    "/%09/",
    "/%5C",
    "/%5c/",
    "/%2F",
    "/%2f/",
    "%2F%2F",
    "/.//",
    "/..//",
    "/%2e//",
    "/./\\",
    "/;//",
    "/%0d%0a//",
    "/%00//",
    "/%252F",
    "/%255C",
    "//@",
    "/\u{ff0f}",
    "/\u{2044}/",
    "//app.example.com@",
    "https://app.example.com@",
    "https://app.example.com.",
    "//app.example.com:443@",
    "https://app.example.com\\@",
    "javascript://",
    "data:text/html,",
    "javascript:alert(1)//",
    "/x/..//",
    "/a/%2e%2e//",
    "?//",
    "#//",
    "",
    "./",
    "../",
    "app.example.com/",
];

/// Where a browser would go, following a `Location` on our callback.
fn followed(location: &str) -> Option<Url> {
    Url::parse(SITE).unwrap().join(location).ok()
}

fn stays(location: &str) -> bool {
    followed(location).is_some_and(|url| {
        (url.scheme(), url.host_str(), url.port(), url.username())
            == ("https", Some("app.example.com"), None, "")
    })
}

/// Spellings of a target on another site: starts × hosts × tails, raw, escaped and unescaped.
fn off_site() -> BTreeSet<String> {
    let hosts = ["evil.example", "evilexample.com", "app.example.com.evil.example", "[::1]"];
    let tails = ["", "/", "/app.example.com", "?app.example.com", "#app.example.com", "%2f.."];
    let mut all = BTreeSet::new();
    for start in STARTS {
        for host in hosts {
            for tail in tails {
                let plain = format!("{start}{host}{tail}");
                if let Ok(unescaped) = percent_decode_str(&plain).decode_utf8() {
                    all.insert(unescaped.into_owned());
                }
                all.insert(plain);
            }
        }
    }
    all
}

#[test]
fn no_spelling_of_another_site_is_accepted() {
    let all = off_site();
    assert!(all.len() > 1000, "{} spellings", all.len());
    for raw in &all {
        let target = ReturnTo::parse(raw);
        assert_eq!(target, None, "{raw:?}");
        // Also when a form field arrives escaped once more.
        let escaped: String = url::form_urlencoded::byte_serialize(raw.as_bytes()).collect();
        assert_eq!(ReturnTo::parse(&escaped), None, "{escaped:?}");
    }
}

#[test]
fn pages_of_this_site_are_kept() {
    let kept = [
        "/",
        "/chat",
        "/chat/?thread=7&next=//evil.example",
        "/a%20b?c=%2F%5C",
        "/?x=https://evil.example/",
        "/@user:7/x;v=1",
        "/.portcullis-demo/x",
        "/.portcullis/me",
        "/evil.example",
    ];
    for raw in kept {
        let target = ReturnTo::parse(raw).unwrap();
        assert_eq!(target.as_str(), raw);
        assert!(stays(target.as_str()), "{raw}");
    }
    assert_eq!(ReturnTo::parse("/%63hat").unwrap().as_str(), "/chat");
    assert!(stays(ReturnTo::root().as_str()));
}

#[test]
fn our_own_endpoints_are_no_pages_to_come_back_to() {
    for raw in [
        "/.portcullis",
        "/.portcullis/",
        "/.portcullis/login?return_to=/",
        "/.portcullis/%6cogin/corp",
        "/%2eportcullis/logout",
        "/.portcullis/callback/corp?code=x",
        "/.portcullis;x/logout",
        "/.portcullis/me/x",
    ] {
        assert_eq!(ReturnTo::parse(raw), None, "{raw}");
    }
}

#[test]
fn long_targets_are_forgotten() {
    assert!(ReturnTo::parse(&format!("/{}", "a".repeat(MAX_LENGTH - 1))).is_some());
    assert!(ReturnTo::parse(&format!("/{}", "a".repeat(MAX_LENGTH))).is_none());
}

#[test]
fn a_stored_target_is_proven_again() {
    let stored = serde_json::to_string(&ReturnTo::parse("/chat?x=1").unwrap()).unwrap();
    assert_eq!(stored, "\"/chat?x=1\"");
    assert!(serde_json::from_str::<ReturnTo>(&stored).is_ok());
    assert!(serde_json::from_str::<ReturnTo>("\"//evil.example\"").is_err());
}

proptest! {
    #[test]
    fn whatever_is_accepted_stays_here(
        raw in "(/|\\\\|%2[fF]|%5[cC]|%09|\t|\\.|%2e|:|@|;|#|\\?|&|evil\\.example|https:|[a-z]|\\PC){1,12}"
    ) {
        if let Some(target) = ReturnTo::parse(&raw) {
            prop_assert!(stays(target.as_str()), "{:?} leads to {:?}", target, followed(target.as_str()));
            prop_assert_eq!(ReturnTo::parse(target.as_str()), Some(target));
        }
    }
}
