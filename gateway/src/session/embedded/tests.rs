use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use redb::TableHandle as _;

use super::*;
use crate::base::{Entropy, SystemEntropy};
use crate::session::store::conformance::{self, name, stored};

/// A directory of our own that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        let path = std::env::temp_dir().join(format!("sessions-{}", entropy.token::<9>()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_embedded_store_keeps_the_contract() {
    let folder = Folder::new();
    let opened = AtomicUsize::new(0);
    let open = |limit| {
        let name = format!("{}.redb", opened.fetch_add(1, Ordering::Relaxed));
        Arc::new(EmbeddedStore::open(&folder.file(&name), limit).unwrap())
    };
    conformance::a_store_keeps_the_contract(open).await;
}

#[tokio::test]
async fn a_reopened_store_holds_what_it_held_and_only_its_owner_reads_it() {
    let folder = Folder::new();
    let path = folder.file("sessions.redb");
    let store = EmbeddedStore::open(&path, 10).unwrap();
    store.insert([1; 32], stored("ann", 10, 1_000)).await.unwrap();
    store.insert([2; 32], stored("ann", 10, 1_000)).await.unwrap();
    store.remove([2; 32]).await.unwrap();
    let taken = EmbeddedStore::open(&path, 10).unwrap_err();
    assert!(matches!(taken, StoreError::InUse { .. }), "{taken}");
    drop(store);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let store = EmbeddedStore::open(&path, 10).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(store.count(), 1);
    assert_eq!(store.load([1; 32]).await.unwrap(), Some(stored("ann", 10, 1_000)));
    assert_eq!(store.keys_of(name("ann")).await.unwrap(), [[1; 32]]);
}

/// A file as the first layout had it, with one session in it.
fn older_file(path: &Path) {
    use redb::{MultimapTableDefinition, TableDefinition};
    let rows: TableDefinition<'_, &[u8; 32], (i64, i64, &[u8; 32])> = TableDefinition::new("rows");
    let sealed: TableDefinition<'_, &[u8; 32], (&[u8], &[u8])> = TableDefinition::new("sealed");
    let owners: MultimapTableDefinition<'_, &[u8; 32], &[u8; 32]> =
        MultimapTableDefinition::new("owners");
    let meta: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
    let database = Database::create(path).unwrap();
    let writing = database.begin_write().unwrap();
    {
        writing.open_table(rows).unwrap().insert(&[1; 32], (1_000, 10, &[7; 32])).unwrap();
        writing.open_table(sealed).unwrap().insert(&[1; 32], (&b"r"[..], &b"t"[..])).unwrap();
        writing.open_multimap_table(owners).unwrap().insert(&[7; 32], &[1; 32]).unwrap();
        writing.open_table(meta).unwrap().insert("layout", 1).unwrap();
    }
    writing.commit().unwrap();
}

#[tokio::test]
async fn a_file_of_an_older_version_opens_and_everybody_in_it_signs_in_anew() {
    let folder = Folder::new();
    let path = folder.file("sessions.redb");
    older_file(&path);
    for _ in 0..2 {
        let store = EmbeddedStore::open(&path, 10).unwrap();
        assert_eq!(store.load([1; 32]).await.unwrap(), None);
        store.insert([2; 32], stored("ann", 10, 1_000)).await.unwrap();
        assert_eq!((store.count(), store.keys_of(name("ann")).await.unwrap()), (1, vec![[2; 32]]));
    }
    let store = EmbeddedStore::open(&path, 10).unwrap();
    let reading = store.database.begin_read().unwrap();
    let tables: Vec<_> = reading.list_tables().unwrap().map(|it| it.name().to_owned()).collect();
    assert_eq!(tables, ["contents", "meta", "times"], "nothing is left of the older tables");
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let folder = Folder::new();
    let path = folder.file("sessions.redb");
    drop(EmbeddedStore::open(&path, 10).unwrap());
    let database = Database::create(&path).unwrap();
    let writing = database.begin_write().unwrap();
    let meta: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
    writing.open_table(meta).unwrap().insert("layout", 3).unwrap();
    writing.commit().unwrap();
    drop(database);
    let fault = EmbeddedStore::open(&path, 10).unwrap_err().to_string();
    assert!(fault.contains("newer version"), "{fault}");
}

/// The name by which the test below tells its second self where to write.
const CHILD: &str = "SESSION_STORE_OF_A_DYING_PROCESS";

/// Runs in a process of its own, started by the test below: dies right after the acknowledgements,
/// with no chance to close anything.
#[tokio::test]
async fn child_that_dies_after_its_acknowledgements() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let store = EmbeddedStore::open(Path::new(&path), 1_000).unwrap();
    let logins = (0..50_u8).map(|n| store.insert([n; 32], stored("ann", 10, 1_000)));
    assert!(futures::future::join_all(logins).await.iter().all(Result::is_ok));
    assert!(store.remove([7; 32]).await.unwrap());
    std::process::abort();
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_killed_process() {
    let folder = Folder::new();
    let path = folder.file("sessions.redb");
    let test = "session::embedded::tests::child_that_dies_after_its_acknowledgements";
    let died = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, &path)
        .output()
        .unwrap();
    assert!(!died.status.success(), "the child must have died: {died:?}");
    let store = EmbeddedStore::open(&path, 1_000).unwrap();
    assert_eq!(store.count(), 49);
    assert_eq!(store.load([7; 32]).await.unwrap(), None, "an acknowledged end");
    assert_eq!(store.load([8; 32]).await.unwrap(), Some(stored("ann", 10, 1_000)));
    store.insert([200; 32], stored("bob", 10, 1_000)).await.unwrap();
}

#[tokio::test]
async fn a_damaged_file_is_named_with_its_remedy() {
    let folder = Folder::new();
    let whole = folder.file("whole.redb");
    let store = EmbeddedStore::open(&whole, 1_000).unwrap();
    let all = (0..200_u8).map(|n| store.insert([n; 32], stored("ann", 10, 1_000)));
    assert!(futures::future::join_all(all).await.iter().all(Result::is_ok));
    drop(store);
    let good = fs::read(&whole).unwrap();
    let mut overwritten = good.clone();
    for byte in overwritten.iter_mut().skip(4_096) {
        *byte ^= 0x5a;
    }
    let damages = [
        b"not a database, but long enough to be looked at as one".repeat(200),
        good[..good.len() / 2].to_vec(),
        good[..100].to_vec(),
        overwritten,
    ];
    for (n, damage) in damages.into_iter().enumerate() {
        let path = folder.file(&format!("{n}.redb"));
        fs::write(&path, &damage).unwrap();
        let fault = EmbeddedStore::open(&path, 10).unwrap_err();
        assert!(matches!(fault, StoreError::Damaged { .. }), "{n}: {fault:?}");
        let text = fault.to_string();
        assert!(text.contains(".redb") && text.contains("move it away"), "{text}");
    }
}

/// Waits until everything has been read.
fn looked_through(store: &EmbeddedStore) -> Option<StoreError> {
    while !store.checker.as_ref().unwrap().is_finished() {
        std::thread::yield_now();
    }
    store.trouble()
}

#[tokio::test]
async fn an_overwritten_page_is_found_or_was_nobodys() {
    let folder = Folder::new();
    let whole = folder.file("whole.redb");
    let store = EmbeddedStore::open(&whole, 1_000).unwrap();
    let all = (0..=255_u8).map(|n| store.insert([n; 32], stored(&format!("{n}"), 10, 1_000)));
    assert!(futures::future::join_all(all).await.iter().all(Result::is_ok));
    assert!(looked_through(&store).is_none());
    drop(store);
    let good = fs::read(&whole).unwrap();
    let path = folder.file("torn.redb");
    let (mut at_start, mut later, mut harmless) = (0, 0, 0);
    for page in (1..good.len() / 4_096).step_by(3) {
        let mut torn = good.clone();
        torn[page * 4_096..(page + 1) * 4_096].fill(0xa5);
        fs::write(&path, &torn).unwrap();
        let store = match EmbeddedStore::open(&path, 1_000) {
            Err(fault) => {
                assert!(matches!(fault, StoreError::Damaged { .. }), "{page}: {fault}");
                at_start += 1;
                continue;
            }
            Ok(store) => store,
        };
        if let Some(fault) = looked_through(&store) {
            assert!(fault.to_string().contains("move it away"), "{fault}");
            let refused = store.insert([9; 32], stored("ann", 10, 1_000)).await;
            assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{page}: {refused:?}");
            let refused = store.keys_of(name("7")).await;
            assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{page}: {refused:?}");
            later += 1;
        } else {
            for n in 0..=255_u8 {
                let there = Some(stored(&format!("{n}"), 10, 1_000));
                assert_eq!(store.load([n; 32]).await.unwrap(), there, "{page}");
            }
            harmless += 1;
        }
    }
    println!("found at start {at_start}, beside {later}, in nobody's page {harmless}");
    // A build with debug assertions makes the library read more at the start.
    assert!(at_start + later > 10);
}

#[tokio::test]
async fn an_index_that_has_lost_a_session_is_found() {
    let folder = Folder::new();
    let path = folder.file("sessions.redb");
    let store = EmbeddedStore::open(&path, 10).unwrap();
    store.insert([1; 32], stored("ann", 10, 1_000)).await.unwrap();
    store.insert([2; 32], stored("ann", 10, 1_000)).await.unwrap();
    drop(store);
    let database = Database::create(&path).unwrap();
    let writing = database.begin_write().unwrap();
    let lost = writing.open_multimap_table(file::NAMES).unwrap().remove(&name("ann").0, &[2; 32]);
    assert!(lost.unwrap());
    writing.commit().unwrap();
    drop(database);
    let store = EmbeddedStore::open(&path, 10).unwrap();
    let fault = looked_through(&store).unwrap().to_string();
    assert!(fault.contains("indexes do not agree") && fault.contains("sessions.redb"), "{fault}");
    assert!(store.load([1; 32]).await.unwrap().is_some(), "who is in stays in");
    assert!(store.remove([2; 32]).await.unwrap(), "and can leave");
}

#[test]
fn a_missing_directory_is_an_error_and_no_panic() {
    let fault = EmbeddedStore::open(Path::new("/nonexistent/sessions.redb"), 10).unwrap_err();
    assert!(matches!(fault, StoreError::Io { .. }), "{fault}");
}
