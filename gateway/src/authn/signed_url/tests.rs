use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::reach::Reach;
use super::*;
use crate::authn::authenticator::RejectReason as R;
use crate::base::{Entropy, ManualClock, Secret, SystemEntropy, Timestamp};
use crate::crypto::{Encoder, SigningKey, ed25519_pair, ed25519_private, ed25519_public};
use crate::identity::ClaimMapping;
use crate::session::UsedLinks;

const NOW: i64 = 1_741_191_947;

struct World {
    key: Arc<SigningKey>,
    links: Links,
    file: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

fn pair() -> (Arc<SigningKey>, String) {
    let (private, public, _) = ed25519_pair().unwrap();
    let private = Secret::new(private.expose().clone().into_bytes());
    (Arc::new(ed25519_private(&private).unwrap()), public)
}

impl World {
    fn new(forms: LinkForms) -> Self {
        let (key, public) = pair();
        let (_, other) = pair();
        let signer = LinkSigner {
            id: "portal".into(),
            issuer: "urn:portcullis:signed-url:portal".to_owned(),
            keys: vec![ed25519_public(&other).unwrap(), ed25519_public(&public).unwrap()],
            forms,
            audience: "https://app.test".to_owned(),
            max_age: Duration::from_secs(3_600),
            max_uses: 3,
            claims: ClaimMapping::default(),
        };
        let entropy: &dyn Entropy = &SystemEntropy;
        let file = std::env::temp_dir().join(format!("signed-{}.redb", entropy.token::<9>()));
        let used = Arc::new(UsedLinks::open(&file).unwrap());
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(NOW)));
        Self { key, links: Links::new(vec![Arc::new(signer)], used, clock), file }
    }

    fn both() -> Self {
        Self::new(LinkForms { bound: true, message: true })
    }

    fn judge(&self, query: &str) -> Result<Entrance, R> {
        self.links.judge("app.test", "/chat/1", Some(query))
    }

    fn message(&self, message: &str) -> String {
        let signature = URL_SAFE.encode(self.key.sign(message.as_bytes()).unwrap());
        format!("message={message}&signature={signature}")
    }

    fn bound(&self, typ: &str, change: &Value) -> String {
        let mut claims = json!({ "sub": "ann", "aud": "https://app.test", "exp": NOW + 60 });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let token = Encoder::new(Arc::clone(&self.key), typ).encode(claims.to_string().as_bytes());
        format!("{BOUND}={}", token.unwrap())
    }
}

#[test]
fn a_message_is_taken_in_every_spelling_that_a_query_allows() {
    let world = World::both();
    let message = format!("my:user é:{}", NOW + 3_000);
    let signature = world.key.sign(message.as_bytes()).unwrap();
    let spelt: String = url::form_urlencoded::byte_serialize(message.as_bytes()).collect();
    let padded = URL_SAFE.encode(&signature);
    for signature in
        [padded.clone(), padded.replace('=', "%3D"), URL_SAFE_NO_PAD.encode(&signature)]
    {
        let query = format!("a=1&signature={signature}&message={spelt}");
        let entrance = world.judge(&query).unwrap();
        assert_eq!(entrance.principal.subject, "my:user é");
        assert_eq!(entrance.principal.issuer, "urn:portcullis:signed-url:portal");
        assert_eq!(entrance.uses, 1);
        assert_eq!(world.links.without_link(Some(&query)).as_deref(), Some("a=1"));
    }
    // The other alphabet is another text.
    let standard: String =
        url::form_urlencoded::byte_serialize(STANDARD.encode([0xff; 64]).as_bytes()).collect();
    let query = format!("message={spelt}&signature={standard}");
    assert_eq!(world.judge(&query).unwrap_err(), R::Signature);
}

#[test]
fn a_message_that_is_changed_old_or_odd_opens_nothing() {
    let world = World::both();
    let good = world.message(&format!("ann:{}", NOW + 60));
    assert!(world.judge(&good).is_ok());
    for (query, reason) in [
        (good.replace("ann:", "eve:"), R::Signature),
        (good.replace(":17", ":18"), R::Signature),
        (good.replace("signature=", "signature=A"), R::Signature),
        (format!("message=ann:{}&signature=", NOW + 60), R::Signature),
        (format!("{good}&message=eve"), R::Repeated),
        (format!("{good}&{BOUND}=x"), R::Repeated),
        (world.message(&format!("ann:{NOW}")), R::Expired),
        (world.message("ann:5"), R::Expired),
        (world.message(&format!("ann:{}", NOW + 3_601)), R::Claims),
        (world.message(&format!("{}", NOW + 60)), R::Malformed),
        (world.message(&format!(":{}", NOW + 60)), R::Malformed),
        (world.message("ann:-5"), R::Malformed),
        (world.message("ann:"), R::Malformed),
        (world.message("ann:9999999999999999999999"), R::Malformed),
    ] {
        assert_eq!(world.judge(&query).unwrap_err(), reason, "{query}");
    }
    let old = world.message("ann:5").replace("ann", "eve");
    assert_eq!(world.judge(&old).unwrap_err(), R::Signature, "a bad signature comes first");
}

#[test]
fn a_bound_link_counts_only_as_its_signer_meant_it() {
    let world = World::both();
    let good = [
        json!({}),
        json!({ "aud": ["x", "https://app.test"] }),
        json!({ "host": "APP.test", "path": "/chat", "method": "GET", "uses": 3, "nbf": NOW }),
        json!({ "path": "/", "method": ["POST", "GET"], "jti": "1" }),
        json!({ "groups": ["staff"], "email": "ann@app.test", "email_verified": true }),
    ];
    for change in good {
        let entrance = world.judge(&world.bound(LINK_TYPE, &change));
        assert_eq!(entrance.unwrap().principal.subject, "ann", "{change}");
    }
    for (change, reason) in [
        (json!({ "aud": "https://other.test" }), R::Audience),
        (json!({ "aud": null }), R::Audience),
        (json!({ "exp": NOW }), R::Expired),
        (json!({ "exp": null }), R::Claims),
        (json!({ "exp": "9999999999" }), R::Claims),
        (json!({ "exp": NOW + 3_601 }), R::Claims),
        (json!({ "nbf": NOW + 40 }), R::NotYet),
        (json!({ "nbf": "never" }), R::Claims),
        (json!({ "sub": null }), R::Claims),
        (json!({ "sub": "" }), R::Claims),
        (json!({ "host": "other.test" }), R::Misplaced),
        (json!({ "host": ["app.test"] }), R::Claims),
        (json!({ "path": "/chat/12" }), R::Misplaced),
        (json!({ "path": "/cha" }), R::Misplaced),
        (json!({ "path": "chat" }), R::Claims),
        (json!({ "method": "POST" }), R::Misplaced),
        (json!({ "method": [1] }), R::Claims),
        (json!({ "uses": 4 }), R::Claims),
        (json!({ "uses": 0 }), R::Claims),
        (json!({ "uses": -1 }), R::Claims),
        (json!({ "jti": 5 }), R::Claims),
    ] {
        let judged = world.judge(&world.bound(LINK_TYPE, &change));
        assert_eq!(judged.unwrap_err(), reason, "{change}");
    }
    for typ in ["JWT", "at+jwt", ""] {
        assert_eq!(world.judge(&world.bound(typ, &json!({}))).unwrap_err(), R::Type);
    }
}

#[test]
fn a_link_of_another_key_or_algorithm_opens_nothing() {
    let (world, stranger) = (World::both(), World::both());
    let theirs = stranger.bound(LINK_TYPE, &json!({}));
    assert_eq!(world.judge(&theirs).unwrap_err(), R::Signature);
    let theirs = stranger.message(&format!("ann:{}", NOW + 60));
    assert_eq!(world.judge(&theirs).unwrap_err(), R::Signature);
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    for (header, reason) in [
        (r#"{"alg":"none"}"#, R::Malformed),
        (r#"{"alg":"HS256"}"#, R::Malformed),
        (r#"{"alg":"RS256"}"#, R::Algorithm),
        (r#"{"alg":"EdDSA","jwk":{}}"#, R::Malformed),
    ] {
        let token = format!("{}.{}.", encode(header), encode("{}"));
        assert_eq!(world.judge(&format!("{BOUND}={token}")).unwrap_err(), reason, "{header}");
    }
}

#[test]
fn neither_form_is_taken_for_the_other() {
    let world = World::both();
    // The text that a JWS signs, signed as a message, and the other way round.
    let bound = world.bound(LINK_TYPE, &json!({}));
    let token = bound.split_once('=').unwrap().1;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let as_message = format!("message={signed}&signature={signature}");
    assert_eq!(world.judge(&as_message).unwrap_err(), R::Malformed);
    let message = format!("{signed}:{}", NOW + 60);
    let signature = URL_SAFE_NO_PAD.encode(world.key.sign(message.as_bytes()).unwrap());
    let as_bound = format!("{BOUND}={message}.{signature}");
    assert_eq!(world.judge(&as_bound).unwrap_err(), R::Malformed);
    // A form that does not count is no link at all: the application may have such parameters.
    let plain = World::new(LinkForms { bound: true, message: false });
    assert!(!plain.links.has_link(Some("message=a&signature=b")));
    assert!(plain.links.has_link(Some(&format!("x=1&portcullis%5Flink=b&y={BOUND}"))));
    assert!(!world.links.has_link(Some("message=a")));
    assert!(!world.links.has_link(None));
}

#[tokio::test]
async fn a_link_is_used_up_whatever_is_around_it() {
    let world = World::both();
    let query = world.message(&format!("ann:{}", NOW + 60));
    assert!(world.links.use_up(&world.judge(&query).unwrap()).await.unwrap());
    let again = format!("b=2&{}", query.replace("ann", "%61nn").trim_end_matches('='));
    assert!(!world.links.use_up(&world.judge(&again).unwrap()).await.unwrap());
    let twice = world.bound(LINK_TYPE, &json!({ "uses": 2, "jti": "t" }));
    for expected in [true, true, false] {
        let entrance = world.judge(&twice).unwrap();
        assert_eq!(world.links.use_up(&entrance).await.unwrap(), expected);
    }
}

#[test]
fn the_query_loses_the_link_and_nothing_else() {
    let world = World::both();
    for (query, rest) in [
        ("message=a&signature=b", None),
        ("x=%2F&message=a&&signature=b&y", Some("x=%2F&&y")),
        ("%6dessage=a&signature=b&message_id=4", Some("message_id=4")),
        ("a=1&portcullis_link=x", Some("a=1")),
    ] {
        assert_eq!(world.links.without_link(Some(query)).as_deref(), rest, "{query}");
    }
}

#[test]
fn a_reach_ends_where_a_segment_ends() {
    let claims = json!({ "host": "app.test", "path": "/a/", "method": "GET" });
    let reach = Reach::read(claims.as_object().unwrap()).unwrap();
    for (method, host, path, covered) in [
        ("GET", "app.test", "/a", true),
        ("HEAD", "app.test", "/a/b", true),
        ("POST", "app.test", "/a", false),
        ("GET", "other.test", "/a", false),
        ("GET", "app.test", "/ab", false),
        ("GET", "app.test", "/", false),
    ] {
        assert_eq!(reach.covers(method, host, path), covered, "{method} {host}{path}");
    }
}
