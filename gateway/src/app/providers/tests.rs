//! Each template: what it expands to, and a sign-in at a provider that answers as its documentation
//! says.

use serde_json::{Value, json};

use super::*;
use crate::base::{ManualClock, SystemEntropy, Timestamp};
use crate::config::Surroundings;
use crate::crypto::{Algorithm, Encoder, SigningKey};
use crate::identity::Principal;
use crate::oidc::{CallbackParams, LoginFault, StartLogin};
use crate::web::ScriptedFetch;

const NOW: i64 = 1_800_000_000;
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

fn section(kind: &str, more: &str) -> OidcProvider {
    let text = format!(
        "[server]\npublic_url = \"http://localhost\"\nhttp = {{ listen = \"127.0.0.1:0\" }}\n\
         [upstreams.app]\nservers = [\"127.0.0.1:1\"]\n\
         [[routes]]\nupstream = \"app\"\naccess = \"authenticated\"\n\
         [providers.p]\nkind = \"{kind}\"\nclient_id = \"gw\"\nclient_secret = {{ env = \"S\" }}\n{more}\n"
    );
    let env = |_: &str| Some("s3cret".to_owned());
    let around = Surroundings { name: "p.toml", directory: Path::new("/nonexistent"), env: &env };
    let loaded = Config::parse(&text, &around).unwrap_or_else(|faults| panic!("{faults}\n{text}"));
    match loaded.config.providers.get(&ProviderId::from("p")) {
        Some(Section::Oidc(oidc)) => OidcProvider::clone(oidc),
        other => panic!("{other:?}"),
    }
}

/// A provider of ours, and one that plays the other side at its real address.
struct World {
    provider: Provider,
    fetch: Arc<ScriptedFetch>,
    signer: Encoder,
    issuer: String,
}

impl World {
    /// The provider of a section; `place` is where its discovery document is, `issuer` what it says.
    fn new(oidc: &OidcProvider, place: &str, issuer: &str) -> Self {
        let fetch = Arc::new(ScriptedFetch::default());
        let signer = Encoder::new(SigningKey::generate(Algorithm::Rs256).unwrap().0, "JWT");
        let at = |path: &str| format!("{}/{path}", place.trim_end_matches('/'));
        let metadata = json!({
            "issuer": issuer, "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"), "jwks_uri": at("jwks"),
            "userinfo_endpoint": at("userinfo"),
        });
        fetch.answer(&at(".well-known/openid-configuration"), 200, metadata.to_string());
        let keys = json!({ "keys": [signer.key().public_jwk().unwrap()] });
        fetch.answer(&at("jwks"), 200, keys.to_string());
        fetch.answer(&at("userinfo"), 200, json!({ "sub": "ann" }).to_string());
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(NOW)));
        let settings = settings(&"p".into(), oidc).unwrap();
        let provider = Provider::new(settings, fetch.clone(), clock, Arc::new(SystemEntropy));
        Self { provider, fetch, signer, issuer: place.trim_end_matches('/').to_owned() }
    }

    /// Signs Ann in, of whom the `id_token` says this; gives the authorization request too.
    async fn sign_in(&self, claims: &Value) -> (Url, Result<Principal, LoginFault>) {
        let login = StartLogin {
            redirect_uri: "https://app.test/cb",
            return_to: "/",
            step_up: None,
            route: None,
        };
        let started = self.provider.start(login, |it| it.id.clone()).await.unwrap();
        let mut all = json!({
            "aud": "gw", "sub": "ann", "nonce": started.transaction.nonce, "iat": NOW - 5,
            "exp": NOW + 300,
        });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let id_token = self.signer.encode(&serde_json::to_vec(&all).unwrap()).unwrap();
        let answer = json!({ "access_token": "at", "token_type": "Bearer", "id_token": id_token });
        self.fetch.answer(&format!("{}/token", self.issuer), 200, answer.to_string());
        let params = CallbackParams::parse("state=s&code=c").unwrap();
        let finished = self.provider.finish(&params, &started.transaction).await;
        (Url::parse(&started.location).unwrap(), finished.map(|login| login.principal))
    }
}

/// Ann, at a provider whose discovery document is below its issuer.
async fn ann(oidc: &OidcProvider, claims: Value) -> (Url, Result<Principal, LoginFault>) {
    let mut all = json!({ "iss": oidc.issuer });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    World::new(oidc, &oidc.issuer, &oidc.issuer).sign_in(&all).await
}

fn asked(url: &Url, name: &str) -> String {
    url.query_pairs()
        .find(|(n, _)| n == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[tokio::test]
async fn auth0_ends_its_issuer_with_a_slash_and_names_claims_like_addresses() {
    let oidc =
        section("auth0", "domain = \"Example.eu.auth0.com\"\nnamespace = \"https://example.com/\"");
    assert_eq!(oidc.issuer, "https://example.eu.auth0.com/");
    let who = ann(
        &oidc,
        json!({
            "https://example.com/groups": ["ops"], "https://example.com/roles": ["admin"],
            "groups": ["planted"],
        }),
    );
    let who = who.await.1.unwrap();
    assert_eq!(
        (who.issuer.as_str(), who.groups, who.roles),
        ("https://example.eu.auth0.com/", vec!["ops".to_owned()], vec!["admin".to_owned()],)
    );
    let world = World::new(&oidc, &oidc.issuer, &oidc.issuer);
    world.sign_in(&json!({ "iss": oidc.issuer })).await.1.unwrap();
    assert_eq!(
        world.provider.logout_url(None, "https://app.test/out", "s").unwrap(),
        "https://example.eu.auth0.com/v2/logout?client_id=gw&returnTo=https%3A%2F%2Fapp.test%2Fout"
    );
    let wrong = ann(&oidc, json!({ "iss": "https://example.eu.auth0.com" })).await.1;
    assert!(matches!(wrong, Err(LoginFault::IssuerWrong(_))), "{wrong:?}");
}

#[tokio::test]
async fn cognito_has_its_groups_and_its_logout_under_names_of_its_own() {
    let domain = "domain = \"example.auth.eu-west-1.amazoncognito.com\"";
    let oidc = section("cognito", &format!("pool = \"eu-west-1_Ab12\"\n{domain}"));
    assert_eq!(oidc.issuer, "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12");
    let china = section("cognito", "pool = \"x\"\nregion = \"cn-north-1\"");
    assert_eq!(china.issuer, "https://cognito-idp.cn-north-1.amazonaws.com.cn/x");
    let claims = json!({
        "cognito:groups": ["ops"], "cognito:username": "ann1", "email": "ann@corp.test",
        "email_verified": true, "token_use": "id",
    });
    let world = World::new(&oidc, &oidc.issuer, &oidc.issuer);
    let mut signed = claims.clone();
    signed["iss"] = oidc.issuer.clone().into();
    let who = world.sign_in(&signed).await.1.unwrap();
    assert_eq!(
        (who.groups, who.preferred_username.as_deref()),
        (vec!["ops".to_owned()], Some("ann1"))
    );
    assert!(who.email.unwrap().verified);
    assert_eq!(
        world.provider.logout_url(None, "https://app.test/out", "s").unwrap(),
        "https://example.auth.eu-west-1.amazoncognito.com/logout?client_id=gw\
         &logout_uri=https%3A%2F%2Fapp.test%2Fout"
    );
    let place = section("cognito", "pool = \"eu-west-1_Ab12\"").logout.unwrap();
    assert_eq!((place.url, place.return_parameter.as_str()), (None, "logout_uri"));
}

#[tokio::test]
async fn descope_says_tenants_as_an_object_and_roles_as_a_list() {
    let oidc = section("descope", "project = \"P2abc\"");
    assert_eq!(oidc.issuer, "https://api.descope.com/P2abc");
    let claims = json!({ "tenants": { "T1": { "roles": ["x"] } }, "roles": ["admin"] });
    let (request, who) = ann(&oidc, claims).await;
    let who = who.unwrap();
    assert_eq!((who.groups, who.roles), (vec!["T1".to_owned()], vec!["admin".to_owned()]));
    assert_eq!(asked(&request, "scope"), "openid profile email descope.claims");
}

#[tokio::test]
async fn gitlab_has_groups_of_direct_members() {
    let oidc = section("gitlab", "url = \"https://git.example.com\"");
    assert_eq!(section("gitlab", "").issuer, "https://gitlab.com");
    assert_eq!(oidc.issuer, "https://git.example.com");
    let who = ann(&oidc, json!({ "groups_direct": ["acme/ops"], "groups": ["planted"] })).await.1;
    assert_eq!(who.unwrap().groups, ["acme/ops"]);
}

#[tokio::test]
async fn google_lets_in_the_people_of_a_workspace_and_not_everybody_with_such_an_address() {
    let oidc = section("google", "hosted_domains = [\"example.com\"]");
    assert_eq!(oidc.issuer, "https://accounts.google.com");
    let address = json!({ "email": "ann@example.com", "email_verified": true });
    let (request, who) = ann(&oidc, address).await;
    assert_eq!(who.unwrap_err(), LoginFault::ClaimRefused("hd".to_owned()));
    assert_eq!(asked(&request, "hd"), "example.com");
    assert!(ann(&oidc, json!({ "hd": "example.com" })).await.1.is_ok());
    assert!(ann(&oidc, json!({ "hd": "evil.example.com" })).await.1.is_err());
    let two = section("google", "hosted_domains = [\"example.com\", \"lab.example\"]");
    let (request, who) = ann(&two, json!({ "hd": "lab.example" })).await;
    assert_eq!((asked(&request, "hd").as_str(), who.is_ok()), ("*", true));
}

#[tokio::test]
async fn keycloak_has_realm_roles_deep_inside() {
    let oidc = section("keycloak", "url = \"https://sso.example.com/auth/\"\nrealm = \"corp\"");
    assert_eq!(oidc.issuer, "https://sso.example.com/auth/realms/corp");
    let claims = json!({ "realm_access": { "roles": ["admin"] }, "groups": ["ops"] });
    let who = ann(&oidc, claims).await.1.unwrap();
    assert_eq!((who.roles, who.groups), (vec!["admin".to_owned()], vec!["ops".to_owned()]));
}

#[tokio::test]
async fn okta_has_a_scope_for_groups_at_its_own_server_only() {
    let oidc = section("okta", "domain = \"example.okta.com\"");
    assert_eq!(oidc.issuer, "https://example.okta.com");
    let (request, who) = ann(&oidc, json!({ "groups": ["Everyone", "ops"] })).await;
    assert_eq!(who.unwrap().groups, ["Everyone", "ops"]);
    assert_eq!(asked(&request, "scope"), "openid profile email groups");
    let oidc = section("okta", "domain = \"example.okta.com\"\nauthorization_server = \"default\"");
    assert_eq!(oidc.issuer, "https://example.okta.com/oauth2/default");
    assert_eq!(asked(&ann(&oidc, json!({})).await.0, "scope"), "openid profile email");
}

#[tokio::test]
async fn entra_knows_people_by_their_object_id_and_addresses_by_their_domains_owner() {
    let oidc = section("entra", &format!("tenant = \"{TENANT}\""));
    assert_eq!(oidc.issuer, format!("https://login.microsoftonline.com/{TENANT}/v2.0"));
    let claims = json!({
        "oid": "o1", "tid": TENANT, "groups": ["g1"], "roles": ["Task.Write"], "email": "a@b.test",
        "email_verified": true, "preferred_username": "ann@corp.test",
    });
    let (request, who) = ann(&oidc, claims.clone()).await;
    let who = who.unwrap();
    assert_eq!((who.subject.as_str(), who.roles), ("o1", vec!["Task.Write".to_owned()]));
    assert!(!who.email.unwrap().verified, "an address may be typed by whoever owns a tenant");
    assert_eq!(asked(&request, "scope"), "openid profile email User.Read");
    let mut vouched = claims;
    vouched["xms_edov"] = true.into();
    assert!(ann(&oidc, vouched).await.1.unwrap().email.unwrap().verified);
}

#[tokio::test]
async fn entra_for_several_tenants_takes_the_listed_ones_each_by_its_own_issuer() {
    let listed = format!("tenant = \"organizations\"\ntenants = [\"{TENANT}\"]");
    let oidc = section("entra", &listed);
    let place = "https://login.microsoftonline.com/organizations/v2.0";
    let pattern = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let world = World::new(&oidc, place, pattern);
    let of = |tenant: &str, tid: &str| {
        let issuer = pattern.replace("{tenantid}", tenant);
        json!({ "iss": issuer, "tid": tid, "oid": "o1" })
    };
    let who = world.sign_in(&of(TENANT, TENANT)).await.1.unwrap();
    assert_eq!(who.issuer, pattern.replace("{tenantid}", TENANT));
    let other = "9188040d-6c67-4c5b-b112-36a304b66dad";
    let refused = world.sign_in(&of(other, other)).await.1.unwrap_err();
    assert_eq!(refused, LoginFault::TenantRefused(other.to_owned()));
    assert!(refused.is_forbidden());
    let mixed = world.sign_in(&of(TENANT, other)).await.1.unwrap_err();
    assert!(matches!(mixed, LoginFault::IssuerWrong(_)), "{mixed}");
    let nobody = json!({ "iss": pattern.replace("{tenantid}", TENANT), "oid": "o1" });
    assert_eq!(world.sign_in(&nobody).await.1.unwrap_err(), LoginFault::ClaimMalformed("tid"));
}

#[tokio::test]
async fn what_is_written_wins_over_a_template() {
    let oidc = section(
        "keycloak",
        "url = \"https://sso.example.com\"\nrealm = \"corp\"\nissuer = \"https://public.example.com/realms/corp\"\n\
         scopes = [\"openid\"]\nclaims = { roles = \"resource_access.gw.roles\", keep = [\"dept\"] }",
    );
    assert_eq!(oidc.issuer, "https://public.example.com/realms/corp");
    assert_eq!(oidc.claims.roles, "resource_access.gw.roles");
    assert_eq!((oidc.scopes.len(), oidc.claims.keep.len()), (1, 1));
    assert_eq!(oidc.claims.groups, "groups");
}
