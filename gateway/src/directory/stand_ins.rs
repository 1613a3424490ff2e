//! What unknown names are held against, where nobody can list the people.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;

use crate::base::Entropy;
use crate::directory::{AccountName, PasswordHash};

/// Hashes of the kinds that known names have, as often as they were met.
///
/// A name always meets the same kind as long as the shares stand, as a known one does: a name whose
/// time changes from try to try would be an unknown one. Before the first known name was tried it
/// is the kind that is made today.
pub(super) struct StandIns {
    chooser: hmac::Key,
    met: Mutex<Vec<(PasswordHash, u64)>>,
}

/// Kinds of hashes; a table has one or two, and a third while it is moved from one to the other.
const MOST: usize = 8;

impl StandIns {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        let chooser = hmac::Key::new(hmac::HMAC_SHA256, &entropy.bytes::<32>());
        Self { chooser, met: Mutex::default() }
    }

    /// Takes note of a known name's hash.
    pub(super) fn note(&self, hash: &PasswordHash) {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, times)) = met.iter_mut().find(|(other, _)| other.costs_like(hash)) {
            *times = times.saturating_add(1);
        } else if met.len() < MOST {
            met.push((hash.clone(), 1));
        }
    }

    /// What an unknown name is held against.
    pub(super) fn of(&self, name: &AccountName) -> PasswordHash {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let all: u64 = met.iter().map(|(_, times)| *times).sum();
        let tag = hmac::sign(&self.chooser, name.folded().as_bytes());
        let drawn = tag.as_ref().first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        // The name's place between nothing and all of them.
        let wide = u128::from(drawn) * u128::from(all);
        let mut place = u64::try_from(wide >> 64).unwrap_or(0);
        for (hash, times) in met.iter() {
            match place.checked_sub(*times) {
                Some(rest) => place = rest,
                None => return hash.clone(),
            }
        }
        PasswordHash::of_nobody()
    }
}

impl fmt::Debug for StandIns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StandIns")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SystemEntropy;

    #[test]
    fn unknown_names_meet_each_kind_as_often_as_known_ones() {
        let stand_ins = StandIns::new(&SystemEntropy);
        let name = |number: u32| AccountName::parse(&format!("stranger{number}")).unwrap();
        assert!(stand_ins.of(&name(0)) == PasswordHash::of_nobody(), "nobody was met yet");
        let bcrypt = "$2y$05$YMyT1sDbivEJqrSOBH7hKuDU7riSxqF/zVMMfPGG4gKDJMSQ4d.tG";
        let bcrypt = PasswordHash::parse(bcrypt).unwrap();
        for number in 0..40 {
            let met = if number % 4 == 0 { bcrypt.clone() } else { PasswordHash::of_nobody() };
            stand_ins.note(&met);
        }
        let drawn = (0..2_000).filter(|number| {
            let hash = stand_ins.of(&name(*number));
            assert!(hash == stand_ins.of(&name(*number)), "the same kind each time");
            hash == bcrypt
        });
        let share = drawn.count();
        assert!((350..650).contains(&share), "a quarter of 2000, not {share}");
    }
}
