//! One-time tickets that open a WebSocket where a browser keeps no cookies of ours.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::sync::Cache;
use url::form_urlencoded;

use crate::base::{Entropy, RouteId, Timestamp};
use crate::session::Handle;
use crate::web::Request;

/// Tickets that were given out and have not come back.
///
/// A page cannot add fields to the handshake of a WebSocket, so that the ticket stands in the address:
/// it is good once, for a short time, for one route, and neither upstreams nor logs see it.
#[derive(Debug)]
pub struct Tickets(Cache<[u8; 32], Ticket>);

/// What a ticket is good for.
#[derive(Clone, Debug)]
struct Ticket {
    handle: Handle,
    route: RouteId,
    until: Timestamp,
}

/// The parameter that carries it.
const PARAMETER: &str = "portcullis_ticket";
/// Tickets on their way at once; who comes with one that was pushed out asks for another.
const REMEMBERED: usize = 4_096;

/// What a query has of tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    One(String),
    Several,
}

impl Default for Tickets {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Tickets {
    /// How long a ticket is good: a page asks for it right before it connects.
    pub const LIFETIME: Duration = Duration::from_secs(30);

    /// A ticket for a session, on one route.
    pub fn give(
        &self,
        handle: Handle,
        route: RouteId,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> String {
        let text = entropy.token::<32>();
        self.0.insert(hash(&text), Ticket { handle, route, until: now.after(Self::LIFETIME) });
        text
    }

    /// Takes a ticket: once, whatever becomes of it.
    pub(super) fn take(&self, text: &str, route: &RouteId, now: Timestamp) -> Option<Handle> {
        let (_, ticket) = self.0.remove(&hash(text))?;
        (ticket.route == *route && now < ticket.until).then_some(ticket.handle)
    }

    /// The query as it goes on: without tickets, and else byte for byte. `None` where there is none in
    /// it.
    pub fn strip(query: &str) -> Option<String> {
        if find(query) == Shown::Nothing {
            return None;
        }
        let others = query.split('&').filter(|part| find(part) == Shown::Nothing);
        Some(others.collect::<Vec<_>>().join("&"))
    }
}

/// The ticket of a request.
pub(super) fn shown(request: &Request<'_>) -> Shown {
    request.query.map_or(Shown::Nothing, find)
}

fn find(query: &str) -> Shown {
    let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == PARAMETER);
    match (found.next(), found.next()) {
        (None, _) => Shown::Nothing,
        (Some((_, text)), None) => Shown::One(text.into_owned()),
        (Some(_), Some(_)) => Shown::Several,
    }
}

fn hash(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SeededEntropy;

    #[test]
    fn a_ticket_is_good_once_in_time_and_for_its_route() {
        let (tickets, entropy) = (Tickets::default(), SeededEntropy::new(1));
        let at = Timestamp::from_secs;
        let handle = Handle::random(&entropy);
        let give = || tickets.give(handle.clone(), "ws".into(), at(100), &entropy);
        let take = |text: &str, route: &str, now| tickets.take(text, &route.into(), now).is_some();
        let ticket = give();
        assert!(take(&ticket, "ws", at(129)));
        assert!(!take(&ticket, "ws", at(100)), "used");
        assert!(!take(&give(), "ws", at(130)), "late");
        let elsewhere = give();
        assert!(!take(&elsewhere, "other", at(100)));
        assert!(!take(&elsewhere, "ws", at(100)), "spoilt");
        assert!(!take("made up", "ws", at(100)));
    }

    #[test]
    fn what_goes_on_has_no_ticket_and_is_else_untouched() {
        for (query, left) in [
            ("portcullis_ticket=abc", Some("")),
            ("a=%41&portcullis_ticket=abc&b", Some("a=%41&b")),
            ("portcullis%5Fticket=abc&x=1", Some("x=1")),
            ("portcullis_ticket=a&portcullis_ticket=b&=", Some("=")),
            ("a=portcullis_ticket", None),
            ("xportcullis_ticket=a", None),
            ("", None),
        ] {
            assert_eq!(Tickets::strip(query).as_deref(), left, "{query}");
        }
    }
}
