//! Sign-ins that are being written while somebody ends sessions.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::session::events::EndCause;
use crate::session::manager::SessionManager;
use crate::session::manager::inspect::Whose;
use crate::session::store::StoreError;

/// What is under way, and what was ended meanwhile.
///
/// Whoever ends all of a person's sessions asks the store which there are. One that is written a moment
/// later would stay: the session that a thief begins while its owner is being signed out. So whoever ends
/// says it here *before* asking the store, and whoever begins looks here *after* writing; whichever comes
/// first, one of the two sees the other.
///
/// Other gateways over the same store learn it from the store, see [`Bars`](crate::session::store::Bars).
#[derive(Debug, Default)]
pub(crate) struct Starts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: u64,
    under_way: BTreeSet<u64>,
    /// Those that some start under way must know of, by when they were said.
    ends: VecDeque<(u64, Whose)>,
    /// Everything up to here was forgotten.
    forgotten: u64,
}

/// Ends that are remembered at once; a start that may have missed one counts as meant.
const MOST: usize = 4_096;

/// A sign-in that is being written.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    starts: &'a Starts,
    number: u64,
}

impl SessionManager {
    /// Has sign-ins that are being written end with the sessions that are meant. To be called before the
    /// store is asked which there are. At other gateways it is the name that counts, which may be that of
    /// a few others too: who begins a session just then signs in once more.
    ///
    /// # Errors
    /// When those elsewhere are not kept out.
    pub(super) async fn overtake(&self, whose: &Whose, cause: EndCause) -> Result<(), StoreError> {
        self.starts.ends(whose);
        // Nobody knows the name of a session that is not written yet. And of a logout through the browser
        // nothing is proven: strangers could fill the store with bars.
        if whose.sid.is_some() || cause == EndCause::Frontchannel {
            return Ok(());
        }
        let names = whose.names();
        let names: Vec<_> = names.into_iter().flat_map(|name| self.names.all(name)).collect();
        self.store.bar(&names).await
    }
}

impl Starts {
    /// To be called before the store is.
    pub(crate) fn begin(&self) -> Start<'_> {
        let mut state = self.state();
        let number = state.next();
        state.under_way.insert(number);
        Start { starts: self, number }
    }

    /// To be called before the store is asked which sessions there are.
    pub(crate) fn ends(&self, whose: &Whose) {
        let mut state = self.state();
        if state.under_way.is_empty() {
            return;
        }
        let number = state.next();
        state.ends.push_back((number, whose.clone()));
        if state.ends.len() > MOST
            && let Some((number, _)) = state.ends.pop_front()
        {
            state.forgotten = number;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Start<'_> {
    /// Whether the session that has been written is among those that were ended meanwhile.
    pub(crate) fn is_meant(&self, fits: impl Fn(&Whose) -> bool) -> bool {
        let state = self.starts.state();
        let mut meanwhile = state.ends.iter().filter(|(number, _)| *number > self.number);
        self.number < state.forgotten || meanwhile.any(|(_, whose)| fits(whose))
    }
}

impl Drop for Start<'_> {
    fn drop(&mut self) {
        let mut state = self.starts.state();
        state.under_way.remove(&self.number);
        let oldest = state.under_way.first().copied().unwrap_or(u64::MAX);
        while state.ends.front().is_some_and(|(number, _)| *number < oldest) {
            state.ends.pop_front();
        }
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.last = self.last.saturating_add(1);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(subject: &str) -> Whose {
        Whose::of("https://idp.test", subject)
    }

    #[test]
    fn a_start_hears_of_the_ends_after_it_only_and_nothing_is_kept_for_nobody() {
        let starts = Starts::default();
        let is_ann = |whose: &Whose| *whose == of("ann");
        starts.ends(&of("ann"));
        let first = starts.begin();
        assert!(!first.is_meant(is_ann), "ended before it began");
        starts.ends(&of("bob"));
        assert!(!first.is_meant(is_ann));
        starts.ends(&of("ann"));
        let second = starts.begin();
        assert!(first.is_meant(is_ann) && !second.is_meant(is_ann));
        drop(first);
        assert!(starts.state().ends.is_empty(), "the second began after both");
        starts.ends(&of("ann"));
        assert!(second.is_meant(is_ann));
        drop(second);
        let state = starts.state();
        assert!(state.ends.is_empty() && state.under_way.is_empty());
    }

    #[test]
    fn what_could_not_be_remembered_counts_as_meant() {
        let starts = Starts::default();
        let slow = starts.begin();
        for _ in 0..=MOST {
            starts.ends(&of("bob"));
        }
        let late = starts.begin();
        assert_eq!(starts.state().ends.len(), MOST);
        assert!(slow.is_meant(|_| false) && !late.is_meant(|_| false));
    }
}
