use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::base::{Entropy, SystemEntropy};
use crate::session::store::conformance::{self, stored};

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
    assert_eq!(store.keys_of(stored("ann", 0, 0).owner).await.unwrap(), [[1; 32]]);
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

#[test]
fn a_missing_directory_is_an_error_and_no_panic() {
    let fault = EmbeddedStore::open(Path::new("/nonexistent/sessions.redb"), 10).unwrap_err();
    assert!(matches!(fault, StoreError::Io { .. }), "{fault}");
}
