//! Notices that the configuration file, or a certificate, has changed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tracing::warn;

/// Editors and tools write in several steps; a change counts when this long nothing more came.
const SETTLE: Duration = Duration::from_millis(300);

/// Tells of changes to files. Directories are watched, not files: tools replace a file by renaming
/// another one over it, and a watch on the old file would see nothing of the new.
pub(super) struct Watch {
    changes: mpsc::Receiver<()>,
    _watcher: Option<notify::RecommendedWatcher>,
}

impl Watch {
    /// Watches `files`. Where the system offers no watching, nothing is ever told, and a warning
    /// says so: SIGHUP still works.
    pub(super) fn on(files: Vec<PathBuf>) -> Self {
        let (tell, changes) = mpsc::channel(1);
        let files: HashSet<_> = files.iter().map(|file| absolute(file)).collect();
        let directories: HashSet<_> =
            files.iter().filter_map(|file| file.parent()).map(Path::to_owned).collect();
        let heard = move |event: notify::Result<notify::Event>| {
            let ours = |event: &notify::Event| {
                let read = matches!(event.kind, notify::EventKind::Access(_));
                // Kubernetes swaps a symbolic link beside the files, so that any change counts
                // in a directory whose files are links.
                !read && event.paths.iter().any(|path| files.contains(path) || is_swap(path))
            };
            if event.is_ok_and(|event| ours(&event)) {
                // A full channel holds the news already.
                let _ = tell.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(heard).and_then(|mut watcher| {
            for directory in &directories {
                watcher.watch(directory, RecursiveMode::NonRecursive)?;
            }
            Ok(watcher)
        });
        if let Err(error) = &watcher {
            warn!(%error, "files cannot be watched; reload by SIGHUP");
        }
        Self { changes, _watcher: watcher.ok() }
    }

    /// Resolves when a file has changed and the change has settled. Never, where nothing is watched.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            return std::future::pending().await;
        }
        while let Ok(Some(())) = tokio::time::timeout(SETTLE, self.changes.recv()).await {}
    }
}

fn absolute(file: &Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.to_owned())
}

fn is_swap(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "..data")
}
