//! Keys that replicas share: what one of them changes, the others take up.
//!
//! A key that was revoked stays so, whatever a file says: memory insists on it, and writes it again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::authn::api_key::book::{ApiKeys, Change, Kept, Shard};
use crate::authn::api_key::entry::Entry;
use crate::authn::api_key::fault::ApiKeyFault;
use crate::authn::api_key::file::{KeyFile, TAKEN_OVER_API_KEYS};
use crate::authn::api_key::parts::{PARTS, Parts, Rows};
use crate::authn::api_key::record::{ApiKey, from_bytes};
use crate::authn::api_key::text::ApiKeyId;
use crate::base::{Clock, Entropy, lock};
use crate::crypto::keyfile::Stamp;
use crate::session::{EndCause, LiveStreams};

/// Which files memory agrees with.
#[derive(Default)]
pub(super) struct Seen {
    parts: BTreeMap<usize, Stamp>,
    uses: Option<Stamp>,
}

impl ApiKeys {
    /// Opens the directory in which replicas share keys, or makes it in one that is there (mode 0700, files
    /// 0600).
    ///
    /// # Errors
    /// When a file is damaged, or cannot be read and written.
    pub fn open_shared(
        folder: &Path,
        live: Arc<LiveStreams>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, ApiKeyFault> {
        let keys = Self::keeping(Kept::Shared(Parts::open(folder)?), live, clock, entropy);
        keys.sync()?;
        Ok(keys)
    }

    /// Takes up what other gateways have changed, and ends the streams of keys that they have ended. Looks at
    /// the files' dates only, where nobody has. Call it several times each second.
    ///
    /// # Errors
    /// When a file is damaged, gone, or cannot be read: its keys stay as they are in memory.
    pub fn sync(&self) -> Result<(), ApiKeyFault> {
        let Kept::Shared(parts) = &self.kept else { return Ok(()) };
        parts.is_there()?;
        let (mut fault, mut owed) = (Ok(()), Vec::new());
        {
            let mut seen = lock(&self.turn);
            for part in 0..PARTS {
                match self.take_up(parts, part, &mut seen) {
                    Ok(true) => owed.push(part),
                    Ok(false) => {}
                    Err(first) => fault = fault.and(Err(first)),
                }
            }
            self.take_up_uses(parts, &mut seen);
        }
        for part in owed {
            if let Err(first) = self.rewrite(parts, part, |_| Ok(())) {
                self.distrust(part);
                fault = fault.and(Err(first));
            }
        }
        fault
    }

    pub(super) fn change_shared(
        &self,
        parts: &Parts,
        id: ApiKeyId,
        change: Change,
    ) -> Result<(ApiKey, bool), ApiKeyFault> {
        let part = Parts::of(id);
        let changed = self.rewrite(parts, part, |rows| {
            let row = rows.get_mut(&id).ok_or_else(|| ApiKeyFault::Unknown(id.to_string()))?;
            let before = row.0.clone();
            change.apply(&mut row.0)?;
            Ok((row.0.clone(), row.0 != before))
        });
        if changed.is_err() && matches!(change, Change::Revoke(_)) {
            self.distrust(part);
        }
        changed
    }

    /// Changes the keys of a file: from what is there to what is there and in memory.
    pub(super) fn rewrite<T>(
        &self,
        parts: &Parts,
        part: usize,
        change: impl FnOnce(&mut Rows) -> Result<T, ApiKeyFault>,
    ) -> Result<T, ApiKeyFault> {
        // First this and then the turn: while another gateway has it, ours goes on taking up.
        let held = parts.lock()?;
        let mut seen = lock(&self.turn);
        let mut rows = match parts.read(part)? {
            Some((rows, _)) => rows,
            None if self.knows(part, &seen) => return Err(parts.gone(part)),
            None => Rows::new(),
        };
        self.insist(part, &mut rows);
        let out = change(&mut rows)?;
        rows.retain(|_, (key, _)| !key.is_forgotten(self.now()));
        let stamp = parts.write(part, &rows, &held)?;
        self.adopt(part, rows);
        seen.is(part, stamp);
        Ok(out)
    }

    /// Puts the revocations that memory knows of among the keys of a file, which may be an old copy.
    fn insist(&self, part: usize, rows: &mut Rows) {
        let Some(shard) = self.shards.get(part) else { return };
        for entry in shard.load().values().filter(|entry| entry.key.revoked.is_some()) {
            let key = &entry.key;
            match rows.get_mut(&key.id) {
                Some((theirs, _)) => theirs.revoked = theirs.revoked.or(key.revoked),
                None if key.is_forgotten(self.now()) => {}
                None => drop(rows.insert(key.id, (key.clone(), entry.digest))),
            }
        }
    }

    /// Takes up a file where it has changed; whether memory knows of a revocation that is not in it.
    fn take_up(&self, parts: &Parts, part: usize, seen: &mut Seen) -> Result<bool, ApiKeyFault> {
        let stamp = parts.stamp(part)?;
        if stamp.is_some() && stamp == seen.parts.get(&part).copied() {
            return Ok(false);
        }
        match parts.read(part)? {
            Some((rows, stamp)) => {
                let owed = self.adopt(part, rows);
                seen.is(part, Some(stamp));
                Ok(owed)
            }
            None if self.knows(part, seen) => Err(parts.gone(part)),
            None => Ok(false),
        }
    }

    /// Of no use to a request: what is wrong with them is said when they are written.
    fn take_up_uses(&self, parts: &Parts, seen: &mut Seen) {
        let Ok(stamp) = parts.uses_stamp() else { return };
        if stamp == seen.uses {
            return;
        }
        for (id, used) in parts.uses().unwrap_or_default() {
            if let Some(entry) = self.find(id) {
                entry.is_written(used);
            }
        }
        seen.uses = stamp;
    }

    /// Puts the keys of a file in the place of those in memory, and ends the streams of those that are no longer
    /// as they were. Whether memory knows of a revocation that is not among them.
    fn adopt(&self, part: usize, rows: Rows) -> bool {
        let Some(shard) = self.shards.get(part) else { return false };
        let altered = lock(&self.memory);
        let (old, now) = (shard.load_full(), self.now());
        // A copy of before it was made may be replaced by one of before it was revoked.
        let lacks = |entry: &Entry| {
            let key = &entry.key;
            key.revoked.is_some() && !key.is_forgotten(now) && !rows.contains_key(&key.id)
        };
        let lacking = old.values().filter(|entry| lacks(entry));
        let mut new: Shard = lacking.map(|entry| (entry.key.id, Arc::clone(entry))).collect();
        let mut owed = !new.is_empty();
        for (id, (mut key, digest)) in rows {
            // By the file's own row: what only memory knows to be revoked must not be forgotten with it.
            if key.is_forgotten(now) {
                continue;
            }
            let before = old.get(&id);
            let revoked = before.and_then(|before| before.key.revoked);
            owed |= revoked.is_some() && key.revoked.is_none();
            key.revoked = key.revoked.or(revoked);
            let entry = match before {
                Some(before) if before.key == key && before.digest.is(&digest) => {
                    Arc::clone(before)
                }
                Some(before) => Arc::new(before.changed(key, digest, &*self.entropy)),
                None => Arc::new(Entry::new(key, digest, 0, &*self.entropy)),
            };
            new.insert(id, entry);
        }
        let stays =
            |entry: &Entry| new.get(&entry.key.id).is_some_and(|now| now.streams == entry.streams);
        let ended: Vec<_> = old.values().filter(|entry| !stays(entry)).cloned().collect();
        shard.store(Arc::new(new));
        drop(altered);
        for entry in ended {
            self.live.end(&entry.streams, EndCause::Revoked);
        }
        owed
    }

    /// Whether there was a file: one that is not there any more is not an empty one.
    fn knows(&self, part: usize, seen: &Seen) -> bool {
        let keys = self.shards.get(part).is_some_and(|shard| !shard.load().is_empty());
        keys || seen.parts.contains_key(&part)
    }

    /// Has a file read again, though nobody changes it: a revocation may have to be written.
    fn distrust(&self, part: usize) {
        lock(&self.turn).parts.remove(&part);
    }

    /// Takes over the keys of `own`, the file that this gateway had for itself, where there is one, and renames
    /// it. Ended half way, it begins anew.
    ///
    /// # Errors
    /// When a file is damaged, or cannot be read and written; or one that was taken over before is in the way.
    pub fn take_over(&self, own: &Path) -> Result<(), ApiKeyFault> {
        let Kept::Shared(parts) = &self.kept else { return Ok(()) };
        if !own.exists() {
            return Ok(());
        }
        let renamed = own.with_file_name(TAKEN_OVER_API_KEYS);
        if renamed.exists() {
            return Err(ApiKeyFault::TakenOver { path: own.to_owned(), before: renamed });
        }
        let mut files = BTreeMap::<usize, Rows>::new();
        let mut uses = Vec::new();
        for (id, record, used) in KeyFile::open(own)?.read()? {
            let row = from_bytes(id, &record).ok_or_else(|| ApiKeyFault::unread(own, id))?;
            files.entry(Parts::of(id)).or_default().insert(id, row);
            uses.extend(used.map(|used| (id, used.as_millis())));
        }
        let count: usize = files.values().map(Rows::len).sum();
        for (part, theirs) in files {
            self.rewrite(parts, part, |rows| {
                for (id, (key, digest)) in theirs {
                    let row = rows.entry(id).or_insert((key.clone(), digest));
                    row.0.revoked = row.0.revoked.or(key.revoked);
                }
                Ok(())
            })?;
        }
        parts.note(&uses, |id| self.find(id).is_some())?;
        for (id, used) in uses {
            if let Some(entry) = self.find(id) {
                entry.is_written(used);
            }
        }
        std::fs::rename(own, &renamed).map_err(|fault| ApiKeyFault::Io(fault.to_string()))?;
        tracing::info!(count, file = %renamed.display(), "API keys were taken over to where replicas share them");
        Ok(())
    }
}

impl Seen {
    fn is(&mut self, part: usize, stamp: Option<Stamp>) {
        match stamp {
            Some(stamp) => self.parts.insert(part, stamp),
            None => self.parts.remove(&part),
        };
    }
}

#[cfg(test)]
mod tests;
