use serde_json::json;

use super::*;
use crate::oidc::fake::{ACCESS_TOKEN, Fake, NOW};
use crate::oidc::provider::FinishedLogin;
use crate::web::FetchError;

const TOKEN: &str = "https://id.test/token";
const USERINFO: &str = "https://id.test/userinfo";

/// A login whose tokens can be refreshed.
async fn signed_in(fake: &Fake, change: Value) -> FinishedLogin {
    let mut login = fake.login(change).await.unwrap();
    login.tokens.refresh_token = Some("rt-1".into());
    login
}

/// The next answer of the token endpoint, with an `id_token` of these claims.
fn grants(fake: &Fake, claims: &Value) {
    let mut claims = Fake::claims("unused", claims);
    claims.as_object_mut().unwrap().remove("nonce");
    grants_exactly(fake, &claims);
}

fn grants_exactly(fake: &Fake, claims: &Value) {
    let answer = json!({
        "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 60,
        "refresh_token": "rt-2", "id_token": fake.signer.sign(claims),
    });
    fake.fetch.answer(TOKEN, 200, answer.to_string());
}

async fn refresh(fake: &Fake, login: &FinishedLogin) -> Result<Reread, RefreshFault> {
    let granted = fake.provider.refresh(&login.tokens).await?.expect("a refresh token");
    let known = Known { principal: &login.principal, tokens: &login.tokens };
    fake.provider.reread(granted, known).await
}

#[tokio::test]
async fn a_refresh_asks_as_the_standard_says_and_reads_the_person_again() {
    let fake = Fake::new();
    let claims = json!({"groups": ["a", "b"], "auth_time": NOW - 60, "sid": "s-1"});
    let login = signed_in(&fake, claims).await;
    grants(&fake, &json!({"groups": ["a"], "auth_time": NOW - 60, "sid": "s-1"}));
    let granted = fake.provider.refresh(&login.tokens).await.unwrap().unwrap();
    let request = fake.fetch.asked(TOKEN).pop().unwrap();
    let body = String::from_utf8_lossy(request.body()).into_owned();
    assert_eq!(body, "grant_type=refresh_token&refresh_token=rt-1");
    assert!(request.headers().contains_key("authorization"), "our proof, as for a code");
    assert_eq!(granted.tokens.refresh_token.as_ref().unwrap().expose(), "rt-2");
    let before = login.tokens.id_token.as_ref().unwrap().expose();
    assert_eq!(granted.tokens.id_token.as_ref().unwrap().expose(), before, "not verified yet");
    let known = Known { principal: &login.principal, tokens: &login.tokens };
    let now = fake.provider.reread(granted, known).await.unwrap();
    assert_eq!(now.principal.groups, ["a"]);
    assert_eq!(now.tokens.provider_sid.as_deref(), Some("s-1"));
    assert_eq!(now.tokens.provider_sub.as_deref(), Some("ann"));
    assert_ne!(now.tokens.id_token.as_ref().unwrap().expose(), before);
    assert_eq!(now.tokens.expires_in, Some(60));
}

/// It is what a logout names from then on. One that says none means the one of before.
#[tokio::test]
async fn another_sid_of_the_same_person_is_taken_up() {
    let fake = Fake::new();
    let with = signed_in(&fake, json!({"sid": "s-1"})).await;
    let without = signed_in(&fake, json!({})).await;
    for (login, sid, kept) in [
        (&with, json!("s-1"), Some("s-1")),
        (&with, Value::Null, Some("s-1")),
        (&with, json!("s-2"), Some("s-2")),
        (&without, json!("s-2"), Some("s-2")),
        (&without, Value::Null, None),
    ] {
        grants(&fake, &json!({"sid": sid}));
        let now = refresh(&fake, login).await.unwrap();
        assert_eq!(now.tokens.provider_sid.as_deref(), kept, "{sid}");
        grants(&fake, &json!({"sid": sid, "sub": "eve"}));
        let fault = refresh(&fake, login).await.unwrap_err();
        assert_eq!(
            (fault.class(), fault),
            (RefreshClass::Definitive, RefreshFault::SubjectChanged)
        );
    }
}

#[tokio::test]
async fn without_a_refresh_token_nobody_is_asked_and_without_a_new_one_the_old_one_stays() {
    let fake = Fake::new();
    let login = fake.login(json!({})).await.unwrap();
    assert!(fake.provider.refresh(&login.tokens).await.unwrap().is_none());
    let login = signed_in(&fake, json!({})).await;
    let answer = json!({"access_token": "a2", "token_type": "Bearer"});
    fake.fetch.answer(TOKEN, 200, answer.to_string());
    let now = refresh(&fake, &login).await.unwrap();
    assert_eq!(now.tokens.refresh_token.unwrap().expose(), "rt-1");
    assert_eq!(now.principal, login.principal, "nothing new is known");
}

#[tokio::test]
async fn a_refreshed_id_token_passes_every_check_of_the_standard() {
    use LoginFault as L;
    use RefreshClass as C;
    let fake = Fake::with(|settings| {
        settings.required_claims = vec![("plan".to_owned(), vec!["gold".to_owned()])];
    });
    let login = signed_in(&fake, json!({"auth_time": NOW - 60, "plan": "gold"})).await;
    let kept = claims_of_kept(login.tokens.id_token.as_ref().unwrap().expose());
    let nonce = text(&kept, "nonce").unwrap();
    for (change, fault, class) in [
        (json!({"sub": "eve"}), RefreshFault::SubjectChanged, C::Definitive),
        (json!({"auth_time": NOW - 1}), RefreshFault::SignedInAnew, C::Definitive),
        (json!({"plan": "tin"}), L::ClaimRefused("plan".to_owned()).into(), C::Definitive),
        (json!({"aud": "other"}), L::AudienceWrong.into(), C::Unclear),
        (json!({"aud": ["portcullis", "o"]}), L::AudienceWrong.into(), C::Unclear),
        (json!({"azp": "other"}), L::AuthorizedPartyWrong.into(), C::Unclear),
        (
            json!({"iss": "https://evil.test"}),
            L::IssuerWrong("https://evil.test".to_owned()).into(),
            C::Unclear,
        ),
        (json!({"exp": NOW - 300}), L::Expired.into(), C::Unclear),
        (json!({"nonce": "of another login"}), L::NonceWrong.into(), C::Unclear),
        (json!({"at_hash": "of another token"}), L::AccessTokenHashWrong.into(), C::Unclear),
    ] {
        let good = json!({"auth_time": NOW - 60, "plan": "gold", "nonce": null});
        let change = crate::oidc::fake::merged(good, &change);
        grants_exactly(&fake, &Fake::claims("unused", &change_of(&change)));
        let found = refresh(&fake, &login).await.unwrap_err();
        assert_eq!((found.class(), &found), (class, &fault), "{change}");
    }
    for there in [json!({"nonce": nonce}), json!({"nonce": null}), json!({"auth_time": null})] {
        let good = json!({"auth_time": NOW - 60, "plan": "gold", "nonce": null});
        let change = crate::oidc::fake::merged(good, &there);
        grants_exactly(&fake, &Fake::claims("unused", &change_of(&change)));
        refresh(&fake, &login).await.unwrap();
    }
    let forged = crate::oidc::fake::Signer::new("two").sign(&Fake::claims(nonce, &json!({})));
    let answer = json!({"access_token": "a", "id_token": forged});
    fake.fetch.answer(TOKEN, 200, answer.to_string());
    assert_eq!(refresh(&fake, &login).await.unwrap_err().class(), C::Unclear);
}

/// Where a member is absent in the change, it is taken from the good claims; `nonce` is not.
fn change_of(change: &Value) -> Value {
    let mut change = change.clone();
    let members = change.as_object_mut().unwrap();
    members.entry("nonce").or_insert(Value::Null);
    change
}

#[tokio::test]
async fn who_may_not_sign_in_any_more_is_told_from_what_is_nobodys_fault() {
    use RefreshClass as C;
    let fake = Fake::with(|settings| settings.allow.groups = vec!["staff".to_owned()]);
    let login = signed_in(&fake, json!({"groups": ["staff"]})).await;
    grants(&fake, &json!({"groups": ["guests"]}));
    let gone = refresh(&fake, &login).await.unwrap_err();
    assert_eq!(gone, LoginFault::NotAllowed.into());
    assert_eq!(gone.class(), C::Definitive);
    for (status, body, class) in [
        (400, r#"{"error":"invalid_grant"}"#, C::Definitive),
        (200, r#"{"error":"bad_refresh_token"}"#, C::Definitive),
        (400, r#"{"error":"interaction_required"}"#, C::Definitive),
        (401, r#"{"error":"invalid_client"}"#, C::Misconfigured),
        (400, r#"{"error":"unauthorized_client"}"#, C::Misconfigured),
        (400, r#"{"error":"temporarily_unavailable"}"#, C::Unavailable),
        (500, "", C::Unavailable),
        (503, r#"{"error":"invalid_grant"}"#, C::Unavailable),
        (429, "", C::Unavailable),
        (200, "<html>maintenance</html>", C::Unclear),
        (200, "{}", C::Unclear),
        (200, r#"{"access_token":"a","token_type":"mac"}"#, C::Unclear),
    ] {
        fake.fetch.answer(TOKEN, status, body);
        assert_eq!(refresh(&fake, &login).await.unwrap_err().class(), class, "{status} {body}");
    }
    fake.fetch.fail(TOKEN, FetchError::TimedOut { host: "id.test".to_owned(), millis: 1 });
    assert_eq!(refresh(&fake, &login).await.unwrap_err().class(), C::Unavailable);
}

#[tokio::test]
async fn without_a_new_id_token_userinfo_says_who_it_is_now() {
    let fake = Fake::new();
    fake.publish(&json!({"userinfo_endpoint": USERINFO}));
    fake.fetch.answer(USERINFO, 200, json!({"sub": "ann", "groups": ["a"]}).to_string());
    let login = signed_in(&fake, json!({"groups": ["a", "b"], "roles": ["r"]})).await;
    let answer = json!({"access_token": "a2", "token_type": "Bearer"});
    fake.fetch.answer(TOKEN, 200, answer.to_string());
    let now = refresh(&fake, &login).await.unwrap();
    assert_eq!(now.principal.groups, ["a"], "the group that was lost is lost");
    assert_eq!(now.principal.roles, ["r"], "what userinfo never says stays as it was signed");
    fake.fetch.answer(USERINFO, 200, json!({"sub": "eve", "groups": ["a"]}).to_string());
    assert_eq!(refresh(&fake, &login).await.unwrap_err().class(), RefreshClass::Definitive);
    for (status, class) in [
        (500, RefreshClass::Unavailable),
        (429, RefreshClass::Unavailable),
        (408, RefreshClass::Unavailable),
        (401, RefreshClass::Unclear),
        (403, RefreshClass::Unclear),
        (404, RefreshClass::Unclear),
    ] {
        fake.fetch.answer(USERINFO, status, "");
        assert_eq!(refresh(&fake, &login).await.unwrap_err().class(), class, "{status}");
    }
}
