//! What is counted of one route, without looking labels up.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

/// The series of one route, held by whoever serves it. A series begins with its first request, so
/// that a route nobody asks for takes no room on `/metrics`.
pub struct RouteMetrics {
    route: Box<str>,
    requests: IntCounterVec,
    latencies: HistogramVec,
    latency: OnceLock<Histogram>,
    common: [OnceLock<IntCounter>; COMMON.len()],
}

/// Statuses that have a place of their own; the others are found by their labels.
const COMMON: [u16; 16] =
    [200, 304, 101, 201, 202, 204, 206, 301, 302, 303, 400, 401, 403, 404, 500, 502];

impl RouteMetrics {
    pub(super) fn new(route: &str, requests: IntCounterVec, latencies: HistogramVec) -> Self {
        Self {
            route: route.into(),
            requests,
            latencies,
            latency: OnceLock::new(),
            common: Default::default(),
        }
    }

    /// A request of this route was answered with `status` (0: the client was gone before), `took`
    /// after its head was read.
    pub fn request(&self, status: u16, took: Duration) {
        let route = &*self.route;
        let place = COMMON.iter().position(|common| *common == status);
        match place.and_then(|place| self.common.get(place)) {
            Some(counter) => {
                counter.get_or_init(|| counter_of(&self.requests, route, status)).inc()
            }
            None => counter_of(&self.requests, route, status).inc(),
        }
        let latency = self.latency.get_or_init(|| self.latencies.with_label_values(&[route]));
        latency.observe(took.as_secs_f64());
    }
}

impl fmt::Debug for RouteMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteMetrics").field("route", &self.route).finish_non_exhaustive()
    }
}

/// The counter of a route and a status.
pub(super) fn counter_of(requests: &IntCounterVec, route: &str, status: u16) -> IntCounter {
    let mut digits = [0; 3];
    requests.with_label_values(&[route, status_text(status, &mut digits)])
}

fn status_text(status: u16, digits: &mut [u8; 3]) -> &str {
    let mut rest = status;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    std::str::from_utf8(digits).unwrap_or("000")
}
