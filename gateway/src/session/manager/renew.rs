//! Renewing sessions: new tokens from the provider, and the person as it describes them now.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use crate::base::{Timestamp, sleep, spawn, timeout};
use crate::session::events::{EndCause, Ended};
use crate::session::handle::SessionKey;
use crate::session::manager::renew::keep::{Holder, Write};
use crate::session::manager::{RECORD, SessionManager, TOKENS};
use crate::session::record::{ProviderTokens, Session};
use crate::session::renewal::{
    Due, FaultClass, Renewal, RenewalFault, RenewalSettings, Renewed, Renewer,
};
use crate::session::renewals::{Engine, Flight};
use crate::session::store::{StoreError, StoredSession};

mod keep;

/// Begun in one second.
const AT_ONCE: usize = 256;
/// How long a provider may take, with all that it is asked. Its client has shorter deadlines.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the end of the process waits for renewals.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long a gateway has a session to itself: as long as everything below can take while the store works.
const LEASE: Duration = Duration::from_secs(90);
/// How often, and for how long, it is looked whether another gateway is done.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: u32 = 300;
/// How long a request waits for a renewal. That goes on without it.
const WAIT: Duration = Duration::from_secs(10);
/// How often it is tried to store what a provider gave: without it the session would be lost. Five minutes
/// for a store that fails at once: nobody else is renewed without it, so that no place is missed.
const TRIES: u32 = 300;
const RETRY: Duration = Duration::from_secs(1);

/// Why a session is not described anew.
enum Setback {
    /// Its provider does not.
    Fault(RenewalFault),
    /// It has ended meanwhile.
    Gone,
    /// Another gateway has had it meanwhile: what that wrote counts.
    Overtaken,
    /// What is not in the store does not count.
    Store(StoreError),
}

impl SessionManager {
    /// From now on, sessions with a refresh token are renewed by `renewer`. Once; to be called before
    /// there are sessions in memory.
    pub fn renew_by(self: &Arc<Self>, renewer: Arc<dyn Renewer>, settings: RenewalSettings) {
        let manager = Arc::downgrade(self);
        self.renewals.start(Engine { manager, renewer, settings });
    }

    /// Called once a second: begins to renew those that are due and in use. The others wait for their
    /// next use. Looks at nothing that is not due.
    pub fn renew_due(&self) {
        let Some(engine) = self.renewals.engine() else { return };
        let now = self.clock.now();
        if !self.renewals.has_room() {
            return;
        }
        for key in self.renewals.take_due(now, AT_ONCE) {
            let Some(session) = self.hot.peek(&key) else { continue };
            let used = now.since(session.last_seen()) <= engine.settings.active_within
                || self.live.open_of(&key) > 0;
            if session.due.is_due(now) && used {
                self.attend(&session, now);
            }
        }
    }

    /// Renews a session, or waits for the renewal that is under way; ten seconds at most. Nothing happens
    /// to one that is not due, or has no refresh token.
    pub async fn renew(&self, session: &Session) {
        if let Some(mut flight) = self.begin(session) {
            // An error is its end.
            let _ = timeout(WAIT, flight.changed()).await;
        }
    }

    /// How many renewals are under way.
    pub fn renewing(&self) -> usize {
        self.renewals.count()
    }

    /// Waits for the renewals that are under way, for a while: before the process ends, lest tokens be
    /// lost that a provider has rotated.
    pub async fn finish_renewals(&self) {
        let flights = self.renewals.flights();
        let landed = flights.into_iter().map(async |mut flight| drop(flight.changed().await));
        if timeout(FAREWELL, join_all(landed)).await.is_err() {
            tracing::warn!(count = self.renewing(), "refreshes did not end in time");
        }
    }

    /// A session as it goes into memory: from there on, somebody sees to it when it is due.
    pub(super) fn scheduled(&self, mut session: Session) -> Session {
        let renewal = session.renewal;
        if let Some((engine, renewal)) = self.renewals.engine().zip(renewal) {
            let [chance] = self.entropy.bytes::<1>();
            session.due = Due::of(&renewal, &engine.settings, chance);
            self.renewals.schedule(session.key, session.due.moment());
        }
        session
    }

    /// Begins the renewal of a session that is due, for one of those who use it; whether it may be
    /// served meanwhile.
    #[cold]
    pub(super) fn attend(&self, session: &Session, now: Timestamp) -> bool {
        if session.due.claim(now) {
            if self.renewals.has_room() {
                drop(self.begin(session));
            } else {
                self.renewals.schedule(session.key, session.due.moment());
            }
        }
        !session.due.is_late(now)
    }

    /// A session that must be renewed before it is served.
    pub(super) async fn renewed(
        &self,
        session: &Session,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        self.renew(session).await;
        match self.look_up(&session.key).await? {
            Some(session) if session.due.is_late(self.clock.now()) => {
                // Without its tokens no later request would fare better.
                let tokens = self.sealed_tokens(&session.key).await?;
                tokens.map_or(Ok(None), |_| Err(StoreError::Unrenewed))
            }
            found => Ok(found),
        }
    }

    /// The renewal of a session, as a task of its own: whoever waits may go away, and what the provider
    /// gives is kept all the same.
    fn begin(&self, session: &Session) -> Option<Flight> {
        let manager = self.renewals.engine()?.manager.upgrade()?;
        let (flight, landing) = self.renewals.board(session.key);
        if let Some(landing) = landing {
            let (key, provider) = (session.key, session.provider.clone());
            spawn(async move {
                let _landing = landing;
                // Before the lease, which must not run out while others are served.
                let _room = manager.renewals.circuits.room(&provider).await;
                let Some(engine) = manager.renewals.engine() else { return };
                match manager.attempt(engine, &key).await {
                    Ok(Renewed::Busy) => manager.try_again(key, manager.clock.now()),
                    Ok(_) => {}
                    Err(fault) => {
                        tracing::warn!(%fault, "a session cannot be renewed");
                        manager.try_again(key, manager.clock.now());
                    }
                }
            });
        }
        Some(flight)
    }

    /// One renewal, with the session to itself among all gateways.
    async fn attempt(&self, engine: &Engine, key: &SessionKey) -> Result<Renewed, StoreError> {
        let holder: Holder = self.entropy.bytes();
        let mut looks = 0;
        while !self.store.lease(*key, holder, LEASE).await? {
            looks += 1;
            if looks > LOOKS {
                return Ok(Renewed::Busy);
            }
            sleep(LOOK).await;
        }
        let renewed = self.attempt_alone(engine, key, holder).await;
        if let Err(fault) = self.store.release(*key, holder).await {
            // It ends by itself.
            tracing::debug!(%fault, "a lease cannot be given back");
        }
        renewed
    }

    async fn attempt_alone(
        &self,
        engine: &Engine,
        key: &SessionKey,
        holder: Holder,
    ) -> Result<Renewed, StoreError> {
        let moment = self.horizon.now();
        let Some(stored) = self.store.load(*key).await? else {
            // Memory must not know better.
            self.end(key, EndCause::Revoked).await?;
            return Ok(Renewed::Ended);
        };
        let Some((session, tokens)) = self.unseal_all(*key, &stored) else {
            self.disown(key);
            return Ok(Renewed::Later);
        };
        let now = self.clock.now();
        let due = |renewal: Renewal| renewal.due(&engine.settings) <= now;
        if !session.renewal.is_some_and(due) {
            // Another gateway was faster.
            self.take_over(session.confirmed(moment), false);
            return Ok(Renewed::Current);
        }
        if let Err(open_from) = self.renewals.circuits.enter(&session.provider, now) {
            return Ok(self.wait(engine, &session, open_from));
        }
        match self.ask(&*engine.renewer, &session, (&stored, tokens), holder).await {
            Ok((renewed, changed)) => {
                self.take_over(renewed.confirmed(moment), changed);
                engine.renewer.report(&session, Ok(Renewed::Now(changed)));
                Ok(Renewed::Now(changed))
            }
            Err(Setback::Fault(fault)) => self.failed(engine, &session, &fault).await,
            Err(Setback::Gone) => Ok(Renewed::Ended),
            Err(Setback::Overtaken) => {
                // What memory has is as old as what was asked with.
                self.doubt(key);
                Ok(Renewed::Current)
            }
            Err(Setback::Store(fault)) => Err(fault),
        }
    }

    /// Asks the provider, and stores what it gives. Whether the person is described otherwise than before.
    async fn ask(
        &self,
        renewer: &dyn Renewer,
        session: &Session,
        (stored, tokens): (&StoredSession, ProviderTokens),
        holder: Holder,
    ) -> Result<(Session, bool), Setback> {
        let mut granted = match within(renewer.grant(session, &tokens)).await {
            Ok(granted) => granted,
            Err(fault) if fault.class == FaultClass::Definitive => {
                // Whoever says no is there for the others.
                self.renewals.circuits.succeeded(&session.provider);
                return Err(self.refused(session.key, &tokens, fault).await);
            }
            Err(fault) => return Err(Setback::Fault(fault)),
        };
        self.renewals.circuits.succeeded(&session.provider);
        granted.tokens = granted.tokens.after(&tokens);
        // Before anything else: if this process dies now, the next one has the token that counts. Whoever
        // has the lease: without it, they would take the refusal of the old one for the session's end.
        let first = self.sealer.seal(TOKENS, &session.key, granted.tokens.to_bytes().expose());
        let (record, instead_of) = (&*stored.record, &[&*stored.tokens][..]);
        let write =
            Write { names: &stored.names, record, tokens: &first, instead_of, holder: None };
        self.keep(&session.key, write).await?;
        let mut described = within(renewer.describe(session, &tokens, granted)).await?;
        described.tokens = described.tokens.after(&tokens);
        let changed = described.principal != *session.principal;
        let principal =
            if changed { Arc::new(described.principal) } else { Arc::clone(&session.principal) };
        let renewed = session.described(principal, &described.tokens, self.clock.now());
        let record = self.sealer.seal(RECORD, &session.key, &renewed.to_record());
        let tokens = self.sealer.seal(TOKENS, &session.key, described.tokens.to_bytes().expose());
        // A server that took over may not have heard of the first write.
        let instead_of = &[&*first, &*stored.tokens][..];
        let names = &*self.names.of(&renewed.principal, &described.tokens)?;
        let (record, tokens, holder) = (&*record, &*tokens, Some(holder));
        let write = Write { names, record, tokens, instead_of, holder };
        self.keep(&session.key, write).await?;
        Ok((renewed, changed))
    }

    /// Puts another description of a session in the place of the one in memory. One that ended is not
    /// there any more, and does not come back: only what is replaced makes room for it.
    fn take_over(&self, session: Session, mut changed: bool) {
        let (key, session) = (session.key, self.scheduled(session));
        self.fence.turn(&key, || {
            let Some(old) = self.hot.peek(&key) else { return };
            let is_same = old.principal == session.principal;
            changed |= !is_same;
            let session = if is_same { session.with_notes_of(&old) } else { session };
            session.seen_as(&old);
            self.hot.insert(key, Arc::new(session));
        });
        if changed {
            self.live.changed(&key);
        }
    }

    async fn failed(
        &self,
        engine: &Engine,
        session: &Session,
        fault: &RenewalFault,
    ) -> Result<Renewed, StoreError> {
        engine.renewer.report(session, Err(fault));
        if fault.class == FaultClass::Definitive {
            return self.end_by_refresh(session).await;
        }
        let now = self.clock.now();
        if fault.class.is_the_providers() {
            let [chance] = self.entropy.bytes::<1>();
            self.renewals.circuits.failed(&session.provider, now, chance);
        }
        if is_late(engine, session, now) {
            return self.end_by_refresh(session).await;
        }
        self.try_again(session.key, now);
        Ok(Renewed::Later)
    }

    /// Tries again, `from` a moment on. A session whose grace is over does not end by what others failed
    /// with: it is not served, its streams close, and its next use asks for it.
    fn wait(&self, engine: &Engine, session: &Session, from: Timestamp) -> Renewed {
        if is_late(engine, session, self.clock.now()) {
            // Not all of the session's: who comes back with it may have streams again.
            for stream in self.live.of(&session.key).streams {
                stream.tell(EndCause::Refresh);
            }
        } else {
            self.try_again(session.key, from);
        }
        Renewed::Later
    }

    /// Forgets a session whose record does not open here. Another gateway may have the sealing key that
    /// this one lacks, so that it has not ended.
    fn disown(&self, key: &SessionKey) {
        let mut was_hot = false;
        self.fence.turn(key, || was_hot = self.hot.remove(key).is_some());
        if was_hot {
            tracing::warn!(
                "a stored session does not open any more: its sealing key is not here or it was altered"
            );
        }
    }

    /// Has a session seen to again, a while after a moment.
    fn try_again(&self, key: SessionKey, from: Timestamp) {
        if let Some(held) = self.hot.peek(&key) {
            let [chance] = self.entropy.bytes::<1>();
            self.renewals.schedule(key, held.due.failed(from, chance));
        }
    }

    async fn end_by_refresh(&self, session: &Session) -> Result<Renewed, StoreError> {
        let (key, cause) = (session.key, EndCause::Refresh);
        self.tell(Ended { key, cause });
        self.end(&key, cause).await?;
        Ok(Renewed::Ended)
    }
}

/// Whether a session's grace is over.
fn is_late(engine: &Engine, session: &Session, now: Timestamp) -> bool {
    session.renewal.is_some_and(|renewal| renewal.late(&engine.settings) <= now)
}

async fn within<T>(
    asking: impl Future<Output = Result<T, RenewalFault>>,
) -> Result<T, RenewalFault> {
    timeout(PATIENCE, asking).await.unwrap_or_else(|_| {
        let cause = "the provider takes too long".to_owned();
        Err(RenewalFault { class: FaultClass::Unavailable, cause })
    })
}

#[cfg(test)]
mod tests;
