use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::authn::api_key::record::{ApiKey, ApiKeyOwner, KeyRoutes, NewApiKey};
use crate::authn::conformance::{Fields, Samples, a_way_in_keeps_the_contract, ask};
use crate::base::{Entropy, ManualClock, Secret, SystemEntropy, Timestamp};
use crate::session::LiveStreams;

struct House {
    folder: PathBuf,
    clock: Arc<ManualClock>,
    keys: Arc<ApiKeys>,
}

impl House {
    fn new() -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        let folder = std::env::temp_dir().join(format!("api-key-way-{}", entropy.token::<9>()));
        std::fs::create_dir_all(&folder).unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000)));
        let keys = ApiKeys::open(
            &folder.join("api-keys.redb"),
            Arc::new(LiveStreams::new(10)),
            Arc::clone(&clock) as Arc<dyn crate::base::Clock>,
            Arc::new(SystemEntropy),
        );
        Self { folder, clock, keys: Arc::new(keys.unwrap()) }
    }

    fn key(&self, change: impl FnOnce(&mut NewApiKey)) -> (ApiKey, Secret<String>) {
        let mut new = NewApiKey {
            name: "ci".to_owned(),
            owner: ApiKeyOwner {
                issuer: ApiKeyOwner::ISSUER.to_owned(),
                subject: "ci-bot".to_owned(),
                name: Some("CI".to_owned()),
                email: Some("ci@corp.test".to_owned()),
                groups: vec!["bots".to_owned()],
            },
            scopes: vec!["read".to_owned()],
            routes: KeyRoutes::All,
            expires: None,
        };
        change(&mut new);
        self.keys.create(new).unwrap()
    }

    fn way(&self, field: &'static str, scopes: &[&str]) -> ApiKeyWay {
        let scopes: Vec<_> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let field = HeaderName::from_static(field);
        ApiKeyWay::new(Arc::clone(&self.keys), field, "api".into(), &scopes)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn sent(text: &Secret<String>) -> Fields {
    vec![("x-api-key", text.expose().clone())]
}

#[tokio::test]
async fn it_keeps_the_contract() {
    let house = House::new();
    let (_, good) = house.key(|_| {});
    let (_, here) = house.key(|new| new.routes = KeyRoutes::Only(vec!["api".to_owned()]));
    let (_, elsewhere) = house.key(|new| new.routes = KeyRoutes::Only(vec!["other".to_owned()]));
    let (_, unscoped) = house.key(|new| new.scopes.clear());
    let (_, over) = house.key(|new| new.expires = Some(Timestamp::from_secs(1_000)));
    let (revoked, dead) = house.key(|_| {});
    house.keys.revoke(revoked.id).unwrap();
    let (disabled, off) = house.key(|_| {});
    house.keys.switch(disabled.id, true).unwrap();
    // Somebody else's secret behind a name that is there, with its checksum made right.
    let stranger = House::new().key(|_| {}).1;
    let forged = forge(good.expose(), stranger.expose());
    let other = if good.expose().ends_with('x') { 'y' } else { 'x' };
    let mistyped = format!("{}{other}", good.expose().get(..65).unwrap());
    let twice = [sent(&good), sent(&good)].concat();
    let way = house.way("x-api-key", &["read"]);
    a_way_in_keeps_the_contract(Samples {
        way: &way,
        takes_everybody: false,
        way_without_dependency: None,
        good: vec![(sent(&good), "ci-bot"), (sent(&here), "ci-bot")],
        bad: vec![
            (sent(&elsewhere), RejectReason::Scope),
            (sent(&unscoped), RejectReason::Scope),
            (sent(&over), RejectReason::Expired),
            (sent(&dead), RejectReason::Revoked),
            (sent(&off), RejectReason::Disabled),
            (sent(&stranger), RejectReason::Unknown),
            (sent(&forged), RejectReason::Secret),
            (vec![("x-api-key", mistyped)], RejectReason::Malformed),
            (vec![("x-api-key", String::new())], RejectReason::Malformed),
            (vec![("x-api-key", "hunter2".to_owned())], RejectReason::Malformed),
            (twice, RejectReason::Repeated),
        ],
        undecided: None,
    })
    .await;
}

#[tokio::test]
async fn a_wrong_secret_says_nothing_of_the_keys_state() {
    let house = House::new();
    let (revoked, dead) = house.key(|_| {});
    house.keys.revoke(revoked.id).unwrap();
    let forged = forge(dead.expose(), House::new().key(|_| {}).1.expose());
    let outcome = ask(&house.way("x-api-key", &[]), &sent(&forged)).await;
    assert!(matches!(outcome, Outcome::Reject(RejectReason::Secret)), "{outcome:?}");
}

#[tokio::test]
async fn the_next_request_sees_a_change() {
    let house = House::new();
    let way = house.way("x-api-key", &[]);
    let (key, text) = house.key(|new| new.expires = Some(Timestamp::from_secs(1_060)));
    let accepted = |outcome: Outcome| matches!(outcome, Outcome::Accept(_));
    assert!(accepted(ask(&way, &sent(&text)).await));
    house.keys.switch(key.id, true).unwrap();
    assert!(!accepted(ask(&way, &sent(&text)).await));
    house.keys.switch(key.id, false).unwrap();
    let Outcome::Accept(proof) = ask(&way, &sent(&text)).await else { panic!("it is on again") };
    assert_eq!(proof.expires(), Some(Timestamp::from_secs(1_060)), "streams end with the key");
    assert!(proof.bond().is_some());
    let who = proof.principal();
    assert_eq!(
        (who.name.as_deref(), &who.claims["api_key"]),
        (Some("CI"), &key.id.as_str().into())
    );
    assert_eq!(who.email.as_ref().map(|email| email.verified), Some(true));
    house.clock.advance(Duration::from_secs(60));
    assert!(!accepted(ask(&way, &sent(&text)).await), "its time is over to the millisecond");
}

#[tokio::test]
async fn in_authorization_only_what_is_meant_for_us_counts() {
    let house = House::new();
    let way = house.way("authorization", &[]);
    let (_, text) = house.key(|_| {});
    let text = text.expose();
    let with = |value: String| vec![("authorization", value)];
    for good in ["ApiKey ", "apikey  ", "Bearer ", "bearer "] {
        let outcome = ask(&way, &with(format!("{good}{text}"))).await;
        assert!(matches!(outcome, Outcome::Accept(_)), "{good} {outcome:?}");
    }
    for others in ["Bearer eyJhbGciOi.x.y", "Basic eA==", "Negotiate abc", "pck_x", "Bearer", ""] {
        let outcome = ask(&way, &with(others.to_owned())).await;
        assert!(matches!(outcome, Outcome::Absent), "{others} {outcome:?}");
    }
    for bad in ["ApiKey x", "ApiKey ", "Bearer pck_x"] {
        let outcome = ask(&way, &with(bad.to_owned())).await;
        assert!(matches!(outcome, Outcome::Reject(RejectReason::Malformed)), "{bad} {outcome:?}");
    }
    let two = [with(format!("ApiKey {text}")), with("Basic eA==".to_owned())].concat();
    let outcome = ask(&way, &two).await;
    assert!(matches!(outcome, Outcome::Reject(RejectReason::Repeated)), "{outcome:?}");
    let theirs = [with("Basic eA==".to_owned()), with("Bearer a".to_owned())].concat();
    assert!(matches!(ask(&way, &theirs).await, Outcome::Absent));
    let elsewhere = vec![("x-api-key", text.clone())];
    assert!(matches!(ask(&way, &elsewhere).await, Outcome::Absent), "the operator's field only");
}

/// The name of one key with the secret of another, and the checksum that belongs to both.
fn forge(name: &str, secret: &str) -> Secret<String> {
    let body = format!("{}{}", name.get(..17).unwrap(), secret.get(17..60).unwrap());
    let mut sum = crc32fast::hash(body.as_bytes());
    let digits: Vec<char> = ('0'..='9').chain('A'..='Z').chain('a'..='z').collect();
    let mut tail = Vec::new();
    for _ in 0..6 {
        tail.push(digits[usize::try_from(sum % 62).unwrap()]);
        sum /= 62;
    }
    Secret::new(body + &tail.into_iter().rev().collect::<String>())
}
