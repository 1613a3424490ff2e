//! No spelling of an off-site target makes the gateway send a visitor away.

use url::Url;

use crate::support::lab::{Lab, SITE};

/// Where an attacker wants the visitor.
const EVIL: &str = "evil.example";

#[tokio::test(flavor = "multi_thread")]
async fn no_return_target_leaves_the_site() {
    let lab = Lab::start().await;
    let targets = spellings();
    assert!(targets.len() >= 60, "{}", targets.len());
    for target in targets {
        for parameter in ["return_to", "rd", "next", "redirect"] {
            let encoded: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
            let mut browser = lab.browser();
            let login = format!("{SITE}/.portcullis/login/test?{parameter}={encoded}");
            let page = browser.navigate(&login).await;
            stays(&page.hops, &lab, &target);
        }
    }
}

#[tokio::test]
async fn no_path_becomes_a_protocol_relative_redirect() {
    let lab = Lab::start().await;
    for path in [
        "//evil.example",
        "//evil.example/..",
        "/\\evil.example",
        "/%2fevil.example",
        "/%09/evil.example",
        "/.portcullis//evil.example",
    ] {
        for accept in ["text/html", "*/*"] {
            let answer = lab.get(path, &[format!("Accept: {accept}")]).await;
            let location = answer.header("location").unwrap_or_default();
            let target = Url::parse(SITE).unwrap().join(location).unwrap();
            assert_ne!(target.host_str(), Some(EVIL), "{path}: {location}");
        }
    }
}

#[tokio::test]
async fn a_signed_in_visitor_is_not_sent_away_either() {
    let lab = Lab::start().await;
    let mut browser = lab.sign_in("engineer").await;
    for target in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        for page in ["login", "login/test", "signed-out", "logout"] {
            let encoded: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
            let page =
                browser.navigate(&format!("{SITE}/.portcullis/{page}?return_to={encoded}")).await;
            stays(&page.hops, &lab, target);
        }
    }
}

fn stays(hops: &[Url], lab: &Lab, target: &str) {
    for hop in hops {
        let here = hop.as_str().starts_with(&format!("{SITE}/"));
        let provider = hop.as_str().starts_with(&lab.provider.issuer());
        assert!(here || provider, "{target:?} led to {hop}");
    }
}

fn spellings() -> Vec<String> {
    let before = [
        "//", "/\\", "\\\\", "\\/", "///", "/\t/", "/\n/", "/%09/", "/%5c", "/%2f", "/ /",
        "https:", "https:/", "https://",
    ];
    let names = [
        EVIL,
        "localhost@evil.example",
        "localhost.evil.example",
        "evil.example\\@localhost",
        "evil.example%00.localhost",
    ];
    let mut all: Vec<String> = before
        .iter()
        .flat_map(|before| names.iter().map(move |name| format!("{before}{name}")))
        .collect();
    all.extend(
        [
            "javascript:alert(1)",
            "data:text/html,x",
            "http:evil.example",
            "/..//evil.example",
            "/.//evil.example",
            "/a/..//evil.example",
        ]
        .map(str::to_owned),
    );
    all
}
