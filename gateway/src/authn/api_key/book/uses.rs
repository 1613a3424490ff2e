//! When keys were last used: noted in memory by each request, written now and then.

use crate::authn::api_key::book::{ApiKeys, Kept};
use crate::authn::api_key::fault::ApiKeyFault;

impl ApiKeys {
    /// Writes when keys were last used: called now and then, and once more before the process ends.
    ///
    /// # Errors
    /// When it cannot be written; the uses are written the next time.
    pub fn flush(&self) -> Result<(), ApiKeyFault> {
        let all = self.entries();
        let some = all.iter().filter_map(|entry| Some((entry, entry.unwritten()?)));
        let some: Vec<_> = some.collect();
        if some.is_empty() {
            return Ok(());
        }
        let uses: Vec<_> = some.iter().map(|(entry, used)| (entry.key.id, *used)).collect();
        match &self.kept {
            Kept::Own(file) => file.note(&uses)?,
            Kept::Shared(parts) => {
                // With a file that cannot be read, the uses of its keys are not those of unknown ones.
                let whole = self.sync().is_ok();
                parts.note(&uses, |id| !whole || self.find(id).is_some())?;
            }
        }
        for (entry, used) in some {
            entry.is_written(used);
        }
        Ok(())
    }
}
