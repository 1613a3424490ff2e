//! Which signed links and logout tokens were used, and how often: durable, so that a restart takes none
//! of them again.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use tokio::task::spawn_blocking;

use crate::base::Timestamp;
use crate::session::embedded::file::{self, io};
use crate::session::shared::OneTime;
use crate::session::store::StoreError;

/// How often each link was used, by its digest.
const USES: TableDefinition<'_, &[u8; 32], u32> = TableDefinition::new("uses");
/// When each may be forgotten: a link that is over opens nothing anyway.
const OVER: TableDefinition<'_, (i64, &[u8; 32]), ()> = TableDefinition::new("over");

/// Links forgotten with each use of another one; more than one comes in, so that the file stays small.
const FORGOTTEN: usize = 100;
const PAGE_CACHE: usize = 1 << 20;

/// The signed links, and the names of logout tokens, that were used, in one file.
///
/// It grows with what somebody signed whom the configuration names, never with what a stranger sends,
/// and each is forgotten after its end.
#[derive(Debug)]
pub struct UsedLinks {
    database: Arc<Database>,
}

impl UsedLinks {
    /// Opens the file, or makes it (mode 0600).
    ///
    /// # Errors
    /// When the file is damaged, in use, or cannot be read and written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let tables = |database: &Database| {
            let make = || -> Result<(), redb::Error> {
                let writing = database.begin_write()?;
                writing.open_table(USES)?;
                writing.open_table(OVER)?;
                Ok(writing.commit()?)
            };
            make().map_err(io("make its tables"))
        };
        Ok(Self { database: Arc::new(file::open_as(path, (PAGE_CACHE, true), tables)?) })
    }
}

#[async_trait]
impl OneTime for UsedLinks {
    async fn spend(
        &self,
        link: [u8; 32],
        most: u32,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let database = Arc::clone(&self.database);
        let spent = spawn_blocking(move || spend(&database, link, most, (expires, now))).await;
        spent.map_err(|_| StoreError::Closed)?.map_err(io("note a used link"))
    }

    async fn uses(&self, link: [u8; 32]) -> Result<u32, StoreError> {
        let database = Arc::clone(&self.database);
        let uses = spawn_blocking(move || uses(&database, link)).await;
        uses.map_err(|_| StoreError::Closed)?.map_err(io("look for a used link"))
    }
}

fn uses(database: &Database, link: [u8; 32]) -> Result<u32, redb::Error> {
    let uses = database.begin_read()?.open_table(USES)?;
    Ok(uses.get(&link)?.map_or(0, |uses| uses.value()))
}

/// One transaction: the library lets one writer in at a time.
fn spend(
    database: &Database,
    link: [u8; 32],
    most: u32,
    (expires, now): (Timestamp, Timestamp),
) -> Result<bool, redb::Error> {
    let writing = database.begin_write()?;
    {
        let mut uses = writing.open_table(USES)?;
        let mut over = writing.open_table(OVER)?;
        let before = uses.get(&link)?.map_or(0, |uses| uses.value());
        if before >= most {
            return Ok(false);
        }
        uses.insert(&link, before.saturating_add(1))?;
        over.insert((expires.as_millis(), &link), ())?;
        let mut old = Vec::new();
        for entry in over.range(..(now.as_millis(), &[0; 32]))?.take(FORGOTTEN) {
            let (key, _) = entry?;
            let (ended, link) = key.value();
            old.push((ended, *link));
        }
        for (ended, link) in old {
            over.remove((ended, &link))?;
            uses.remove(&link)?;
        }
    }
    writing.commit()?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Entropy, SystemEntropy};

    const NOW: Timestamp = Timestamp::from_secs(1_000);
    const LATER: Timestamp = Timestamp::from_secs(2_000);

    struct File(std::path::PathBuf);

    impl File {
        fn new() -> Self {
            let entropy: &dyn Entropy = &SystemEntropy;
            Self(std::env::temp_dir().join(format!("links-{}.redb", entropy.token::<9>())))
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[tokio::test]
    async fn a_link_is_used_as_often_as_it_may_be_across_restarts() {
        let file = File::new();
        let links = UsedLinks::open(&file.0).unwrap();
        assert!(links.spend([1; 32], 2, LATER, NOW).await.unwrap());
        assert!(links.spend([2; 32], 1, LATER, NOW).await.unwrap());
        drop(links);
        let links = UsedLinks::open(&file.0).unwrap();
        assert!(!links.spend([2; 32], 1, LATER, NOW).await.unwrap());
        assert!(links.spend([1; 32], 2, LATER, NOW).await.unwrap());
        assert!(!links.spend([1; 32], 2, LATER, NOW).await.unwrap());
        assert_eq!(
            (links.uses([1; 32]).await.unwrap(), links.uses([3; 32]).await.unwrap()),
            (2, 0)
        );
    }

    #[tokio::test]
    async fn of_many_uses_at_once_one_counts() {
        let file = File::new();
        let links = Arc::new(UsedLinks::open(&file.0).unwrap());
        let uses = (0..20).map(|_| {
            let links = Arc::clone(&links);
            tokio::spawn(async move { links.spend([1; 32], 1, LATER, NOW).await.unwrap() })
        });
        let uses: Vec<_> = uses.collect();
        let mut counted = 0;
        for one in uses {
            counted += usize::from(one.await.unwrap());
        }
        assert_eq!(counted, 1);
    }

    #[tokio::test]
    async fn what_is_over_is_forgotten() {
        let file = File::new();
        let links = UsedLinks::open(&file.0).unwrap();
        for link in 0..150u8 {
            assert!(links.spend([link; 32], 1, LATER, NOW).await.unwrap());
        }
        let much_later = Timestamp::from_secs(3_000);
        let end = Timestamp::from_secs(4_000);
        assert!(links.spend([200; 32], 1, end, much_later).await.unwrap());
        assert!(links.spend([201; 32], 1, end, much_later).await.unwrap());
        use redb::ReadableTableMetadata as _;
        let reading = links.database.begin_read().unwrap();
        assert_eq!(reading.open_table(USES).unwrap().len().unwrap(), 2);
        assert_eq!(reading.open_table(OVER).unwrap().len().unwrap(), 2);
    }
}
