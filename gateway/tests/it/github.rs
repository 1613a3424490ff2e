//! Signing in with GitHub, which is not OpenID Connect; and beside another provider.

use serde_json::json;

use crate::support::github::Github;
use crate::support::lab::{Lab, SITE};
use crate::support::provider::Provider;
use crate::support::settings::{HOST, Route, Settings};

/// A house with GitHub alone.
async fn house(github: &Github, more: &str, change: impl FnOnce(&mut Settings)) -> Lab {
    let url = github.url.clone();
    Lab::with(move |settings| {
        settings.issuer = url;
        settings.provider = more.to_owned();
        settings.swaps.push(("kind = \"oidc\"", "kind = \"github\"".to_owned()));
        settings.swaps.push(("issuer = \"", "url = \"".to_owned()));
        change(settings);
    })
    .await
}

#[tokio::test]
async fn a_person_signs_in_by_number_with_teams_as_groups() {
    let github = Github::start().await;
    let more = "memberships = true\nclaims = { keep = [\"company\"] }\n\
        grants = [{ role = \"operator\", to = { groups = [\"acme/platform\"] } }]";
    let lab = house(&github, more, |settings| {
        settings.routes[2].access = r#"allow = { groups = ["acme/platform"] }"#;
    })
    .await;
    let mut browser = lab.browser();
    let page = browser.navigate(&format!("{SITE}/engineering/x?y=1")).await;
    assert_eq!(page.answer.status(), 200, "{:#?}\n{}", page.hops, page.answer.text());
    assert_eq!(page.url.as_str(), format!("{SITE}/engineering/x?y=1"));
    let claims = lab.last_claims();
    assert_eq!(claims["sub"], "583231");
    assert_eq!(claims["idp"], github.url);
    assert_eq!(
        (&claims["user"], &claims["email"]),
        (&json!("octocat"), &json!("mona@example.com"))
    );
    assert_eq!(claims["groups"], json!(["acme", "acme/platform"]));
    assert_eq!((&claims["roles"], &claims["company"]), (&json!(["operator"]), &json!("@github")));
    assert!(browser.cookies(HOST).iter().all(|cookie| !cookie.value.contains("gho_")));
}

#[tokio::test]
async fn an_address_that_is_not_verified_lets_nobody_in_where_one_is_required() {
    let github = Github::start().await;
    let lab = house(&github, "require_verified_email = true", |_| {}).await;
    github.forget_address();
    let page = lab.browser().navigate(&format!("{SITE}/home")).await;
    assert_eq!(page.answer.status(), 403, "{:#?}", page.hops);
    assert!(page.answer.text().contains("login_email_unverified"), "{}", page.answer.text());
    assert!(lab.recorder.requests().is_empty());
}

#[tokio::test]
async fn each_route_has_its_providers_and_groups_count_for_those_who_are_meant() {
    let github = Github::start().await;
    let second = format!(
        "[providers.gh]\nkind = \"github\"\nclient_id = \"portcullis\"\ninsecure_http = true\n\
         client_secret = {{ env = \"TEST_CLIENT_SECRET\" }}\nmemberships = true\nurl = \"{}\"\n",
        github.url
    );
    let lab = Lab::around(Provider::start().await, |settings| {
        settings.issuers = second;
        let signed_in = settings.routes.pop().unwrap();
        settings.routes.push(Route {
            path: "/both/*",
            access: r#"allow = { groups = ["engineering", "acme"], from = ["gh"] }"#,
            ..signed_in.clone()
        });
        settings.routes.push(signed_in);
        // The first of the two is the route's; the other stays with one provider.
        let both = "path = \"/both/*\"\nauth = [\"session\"]\nlogin = [\"test\", \"gh\"]";
        let one = "path = \"/both/*\"\nauth = [\"session\"]\nlogin = [\"test\"]";
        settings.swaps.push((one, both.to_owned()));
    })
    .await;
    let mut browser = lab.browser();
    let chooser = browser.navigate(&format!("{SITE}/both/x")).await;
    let text = chooser.answer.text();
    assert!(text.contains("/.portcullis/login/gh?") && text.contains("/.portcullis/login/test?"));
    lab.provider.remember(&mut browser, "engineer");
    let back = format!("{SITE}/.portcullis/login/test?return_to=/both/x");
    let refused = browser.navigate(&back).await;
    assert_eq!(refused.answer.status(), 403, "the other provider's `engineering` does not count");
    let back = format!("{SITE}/.portcullis/login/gh?return_to=/both/x");
    let let_in = browser.navigate(&back).await;
    assert_eq!(let_in.answer.status(), 200, "{:#?}", let_in.hops);
    // A session of GitHub's is none where only the other one is listed.
    lab.recorder.clear();
    let other = browser.fetch("GET", &format!("{SITE}/home"), &[], "").await;
    assert_eq!((other.status(), lab.recorder.requests().len()), (401, 0));
}
