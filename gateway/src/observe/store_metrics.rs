//! What `/metrics` shows of a session store that replicas share.

use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGauge};

use crate::observe::metrics::{counter, counters, gauge};

/// The series. They stay at nothing where the store is not shared.
#[derive(Debug)]
pub(super) struct StoreMetrics {
    breaker: IntGauge,
    commands: IntCounter,
    connections: IntCounter,
    errors: IntCounterVec,
}

/// What the store has counted since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreGauges {
    /// 0: commands are sent; 1: a connection is being tried; 2: commands fail at once.
    pub breaker: u8,
    /// Commands sent.
    pub commands: u64,
    /// Connections made.
    pub connections: u64,
    /// Failures, by kind.
    pub errors: [(&'static str, u64); 3],
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self {
            breaker: gauge(
                "session_store_breaker",
                "0: closed, commands are sent; 1: half open, a connection is tried; 2: open.",
            ),
            commands: counter("session_store_commands_total", "Commands sent to the store."),
            connections: counter(
                "session_store_connections_total",
                "Connections made to the store; more than one means that some were lost.",
            ),
            errors: counters(
                "session_store_errors_total",
                "Commands that failed: no answer in time, refused by the store, or not sent.",
                &["kind"],
            ),
        }
    }
}

impl StoreMetrics {
    pub(super) fn set(&self, now: &StoreGauges) {
        let raise = |counter: &IntCounter, to: u64| {
            counter.inc_by(to.saturating_sub(counter.get()));
        };
        self.breaker.set(i64::from(now.breaker));
        raise(&self.commands, now.commands);
        raise(&self.connections, now.connections);
        for (kind, count) in now.errors.into_iter().filter(|(kind, _)| !kind.is_empty()) {
            raise(&self.errors.with_label_values(&[kind]), count);
        }
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 4] {
        [
            Box::new(self.breaker.clone()),
            Box::new(self.commands.clone()),
            Box::new(self.connections.clone()),
            Box::new(self.errors.clone()),
        ]
    }
}
