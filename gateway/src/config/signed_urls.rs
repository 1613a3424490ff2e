//! `[signed_urls.<id>]`: whose signed links count for the way in `signed_url`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ProviderId;
use crate::config::duration::Duration;
use crate::config::providers::ClaimNames;

/// Somebody who signs links with Ed25519, such as a portal that sends its users on. A link signs its
/// bearer in once: it becomes a session, and the browser goes on without it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedUrls {
    /// The public keys, in any order: the text of a PEM file, or the key in base64. To replace a key,
    /// add the new one, sign with it, and take the old one out: links signed with that are dead at
    /// once.
    pub public_keys: Vec<String>,
    /// The forms that count. `bound`: `?portcullis_link=<JWS>`, a token that says for whom, until when
    /// and where. `message`: `?message=<user>:<unix time>&signature=<base64url>`, the form of some
    /// Streamlit apps, which says only who and until when, so that such a link for another application
    /// with the same key opens this one. Default `["bound"]`.
    #[serde(default = "forms")]
    pub forms: Vec<LinkForm>,
    /// What a bound link must have as `aud`. Default: `server.public_url`.
    pub audience: Option<String>,
    /// How far off a link's end may be, at most 24h. Default 1h. A link is a password until it is used.
    #[serde(default = "max_age")]
    pub max_age: Duration,
    /// The most `uses` that a bound link may ask for. Default 1; a link in the form `message` works
    /// once in any case.
    #[serde(default = "once")]
    pub max_uses: u32,
    /// Which claims of a bound link hold what beside `sub`: what the signer writes there is believed,
    /// groups included.
    #[serde(default)]
    pub claims: ClaimNames,
}

/// A form of a signed link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkForm {
    /// A JWS.
    Bound,
    /// A user and a time.
    Message,
}

fn forms() -> Vec<LinkForm> {
    vec![LinkForm::Bound]
}

const fn max_age() -> Duration {
    Duration::from_secs(60 * 60)
}

const fn once() -> u32 {
    1
}

impl SignedUrls {
    /// The issuer of the principals that its links name.
    pub fn issuer(&self, id: &ProviderId) -> String {
        format!("urn:portcullis:signed-url:{id}")
    }
}
