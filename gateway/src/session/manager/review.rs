//! Streams that are judged anew, because their session or the rules have changed.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;

use crate::session::events::EndCause;
use crate::session::handle::SessionKey;
use crate::session::live::{Bound, NOBODY};
use crate::session::manager::{AT_ONCE, SessionManager};
use crate::session::store::StoreError;
use crate::session::stream::Judgement;

/// A store that cannot be read is asked again so much later; what it would say may end streams.
const AGAIN: Duration = Duration::from_secs(1);

impl SessionManager {
    /// Judges live streams anew whenever [`changed`](crate::session::LiveStreams::changed) or
    /// [`rules_changed`](crate::session::LiveStreams::rules_changed) says so, and ends those that would
    /// not be opened any more. To be run once, beside everything else; never comes back.
    pub async fn review(&self) {
        loop {
            let due = self.live.due().await;
            let mut some = Vec::new();
            if due.outdated {
                for part in self.live.outdated() {
                    some.extend(part.into_iter().filter(|(key, _)| !due.keys.contains(key)));
                    tokio::task::yield_now().await;
                }
            }
            some.extend(due.keys.iter().map(|key| (*key, self.live.of(key))));
            let unread = self.judge_all(&some).await;
            if !unread.is_empty() {
                tokio::time::sleep(AGAIN).await;
            }
            for key in unread {
                self.live.changed(&key);
            }
        }
    }

    /// The sessions that could not be read.
    async fn judge_all(&self, some: &[(SessionKey, Bound)]) -> HashSet<SessionKey> {
        let mut unread = HashSet::new();
        for some in some.chunks(AT_ONCE) {
            let judged = join_all(some.iter().map(|(key, bound)| self.judge(key, bound))).await;
            for ((key, _), judged) in some.iter().zip(judged) {
                if judged.is_err() {
                    unread.insert(*key);
                }
            }
            tokio::task::yield_now().await;
        }
        unread
    }

    async fn judge(&self, key: &SessionKey, bound: &Bound) -> Result<(), StoreError> {
        let of_session = bound.streams.iter().any(|stream| stream.opening.of_session);
        let mut session = None;
        if of_session && *key != NOBODY && !bound.over {
            session = self.look_up(key).await?;
            // Its end ends the streams, and has the better cause.
            if session.is_none() {
                return Ok(());
            }
        }
        for stream in &bound.streams {
            let Some(standing) = &stream.opening.standing else { continue };
            match standing.judge(session.as_deref()) {
                Judgement::Over => stream.tell(EndCause::Policy),
                Judgement::GoesOn(until) => {
                    stream.limit(until.map(|until| self.time_left(until)));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
