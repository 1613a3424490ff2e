use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use http::HeaderMap;
use proptest::prelude::*;

use super::*;
use crate::identity::Principal;

/// What a way in is told to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
    Absent,
    /// As one of two people.
    Accept(usize),
    Malformed,
    Repeated,
    Unavailable,
    Unknown,
}

/// A way in that says what it is told.
#[derive(Debug)]
struct Told {
    say: Say,
    way: WayIn,
    asked: Arc<AtomicUsize>,
    /// Whether it need not wait.
    now: bool,
}

/// What came of a chain.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Nobody,
    Somebody(usize),
    Bad(WayIn, RejectReason),
    Unknowable,
}

#[async_trait]
impl Authenticator for Told {
    fn way_in(&self) -> WayIn {
        self.way
    }

    async fn authenticate(&self, _: &Request<'_>) -> Outcome {
        self.say()
    }

    fn authenticate_now(&self, _: &Request<'_>) -> Option<Outcome> {
        self.now.then(|| self.say())
    }
}

impl Told {
    fn say(&self) -> Outcome {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.say {
            Say::Absent => Outcome::Absent,
            Say::Accept(who) => {
                let who = Arc::new(Principal::new("https://idp.test", who.to_string()));
                Outcome::Accept(Authenticated::assertion(who, self.way, None))
            }
            Say::Malformed => Outcome::Reject(RejectReason::Malformed),
            Say::Repeated => Outcome::Reject(RejectReason::Repeated),
            Say::Unavailable => {
                Outcome::Unavailable(Unavailable { dependency: "it", cause: "gone".into() })
            }
            Say::Unknown => Outcome::Reject(RejectReason::SessionUnknown),
        }
    }
}

/// What comes of a chain, and how many ways were asked: the same whether they have to wait or not.
fn ask(says: &[(Say, WayIn)]) -> (Came, usize) {
    let waiting = ask_some(says, |_| false);
    assert_eq!(ask_some(says, |place| place % 2 == 0), waiting);
    assert_eq!(ask_some(says, |_| true), waiting);
    waiting
}

fn ask_some(says: &[(Say, WayIn)], now: impl Fn(usize) -> bool) -> (Came, usize) {
    let asked = Arc::new(AtomicUsize::new(0));
    let told = says.iter().enumerate().map(|(place, (say, way))| {
        let (asked, now) = (Arc::clone(&asked), now(place));
        let told = Told { say: *say, way: *way, asked, now };
        Arc::new(told) as Arc<dyn Authenticator>
    });
    let chain = Chain::new(told.collect::<Vec<_>>());
    let headers = HeaderMap::new();
    let request = Request::sample(&headers);
    let all_now = (0..says.len()).all(&now);
    let answer = match chain.authenticate_now(&request) {
        Some(answer) if all_now => answer,
        None if all_now => panic!("nobody has to wait"),
        _ => {
            asked.store(0, Ordering::SeqCst);
            futures::executor::block_on(chain.authenticate(&request))
        }
    };
    let came = match answer {
        Ok(None) => Came::Nobody,
        Ok(Some(proof)) => Came::Somebody(proof.principal().subject.parse().unwrap()),
        Err(ChainFault::Reject(way, reason)) => Came::Bad(way, reason),
        Err(ChainFault::Unavailable(_)) => Came::Unknowable,
    };
    (came, asked.load(Ordering::SeqCst))
}

fn says() -> impl Strategy<Value = Vec<(Say, WayIn)>> {
    let say = proptest::sample::select(vec![
        Say::Absent,
        Say::Absent,
        Say::Accept(0),
        Say::Accept(1),
        Say::Malformed,
        Say::Repeated,
        Say::Unavailable,
        Say::Unknown,
    ]);
    let way = proptest::sample::select(vec![
        WayIn::Session,
        WayIn::Bearer,
        WayIn::ApiKey,
        WayIn::TrustedHeaders,
        WayIn::Anonymous,
    ]);
    proptest::collection::vec((say, way), 0..6)
}

#[test]
fn an_empty_chain_finds_nobody() {
    assert_eq!(ask(&[]), (Came::Nobody, 0));
}

#[test]
fn a_bad_credential_does_not_fall_through_to_a_good_one() {
    let good = (Say::Accept(0), WayIn::Session);
    for (say, reason) in [
        (Say::Malformed, RejectReason::Malformed),
        (Say::Repeated, RejectReason::Repeated),
        (Say::Unknown, RejectReason::SessionUnknown),
    ] {
        let bad = Came::Bad(WayIn::Session, reason);
        assert_eq!(ask(&[(say, WayIn::Session), good]), (bad, 1));
    }
    assert_eq!(ask(&[(Say::Unavailable, WayIn::Session), good]), (Came::Unknowable, 1));
}

#[test]
fn a_cookie_and_a_token_of_two_people_are_refused_in_either_order() {
    let cookie = |who| (Say::Accept(who), WayIn::Session);
    let token = |who| (Say::Accept(who), WayIn::Bearer);
    let other = |way| Came::Bad(way, RejectReason::OtherPrincipal);
    assert_eq!(ask(&[cookie(0), token(1)]), (other(WayIn::Bearer), 2));
    assert_eq!(ask(&[token(1), cookie(0)]), (other(WayIn::Session), 2));
    let absent = (Say::Absent, WayIn::TrustedHeaders);
    assert_eq!(ask(&[token(1), absent, cookie(1)]), (Came::Somebody(1), 2));
    assert_eq!(ask(&[cookie(0), (Say::Accept(1), WayIn::ApiKey)]), (other(WayIn::ApiKey), 2));
    // A cookie of a session that is over names nobody.
    assert_eq!(ask(&[token(1), (Say::Unknown, WayIn::Session)]), (Came::Somebody(1), 2));
    assert_eq!(ask(&[token(1), (Say::Unavailable, WayIn::Session)]), (Came::Unknowable, 2));
    // Ways that need not agree are not asked.
    let named = (Say::Accept(1), WayIn::TrustedHeaders);
    assert_eq!(ask(&[cookie(0), named]), (Came::Somebody(0), 1));
}

proptest! {
    #[test]
    fn the_first_credential_that_is_present_decides(says in says()) {
        let optional = says.last().is_some_and(|(_, way)| *way == WayIn::Anonymous);
        let absent = |say: Say| say == Say::Absent || (optional && say == Say::Unknown);
        let first = says.iter().position(|(say, _)| !absent(*say));
        let (came, asked) = ask(&says);
        let Some(first) = first else {
            prop_assert_eq!((came, asked), (Came::Nobody, says.len()));
            return Ok(());
        };
        let (say, way) = says[first];
        let Say::Accept(who) = say else {
            let expected = match say {
                Say::Malformed => Came::Bad(way, RejectReason::Malformed),
                Say::Repeated => Came::Bad(way, RejectReason::Repeated),
                Say::Unknown => Came::Bad(way, RejectReason::SessionUnknown),
                _ => Came::Unknowable,
            };
            // Nobody behind it is even asked.
            prop_assert_eq!((came, asked), (expected, first + 1));
            return Ok(());
        };
        let pair = [
            (WayIn::Session, WayIn::ApiKey),
            (WayIn::Session, WayIn::Bearer),
            (WayIn::ApiKey, WayIn::Session),
            (WayIn::Bearer, WayIn::Session),
        ];
        let others: Vec<_> =
            says[first + 1..].iter().filter(|(_, other)| pair.contains(&(way, *other))).collect();
        let trouble = others.iter().find_map(|(say, way)| match say {
            Say::Accept(other) if *other != who => {
                Some(Came::Bad(*way, RejectReason::OtherPrincipal))
            }
            Say::Unavailable => Some(Came::Unknowable),
            _ => None,
        });
        prop_assert_eq!(came, trouble.unwrap_or(Came::Somebody(who)));
        prop_assert!(asked <= first + 1 + others.len(), "others are not asked");
    }
}
