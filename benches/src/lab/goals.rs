//! What Portcullis must reach, as issue and manual promise it.

use crate::lab::options::Scenario;

/// The server that the goals are for.
pub(crate) const OURS: &str = "Portcullis";

/// A column of a scenario's table, and what it may be at most.
pub(crate) const fn goals(scenario: Scenario) -> &'static [(usize, f64)] {
    match scenario {
        Scenario::Plain | Scenario::Tls | Scenario::Websocket => &[(1, 1.2)],
        Scenario::Handshake => &[(1, 0.6)],
        Scenario::Minted => &[(1, 1.9)],
        Scenario::Shared => &[(1, 1.3)],
        Scenario::BearerEs256 => &[(1, 1.5)],
        Scenario::BearerRs256 => &[(1, 2.5)],
        Scenario::Events => &[(1, 1.1), (3, 0.2)],
        Scenario::Instructions => &[(0, 30_000.0)],
        Scenario::Memory => &[(0, 4.0), (1, 16.0), (2, 16.0), (3, 30.0)],
        Scenario::Http2 | Scenario::Login | Scenario::Start | Scenario::Scale => &[],
    }
}
