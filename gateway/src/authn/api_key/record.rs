//! What is known of a key, and what of it is written.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::authn::api_key::text::{ApiKeyId, Digest};
use crate::base::Timestamp;
use crate::identity::{Email, Principal};

/// A key, without its secret: nobody has that but its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public name.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: String,
    /// In whose name it acts.
    pub owner: ApiKeyOwner,
    /// What it is good for; a route's `scopes` are held against them.
    pub scopes: Vec<String>,
    /// The routes that it opens.
    pub routes: KeyRoutes,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is good no longer.
    pub expires: Option<Timestamp>,
    /// Whether it is switched off, for a while.
    pub disabled: bool,
    /// When it was revoked, for good.
    pub revoked: Option<Timestamp>,
}

/// What somebody wants of a new key.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// What people call it.
    pub name: String,
    /// In whose name it acts.
    pub owner: ApiKeyOwner,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// The routes that it opens.
    pub routes: KeyRoutes,
    /// From when on it is good no longer.
    pub expires: Option<Timestamp>,
}

/// In whose name a key acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyOwner {
    /// Who vouches for the owner: [`ApiKeyOwner::ISSUER`] for one who is known by keys only, the issuer
    /// of a provider for one of its people.
    pub issuer: String,
    /// The issuer's stable name for the owner.
    pub subject: String,
    /// The name to show.
    pub name: Option<String>,
    /// The e-mail address; counts as verified, since an operator wrote it.
    pub email: Option<String>,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
}

/// The routes that a key opens, of those that take keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRoutes {
    /// All, also those that are added later.
    All,
    /// Those with these names.
    Only(Vec<String>),
}

/// Whether a key opens anything now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It does.
    Active,
    /// It is switched off.
    Disabled,
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
}

impl ApiKey {
    /// Whether it opens anything at a moment.
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked.is_some() {
            KeyState::Revoked
        } else if self.disabled {
            KeyState::Disabled
        } else if self.expires.is_some_and(|expires| expires <= now) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }

    /// Whether it was revoked so long ago that nobody asks for it any more.
    pub(super) fn is_forgotten(&self, now: Timestamp) -> bool {
        self.revoked.is_some_and(|since| now.since(since) > FORGOTTEN_AFTER)
    }

    /// Who it is that uses it.
    pub(super) fn principal(&self) -> Arc<Principal> {
        let owner = &self.owner;
        let mut who = Principal::new(&*owner.issuer, &*owner.subject);
        who.name.clone_from(&owner.name);
        who.email = owner.email.clone().map(|address| Email { address, verified: true });
        who.groups.clone_from(&owner.groups);
        // An investigation must tell one key of an owner from another.
        who.claims.insert(CLAIM.to_owned(), self.id.as_str().into());
        Arc::new(who)
    }
}

impl ApiKeyOwner {
    /// The issuer of owners who are known by keys only.
    pub const ISSUER: &'static str = "urn:portcullis:api-key";
}

impl KeyRoutes {
    /// Whether a route is among them.
    pub fn include(&self, route: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|name| name == route),
        }
    }
}

impl KeyState {
    /// The word used in lists.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// Until then a revoked key is listed.
pub(super) const FORGOTTEN_DAYS: u64 = 90;
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_secs(FORGOTTEN_DAYS * 86_400);
/// The claim with the key's public name.
const CLAIM: &str = "api_key";

/// The layout of [`Record`].
const VERSION: u8 = 1;

/// A key as it is written. Of its secret only the digest, which opens nothing.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    version: u8,
    sha256: [u8; 32],
    name: String,
    owner: ApiKeyOwner,
    scopes: Vec<String>,
    routes: KeyRoutes,
    created: Timestamp,
    expires: Option<Timestamp>,
    disabled: bool,
    revoked: Option<Timestamp>,
}

impl Record {
    /// What is written of a key.
    pub(super) fn of(key: &ApiKey, digest: &Digest) -> Self {
        let key = key.clone();
        Self {
            version: VERSION,
            sha256: digest.0,
            name: key.name,
            owner: key.owner,
            scopes: key.scopes,
            routes: key.routes,
            created: key.created,
            expires: key.expires,
            disabled: key.disabled,
            revoked: key.revoked,
        }
    }

    /// The key again; `None` where another version wrote it.
    pub(super) fn into_key(self, id: ApiKeyId) -> Option<(ApiKey, Digest)> {
        let key = ApiKey {
            id,
            name: self.name,
            owner: self.owner,
            scopes: self.scopes,
            routes: self.routes,
            created: self.created,
            expires: self.expires,
            disabled: self.disabled,
            revoked: self.revoked,
        };
        (self.version == VERSION).then_some((key, Digest(self.sha256)))
    }
}

/// A key as bytes.
pub(super) fn to_bytes(key: &ApiKey, digest: &Digest) -> Vec<u8> {
    // Only types of ours, none of which can fail; an empty record would not read back.
    serde_json::to_vec(&Record::of(key, digest)).unwrap_or_default()
}

/// Reads what [`to_bytes`] wrote.
pub(super) fn from_bytes(id: ApiKeyId, bytes: &[u8]) -> Option<(ApiKey, Digest)> {
    serde_json::from_slice::<Record>(bytes).ok()?.into_key(id)
}
