use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::base::{ManualClock, ProviderId, RequestId, RouteId, Secret, SeededEntropy};
use crate::crypto::{Algorithm, Begun, Encoder, SigningKey, Unverified, VerifyingKey};
use crate::identity::{Authenticated, Email, Memo, Principal, SessionRef, WayIn};
use crate::token::plan::Transport;
use crate::token::signer::SharedSecret;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

#[derive(Debug)]
struct OneKey(Encoder);

impl Signer for OneKey {
    fn key_id(&self) -> crate::base::KeyId {
        self.0.key().id().clone()
    }

    fn algorithm(&self) -> Algorithm {
        self.0.key().algorithm()
    }

    fn sign_on(&self, begun: &Begun, rest: &[u8]) -> Result<String, SignFault> {
        self.0.encode_on(begun, rest)
    }
}

struct Fixture {
    minter: Minter,
    key: VerifyingKey,
    clock: Arc<ManualClock>,
}

impl Fixture {
    fn new() -> Self {
        let encoder = Encoder::new(SigningKey::generate(Algorithm::EdDsa).unwrap().0, "JWT");
        let jwk = serde_json::to_vec(encoder.key().public_jwk().unwrap()).unwrap();
        let key = VerifyingKey::admit(&jwk).unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let entropy = Arc::new(SeededEntropy::new(7));
        let time = Arc::<ManualClock>::clone(&clock);
        let minter = Minter::new(
            "https://gw.test",
            TokenTimes { lifetime: Duration::from_secs(60), skew: Duration::from_secs(5) },
            Arc::new(OneKey(encoder)),
            time,
            entropy,
        );
        Self { minter, key, clock }
    }

    fn claims(&self, permit: &Permit, plan: &TokenPlan) -> Map<String, Value> {
        let token = self.minter.mint(permit, plan, &facts("/chat")).unwrap();
        assert!(token.value.is_sensitive());
        assert_eq!(token.expires, NOW.after(Duration::from_secs(60)));
        let text = token.value.to_str().unwrap();
        Unverified::parse(text).unwrap().verify(&self.key).unwrap().into_claims()
    }
}

fn facts(path: &str) -> RequestFacts<'_> {
    RequestFacts {
        id: RequestId::random(&SeededEntropy::new(1)),
        client: [192, 0, 2, 7].into(),
        transport: Transport::EventStream,
        method: "POST",
        path,
        request_host: "chat.test",
    }
}

fn ann() -> Principal {
    let mut ann = Principal::new("https://idp.test", "ann-1");
    ann.name = Some("Ann \"A\"\r\nX-Admin: yes".to_owned());
    ann.preferred_username = Some("ann".to_owned());
    ann.email = Some(Email { address: "ann@corp.test".to_owned(), verified: true });
    ann.groups = vec!["staff".to_owned(), "admin".to_owned(), "ops".to_owned()];
    ann.roles = vec!["writer".to_owned()];
    ann.claims.insert("department".to_owned(), json!("R&D"));
    ann
}

fn session() -> SessionRef {
    SessionRef {
        key: [1; 32],
        sid: "public-sid".into(),
        signed_in_by: WayIn::Oidc,
        provider: ProviderId::from("corp"),
        auth_time: NOW.before(Duration::from_secs(600)),
        auth_time_stated: true,
        acr: Some("high".into()),
        amr: ["pwd".to_owned(), "otp".to_owned()].into(),
        acrs: Arc::default(),
        memo: Memo::default(),
    }
}

fn permit(principal: Principal) -> Permit {
    permit_in(principal, &Arc::new(session()))
}

fn permit_in(principal: Principal, session: &Arc<SessionRef>) -> Permit {
    let session = Some(Arc::clone(session));
    let who = Authenticated::assertion(Arc::new(principal), WayIn::Session, session);
    Permit::assertion(who, RouteId::from("chat"))
}

fn nobody() -> Permit {
    let nobody = Arc::new(Principal::anonymous());
    let nobody = Authenticated::assertion(nobody, WayIn::Anonymous, None);
    Permit::assertion(nobody, RouteId::from("chat"))
}

#[test]
fn a_token_says_who_how_where_and_for_whom() {
    let fixture = Fixture::new();
    let mut claims = fixture.claims(&permit(ann()), &TokenPlan::new("agent"));
    assert_eq!(claims.remove("jti").unwrap().as_str().unwrap().len(), 22);
    assert_eq!(claims.remove("txn").unwrap().as_str().unwrap().len(), 32);
    let expected = json!({
        "iss": "https://gw.test", "aud": "agent", "sub": "ann-1",
        "iat": 1_799_999_995, "nbf": 1_799_999_995, "exp": 1_800_000_060,
        "auth_method": "oidc", "idp": "https://idp.test", "req_wl": "https://gw.test",
        "sid": "public-sid", "auth_time": 1_799_999_400, "acr": "high", "amr": ["pwd", "otp"],
        "email": "ann@corp.test", "email_verified": true,
        "name": "Ann \"A\"\r\nX-Admin: yes", "preferred_username": "ann",
        "groups": ["staff", "admin", "ops"], "roles": ["writer"],
        "rctx": { "req_ip": "192.0.2.7", "transport": "sse" },
        "tctx": { "route": "chat", "host": "chat.test", "method": "POST", "path": "/chat" },
        "user": "ann", "display_name": "Ann \"A\"\r\nX-Admin: yes", "department": "R&D",
    });
    assert_eq!(Value::Object(claims), expected);
}

#[test]
fn nobody_gets_a_token_too() {
    let fixture = Fixture::new();
    let claims = fixture.claims(&nobody(), &TokenPlan::new("agent"));
    assert_eq!(claims["sub"], "anonymous");
    assert_eq!(claims["auth_method"], "anonymous");
    for absent in ["idp", "sid", "auth_time", "email", "email_verified", "groups"] {
        assert!(!claims.contains_key(absent), "{absent}");
    }
}

#[test]
fn a_provider_cannot_overwrite_a_claim_of_ours() {
    let fixture = Fixture::new();
    let honest = fixture.claims(&permit(ann()), &TokenPlan::new("agent"));
    let mut forger = ann();
    for name in crate::token::claims::reserved() {
        forger.claims.insert((*name).to_owned(), json!("forged"));
    }
    // A repeated name would have been refused by the strict reader.
    let mut claims = fixture.claims(&permit(forger), &TokenPlan::new("agent"));
    claims["jti"] = honest["jti"].clone();
    assert_eq!(claims, honest);
    assert!(
        honest
            .keys()
            .all(|name| { name == "department" || crate::token::claims::is_reserved(name) })
    );
}

#[test]
fn a_route_gets_only_the_claims_it_wants() {
    let fixture = Fixture::new();
    let wanted = Some(HashSet::from(["email".to_owned(), "department".to_owned()]));
    let plan = TokenPlan { wanted, ..TokenPlan::new("agent") };
    let mut names: Vec<_> =
        fixture.claims(&permit(ann()), &plan).into_iter().map(|(n, _)| n).collect();
    names.sort_unstable();
    let expected = [
        "aud",
        "auth_method",
        "department",
        "email",
        "email_verified",
        "exp",
        "iat",
        "iss",
        "jti",
        "nbf",
        "sub",
        "txn",
    ];
    assert_eq!(names, expected);
}

#[test]
fn an_unverified_address_is_never_the_user() {
    let fixture = Fixture::new();
    let mut who = ann();
    who.preferred_username = None;
    who.email = Some(Email { address: "boss@corp.test".to_owned(), verified: false });
    let claims = fixture.claims(&permit(who), &TokenPlan::new("agent"));
    assert_eq!(claims["user"], "ann-1");
    assert_eq!(claims["email_verified"], false);
}

#[test]
fn groups_above_the_cap_are_cut_and_the_token_says_so() {
    let fixture = Fixture::new();
    let plan = TokenPlan { max_groups: 2, ..TokenPlan::new("agent") };
    let claims = fixture.claims(&permit(ann()), &plan);
    assert_eq!(claims["groups"], json!(["staff", "admin"]));
    assert_eq!(claims["groups_truncated"], true);
}

#[test]
fn a_token_that_is_too_large_names_the_claims_that_fill_it() {
    let fixture = Fixture::new();
    let mut who = ann();
    who.claims.insert("photo".to_owned(), json!("x".repeat(10_000)));
    let plan = TokenPlan::new("agent");
    let error = fixture.minter.mint(&permit(who), &plan, &facts("/")).unwrap_err();
    let MintError::TooLarge { bytes, limit, sizes } = &error else { panic!("{error}") };
    assert!(*bytes > 10_000 && *limit == plan.max_bytes);
    assert_eq!(sizes.0[0].0, "photo");
    assert!(!error.to_string().contains("xxx"), "{error}");

    // Small enough before it is encoded, too large after.
    let length = fixture.minter.mint(&permit(ann()), &plan, &facts("/")).unwrap().value.len();
    for (max_bytes, fits) in [(length, true), (length - 1, false)] {
        let plan = TokenPlan { max_bytes, ..TokenPlan::new("agent") };
        assert_eq!(fixture.minter.mint(&permit(ann()), &plan, &facts("/")).is_ok(), fits);
    }
}

#[test]
fn a_long_path_cannot_swell_the_token() {
    let fixture = Fixture::new();
    let path = format!("/{}", "a".repeat(7_000));
    let plan = TokenPlan::new("agent");
    let token = fixture.minter.mint(&permit(ann()), &plan, &facts(&path)).unwrap();
    let parsed = Unverified::parse(token.value.to_str().unwrap()).unwrap();
    let claims = parsed.verify(&fixture.key).unwrap().into_claims();
    assert!(claims["tctx"].get("path").is_none());
    assert_eq!(claims["tctx"]["path_sha256"].as_str().unwrap().len(), 43);
}

#[test]
fn two_equal_requests_get_two_names() {
    let fixture = Fixture::new();
    let one = fixture.claims(&permit(ann()), &TokenPlan::new("agent"));
    let two = fixture.claims(&permit(ann()), &TokenPlan::new("agent"));
    assert_ne!(one["jti"], two["jti"]);
}

#[test]
fn a_route_with_a_shared_secret_is_signed_with_it() {
    let fixture = Fixture::new();
    let secret = Secret::new(vec![5; 32]);
    let signer: Arc<dyn Signer> = Arc::new(SharedSecret::new(&secret).unwrap());
    let plan = TokenPlan { signer: Some(signer), ..TokenPlan::new("old-app") };
    let token = fixture.minter.mint(&permit(ann()), &plan, &facts("/")).unwrap();
    let key = jsonwebtoken::DecodingKey::from_secret(secret.expose());
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    rules.set_audience(&["old-app"]);
    let read = jsonwebtoken::decode::<Value>(token.value.to_str().unwrap(), &key, &rules).unwrap();
    assert_eq!(read.claims["sub"], "ann-1");
}

proptest! {
    #[test]
    fn no_claim_breaks_out_of_the_token(name in ".*", group in ".*", extra in ".{0,20}") {
        let fixture = Fixture::new();
        let mut who = ann();
        who.name = Some(name.clone());
        who.groups = vec![group.clone()];
        who.claims.insert(extra, json!(name));
        let claims = fixture.claims(&permit(who), &TokenPlan::new("agent"));
        prop_assert_eq!(claims["name"].as_str(), Some(name.as_str()));
        prop_assert_eq!(&claims["groups"], &json!([group]));
    }
}

mod kept;
