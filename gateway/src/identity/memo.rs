//! What higher floors remember with a session, for as long as memory holds it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// A few notes that are made of the session and must not outlive it: they are dropped with it, and
/// who has ended is not found, so that nobody asks for them. Opaque here; each has the number of
/// whom it belongs to. Reading takes no lock.
#[derive(Default)]
pub struct Memo(ArcSwapOption<Vec<Note>>);

#[derive(Clone)]
struct Note {
    owner: u64,
    content: Arc<dyn Any + Send + Sync>,
}

/// Beyond these the oldest is forgotten: a session uses few routes at a time, and memory is bounded.
const NOTES: usize = 16;

impl Memo {
    /// The note of this owner, if there is one.
    pub fn recall<T: Any + Send + Sync>(&self, owner: u64) -> Option<Arc<T>> {
        let notes = self.0.load();
        let note = notes.as_ref()?.iter().find(|note| note.owner == owner)?;
        Arc::clone(&note.content).downcast().ok()
    }

    /// Keeps a note, in place of an earlier one of the same owner.
    pub fn keep<T: Any + Send + Sync>(&self, owner: u64, content: &Arc<T>) {
        self.0.rcu(|notes| {
            let others = notes.iter().flat_map(|notes| notes.iter());
            let mut kept: Vec<_> = others.filter(|note| note.owner != owner).cloned().collect();
            if kept.len() >= NOTES {
                kept.remove(0);
            }
            kept.push(Note { owner, content: Arc::<T>::clone(content) });
            Some(Arc::new(kept))
        });
    }
}

/// A copy remembers nothing.
impl Clone for Memo {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// Says nothing of the notes, which may hold tokens.
impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memo")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_found_by_owner_and_kind_and_the_oldest_goes_first() {
        let memo = Memo::default();
        assert_eq!(memo.recall::<u8>(1), None);
        for owner in 0..20_u64 {
            memo.keep(owner, &Arc::new(owner));
            memo.keep(owner, &Arc::new(owner + 100));
        }
        assert_eq!(memo.recall::<u64>(19).as_deref(), Some(&119));
        assert_eq!(memo.recall::<u64>(4).as_deref(), Some(&104));
        assert_eq!(memo.recall::<u64>(3), None, "forgotten");
        assert_eq!(memo.recall::<u8>(19), None, "of another kind");
        assert_eq!(memo.clone().recall::<u64>(19), None);
    }
}
