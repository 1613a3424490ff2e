//! What it takes to renew a session: when it is due, and who asks its provider.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::base::{Secret, Timestamp};
use crate::identity::Principal;
use crate::session::record::{ProviderTokens, Session};

/// When sessions are renewed.
#[derive(Clone, Copy, Debug)]
pub struct RenewalSettings {
    /// How long before the access token expires.
    pub ahead: Duration,
    /// At the latest so long after the last time, however long access tokens live.
    pub every: Duration,
    /// How long after that a session is served that could not be renewed.
    pub grace: Duration,
    /// Only sessions that were used within so long, or have open streams, are renewed ahead; the
    /// others at their next use.
    pub active_within: Duration,
}

/// Who asks providers. Sessions know none.
#[async_trait]
pub trait Renewer: Send + Sync + fmt::Debug {
    /// Gets new tokens for those of a session. They are stored before anything else is done.
    ///
    /// # Errors
    /// Why there are none.
    async fn grant(
        &self,
        session: &Session,
        tokens: &ProviderTokens,
    ) -> Result<Granted, RenewalFault>;

    /// Says who the person is now, by what was granted for `tokens`.
    ///
    /// # Errors
    /// Why that cannot be said, or that they may not sign in any more.
    async fn describe(
        &self,
        session: &Session,
        tokens: &ProviderTokens,
        granted: Granted,
    ) -> Result<Described, RenewalFault>;

    /// Hears how each renewal went for which a provider was asked.
    fn report(&self, session: &Session, outcome: Result<Renewed, &RenewalFault>);
}

/// New tokens, of which nothing has been checked.
#[derive(Debug)]
pub struct Granted {
    /// What to keep; the `id_token` in it is the one of before.
    pub tokens: ProviderTokens,
    /// Another `id_token`.
    pub unverified: Option<Secret<String>>,
}

/// What is known now.
#[derive(Debug)]
pub struct Described {
    /// Who it is: issuer and subject are those of before.
    pub principal: Principal,
    /// What to keep.
    pub tokens: ProviderTokens,
}

/// Why a session was not renewed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct RenewalFault {
    /// What follows from it.
    pub class: FaultClass,
    /// The private cause, for the audit log.
    pub cause: String,
}

/// What follows from a [`RenewalFault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultClass {
    /// The session ends at once.
    Definitive,
    /// The operator must do something; the session is served on for its grace.
    Misconfigured,
    /// The provider cannot be asked, by no session; this one is served on for its grace.
    Unavailable,
    /// The provider's answer to this session is none; it is served on for its grace.
    Unclear,
}

/// How a renewal went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// Another gateway has it in hand, and takes long.
    Busy,
    /// Another gateway was faster: its result counts here too.
    Current,
    /// The session has ended, by this or meanwhile.
    Ended,
    /// Not now; it is tried again.
    Later,
    /// With new tokens; `true` where the person is described otherwise than before.
    Now(bool),
}

impl FaultClass {
    /// The word used in metrics and audit events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Definitive => "definitive",
            Self::Misconfigured => "misconfigured",
            Self::Unavailable => "unavailable",
            Self::Unclear => "unclear",
        }
    }

    /// Whether every other session of the provider would fail by it too.
    pub(crate) const fn is_the_providers(self) -> bool {
        matches!(self, Self::Misconfigured | Self::Unavailable)
    }
}

/// What a record says of the tokens; sessions without a refresh token have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Renewal {
    /// When the provider spoke last.
    asked: Timestamp,
    /// When the access token expires, where the provider says so.
    expires: Option<Timestamp>,
}

/// Tokens that live less are taken to live so long: a provider that states nothing sensible is not
/// asked all the time.
const LEAST: Duration = Duration::from_secs(5);
/// A renewal that nobody finished is begun again by a use after this long.
const ASKED: Duration = Duration::from_secs(30);
/// Pauses after failures: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

impl Renewal {
    pub(crate) fn of(tokens: &ProviderTokens, now: Timestamp) -> Option<Self> {
        tokens.refresh_token.as_ref()?;
        Some(Self { asked: now, expires: tokens.access_expires })
    }

    /// When a session should be renewed: ahead of the end, or in the last quarter where tokens live
    /// so short.
    pub(crate) fn due(&self, settings: &RenewalSettings) -> Timestamp {
        self.fresh_until(settings).before(self.ahead(settings))
    }

    /// When a session is not served any more.
    pub(crate) fn late(&self, settings: &RenewalSettings) -> Timestamp {
        self.fresh_until(settings).after(settings.grace)
    }

    fn fresh_until(&self, settings: &RenewalSettings) -> Timestamp {
        let bound = self.asked.after(settings.every);
        self.expires.unwrap_or(bound).min(bound).max(self.asked.after(LEAST))
    }

    fn ahead(&self, settings: &RenewalSettings) -> Duration {
        settings.ahead.min(self.fresh_until(settings).since(self.asked) / 4)
    }
}

/// When a session in memory wants to be renewed.
#[derive(Debug)]
pub(crate) struct Due {
    /// From here on a use asks for it. Never after `late`.
    attend: AtomicI64,
    late: Timestamp,
    failures: AtomicU32,
}

impl Due {
    /// Never.
    pub(crate) const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

    pub(crate) fn never() -> Self {
        Self::at(Self::NEVER, Self::NEVER)
    }

    /// When a record says; up to half of the time ahead later by chance, so that sessions that began
    /// as one are not renewed as one.
    pub(crate) fn of(renewal: &Renewal, settings: &RenewalSettings, chance: u8) -> Self {
        let spread = renewal.ahead(settings).saturating_mul(u32::from(chance)) / 512;
        Self::at(renewal.due(settings).after(spread), renewal.late(settings))
    }

    fn at(attend: Timestamp, late: Timestamp) -> Self {
        let attend = AtomicI64::new(attend.min(late).as_millis());
        Self { attend, late, failures: AtomicU32::new(0) }
    }

    /// Whether somebody should see to it. One load, for each request.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        now.as_millis() >= self.attend.load(Ordering::Relaxed)
    }

    /// Whether it must not be served before it is renewed.
    pub(crate) fn is_late(&self, now: Timestamp) -> bool {
        now >= self.late
    }

    pub(crate) fn moment(&self) -> Timestamp {
        Timestamp::from_millis(self.attend.load(Ordering::Relaxed))
    }

    /// Whether the caller is the one who sees to it; the others need not for a while.
    pub(crate) fn claim(&self, now: Timestamp) -> bool {
        let attend = self.attend.load(Ordering::Relaxed);
        let next = now.after(ASKED).min(self.late).as_millis();
        now.as_millis() >= attend
            && self
                .attend
                .compare_exchange(attend, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// It failed: when to try again. Pauses become longer; `chance` keeps sessions apart.
    pub(crate) fn failed(&self, now: Timestamp, chance: u8) -> Timestamp {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(16);
        let pause = pause(FIRST_PAUSE, LONGEST_PAUSE, failures, chance);
        let next = now.after(pause).min(self.late);
        self.attend.store(next.as_millis(), Ordering::Relaxed);
        next
    }

    /// When it ends unless the provider can be asked again; `None` while all is well.
    pub(crate) fn doom(&self) -> Option<Timestamp> {
        (self.failures.load(Ordering::Relaxed) > 0).then_some(self.late)
    }
}

/// A pause that doubles with each failure, between half of it and all of it.
pub(crate) fn pause(first: Duration, longest: Duration, failures: u32, chance: u8) -> Duration {
    let whole = first.saturating_mul(1 << failures.min(16)).min(longest);
    whole / 2 + whole * u32::from(chance) / 512
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    const SETTINGS: RenewalSettings = RenewalSettings {
        ahead: secs(60),
        every: secs(3_600),
        grace: secs(600),
        active_within: secs(900),
    };

    fn renewal(lasts: Option<i64>) -> Renewal {
        let at = Timestamp::from_secs;
        Renewal { asked: at(1_000), expires: lasts.map(|lasts| at(1_000 + lasts)) }
    }

    #[test]
    fn a_session_is_due_ahead_of_its_end_and_at_its_bound_in_any_case() {
        for (lasts, due, late) in [
            (Some(300), 1_240, 1_900),
            (Some(40), 1_030, 1_640),
            (Some(86_400), 4_540, 5_200),
            (None, 4_540, 5_200),
        ] {
            let renewal = renewal(lasts);
            assert_eq!(renewal.due(&SETTINGS).as_secs(), due, "{lasts:?}");
            assert_eq!(renewal.late(&SETTINGS).as_secs(), late, "{lasts:?}");
        }
        for lasts in [0, 1, -50] {
            let due = renewal(Some(lasts)).due(&SETTINGS);
            assert!(due > Timestamp::from_secs(1_003), "not all the time: {due:?}");
        }
    }

    #[test]
    fn one_of_many_sees_to_it_and_a_late_one_is_never_taken_for_fresh() {
        let due = Due::of(&renewal(Some(300)), &SETTINGS, 255);
        let at = Timestamp::from_secs;
        assert!(!due.is_due(at(1_240)) && due.is_due(at(1_270)), "by chance a little later");
        assert!(due.claim(at(1_280)) && !due.claim(at(1_280)));
        assert!(due.is_due(at(1_310)) && due.claim(at(1_310)), "somebody went away with it");
        assert!(due.doom().is_none());
        for now in (1_320..1_900).step_by(10) {
            let next = due.failed(at(now), 7);
            assert!(next > at(now) && next <= at(1_900), "{next:?}");
        }
        assert_eq!(due.doom(), Some(at(1_900)));
        assert!(due.is_late(at(1_900)) && due.is_due(at(1_900)));
        assert!(due.claim(at(2_000)) && due.is_due(at(2_000)), "still due after it was claimed");
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let pauses = (0..40).map(|n| pause(secs(5), secs(300), n, 255));
        let pauses: Vec<_> = pauses.map(|pause| pause.as_secs()).collect();
        assert_eq!(&pauses[..3], [4, 9, 19]);
        assert!(pauses.iter().all(|pause| *pause <= 300) && pauses[39] > 250);
    }
}
