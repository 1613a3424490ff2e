use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::base::{ManualClock, SeededEntropy, Timestamp};
use crate::oidc::callback::CallbackParams;
use crate::oidc::provider::{FinishedLogin, Provider};
use crate::oidc::settings::{Protocol, ProviderSettings};
use crate::oidc::start::StartLogin;
use crate::web::ScriptedFetch;

const TOKEN: &str = "https://github.com/login/oauth/access_token";
const API: &str = "https://api.github.com";

/// GitHub, as its documentation has it answer.
struct Fake {
    fetch: Arc<ScriptedFetch>,
    provider: Provider,
}

impl Fake {
    fn new(memberships: bool) -> Self {
        let api = GithubApi { url: API.to_owned(), memberships };
        let mut settings = ProviderSettings::new("gh".into(), "https://github.com", "Iv1.abc");
        settings.client_secret = Some("s3cret".into());
        settings.scopes = api.scopes();
        settings.protocol = Protocol::Github(api);
        let fetch = Arc::new(ScriptedFetch::default());
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let entropy = Arc::new(SeededEntropy::new(1));
        let fake = Self { provider: Provider::new(settings, fetch.clone(), clock, entropy), fetch };
        let token =
            json!({ "access_token": "gho_x", "token_type": "bearer", "scope": "read:user" });
        fake.fetch.answer(TOKEN, 200, token.to_string());
        fake.says(
            "/user",
            &json!({
                "login": "octocat", "id": 583_231, "name": null, "email": "typed@by.owner",
                "company": "@github", "email_verified": true, "groups": ["planted"],
            }),
        );
        fake.says("/user/emails", &json!([
            { "email": "old@corp.test", "primary": false, "verified": true, "visibility": null },
            { "email": "octo@corp.test", "primary": true, "verified": true, "visibility": "public" },
        ]));
        fake.says("/user/orgs", &json!([{ "login": "acme", "id": 1 }]));
        fake.says(
            "/user/teams",
            &json!([
                { "slug": "platform", "name": "Platform", "organization": { "login": "acme" } },
            ]),
        );
        fake
    }

    fn says(&self, path: &str, document: &Value) {
        self.fetch.answer(&format!("{API}{path}"), 200, document.to_string());
    }

    async fn login(&self, query: &str) -> Result<FinishedLogin, LoginFault> {
        let login = StartLogin {
            redirect_uri: "https://app.test/cb",
            return_to: "/",
            step_up: None,
            route: None,
        };
        let started = self.provider.start(login, |it| it.id.clone()).await.unwrap();
        self.provider.finish(&CallbackParams::parse(query)?, &started.transaction).await
    }
}

#[tokio::test]
async fn the_authorization_request_has_state_and_pkce_and_asks_for_no_more_than_is_used() {
    for (memberships, scope) in
        [(false, "read:user user:email"), (true, "read:user user:email read:org")]
    {
        let login = StartLogin {
            redirect_uri: "https://app.test/cb",
            return_to: "/",
            step_up: None,
            route: None,
        };
        let fake = Fake::new(memberships);
        let started = fake.provider.start(login, |it| it.id.clone()).await.unwrap();
        let url = Url::parse(&started.location).unwrap();
        let get =
            |name: &str| url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
        assert!(started.location.starts_with("https://github.com/login/oauth/authorize?"));
        assert_eq!(get("scope").as_deref(), Some(scope));
        assert_eq!(get("code_challenge_method").as_deref(), Some("S256"));
        assert_eq!(get("state"), Some(started.transaction.id));
        assert_eq!(get("nonce"), None);
    }
}

#[tokio::test]
async fn people_are_known_by_their_number_and_their_primary_verified_address() {
    let fake = Fake::new(true);
    let login = fake.login("state=s&code=c").await.unwrap();
    let who = login.principal;
    assert_eq!((who.issuer.as_str(), who.subject.as_str()), ("https://github.com", "583231"));
    assert_eq!(who.preferred_username.as_deref(), Some("octocat"));
    assert_eq!(who.name.as_deref(), Some("octocat"));
    let email = who.email.unwrap();
    assert_eq!((email.address.as_str(), email.verified), ("octo@corp.test", true));
    assert_eq!(who.groups, ["acme", "acme/platform"]);
    assert!(!login.auth_time_stated && login.tokens.id_token.is_none());
    let form = fake.fetch.asked(TOKEN).remove(0);
    let form = String::from_utf8_lossy(form.body()).into_owned();
    assert!(form.contains("code_verifier=") && form.contains("client_secret=s3cret"), "{form}");
    let asked = fake.fetch.asked(&format!("{API}/user")).remove(0);
    assert_eq!(asked.headers()["authorization"], "Bearer gho_x");
}

#[tokio::test]
async fn no_address_counts_that_github_has_not_verified() {
    let fake = Fake::new(false);
    for list in [
        json!([{ "email": "octo@corp.test", "primary": true, "verified": false }]),
        json!([{ "email": "octo@corp.test", "primary": false, "verified": true }]),
        json!([{ "email": "octo@corp.test", "primary": true, "verified": "true" }]),
        json!([]),
    ] {
        fake.says("/user/emails", &list);
        let who = fake.login("state=s&code=c").await.unwrap().principal;
        assert_eq!((who.email, who.groups.len()), (None, 0), "{list}");
    }
}

#[tokio::test]
async fn an_error_with_status_200_is_an_error() {
    let fake = Fake::new(false);
    for (error, expected) in [
        ("bad_verification_code", LoginFault::CodeRejected("bad_verification_code".to_owned())),
        (
            "incorrect_client_credentials",
            LoginFault::TokenRefused("incorrect_client_credentials".to_owned()),
        ),
    ] {
        fake.fetch.answer(TOKEN, 200, json!({ "error": error }).to_string());
        assert_eq!(fake.login("state=s&code=c").await.unwrap_err(), expected);
    }
    fake.fetch.answer(TOKEN, 200, "{}");
    let fault = fake.login("state=s&code=c").await.unwrap_err();
    assert!(matches!(fault, LoginFault::TokenAnswerMalformed(_)), "{fault}");
}

#[tokio::test]
async fn an_answer_without_a_number_or_without_an_end_lets_nobody_in() {
    let fake = Fake::new(true);
    let page: Vec<_> = (0..PAGE).map(|n| json!({ "login": format!("org-{n}") })).collect();
    fake.says("/user/orgs", &json!(page));
    let fault = fake.login("state=s&code=c").await.unwrap_err();
    assert!(matches!(fault, LoginFault::GroupsMissing(_)), "{fault}");
    assert_eq!(fake.fetch.asked(&format!("{API}/user/orgs")).len(), MOST_PAGES);
    let fake = Fake::new(false);
    for user in [json!({ "login": "x" }), json!({ "id": "1" }), json!({ "id": 0 }), json!([])] {
        fake.says("/user", &user);
        let fault = fake.login("state=s&code=c").await.unwrap_err();
        assert!(matches!(fault, LoginFault::ApiRefused(_)), "{user}: {fault}");
    }
    for (status, unavailable) in [(403, true), (429, true), (502, true), (401, false), (302, false)]
    {
        fake.fetch.answer(&format!("{API}/user"), status, "{}");
        let fault = fake.login("state=s&code=c").await.unwrap_err();
        assert_eq!(fault.is_unavailable(), unavailable, "{status}: {fault}");
    }
}

#[tokio::test]
async fn an_answer_in_the_name_of_another_issuer_is_refused() {
    let fake = Fake::new(false);
    for own in ["https://github.com", "https://github.com/login/oauth"] {
        assert!(fake.login(&format!("state=s&code=c&iss={own}")).await.is_ok(), "{own}");
    }
    let fault = fake.login("state=s&code=c&iss=https://evil.test/login/oauth").await.unwrap_err();
    assert!(matches!(fault, LoginFault::ResponseIssuerWrong(_)), "{fault}");
}

#[tokio::test]
async fn it_is_ready_without_asking_anybody() {
    let fake = Fake::new(false);
    let status = fake.provider.status();
    assert!(status.keys_ready, "{status:?}");
    assert_eq!(status.discovery.to_string(), "ready");
    assert_eq!(fake.provider.logout_url(None, "https://app.test/out", "s"), None);
}

/// A GitHub App whose users' tokens expire.
#[tokio::test]
async fn tokens_that_expire_are_refreshed_and_memberships_read_again() {
    use crate::oidc::{Known, RefreshClass, RefreshFault};
    let fake = Fake::new(true);
    let answer = |token: &str, refresh: &str| {
        let token = json!({
            "access_token": token, "token_type": "bearer", "expires_in": 28_800,
            "refresh_token": refresh, "refresh_token_expires_in": 15_897_600,
        });
        fake.fetch.answer(TOKEN, 200, token.to_string());
    };
    answer("ghu_1", "ghr_1");
    let login = fake.login("state=s&code=c").await.unwrap();
    assert_eq!(login.tokens.provider_sub.as_deref(), Some("583231"));
    answer("ghu_2", "ghr_2");
    fake.says("/user/orgs", &json!([]));
    fake.says("/user/teams", &json!([]));
    let granted = fake.provider.refresh(&login.tokens).await.unwrap().unwrap();
    let form = fake.fetch.asked(TOKEN).pop().unwrap();
    let form = String::from_utf8_lossy(form.body()).into_owned();
    for part in ["grant_type=refresh_token", "refresh_token=ghr_1", "client_secret=s3cret"] {
        assert!(form.contains(part), "{form}");
    }
    let known = Known { principal: &login.principal, tokens: &login.tokens };
    let now = fake.provider.reread(granted, known).await.unwrap();
    assert!(now.principal.groups.is_empty(), "they left");
    assert_eq!(now.tokens.refresh_token.unwrap().expose(), "ghr_2");
    let asked = fake.fetch.asked(&format!("{API}/user")).pop().unwrap();
    assert_eq!(asked.headers()["authorization"], "Bearer ghu_2");
    fake.says("/user", &json!({ "login": "octocat", "id": 7 }));
    let granted = fake.provider.refresh(&login.tokens).await.unwrap().unwrap();
    let other = fake.provider.reread(granted, known).await.unwrap_err();
    assert_eq!(other, RefreshFault::SubjectChanged);
    fake.fetch.answer(TOKEN, 200, r#"{"error":"bad_refresh_token"}"#);
    let ended = fake.provider.refresh(&login.tokens).await.unwrap_err();
    assert_eq!(ended.class(), RefreshClass::Definitive);
}
