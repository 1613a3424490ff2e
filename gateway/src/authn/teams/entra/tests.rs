use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use serde_json::json;

use super::*;
use crate::base::ManualClock;
use crate::crypto::{Algorithm, Encoder, KeySet, SigningKey};
use crate::oidc::KeyFault;

const AUTHORITY: &str = "https://login.microsoftonline.com";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const OTHER: &str = "99999999-2222-3333-4444-555555555555";
const OID: &str = "0b1d0b1d-2222-3333-4444-555555555555";
const TEAMS: &str = "5e3ce6c0-2b1f-4285-8d4b-75ee78787346";
const NOW: i64 = 1_800_000_000;

/// RSA keys take long to make.
static KEYS: LazyLock<[Encoder; 2]> = LazyLock::new(|| {
    [(); 2].map(|()| Encoder::new(SigningKey::generate(Algorithm::Rs256).unwrap().0, "JWT"))
});

/// Nobody answers.
#[derive(Debug)]
struct Dark;

#[async_trait::async_trait]
impl KeySource for Dark {
    async fn find(
        &self,
        _: Option<&str>,
        _: VerifyAlgorithm,
    ) -> Result<Arc<crate::crypto::VerifyingKey>, KeyFault> {
        Err(KeyFault::Unavailable("timeout".to_owned()))
    }

    fn known(
        &self,
        _: Option<&str>,
        _: VerifyAlgorithm,
    ) -> Option<Arc<crate::crypto::VerifyingKey>> {
        None
    }

    fn generation(&self) -> Option<u64> {
        None
    }
}

fn published() -> Arc<dyn KeySource> {
    let document = json!({ "keys": [KEYS[0].key().public_jwk().unwrap()] });
    Arc::new(KeySet::admit(document.to_string().as_bytes()).unwrap())
}

fn judge_with(tenants: Tenants, keys: Arc<dyn KeySource>) -> EntraTokens {
    let settings = EntraSettings {
        authority: AUTHORITY.to_owned(),
        tenants,
        audiences: vec!["client".to_owned(), "api://app.test/client".to_owned()],
        scope: "access_as_user".to_owned(),
        clients: vec![TEAMS.to_owned()],
        leeway: Duration::from_secs(30),
        claims: ClaimMapping::default(),
    };
    EntraTokens::new(settings, keys, Arc::new(ManualClock::at(Timestamp::from_secs(NOW))))
}

fn own() -> EntraTokens {
    judge_with(Tenants::Only(vec![TENANT.to_owned()]), published())
}

/// A token of the newer form, changed so; `null` takes a claim away.
fn second(change: &Value) -> Value {
    let claims = json!({
        "ver": "2.0", "iss": format!("{AUTHORITY}/{TENANT}/v2.0"), "aud": "client", "azp": TEAMS,
        "tid": TENANT, "oid": OID, "sub": "pairwise", "scp": "openid access_as_user",
        "iat": NOW - 60, "nbf": NOW - 60, "exp": NOW + 3_600, "name": "Ann",
        "preferred_username": "ann@corp.test",
    });
    changed(claims, change)
}

/// The same person in the older form.
fn first(change: &Value) -> Value {
    let claims = json!({
        "ver": "1.0", "iss": format!("https://sts.windows.net/{TENANT}/"),
        "aud": "api://app.test/client", "appid": TEAMS, "tid": TENANT, "oid": OID,
        "sub": "pairwise", "scp": "access_as_user", "iat": NOW - 60, "nbf": NOW - 60,
        "exp": NOW + 3_600, "name": "Ann", "unique_name": "ann@corp.test",
    });
    changed(claims, change)
}

fn changed(mut claims: Value, change: &Value) -> Value {
    let members = claims.as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    claims
}

fn sign(claims: &Value) -> String {
    KEYS[0].encode(claims.to_string().as_bytes()).unwrap()
}

async fn ask(judge: &EntraTokens, fields: &[String]) -> Result<TabSignIn, TabRefusal> {
    let mut headers = HeaderMap::new();
    for field in fields {
        headers.append("authorization", HeaderValue::from_str(field).unwrap());
    }
    let request = Request {
        method: &Method::POST,
        path: "/.portcullis/teams/session",
        ..Request::sample(&headers)
    };
    judge.judge(&request).await
}

async fn show(judge: &EntraTokens, token: &str) -> Result<TabSignIn, TabRefusal> {
    ask(judge, &[format!("Bearer {token}")]).await
}

async fn refused(judge: &EntraTokens, token: &str) -> RejectReason {
    match show(judge, token).await {
        Err(TabRefusal::Reject(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn both_forms_name_one_person_by_tenant_and_object() {
    let one = show(&own(), &sign(&second(&json!({})))).await.unwrap();
    let other = show(&own(), &sign(&first(&json!({})))).await.unwrap();
    assert!(one.principal.is_same_as(&other.principal));
    assert_eq!(one.principal.issuer, format!("{AUTHORITY}/{TENANT}/v2.0"));
    assert_eq!(one.principal.subject, OID);
    for sign_in in [one, other] {
        assert_eq!(sign_in.principal.preferred_username.as_deref(), Some("ann@corp.test"));
        assert_eq!(sign_in.auth_time, Timestamp::from_secs(NOW - 60));
    }
}

#[tokio::test]
async fn each_claim_that_is_not_as_it_must_be_is_refused() {
    use RejectReason as R;
    let dated = |name: &str, at: i64| json!({ name: at });
    for (change, reason) in [
        (json!({ "aud": "other" }), R::Audience),
        (json!({ "aud": null }), R::Audience),
        (json!({ "aud": "api://app.test/other" }), R::Audience),
        (json!({ "tid": OTHER }), R::Claims),
        (json!({ "tid": null }), R::Claims),
        (json!({ "oid": null }), R::Claims),
        (json!({ "oid": "" }), R::Claims),
        (json!({ "oid": 7 }), R::Claims),
        (json!({ "scp": "User.Read" }), R::Scope),
        (json!({ "scp": "access_as_user2" }), R::Scope),
        (json!({ "scp": ["access_as_user"] }), R::Scope),
        // An application for itself: it has roles, and no scope.
        (json!({ "scp": null, "roles": ["access_as_user"] }), R::Scope),
        (json!({ "scp": null, "scope": "access_as_user" }), R::Scope),
        (json!({ "idtyp": "app" }), R::Type),
        (json!({ "azp": "somebody", "appid": TEAMS, "azpacr": "0" }), R::Claims),
        (json!({ "appid": "somebody", "azp": null }), R::Claims),
        (json!({ "ver": "3.0" }), R::Claims),
        (dated("exp", NOW - 31), R::Expired),
        (json!({ "exp": null }), R::Claims),
        (dated("nbf", NOW + 60), R::NotYet),
        (json!({ "cnf": { "jkt": "x" } }), R::Claims),
    ] {
        for claims in [second(&change), first(&change)] {
            let form = claims["iss"].clone();
            // The client's claim has one name in each form, and the other one says nothing.
            let good = show(&own(), &sign(&claims)).await;
            let named = change.get("azp").or(change.get("appid")).is_some();
            if named && good.is_ok() {
                assert!(form.as_str().unwrap().starts_with("https://sts"), "{change}");
                continue;
            }
            assert_eq!(refused(&own(), &sign(&claims)).await, reason, "{form} {change}");
        }
    }
}

#[tokio::test]
async fn only_listed_tenants_count_and_issuers_are_never_templates() {
    let issuers = [
        format!("{AUTHORITY}/common/v2.0"),
        format!("{AUTHORITY}/organizations/v2.0"),
        format!("{AUTHORITY}/{{tenantid}}/v2.0"),
        format!("{AUTHORITY}/{OTHER}/v2.0/"),
        format!("{AUTHORITY}/x/{OTHER}/v2.0"),
        format!("{AUTHORITY}/{}/v2.0", OTHER.to_uppercase().replace('9', "A")),
        format!("{AUTHORITY}.evil.test/{OTHER}/v2.0"),
        format!("https://sts.windows.net/{OTHER}"),
        format!("https://sts.windows.net/{OTHER}/x/"),
        format!("http://sts.windows.net/{OTHER}/"),
        "https://evil.test".to_owned(),
        String::new(),
    ];
    let any = judge_with(Tenants::Any, published());
    for issuer in issuers {
        let token = sign(&second(&json!({ "iss": issuer, "tid": OTHER })));
        assert_eq!(refused(&any, &token).await, RejectReason::Issuer, "{issuer}");
    }
    let stranger = second(&json!({ "iss": format!("{AUTHORITY}/{OTHER}/v2.0"), "tid": OTHER }));
    assert_eq!(refused(&own(), &sign(&stranger)).await, RejectReason::Issuer);
    let taken = show(&any, &sign(&stranger)).await.unwrap().principal;
    let ours = show(&any, &sign(&second(&json!({})))).await.unwrap().principal;
    assert!(!taken.is_same_as(&ours), "one object id, two tenants, two people");
    // A tenant cannot speak for another one.
    let posing = second(&json!({ "iss": format!("{AUTHORITY}/{OTHER}/v2.0") }));
    assert_eq!(refused(&any, &sign(&posing)).await, RejectReason::Claims);
    // The form must be that of the issuer.
    let mixed = second(&json!({ "ver": "1.0" }));
    assert_eq!(refused(&own(), &sign(&mixed)).await, RejectReason::Claims);
}

#[tokio::test]
async fn only_entras_own_signature_counts() {
    let claims = second(&json!({})).to_string();
    let forged = KEYS[1].encode(claims.as_bytes()).unwrap();
    assert_eq!(refused(&own(), &forged).await, RejectReason::UnknownKey);
    let good = sign(&second(&json!({})));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let spoilt = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    assert!(matches!(
        refused(&own(), &spoilt).await,
        RejectReason::Signature | RejectReason::Malformed
    ));
    let ed = Encoder::new(SigningKey::generate(Algorithm::EdDsa).unwrap().0, "JWT");
    let ed = ed.encode(claims.as_bytes()).unwrap();
    assert_eq!(refused(&own(), &ed).await, RejectReason::Algorithm);
    let other_type = Encoder::new(SigningKey::generate(Algorithm::Rs256).unwrap().0, "logout+jwt");
    let document = json!({ "keys": [other_type.key().public_jwk().unwrap()] });
    let keys = Arc::new(KeySet::admit(document.to_string().as_bytes()).unwrap());
    let judge = judge_with(Tenants::Only(vec![TENANT.to_owned()]), keys);
    let token = other_type.encode(claims.as_bytes()).unwrap();
    assert_eq!(refused(&judge, &token).await, RejectReason::Type);
    for rubbish in ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        show(&own(), rubbish).await.unwrap_err();
    }
}

#[tokio::test]
async fn no_token_two_tokens_and_no_keys_are_three_things() {
    let good = format!("Bearer {}", sign(&second(&json!({}))));
    let reason = |result| match result {
        Err(TabRefusal::Reject(reason)) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(ask(&own(), &[]).await), RejectReason::Malformed);
    let twice = [good.clone(), good.clone()];
    assert_eq!(reason(ask(&own(), &twice).await), RejectReason::Repeated);
    let dark = judge_with(Tenants::Any, Arc::new(Dark));
    assert!(matches!(ask(&dark, &[good]).await, Err(TabRefusal::Unavailable(_))));
}

#[tokio::test]
async fn a_token_with_groups_left_out_is_refused() {
    for change in [json!({ "_claim_names": { "groups": "src1" } }), json!({ "hasgroups": true })] {
        assert_eq!(refused(&own(), &sign(&second(&change))).await, RejectReason::Claims);
    }
    let told = json!({ "_claim_names": { "other": "src1" }, "groups": ["g1"] });
    assert_eq!(show(&own(), &sign(&second(&told))).await.unwrap().principal.groups, ["g1"]);
}
