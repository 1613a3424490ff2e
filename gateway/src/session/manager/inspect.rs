//! What an administrator asks: which sessions there are, and that some of them end.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;

use crate::base::ProviderId;
use crate::session::events::{EndCause, Ended};
use crate::session::fence::Passage;
use crate::session::handle::{SessionKey, sid_of};
use crate::session::lifetime::over;
use crate::session::manager::{AT_ONCE, SessionManager};
use crate::session::names::Name;
use crate::session::record::{ProviderTokens, Session};
use crate::session::store::StoreError;

/// Which sessions are meant: those of which everything that is named here is true. Nothing named means
/// everybody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whose {
    /// The session's public name.
    pub sid: Option<String>,
    /// Who vouches for the person.
    pub issuer: Option<String>,
    /// The issuer's name for the person.
    pub subject: Option<String>,
    /// Where they signed in.
    pub provider: Option<ProviderId>,
    /// The provider's own name for its session. Found at once where the issuer is named too.
    pub provider_sid: Option<String>,
    /// The provider's own name for the person (`sub`). Found at once where the issuer is named too.
    pub provider_subject: Option<String>,
}

/// Sessions that the index finds by a name: all that a request from outside may have looked for. A walk
/// through the store would cost a stranger one request, and the gateway a read of every session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed(Whose);

/// Some sessions, and where to go on.
#[derive(Debug, Default)]
pub struct SessionPage {
    /// In no order that means anything.
    pub sessions: Vec<Arc<Session>>,
    /// From where to go on; `None` at the end. There may be more also where this page is short.
    pub next: Option<String>,
}

/// Sessions that were ended, and why that may not be all.
#[derive(Debug, Default)]
pub struct Ends {
    /// The sessions. Their ends are durable.
    pub ended: Vec<Ended>,
    /// What the store could not do. What was found before is dead in this process all the same.
    pub fault: Option<StoreError>,
}

/// Which of the sessions that are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    Living,
}

/// Keys that are looked at for one page: a search for somebody who is not there must not hold the answer up
/// for ever.
const LOOKED_AT: usize = 20_000;
/// Keys that are read in one go.
const READ: usize = 1_024;

impl Whose {
    /// The sessions of one principal.
    pub fn of(issuer: &str, subject: &str) -> Self {
        let (issuer, subject) = (Some(issuer.to_owned()), Some(subject.to_owned()));
        Self { issuer, subject, ..Self::default() }
    }

    /// The same, where a name finds them; `None` where only a walk through all sessions would.
    pub fn indexed(self) -> Option<Indexed> {
        (!self.names().is_empty()).then_some(Indexed(self))
    }

    /// Whether every session is meant.
    pub fn is_everybody(&self) -> bool {
        *self == Self::default()
    }

    /// Names that together find all that are meant, and perhaps others; none where only a walk does.
    pub(super) fn names(&self) -> Vec<Name<'_>> {
        let Some(issuer) = self.issuer.as_deref() else { return Vec::new() };
        // The one that finds the fewest.
        if let Some(sid) = &self.provider_sid {
            return vec![Name::ProviderSession(issuer, sid)];
        }
        if let Some(subject) = &self.subject {
            return vec![Name::Principal(issuer, subject)];
        }
        let Some(sub) = &self.provider_subject else { return Vec::new() };
        // Where both are the same, it stands in the index once, as the principal's.
        vec![Name::Principal(issuer, sub), Name::ProviderSubject(issuer, sub)]
    }

    /// How many keys are worth reading in one go for about `most` sessions.
    fn batch(&self, most: usize) -> usize {
        match (self.is_everybody(), &self.sid) {
            (true, _) => most.min(READ),
            // Told by the keys alone.
            (false, Some(_)) => 4 * READ,
            (false, None) => most.clamp(AT_ONCE.min(READ), READ),
        }
    }

    /// Whether a session can be one of them, by its key alone.
    fn may_be(&self, key: &SessionKey) -> bool {
        self.sid.as_ref().is_none_or(|sid| *sid == sid_of(key))
    }

    /// Whether a session with these tokens is one of them.
    pub(super) fn means(&self, session: &Session, tokens: &ProviderTokens) -> bool {
        self.may_be(&session.key) && self.fits(session) && self.fits_tokens(session, tokens)
    }

    /// Whether what is meant can be told by the provider's tokens only.
    fn asks_for_tokens(&self) -> bool {
        self.provider_sid.is_some() || self.provider_subject.is_some()
    }

    /// Whether a session is one of them, by what is sealed beside it. Who came by another way than the
    /// provider's is known by the principal's subject only.
    fn fits_tokens(&self, session: &Session, tokens: &ProviderTokens) -> bool {
        let (sid, sub) = (&self.provider_sid, &self.provider_subject);
        let there = tokens.provider_sub.as_ref().unwrap_or(&session.principal.subject);
        sid.as_ref().is_none_or(|sid| tokens.is_of(sid))
            && sub.as_ref().is_none_or(|sub| there == sub)
    }

    fn fits(&self, session: &Session) -> bool {
        let who = &session.principal;
        let is = |wanted: &Option<String>, there: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == there)
        };
        is(&self.issuer, &who.issuer)
            && is(&self.subject, &who.subject)
            && self.provider.as_ref().is_none_or(|wanted| *wanted == session.provider)
    }
}

impl SessionManager {
    /// Some of the sessions that are meant, about `most`, from a mark of the page before on. Looking at
    /// them is no use of them, and moves none of them into memory.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn page(
        &self,
        whose: &Whose,
        from: Option<&str>,
        most: usize,
    ) -> Result<SessionPage, StoreError> {
        let mut page = SessionPage { next: from.map(str::to_owned), ..SessionPage::default() };
        let mut looked_at = 0_usize;
        loop {
            let (keys, next) = self.keys(whose, page.next.as_deref(), whose.batch(most)).await?;
            looked_at = looked_at.saturating_add(keys.len());
            page.next = next;
            page.sessions.extend(self.among(whose, &keys, Wanted::Living).await?);
            let enough = page.sessions.len() >= most || looked_at >= LOOKED_AT;
            if enough || page.next.is_none() {
                return Ok(page);
            }
        }
    }

    /// The session of a public name. Walks through all of them: names are made of keys, never the other
    /// way round.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn named(&self, sid: &str) -> Result<Option<Arc<Session>>, StoreError> {
        let whose = Whose { sid: Some(sid.to_owned()), ..Whose::default() };
        let mut from = None;
        loop {
            let page = self.page(&whose, from.as_deref(), 1).await?;
            if let Some(session) = page.sessions.into_iter().next() {
                return Ok(Some(session));
            }
            from = page.next;
            if from.is_none() {
                return Ok(None);
            }
        }
    }

    /// Ends all sessions that are meant, and their streams; also those that are being written. A session
    /// that begins later stays.
    pub async fn end_those(&self, whose: &Whose, cause: EndCause) -> Ends {
        let barred = self.overtake(whose, cause).await;
        let mut ends = self.end_found(whose, cause).await;
        if barred.is_err() && ends.fault.is_none() {
            // They end whatever becomes of the sign-ins: a store that is full bars nobody, and may have
            // room now. If not, whoever asked must know, lest somebody has come in unseen.
            let barred = self.overtake(whose, cause).await;
            let more = self.end_found(whose, cause).await;
            ends.ended.extend(more.ended);
            ends.fault = barred.err().or(more.fault);
        }
        ends
    }

    async fn end_found(&self, whose: &Whose, cause: EndCause) -> Ends {
        let mut ends = Ends::default();
        let mut from = None;
        loop {
            let (keys, next) = match self.keys(whose, from.as_deref(), whose.batch(READ)).await {
                Ok(found) => found,
                Err(fault) => return Ends { fault: Some(fault), ..ends },
            };
            // All sessions need no look at each: not even at one that does not open any more.
            let meant = if whose.is_everybody() {
                Ok(keys)
            } else {
                // Also those that seem to be over: another gateway may have seen a use of them.
                let meant = self.among(whose, &keys, Wanted::All).await;
                meant.map(|meant| meant.iter().map(|session| session.key).collect())
            };
            match meant {
                Ok(meant) => self.end_each(&meant, cause, &mut ends).await,
                Err(fault) => ends.fault = Some(fault),
            }
            from = next;
            let found = whose.sid.is_some() && !ends.ended.is_empty();
            if found || from.is_none() || ends.fault.is_some() {
                return ends;
            }
        }
    }

    /// The same of sessions that are found without a walk.
    pub async fn end_indexed(&self, Indexed(whose): &Indexed, cause: EndCause) -> Ends {
        self.end_those(whose, cause).await
    }

    async fn end_each(&self, keys: &[SessionKey], cause: EndCause, ends: &mut Ends) {
        for key in keys {
            self.kill(key, cause);
        }
        for some in keys.chunks(AT_ONCE) {
            let ended = join_all(some.iter().map(|key| self.end(key, cause))).await;
            for (key, ended) in some.iter().zip(ended) {
                match ended {
                    Ok(_) => ends.ended.push(Ended { key: *key, cause }),
                    Err(fault) => ends.fault = Some(fault),
                }
            }
        }
    }

    /// Keys among which all are that are meant; not all of them need be.
    async fn keys(
        &self,
        whose: &Whose,
        from: Option<&str>,
        most: usize,
    ) -> Result<(Vec<SessionKey>, Option<String>), StoreError> {
        match &*whose.names() {
            [] => self.store.keys(from, most).await,
            names => Ok((self.keys_named(names).await?, None)),
        }
    }

    /// The keys of all sessions that are found by one of these names.
    pub(super) async fn keys_named(
        &self,
        names: &[Name<'_>],
    ) -> Result<Vec<SessionKey>, StoreError> {
        let mut keys = BTreeSet::new();
        // One after the other: see `Names::all`.
        for name in names.iter().flat_map(|name| self.names.all(*name)) {
            keys.extend(self.store.keys_of(name).await?);
        }
        Ok(keys.into_iter().collect())
    }

    /// The sessions of these keys that are meant.
    async fn among(
        &self,
        whose: &Whose,
        keys: &[SessionKey],
        wanted: Wanted,
    ) -> Result<Vec<Arc<Session>>, StoreError> {
        let keys: Vec<_> = keys.iter().filter(|key| whose.may_be(key)).collect();
        let look = |key| self.look_at(key, wanted);
        let mut found = Vec::new();
        for some in keys.chunks(AT_ONCE) {
            for session in join_all(some.iter().map(|key| look(key))).await {
                let Some(session) = session?.filter(|session| whose.fits(session)) else {
                    continue;
                };
                if whose.asks_for_tokens() {
                    let tokens = self.sealed_tokens(&session.key).await?;
                    if !tokens.is_some_and(|tokens| whose.fits_tokens(&session, &tokens)) {
                        continue;
                    }
                }
                found.push(session);
            }
        }
        Ok(found)
    }

    /// The session of a key, if it is wanted: no use of it, and memory stays as it is.
    async fn look_at(
        &self,
        key: &SessionKey,
        wanted: Wanted,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        if matches!(self.fence.passage(key), Passage::Dead) {
            return Ok(None);
        }
        let now = self.clock.now();
        let lives =
            |session: &Arc<Session>| over(session.moments(), self.lifetimes.idle, now).is_none();
        // What somebody else may have ended or used since is asked for.
        let held = self.hot.peek(key).filter(|session| self.horizon.holds(session.confirmed_at()));
        let held = held.filter(|session| !self.is_shared || lives(session));
        let session = match held {
            Some(session) => Some(session),
            None => {
                let stored = self.store.load(*key).await?;
                stored.and_then(|stored| self.unseal(*key, &stored)).map(Arc::new)
            }
        };
        Ok(session.filter(|session| wanted == Wanted::All || lives(session)))
    }
}

#[cfg(test)]
mod tests;
