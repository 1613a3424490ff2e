//! What `/metrics` shows of signing out.

use prometheus::IntCounterVec;
use prometheus::core::Collector;

use crate::observe::metrics::counters;

/// The series.
#[derive(Debug)]
pub(super) struct LogoutMetrics {
    logouts: IntCounterVec,
    revocations: IntCounterVec,
}

/// Who said that somebody signs out, and by which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutKind {
    /// The provider, to us.
    Backchannel,
    /// The person, of all their sessions.
    Everywhere,
    /// The provider, through the browser.
    Frontchannel,
    /// The person, of this session.
    Local,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutResult {
    /// Nothing of what was meant is left, or nothing was there.
    Done,
    /// It could not be carried out.
    Failed,
    /// It was not believed.
    Refused,
}

/// What became of a token that was to be handed back to its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationResult {
    /// It was not even tried: too many were waiting.
    Dropped,
    /// The provider did not take it.
    Failed,
    /// The provider has taken it.
    Revoked,
}

impl Default for LogoutMetrics {
    fn default() -> Self {
        Self {
            logouts: counters("logouts_total", "Sign-outs, by way.", &["kind", "result"]),
            revocations: counters(
                "revocations_total",
                "Tokens handed back to their provider at a sign-out.",
                &["provider", "result"],
            ),
        }
    }
}

impl LogoutMetrics {
    pub(super) fn logout(&self, kind: LogoutKind, result: LogoutResult) {
        let kind = match kind {
            LogoutKind::Backchannel => "backchannel",
            LogoutKind::Everywhere => "everywhere",
            LogoutKind::Frontchannel => "frontchannel",
            LogoutKind::Local => "local",
        };
        let result = match result {
            LogoutResult::Done => "done",
            LogoutResult::Failed => "failed",
            LogoutResult::Refused => "refused",
        };
        self.logouts.with_label_values(&[kind, result]).inc();
    }

    pub(super) fn revocation(&self, provider: &str, result: RevocationResult) {
        let result = match result {
            RevocationResult::Dropped => "dropped",
            RevocationResult::Failed => "failed",
            RevocationResult::Revoked => "revoked",
        };
        self.revocations.with_label_values(&[provider, result]).inc();
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 2] {
        [Box::new(self.logouts.clone()), Box::new(self.revocations.clone())]
    }
}
