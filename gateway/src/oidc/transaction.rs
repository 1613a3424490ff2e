//! One login on its way: what must be remembered between leaving for the provider and coming back.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::{ProviderId, Secret, Timestamp};

/// A login on its way. The endpoints seal it into the `state` parameter and bind that to the
/// browser by a cookie, so the gateway itself remembers nothing of unfinished logins.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// With which provider.
    pub provider: ProviderId,
    /// This login's own name, of 128 random bits: what the browser's cookie is bound to.
    pub id: String,
    /// The nonce that the `id_token` must carry.
    pub nonce: String,
    /// The PKCE verifier.
    #[serde(serialize_with = "show", deserialize_with = "hide")]
    pub verifier: Secret<String>,
    /// Where to go afterwards: a same-site path, proven by whoever began the login, and to be
    /// proven again by whoever ends it.
    pub return_to: String,
    /// Where the provider was told to send the browser.
    pub redirect_uri: String,
    /// When it began.
    pub started: Timestamp,
    /// The authentication contexts that were asked for: the answer must have one of them.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// Microsoft Entra's authentication context that was asked for: the answer must state it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication_context: Option<String>,
    /// The oldest proof that was asked for, in seconds.
    #[serde(default)]
    pub max_age: Option<u64>,
    /// The route for which somebody signs in once more.
    #[serde(default)]
    pub route: Option<String>,
}

impl Transaction {
    /// How long a person may take from our page back to our page. Long enough for a second factor and a coffee,
    /// short enough that a stolen `state` is soon worthless.
    pub const LIFETIME: Duration = Duration::from_secs(10 * 60);

    /// For sealing.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A struct of strings and one number; serialising it cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// After opening the seal; `None` when it is no transaction.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Whether it can still be finished.
    pub fn is_live(&self, now: Timestamp) -> bool {
        // One that begins later than now comes from another clock; a second is no matter.
        self.started <= now.after(Duration::from_secs(1))
            && now.since(self.started) <= Self::LIFETIME
    }
}

fn show<S: Serializer>(secret: &Secret<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

fn hide<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction() -> Transaction {
        Transaction {
            provider: "corp".into(),
            id: "id".to_owned(),
            nonce: "nonce".to_owned(),
            verifier: "verifier".into(),
            return_to: "/chat?x=1".to_owned(),
            redirect_uri: "https://app.test/.portcullis/callback/corp".to_owned(),
            started: Timestamp::from_secs(1_000),
            acr_values: vec!["mfa".to_owned()],
            authentication_context: Some("c1".to_owned()),
            max_age: Some(300),
            route: None,
        }
    }

    #[test]
    fn it_survives_the_way_through_bytes_and_hides_the_verifier() {
        let before = transaction();
        let after = Transaction::from_bytes(&before.to_bytes()).unwrap();
        assert_eq!(after.verifier.expose(), "verifier");
        assert_eq!(after.authentication_context.as_deref(), Some("c1"));
        assert_eq!((after.id, after.return_to), (before.id.clone(), before.return_to.clone()));
        assert!(!format!("{before:?}").contains("\"verifier\""));
        assert!(Transaction::from_bytes(b"{}").is_none());
    }

    #[test]
    fn it_lives_for_its_lifetime_and_not_before_it_began() {
        let begun = transaction();
        assert!(begun.is_live(begun.started));
        assert!(begun.is_live(begun.started.after(Transaction::LIFETIME)));
        assert!(
            !begun.is_live(begun.started.after(Transaction::LIFETIME + Duration::from_secs(1)))
        );
        assert!(!begun.is_live(begun.started.before(Duration::from_secs(60))));
    }
}
