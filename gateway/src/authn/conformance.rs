//! What every way in must do; each implementation's tests run this.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason};
use crate::base::{Entropy, SeededEntropy};
use crate::web::{Request, Scheme};

/// Header fields of one request.
pub(crate) type Fields = Vec<(&'static str, String)>;

/// A way in and requests that it must judge in a known way.
pub(crate) struct Samples<'a> {
    /// The way in, with everything it needs at hand.
    pub(crate) way: &'a dyn Authenticator,
    /// Whether it asks for nothing, so that no request is without its credential.
    pub(crate) takes_everybody: bool,
    /// The same way, with its dependency gone; `None` for one that needs nothing.
    pub(crate) way_without_dependency: Option<&'a dyn Authenticator>,
    /// Good credentials, and the subject each proves.
    pub(crate) good: Vec<(Fields, &'a str)>,
    /// Bad ones, and why.
    pub(crate) bad: Vec<(Fields, RejectReason)>,
    /// A credential of the right form that only the dependency can judge.
    pub(crate) undecided: Option<Fields>,
}

/// Runs the contract.
pub(crate) async fn a_way_in_keeps_the_contract(samples: Samples<'_>) {
    let way = samples.way;
    for foreign in foreign_credentials() {
        let outcome = ask(way, &foreign).await;
        let kept = match &outcome {
            Outcome::Accept(proof) => samples.takes_everybody && proof.is_anonymous(),
            other => !samples.takes_everybody && matches!(other, Outcome::Absent),
        };
        assert!(kept, "{foreign:?} gave {outcome:?}");
    }
    for (fields, subject) in &samples.good {
        let Outcome::Accept(proof) = ask(way, fields).await else { panic!("{fields:?} is good") };
        assert_eq!(proof.principal().subject, **subject);
        assert_eq!(proof.way_in(), way.way_in());
    }
    for (fields, why) in &samples.bad {
        match ask(way, fields).await {
            Outcome::Reject(reason) => assert_eq!(reason, *why, "{fields:.200?}"),
            other => panic!("{fields:?} must be rejected, not {other:?}"),
        }
    }
    if let Some(cut_off) = samples.way_without_dependency {
        for foreign in foreign_credentials() {
            assert!(matches!(ask(cut_off, &foreign).await, Outcome::Absent), "{foreign:?}");
        }
        let undecided = samples.undecided.unwrap_or_default();
        let outcome = ask(cut_off, &undecided).await;
        assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}: 503, never 401");
    }
}

/// Asks a way about a GET over HTTPS with these header fields.
pub(crate) async fn ask(way: &dyn Authenticator, fields: &Fields) -> Outcome {
    ask_at(way, fields, Scheme::Https, "app.test").await
}

/// Asks a way about a GET at a host.
pub(crate) async fn ask_at(
    way: &dyn Authenticator,
    fields: &Fields,
    scheme: Scheme,
    host: &str,
) -> Outcome {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    let _entropy: &dyn Entropy = &SeededEntropy::new(9);
    let request = Request {
        scheme,
        host,
        authority: host,
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        ..Request::sample(&headers)
    };
    let now = way.authenticate_now(&request).map(|now| format!("{now:?}"));
    let outcome = way.authenticate(&request).await;
    // What is said without waiting is what is said with it.
    assert!(now.is_none_or(|now| now == format!("{outcome:?}")), "{outcome:?}");
    outcome
}

/// Requests without a credential, or with one that no way in here knows.
fn foreign_credentials() -> Vec<Fields> {
    vec![
        vec![],
        vec![("cookie", "theme=dark; lang=en".to_owned())],
        vec![("x-unknown-credential", "x".to_owned())],
        vec![("cookie", String::new())],
        vec![("cookie", ";;;===".to_owned())],
    ]
}
