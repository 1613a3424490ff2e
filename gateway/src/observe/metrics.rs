//! What `/metrics` shows.

use std::sync::Arc;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Encoder as _, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::base::RouteId;
use crate::observe::logout_metrics::{LogoutKind, LogoutMetrics, LogoutResult, RevocationResult};
use crate::observe::route_metrics::{RouteMetrics, counter_of};
use crate::observe::store_metrics::{StoreGauges, StoreMetrics};
use crate::observe::{access, audit};

/// Seconds; from a cache hit in the upstream to the longest wait for a first byte.
const LATENCIES: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0];
/// Seconds; from HS256 to RS256.
const MINT: [f64; 8] = [1e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 5e-4, 2e-3];

/// Every metric of the gateway. Labels are configured names and closed words, never what a client
/// sent: an attacker cannot make new series.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    refusals: IntCounterVec,
    logins: IntCounterVec,
    refreshes: IntCounterVec,
    upstream_errors: IntCounterVec,
    mint: Histogram,
    cut: IntCounterVec,
    reloads: IntCounterVec,
    sessions: IntGauge,
    streams: IntGauge,
    connections: IntGauge,
    connections_refused: IntGauge,
    refreshing: IntGauge,
    generation: IntGauge,
    panics: IntCounter,
    access_dropped: IntCounter,
    audit_lost: IntCounterVec,
    logout: LogoutMetrics,
    store: StoreMetrics,
}

/// How a login went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginResult {
    /// It did not end in a session.
    Failed,
    /// It was sent to the provider.
    Started,
    /// It ended in a session.
    Succeeded,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::new(),
            requests: counters("requests_total", "Requests answered.", &["route", "status"]),
            latency: HistogramVec::new(
                opts("request_duration_seconds", "Request head to end of answer.", &LATENCIES),
                &["route"],
            )
            .unwrap_or_else(|_| std::process::abort()),
            refusals: counters("refusals_total", "Requests refused, by code.", &["code"]),
            logins: counters("logins_total", "Logins, by provider.", &["provider", "result"]),
            refreshes: counters(
                "refresh_total",
                "Sessions whose tokens were refreshed, or not, by provider.",
                &["provider", "result"],
            ),
            upstream_errors: counters(
                "upstream_errors_total",
                "Exchanges that an upstream failed.",
                &["upstream", "kind"],
            ),
            mint: Histogram::with_opts(opts(
                "token_mint_seconds",
                "Time to mint one identity token.",
                &MINT,
            ))
            .unwrap_or_else(|_| std::process::abort()),
            cut: counters(
                "requests_cut_total",
                "Live streams cut with their session, and requests that used up their time.",
                &["cause"],
            ),
            reloads: counters("config_reloads_total", "Reloads.", &["result"]),
            sessions: gauge("sessions", "Sessions that have not ended."),
            streams: gauge("open_streams", "Live streams open now."),
            connections: gauge("connections", "Client connections open now."),
            connections_refused: gauge("connections_refused", "Closed because of the limit."),
            refreshing: gauge("refreshes_under_way", "Sessions whose tokens are being refreshed."),
            generation: gauge("config_generation", "Configurations loaded since the start."),
            panics: counter("panics_total", "Panics caught."),
            access_dropped: counter(
                "access_log_dropped_total",
                "Lines of the access log lost because they could not be written, or not fast enough.",
            ),
            audit_lost: counters(
                "audit_lost_total",
                "Audit events lost because a sink did not take them, or not fast enough.",
                &["sink"],
            ),
            logout: LogoutMetrics::default(),
            store: StoreMetrics::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    /// The series of a configured route. They are the process's, so that a reload goes on counting
    /// where the last configuration stopped.
    pub fn route(&self, route: &RouteId) -> Arc<RouteMetrics> {
        let (requests, latency) = (self.requests.clone(), self.latency.clone());
        Arc::new(RouteMetrics::new(route.as_str(), requests, latency))
    }

    /// A request was answered that no route served: `route` is a word for what did. Looks labels up;
    /// a route has its [`RouteMetrics`].
    pub fn request(&self, route: &str, status: u16, took: Duration) {
        counter_of(&self.requests, route, status).inc();
        self.latency.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    /// A request was refused.
    pub fn refusal(&self, code: &str) {
        self.refusals.with_label_values(&[code]).inc();
    }

    /// A login moved on.
    pub fn login(&self, provider: &str, result: LoginResult) {
        let result = match result {
            LoginResult::Failed => "failed",
            LoginResult::Started => "started",
            LoginResult::Succeeded => "succeeded",
        };
        self.logins.with_label_values(&[provider, result]).inc();
    }

    /// The tokens of a session were refreshed (`ok`), or not: then `result` is a word for what follows.
    pub fn refresh(&self, provider: &str, result: &str) {
        self.refreshes.with_label_values(&[provider, result]).inc();
    }

    /// An upstream failed.
    pub fn upstream_error(&self, upstream: &str, kind: &str) {
        self.upstream_errors.with_label_values(&[upstream, kind]).inc();
    }

    /// A token was minted.
    pub fn minted(&self, seconds: f64) {
        self.mint.observe(seconds);
    }

    /// Somebody signed out, or was to.
    pub fn logout(&self, kind: LogoutKind, result: LogoutResult) {
        self.logout.logout(kind, result);
    }

    /// A token was handed back to its provider, or was not.
    pub fn revocation(&self, provider: &str, result: RevocationResult) {
        self.logout.revocation(provider, result);
    }

    /// A request was cut: a live stream with its session, or one that used up its time.
    pub fn request_cut(&self, cause: &str) {
        self.cut.with_label_values(&[cause]).inc();
    }

    /// The configuration was loaded again, or refused.
    pub fn reload(&self, loaded: bool, generation: u64) {
        let result = if loaded { "loaded" } else { "refused" };
        self.reloads.with_label_values(&[result]).inc();
        self.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
    }

    /// A panic was caught; its request was answered with a 500 or cut.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// How many requests were refused, by code, the most frequent first.
    pub fn refusals(&self) -> Vec<(String, u64)> {
        let families = self.refusals.collect();
        let counts = families.iter().flat_map(|family| family.get_metric()).map(|metric| {
            let code = metric.get_label().first().map(|label| label.value().to_owned());
            // Whole numbers, far below what a float holds exactly.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count of requests"
            )]
            let count = metric.get_counter().get_value() as u64;
            (code.unwrap_or_default(), count)
        });
        let mut counts: Vec<_> = counts.collect();
        counts.sort_unstable_by_key(|(code, count)| (std::cmp::Reverse(*count), code.clone()));
        counts
    }

    /// Sets what is counted elsewhere, and renders everything in the Prometheus text format.
    pub fn render(&self, now: Gauges) -> Vec<u8> {
        let set = |gauge: &IntGauge, value: usize| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.sessions, now.sessions);
        set(&self.streams, now.streams);
        set(&self.connections, now.connections);
        set(&self.connections_refused, now.connections_refused);
        set(&self.refreshing, now.refreshing);
        self.access_dropped.inc_by(access::dropped().saturating_sub(self.access_dropped.get()));
        for (sink, lost) in audit::lost() {
            let counter = self.audit_lost.with_label_values(&[sink]);
            counter.inc_by(lost.saturating_sub(counter.get()));
        }
        self.store.set(&now.store);
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be rendered");
        }
        text
    }

    fn register(&self) {
        let build = IntGaugeVec::new(
            Opts::new("portcullis_build_info", "The version that runs."),
            &["version"],
        );
        if let Ok(build) = build {
            build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
            self.add(Box::new(build));
        }
        self.add(Box::new(self.requests.clone()));
        self.add(Box::new(self.latency.clone()));
        self.add(Box::new(self.refusals.clone()));
        self.add(Box::new(self.logins.clone()));
        self.add(Box::new(self.refreshes.clone()));
        self.add(Box::new(self.refreshing.clone()));
        self.add(Box::new(self.upstream_errors.clone()));
        self.add(Box::new(self.mint.clone()));
        self.add(Box::new(self.cut.clone()));
        self.add(Box::new(self.reloads.clone()));
        self.add(Box::new(self.sessions.clone()));
        self.add(Box::new(self.streams.clone()));
        self.add(Box::new(self.connections.clone()));
        self.add(Box::new(self.connections_refused.clone()));
        self.add(Box::new(self.generation.clone()));
        self.add(Box::new(self.panics.clone()));
        self.add(Box::new(self.access_dropped.clone()));
        self.add(Box::new(self.audit_lost.clone()));
        self.logout.collectors().into_iter().for_each(|collector| self.add(collector));
        self.store.collectors().into_iter().for_each(|collector| self.add(collector));
    }

    fn add(&self, collector: Box<dyn Collector>) {
        // Names are constants of this file; two of them being equal is found by the test below.
        if let Err(error) = self.registry.register(collector) {
            tracing::error!(%error, "metric not registered");
        }
    }
}

/// What is counted elsewhere and read when somebody looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauges {
    /// Sessions that have not ended.
    pub sessions: usize,
    /// Live streams open now.
    pub streams: usize,
    /// Client connections open now.
    pub connections: usize,
    /// Connections closed because of the limit, since the start.
    pub connections_refused: usize,
    /// Sessions whose tokens are being refreshed.
    pub refreshing: usize,
    /// The session store, where replicas share it.
    pub store: StoreGauges,
}

pub(super) fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    // A name or label that Prometheus refuses is a slip in this file; the first test finds it.
    IntCounterVec::new(Opts::new(format!("portcullis_{name}"), help), labels)
        .unwrap_or_else(|_| std::process::abort())
}

pub(super) fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(format!("portcullis_{name}"), help).unwrap_or_else(|_| std::process::abort())
}

pub(super) fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::new(format!("portcullis_{name}"), help).unwrap_or_else(|_| std::process::abort())
}

fn opts(name: &str, help: &str, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::new(format!("portcullis_{name}"), help).buckets(buckets.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_was_counted_is_shown() {
        let metrics = Metrics::default();
        metrics.request("agent", 200, Duration::from_millis(3));
        metrics.refusal("sign_in_required");
        metrics.login("corp", LoginResult::Succeeded);
        metrics.refresh("corp", "ok");
        metrics.upstream_error("agent", "connect");
        metrics.minted(0.00002);
        metrics.request_cut("logout");
        metrics.reload(true, 2);
        metrics.logout(LogoutKind::Backchannel, LogoutResult::Refused);
        metrics.revocation("corp", RevocationResult::Revoked);
        let shown = String::from_utf8(metrics.render(Gauges { sessions: 7, ..Gauges::default() }));
        let shown = shown.unwrap();
        for line in [
            "portcullis_requests_total{route=\"agent\",status=\"200\"} 1",
            "portcullis_refusals_total{code=\"sign_in_required\"} 1",
            "portcullis_logins_total{provider=\"corp\",result=\"succeeded\"} 1",
            "portcullis_refresh_total{provider=\"corp\",result=\"ok\"} 1",
            "portcullis_refreshes_under_way 0",
            "portcullis_upstream_errors_total{kind=\"connect\",upstream=\"agent\"} 1",
            "portcullis_token_mint_seconds_count 1",
            "portcullis_requests_cut_total{cause=\"logout\"} 1",
            "portcullis_config_reloads_total{result=\"loaded\"} 1",
            "portcullis_logouts_total{kind=\"backchannel\",result=\"refused\"} 1",
            "portcullis_revocations_total{provider=\"corp\",result=\"revoked\"} 1",
            "portcullis_sessions 7",
            "portcullis_config_generation 2",
            "portcullis_access_log_dropped_total 0",
        ] {
            assert!(shown.contains(line), "{line} is not in\n{shown}");
        }
    }
    #[test]
    fn a_route_counts_into_the_same_series_with_labels_and_without() {
        let metrics = Metrics::default();
        let (one, again) = (metrics.route(&"chat".into()), metrics.route(&"chat".into()));
        let shown = || String::from_utf8(metrics.render(Gauges::default())).unwrap();
        assert!(!shown().contains("chat"), "nobody has asked for it yet");
        for status in [200, 200, 418, 0] {
            one.request(status, Duration::from_millis(3));
            again.request(status, Duration::from_millis(3));
            metrics.request("chat", status, Duration::from_millis(3));
        }
        let shown = shown();
        for line in [
            "portcullis_requests_total{route=\"chat\",status=\"200\"} 6",
            "portcullis_requests_total{route=\"chat\",status=\"418\"} 3",
            "portcullis_requests_total{route=\"chat\",status=\"000\"} 3",
            "portcullis_request_duration_seconds_count{route=\"chat\"} 12",
            "portcullis_request_duration_seconds_bucket{route=\"chat\",le=\"0.0025\"} 0",
        ] {
            assert!(shown.contains(line), "{line} is not in\n{shown}");
        }
    }
}
