//! What a session is in memory, and what of it is written.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::{ProviderId, Secret, Timestamp};
use crate::identity::{Memo, Principal, SessionRef, WayIn};
use crate::session::handle::SessionKey;
use crate::session::horizon::Moment;
use crate::session::lifetime::Moments;
use crate::session::renewal::{Due, Renewal};

/// A session that lives. Its handle is not in it, its tokens are not in it. What the rest of the
/// gateway may know of it is read as if it were its own.
#[derive(Debug)]
pub struct Session {
    about: Arc<SessionRef>,
    /// Who it is.
    pub principal: Arc<Principal>,
    /// When the session began.
    pub created: Timestamp,
    /// When it is over, whatever happens.
    pub absolute_expiry: Timestamp,
    /// When the store confirmed it, see [`Horizon`](crate::session::Horizon).
    confirmed: AtomicU64,
    /// What is known of the tokens by which it is renewed.
    pub(crate) renewal: Option<Renewal>,
    /// When it wants to be renewed.
    pub(crate) due: Due,
    seen: Seen,
}

/// What a sign-in brings.
#[derive(Debug)]
pub struct NewSession {
    /// Who it is.
    pub principal: Arc<Principal>,
    /// How the person signed in.
    pub signed_in_by: WayIn,
    /// At which provider.
    pub provider: ProviderId,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// Whether somebody said so who knows it: see [`SessionRef`].
    pub auth_time_stated: bool,
    /// Authentication context class, as the provider gave it.
    pub acr: Option<Arc<str>>,
    /// Authentication methods, as the provider gave them.
    pub amr: Arc<[String]>,
    /// Microsoft Entra's authentication contexts, as the provider gave them.
    pub acrs: Arc<[String]>,
    /// The provider's tokens.
    pub tokens: ProviderTokens,
}

/// What the provider gave at sign-in. Sealed in the store, never in a cookie, never shown.
#[derive(Clone, Debug, Default)]
pub struct ProviderTokens {
    /// The ID token, for `id_token_hint` at logout.
    pub id_token: Option<Secret<String>>,
    /// The access token.
    pub access_token: Option<Secret<String>>,
    /// The refresh token.
    pub refresh_token: Option<Secret<String>>,
    /// The provider's own name for its session, for back-channel logout.
    pub provider_sid: Option<String>,
    /// The same as of the sign-in, once the session was refreshed.
    pub first_sid: Option<String>,
    /// The provider's own name for the person (`sub`), whatever the settings take as the subject.
    pub provider_sub: Option<String>,
    /// When the access token expires, where the provider says so.
    pub access_expires: Option<Timestamp>,
}

/// When a session was used, and what of that has been noted for the store.
#[derive(Debug)]
struct Seen {
    last: AtomicI64,
    noted: AtomicI64,
}

impl Session {
    /// What the rest of the gateway may know of it.
    pub const fn reference(&self) -> &Arc<SessionRef> {
        &self.about
    }

    /// When it was last used.
    pub fn last_seen(&self) -> Timestamp {
        self.moments().last_seen
    }

    pub(crate) fn begin(
        new: &NewSession,
        key: SessionKey,
        sid: String,
        now: Timestamp,
        absolute: Duration,
    ) -> Self {
        let about = SessionRef {
            key,
            sid: sid.into(),
            signed_in_by: new.signed_in_by,
            provider: new.provider.clone(),
            auth_time: new.auth_time,
            auth_time_stated: new.auth_time_stated,
            acr: new.acr.clone(),
            amr: Arc::clone(&new.amr),
            acrs: Arc::clone(&new.acrs),
            memo: Memo::default(),
        };
        Self {
            about: Arc::new(about),
            principal: Arc::clone(&new.principal),
            created: now,
            absolute_expiry: now.after(absolute),
            confirmed: AtomicU64::new(0),
            renewal: Renewal::of(&new.tokens, now),
            due: Due::never(),
            seen: Seen::at(now),
        }
    }

    /// The same, confirmed by the store at a moment.
    pub(crate) fn confirmed(mut self, at: Moment) -> Self {
        *self.confirmed.get_mut() = at;
        self
    }

    /// When the store confirmed it.
    pub(crate) fn confirmed_at(&self) -> Moment {
        self.confirmed.load(Ordering::Relaxed)
    }

    /// Nothing confirms it any more: before its next use the store is asked. For shared stores, whose
    /// horizon has risen at least once.
    pub(crate) fn doubt(&self) {
        self.confirmed.store(0, Ordering::Relaxed);
    }

    /// The same, with what its provider says of the person now, as of `now`. Key, beginning, bounds and
    /// how they signed in stay: nobody has signed in.
    pub(crate) fn described(
        &self,
        principal: Arc<Principal>,
        tokens: &ProviderTokens,
        now: Timestamp,
    ) -> Self {
        // A copy of the reference has no notes: the tokens in them describe the person of before.
        let about = Arc::new(SessionRef::clone(&self.about));
        Self {
            about,
            principal,
            created: self.created,
            absolute_expiry: self.absolute_expiry,
            confirmed: AtomicU64::new(0),
            renewal: Renewal::of(tokens, now),
            due: Due::never(),
            seen: Seen::at(self.last_seen()),
        }
    }

    /// The same with the notes of another copy, which describes the same person in the same words.
    pub(crate) fn with_notes_of(mut self, other: &Self) -> Self {
        (self.about, self.principal) = (Arc::clone(&other.about), Arc::clone(&other.principal));
        self
    }

    /// Takes over what another copy of it knows of its last use, and the store may not yet.
    pub(crate) fn seen_as(&self, other: &Self) {
        let other = other.seen.last.load(Ordering::Relaxed);
        self.seen.last.fetch_max(other, Ordering::Relaxed);
    }

    pub(crate) fn moments(&self) -> Moments {
        Moments {
            absolute_expiry: self.absolute_expiry,
            last_seen: Timestamp::from_millis(self.seen.last.load(Ordering::Relaxed)),
        }
    }

    /// Notes a use; true when the store should hear of it, for one caller at a time.
    pub(crate) fn touch(&self, now: Timestamp, every: Duration) -> bool {
        let now_millis = now.as_millis();
        // Read first: many requests of a session come within a millisecond, and a write would take
        // the line away from the other cores each time.
        if self.seen.last.load(Ordering::Relaxed) < now_millis {
            self.seen.last.fetch_max(now_millis, Ordering::Relaxed);
        }
        let noted = self.seen.noted.load(Ordering::Relaxed);
        now.since(Timestamp::from_millis(noted)) >= every
            && self
                .seen
                .noted
                .compare_exchange(noted, now_millis, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// The record as bytes, to be sealed.
    pub(crate) fn to_record(&self) -> Vec<u8> {
        let record = Record {
            version: VERSION,
            sid: Arc::clone(&self.sid),
            principal: Arc::clone(&self.principal),
            signed_in_by: self.signed_in_by,
            provider: self.provider.clone(),
            auth_time: self.auth_time,
            auth_time_stated: self.auth_time_stated,
            created: self.created,
            absolute_expiry: self.absolute_expiry,
            acr: self.acr.clone(),
            amr: Arc::clone(&self.amr),
            acrs: Arc::clone(&self.acrs),
            renewal: self.renewal,
        };
        // Only types of ours, none of which can fail; an empty record would not read back.
        serde_json::to_vec(&record).unwrap_or_default()
    }

    /// Reads what [`to_record`](Self::to_record) wrote. The bounds come from the sealed record, not
    /// from the store's index: who can write the store's file cannot lengthen a session's life.
    pub(crate) fn from_record(
        key: SessionKey,
        record: &[u8],
        last_seen: Timestamp,
    ) -> Option<Self> {
        let record: Record = serde_json::from_slice(record).ok()?;
        if record.version != VERSION {
            return None;
        }
        let about = SessionRef {
            key,
            sid: record.sid,
            signed_in_by: record.signed_in_by,
            provider: record.provider,
            auth_time: record.auth_time,
            auth_time_stated: record.auth_time_stated,
            acr: record.acr,
            amr: record.amr,
            acrs: record.acrs,
            memo: Memo::default(),
        };
        Some(Self {
            about: Arc::new(about),
            principal: record.principal,
            created: record.created,
            absolute_expiry: record.absolute_expiry,
            confirmed: AtomicU64::new(0),
            renewal: record.renewal,
            due: Due::never(),
            seen: Seen::at(last_seen),
        })
    }
}

impl Deref for Session {
    type Target = SessionRef;

    fn deref(&self) -> &SessionRef {
        &self.about
    }
}

impl Seen {
    fn at(moment: Timestamp) -> Self {
        let millis = moment.as_millis();
        Self { last: AtomicI64::new(millis), noted: AtomicI64::new(millis) }
    }
}

impl ProviderTokens {
    /// Whether the provider calls its session so, or did at the sign-in: some go on to name that one when
    /// they end it.
    pub fn is_of(&self, sid: &str) -> bool {
        self.sids().any(|ours| ours == sid)
    }

    /// The provider's own names for its session, none twice.
    pub(crate) fn sids(&self) -> impl Iterator<Item = &str> {
        let first = self.first_sid.as_ref().filter(|sid| self.provider_sid.as_ref() != Some(*sid));
        self.provider_sid.iter().chain(first).map(String::as_str)
    }

    /// These tokens in the place of others: a logout that names the session of the sign-in still finds it.
    pub(crate) fn after(self, before: &Self) -> Self {
        let first_sid = before.first_sid.as_ref().or(before.provider_sid.as_ref()).cloned();
        Self { first_sid, ..self }
    }

    /// The tokens as bytes, to be sealed; wiped when dropped.
    pub(crate) fn to_bytes(&self) -> Secret<Vec<u8>> {
        let shown = |token: &Option<Secret<String>>| token.as_ref().map(|t| t.expose().clone());
        let stored = StoredTokens {
            id_token: shown(&self.id_token),
            access_token: shown(&self.access_token),
            refresh_token: shown(&self.refresh_token),
            provider_sid: self.provider_sid.clone(),
            first_sid: self.first_sid.clone(),
            provider_sub: self.provider_sub.clone(),
            access_expires: self.access_expires,
        };
        Secret::new(serde_json::to_vec(&stored).unwrap_or_default())
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let stored: StoredTokens = serde_json::from_slice(bytes).ok()?;
        Some(Self {
            id_token: stored.id_token.map(Secret::new),
            access_token: stored.access_token.map(Secret::new),
            refresh_token: stored.refresh_token.map(Secret::new),
            provider_sid: stored.provider_sid,
            first_sid: stored.first_sid,
            provider_sub: stored.provider_sub,
            access_expires: stored.access_expires,
        })
    }
}

/// The layout of [`Record`]. A record of another version does not read: its session signs in anew.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Record {
    version: u8,
    sid: Arc<str>,
    principal: Arc<Principal>,
    signed_in_by: WayIn,
    provider: ProviderId,
    auth_time: Timestamp,
    /// Absent in records of older versions.
    #[serde(default)]
    auth_time_stated: bool,
    created: Timestamp,
    absolute_expiry: Timestamp,
    acr: Option<Arc<str>>,
    amr: Arc<[String]>,
    /// Absent in records of older versions.
    #[serde(default)]
    acrs: Arc<[String]>,
    #[serde(default)]
    renewal: Option<Renewal>,
}

#[derive(Serialize, Deserialize)]
struct StoredTokens {
    id_token: Option<String>,
    access_token: Option<String>,
    refresh_token: Option<String>,
    provider_sid: Option<String>,
    /// Absent in records of older versions, as what follows is.
    #[serde(default)]
    provider_sub: Option<String>,
    #[serde(default)]
    access_expires: Option<Timestamp>,
    #[serde(default)]
    first_sid: Option<String>,
}

#[cfg(test)]
mod tests;
