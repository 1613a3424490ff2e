//! The ways, and what a request has of each.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::credentials::{key, tab};
use crate::support::lab::Lab;

pub(super) const TENANT: &str = "11111111-2222-3333-4444-555555555555";
/// Nobody listens there.
pub(super) const DARK: &str = "http://127.0.0.1:9";

/// Names of certificates that the authority has signed: one that names somebody, and one that names nobody.
pub(super) const GOOD_CERTIFICATE: &str = "good";
pub(super) const BAD_CERTIFICATE: &str = "bad";

/// What a request has of one credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Has {
    Absent,
    Bad,
    Good,
    /// Good, and of somebody else than the session's.
    Other,
    /// It cannot be judged just now.
    Unreachable,
}

/// Where a request has its credential. Two that sit in one field cannot be sent together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    Authorization,
    Cookie,
    Field,
    /// The connection itself.
    Handshake,
}

/// One way in: how a request looks in each state. A state that is not there cannot be.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// Its word in a route's `auth`.
    pub(super) name: &'static str,
    /// `auth_method` of the token, where it decided.
    pub(super) method: &'static str,
    pub(super) seat: Seat,
    /// Header lines; of cookies, name and value.
    pub(super) states: Vec<(Has, Vec<String>)>,
    /// Whether it must name the same person as a session's cookie.
    pub(super) agrees: bool,
}

impl Way {
    fn new(name: &'static str, seat: Seat, agrees: bool, states: &[(Has, &[&str])]) -> Self {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        let states = states.iter().map(|(has, all)| (*has, lines(all))).collect();
        let method = if name == "session" { "oidc" } else { name };
        Self { name, method, seat, states, agrees }
    }

    /// Absent, and what else it can be beside `partner`.
    pub(super) fn beside(&self, partner: Option<&Self>) -> Vec<(Has, Vec<String>)> {
        let with_session = partner.is_some_and(|partner| partner.name == "session");
        let counts = |has: Has| has != Has::Other || with_session;
        let there = self.states.iter().filter(|(has, _)| counts(*has)).cloned();
        [(Has::Absent, Vec::new())].into_iter().chain(there).collect()
    }

    pub(super) fn must_agree(&self, other: &Self) -> bool {
        (self.agrees && other.name == "session") || (self.name == "session" && other.agrees)
    }
}

fn basic(name: &str) -> String {
    format!("Authorization: Basic {}", STANDARD.encode(format!("{name}:x")))
}

/// Every way whose credential is on the request itself; `signed_url` is not, see below.
pub(super) async fn ways(lab: &Lab) -> Vec<Way> {
    use Has::{Bad, Good, Other, Unreachable};
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    let session = cookie.strip_prefix("Cookie: ").unwrap();
    let stale = format!("portcullis={}", "A".repeat(43));
    let bearer = |claims| format!("Authorization: Bearer {}", lab.provider.sign(&claims));
    let same = bearer(json!({ "aud": "api", "sub": "oid-engineer" }));
    let other = bearer(json!({ "aud": "api", "sub": "robot" }));
    let dark = bearer(json!({ "iss": DARK, "aud": "api", "sub": "x" }));
    let [tab, other_tab] =
        [tab(lab, TENANT, "oid-engineer").await, tab(lab, TENANT, "oid-sales").await];
    let stale_tab = format!("{}={}", tab.split_once('=').unwrap().0, "A".repeat(43));
    vec![
        Way::new("session", Seat::Cookie, false, &[(Good, &[session]), (Bad, &[&stale])]),
        Way::new(
            "bearer",
            Seat::Authorization,
            true,
            &[
                (Good, &[&same]),
                (Other, &[&other]),
                (Bad, &["Authorization: Bearer rubbish"]),
                (Unreachable, &[&dark]),
            ],
        ),
        Way::new(
            "password",
            Seat::Authorization,
            true,
            &[
                (Good, &[&basic("engineer")]),
                (Other, &[&basic("other")]),
                (Bad, &[&basic("bad")]),
                (Unreachable, &[&basic("dark")]),
            ],
        ),
        keys(lab).await,
        Way::new(
            "teams",
            Seat::Cookie,
            true,
            &[(Good, &[&tab]), (Other, &[&other_tab]), (Bad, &[&stale_tab])],
        ),
        certificates(),
        headers(),
        counsel(),
    ]
}

/// In the order of the rows.
pub(super) const NAMES: [&str; 8] = [
    "session",
    "bearer",
    "password",
    "api_key",
    "teams",
    "client_certificate",
    "trusted_headers",
    "forward_auth",
];

/// `api_key`, for the person of the session and for somebody else.
async fn keys(lab: &Lab) -> Way {
    use Has::{Bad, Good, Other};
    let same = key(lab, "oid-engineer", &lab.provider.issuer()).await;
    let other = key(lab, "robot", "urn:portcullis:api-key").await;
    let states: [(Has, &[&str]); 3] =
        [(Good, &[&same]), (Other, &[&other]), (Bad, &["X-API-Key: pck_rubbish"])];
    Way::new("api_key", Seat::Field, true, &states)
}

/// `client_certificate`, by names of `certificates.rs`.
fn certificates() -> Way {
    use Has::{Bad, Good};
    Way::new(
        "client_certificate",
        Seat::Handshake,
        false,
        &[(Good, &[GOOD_CERTIFICATE]), (Bad, &[BAD_CERTIFICATE])],
    )
}

fn headers() -> Way {
    use Has::{Bad, Good};
    Way::new(
        "trusted_headers",
        Seat::Field,
        false,
        &[
            (Good, &["X-Forwarded-User: ann"]),
            (Bad, &["X-Forwarded-User: ann", "X-Forwarded-User: eve"]),
        ],
    )
}

fn counsel() -> Way {
    use Has::{Bad, Good, Unreachable};
    Way::new(
        "forward_auth",
        Seat::Field,
        false,
        &[(Good, &["X-Key: good"]), (Bad, &["X-Key: bad"]), (Unreachable, &["X-Key: dark"])],
    )
}
