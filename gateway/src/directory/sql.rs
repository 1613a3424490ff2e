//! People in a table of a database.

mod person;
mod postgres;
mod postgres_cell;
mod postgres_tls;
mod sqlite;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use crate::base::{Entropy, Secret};
use crate::directory::sql::person::Person;
use crate::directory::stand_ins::StandIns;
use crate::directory::{AccountName, Answer, Directory, HashPool, PasswordHash};

pub use postgres::{PostgresSettings, PostgresTable};
pub use sqlite::SqliteTable;

/// A database that is asked with the operator's own statements. Names are bound to them, never
/// written into them.
#[async_trait]
pub trait PeopleTable: Send + Sync + fmt::Debug {
    /// The rows that the query gives for a folded name, by their columns' names: at most two, since
    /// the second one already is one too many.
    ///
    /// # Errors
    /// When it cannot be asked in time, or does not understand; in words, for the log.
    async fn find(&self, name: &str) -> Result<Vec<Map<String, Value>>, String>;

    /// Whether new hashes can be written.
    fn rehashes(&self) -> bool;

    /// Puts a new hash in the place of an old one, where it still is there.
    ///
    /// # Errors
    /// When it cannot be written.
    async fn rehash(&self, new: &str, subject: &str, old: &str) -> Result<(), String>;
}

/// What a database is asked.
#[derive(Clone, Debug)]
pub struct Statements {
    /// Gives the row of the name `$1`.
    pub query: String,
    /// Writes the hash `$1` for the subject `$2` in the place of the hash `$3`.
    pub rehash: Option<String>,
}

/// A directory in a table.
pub struct SqlDirectory {
    issuer: String,
    table: Arc<dyn PeopleTable>,
    pool: HashPool,
    stand_ins: StandIns,
    entropy: Arc<dyn Entropy>,
}

impl SqlDirectory {
    /// The people of a table, as `issuer` vouches for them; their passwords are hashed in `pool`.
    pub fn new(
        issuer: impl Into<String>,
        table: Arc<dyn PeopleTable>,
        pool: HashPool,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let stand_ins = StandIns::new(&*entropy);
        Self { issuer: issuer.into(), table, pool, stand_ins, entropy }
    }

    async fn judge(&self, name: &AccountName, password: &Secret<String>) -> Result<Answer, String> {
        let mut rows = self.table.find(name.folded()).await?;
        let found = match rows.len() {
            0 => None,
            1 => rows.pop().map(|row| Person::read(row, &self.issuer)).transpose()?,
            _ => {
                tracing::warn!(
                    issuer = self.issuer,
                    "a name belongs to several people, and none of them can sign in by it; \
                     make the query's condition unique"
                );
                None
            }
        };
        let stored = found.as_ref().and_then(|person| self.hash(person));
        if let Some(hash) = &stored {
            self.stand_ins.note(hash);
        }
        // Somebody without a password costs what the others do.
        let held_against = stored.clone().unwrap_or_else(|| self.stand_ins.of(name));
        let typed = password.clone();
        let right = self.pool.run(move |bench| bench.is_of(&held_against, &typed)).await?;
        let Some(person) = found else { return Ok(Answer::Refuse) };
        if person.disabled {
            return Ok(Answer::Disabled(person.account));
        }
        let Some(stored) = stored.filter(|_| right) else {
            return Ok(Answer::Mistaken(person.account));
        };
        if stored.is_old()
            && self.table.rehashes()
            && let Err(fault) = self.renew(&person, &stored, password).await
        {
            tracing::warn!(fault, "a password's old hash cannot be replaced");
        }
        Ok(Answer::Accept(person.account, Box::new(person.principal)))
    }

    /// What the password is held against; `None` for people who have none.
    fn hash(&self, person: &Person) -> Option<PasswordHash> {
        let parsed = PasswordHash::parse(person.hash.as_ref()?.expose());
        if let Err(fault) = &parsed {
            let (issuer, subject) = (&self.issuer, person.account.as_str());
            tracing::warn!(issuer, subject, %fault, "a hash of the table is not taken");
        }
        parsed.ok()
    }

    async fn renew(
        &self,
        person: &Person,
        old: &PasswordHash,
        password: &Secret<String>,
    ) -> Result<(), String> {
        let (entropy, password) = (Arc::clone(&self.entropy), password.clone());
        let made = self.pool.run(move |_| PasswordHash::make(&password, &*entropy)).await?;
        let new = made.map_err(|cause| cause.to_string())?.to_text();
        self.table.rehash(&new, person.account.as_str(), &old.to_text()).await
    }
}

#[async_trait]
impl Directory for SqlDirectory {
    async fn check(&self, name: &AccountName, password: &Secret<String>) -> Answer {
        self.judge(name, password).await.unwrap_or_else(Answer::Unavailable)
    }
}

impl fmt::Debug for SqlDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlDirectory").field("table", &self.table).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
