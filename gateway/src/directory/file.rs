//! People in a file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::{Entropy, Secret};
use crate::crypto::keyfile::{self, Stamp};
use crate::directory::member::is_toml;
use crate::directory::{
    AccountKey, AccountName, Answer, Directory, HashBench, HashPool, Members, MembersFault,
    PasswordHash,
};
use async_trait::async_trait;
use aws_lc_rs::hmac;

/// A directory in a file. A change of the file counts from the next login on.
#[derive(Clone)]
pub struct FileDirectory(Arc<Inner>);

struct Inner {
    path: PathBuf,
    issuer: String,
    known: Mutex<Option<(Arc<Members>, Stamp)>>,
    /// Chooses the hash that an unknown name is held against.
    chooser: hmac::Key,
    entropy: Arc<dyn Entropy>,
    pool: HashPool,
}

impl FileDirectory {
    /// The people of a file, as `issuer` vouches for them.
    pub fn new(
        path: impl Into<PathBuf>,
        issuer: impl Into<String>,
        pool: HashPool,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let chooser = hmac::Key::new(hmac::HMAC_SHA256, &(*entropy).bytes::<32>());
        let (path, issuer, known) = (path.into(), issuer.into(), Mutex::default());
        Self(Arc::new(Inner { path, issuer, known, chooser, entropy, pool }))
    }

    /// Reads the file, to find what is wrong with it before anybody signs in.
    ///
    /// # Errors
    /// What is wrong.
    pub fn look(&self) -> Result<(), MembersFault> {
        self.0.members().map(|_| ())
    }
}

#[async_trait]
impl Directory for FileDirectory {
    async fn check(&self, name: &AccountName, password: &Secret<String>) -> Answer {
        let (inner, name, password) = (Arc::clone(&self.0), name.clone(), password.clone());
        let work = move |bench: &HashBench| inner.check(&name, &password, bench);
        self.0.pool.run(work).await.unwrap_or_else(Answer::Unavailable)
    }
}

impl Inner {
    fn check(&self, name: &AccountName, password: &Secret<String>, bench: &HashBench) -> Answer {
        let members = match self.members() {
            Ok(members) => members,
            Err(fault) => return Answer::Unavailable(fault.to_string()),
        };
        let Some(member) = members.get(name) else {
            // The result is of no interest; the time is.
            let _ = bench.is_of(&self.stand_in(&members, name), password);
            return Answer::Refuse;
        };
        let right = bench.is_of(&member.password, password);
        let account = AccountKey::new(name.folded());
        if member.facts.disabled {
            return Answer::Disabled(account);
        }
        if !right {
            return Answer::Mistaken(account);
        }
        if member.password.is_old()
            && is_toml(&self.path)
            && let Err(fault) = self.renew(name, &member.password, password)
        {
            tracing::warn!(%fault, "a password's old hash cannot be replaced");
        }
        Answer::Accept(account, Box::new(member.principal(&self.issuer)))
    }

    /// What a name that nobody has is held against: the hash of somebody, always the same one. So
    /// the times of unknown names are those of known ones, also where hashes of several costs lie
    /// side by side in the file.
    fn stand_in(&self, members: &Members, name: &AccountName) -> PasswordHash {
        let tag = hmac::sign(&self.chooser, name.folded().as_bytes());
        let drawn = tag.as_ref().first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let people = u64::try_from(members.len()).unwrap_or(u64::MAX).max(1);
        let place = usize::try_from(drawn % people).unwrap_or(0);
        members.nth(place).map_or_else(PasswordHash::of_nobody, |it| it.password.clone())
    }

    /// The people, read again where the file is another one. A file that cannot be read any more
    /// lets nobody in: somebody may just have been switched off in it.
    fn members(&self) -> Result<Arc<Members>, MembersFault> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = keyfile::stamp(&self.path)?;
        if let Some((members, read)) = &*known
            && stamp == Some(*read)
        {
            return Ok(Arc::clone(members));
        }
        let (members, stamp) = Members::read(&self.path)?;
        let members = Arc::new(members);
        *known = Some((Arc::clone(&members), stamp));
        Ok(members)
    }

    /// Puts a new hash in the place of an old one, unless somebody else changed it meanwhile.
    fn renew(
        &self,
        name: &AccountName,
        old: &PasswordHash,
        password: &Secret<String>,
    ) -> Result<(), MembersFault> {
        let path: &Path = &self.path;
        let new = PasswordHash::make(password, &*self.entropy).map_err(|cause| {
            let (path, user) = (path.to_owned(), name.folded().to_owned());
            MembersFault::Hash { path, user, cause }
        })?;
        let _lock = Members::lock(path)?;
        let (mut members, _) = Members::read(path)?;
        match members.get_mut(name) {
            Some(member) if member.password == *old => member.password = new,
            _ => return Ok(()),
        }
        members.write(path)
    }
}

impl fmt::Debug for FileDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileDirectory").field("path", &self.0.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
