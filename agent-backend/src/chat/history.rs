//! Conversations, per caller and thread, in memory and bounded.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::agent::Message;

/// All conversations. The key holds the caller's `sub`, so nobody reads another one's.
#[derive(Debug, Default)]
pub struct History {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Counts uses; the smallest is the one unused for longest.
    uses: u64,
    threads: HashMap<(String, String), Thread>,
}

#[derive(Debug, Default)]
struct Thread {
    used: u64,
    messages: Vec<Message>,
}

/// Messages kept per conversation; the model sees no more than these.
const MOST_MESSAGES: usize = 40;
/// Conversations kept; then the one unused for longest goes.
const MOST_THREADS: usize = 1000;

impl History {
    /// The conversation so far.
    pub fn of(&self, sub: &str, thread: &str) -> Vec<Message> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (sub.to_owned(), thread.to_owned());
        kept.threads.get(&key).map(|thread| thread.messages.clone()).unwrap_or_default()
    }

    /// Adds to a conversation, dropping its oldest turns when it gets too long.
    pub fn append(&self, sub: &str, thread: &str, messages: Vec<Message>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let used = kept.uses;
        let entry = kept.threads.entry((sub.to_owned(), thread.to_owned())).or_default();
        entry.used = used;
        entry.messages.extend(messages);
        if entry.messages.len() > MOST_MESSAGES {
            let excess = entry.messages.len() - MOST_MESSAGES;
            entry.messages.drain(..excess);
            // A conversation begins with a question, never with a result whose call is gone.
            let first = entry.messages.iter().position(|m| matches!(m, Message::User(_)));
            entry.messages.drain(..first.unwrap_or(entry.messages.len()));
        }
        if kept.threads.len() > MOST_THREADS {
            let oldest = kept.threads.iter().min_by_key(|(_, thread)| thread.used);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                kept.threads.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{History, MOST_MESSAGES, MOST_THREADS};
    use crate::agent::Message;

    fn turn(number: usize) -> Vec<Message> {
        vec![Message::User(format!("question {number}")), Message::Agent("answer".to_owned())]
    }

    #[test]
    fn a_caller_sees_only_their_own_conversation() {
        let history = History::default();
        history.append("ann", "1", turn(1));
        assert_eq!(history.of("ann", "1").len(), 2);
        assert!(history.of("bob", "1").is_empty());
        assert!(history.of("ann", "2").is_empty());
    }

    #[test]
    fn a_long_conversation_keeps_its_newest_whole_turns() {
        let history = History::default();
        for number in 0..100 {
            history.append("ann", "1", turn(number));
        }
        let kept = history.of("ann", "1");
        assert!(kept.len() <= MOST_MESSAGES);
        assert!(matches!(kept.first(), Some(Message::User(_))));
        assert_eq!(kept.get(kept.len() - 2), Some(&Message::User("question 99".to_owned())));
    }

    #[test]
    fn the_conversation_unused_for_longest_goes_first() {
        let history = History::default();
        for number in 0..=MOST_THREADS {
            history.append(&format!("caller {number}"), "1", turn(number));
        }
        assert!(history.of("caller 0", "1").is_empty());
        assert!(!history.of("caller 1", "1").is_empty());
    }
}
