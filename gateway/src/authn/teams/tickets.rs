//! One-time tickets that open a WebSocket where a browser keeps no cookies of ours.

use std::sync::Arc;
use std::time::Duration;

use url::form_urlencoded;

use crate::base::{RouteId, Timestamp};
use crate::session::{OneTimeTokens, SessionKey, StoreError};
use crate::web::Request;

/// Gives tickets out, and takes them.
///
/// A page cannot add fields to the handshake of a WebSocket, so that the ticket stands in the address:
/// it is good once, for a short time, for one route, at every replica, and neither upstreams nor logs
/// see it. It holds the session's key and not its handle: also opened, it would be no cookie.
#[derive(Clone, Debug)]
pub struct Tickets(Arc<OneTimeTokens>);

/// The parameter that carries it.
const PARAMETER: &str = "portcullis_ticket";
const PURPOSE: &str = "teams ticket";

/// What a query has of tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    One(String),
    Several,
}

impl Tickets {
    /// How long a ticket is good: a page asks for it right before it connects.
    pub const LIFETIME: Duration = Duration::from_secs(30);

    /// Tickets that are one-time tokens of these.
    pub fn new(tokens: Arc<OneTimeTokens>) -> Self {
        Self(tokens)
    }

    /// A ticket for a session, on one route.
    pub fn give(&self, session: &SessionKey, route: &RouteId, now: Timestamp) -> String {
        self.0.give(PURPOSE, route.as_str().as_bytes(), session, now.after(Self::LIFETIME))
    }

    /// The session of a ticket, once. `None` for one that opens nothing on this route; another route's is
    /// not used up by that.
    ///
    /// # Errors
    /// When nobody can say whether it was used.
    pub(super) async fn take(
        &self,
        text: &str,
        route: &RouteId,
        now: Timestamp,
    ) -> Result<Option<SessionKey>, StoreError> {
        let said = self.0.take(PURPOSE, route.as_str().as_bytes(), text, now).await?;
        Ok(said.and_then(|key| key.try_into().ok()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SystemEntropy;
    use crate::crypto::{Sealer, SealingKeys};

    #[tokio::test]
    async fn a_ticket_is_good_once_in_time_and_for_its_route() {
        let entropy = Arc::new(SystemEntropy);
        let sealer = Sealer::new(Arc::new(SealingKeys::in_memory(&*entropy)), entropy);
        let tokens = Arc::new(OneTimeTokens::alone(sealer, &SystemEntropy));
        let (tickets, at) = (Tickets::new(Arc::clone(&tokens)), Timestamp::from_secs);
        let give = || tickets.give(&[7; 32], &"ws".into(), at(100));
        let take = async |text: &str, route: &str, now| {
            tickets.take(text, &route.into(), at(now)).await.unwrap()
        };
        let ticket = give();
        assert!(ticket.len() < 200, "{}", ticket.len());
        assert_eq!(take(&ticket, "other", 100).await, None);
        assert_eq!(take(&ticket, "ws", 129).await, Some([7; 32]));
        assert_eq!(take(&ticket, "ws", 100).await, None, "used");
        assert_eq!(take(&give(), "ws", 130).await, None, "late");
        assert_eq!(take("made up", "ws", 100).await, None);
        let code = tokens.give("teams window", b"ws", &[7; 32], at(200));
        assert_eq!(take(&code, "ws", 100).await, None, "made for something else");
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
