//! `[session]`: how long a login lasts and where it is kept.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::duration::Duration;
use crate::config::redis::RedisStore;

/// How long a login lasts and where it is kept. The browser holds an opaque handle only.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Session {
    /// Where sessions are kept. Default embedded: a file, nothing else to run.
    pub store: SessionStore,
    /// How long a session lasts without a request. Default 1h: a lunch break. Stops a forgotten
    /// browser from staying signed in.
    pub idle: Duration,
    /// How long a session lasts in all, however busy. Default 12h: a working day. Bounds what a
    /// stolen handle is worth. At most 200d: the keys that seal sessions are kept little longer.
    pub absolute: Duration,
    /// Sessions held in memory, so that a request does no I/O; the others are read from the store.
    /// Default 100000: about 100 MiB when full.
    pub hot: u32,
}

/// Where sessions are kept.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SessionStore {
    /// A durable file; sessions survive a restart and a crash.
    Embedded {
        /// The file. Default `sessions.redb` in the state directory. Relative to this file's
        /// directory.
        #[serde(default)]
        path: Option<PathBuf>,
    },
    /// Memory only: a restart signs everybody out. For tests and trials.
    Memory {},
    /// A Redis or Valkey server that replicas share.
    Redis(Box<RedisStore>),
}

impl Default for Session {
    fn default() -> Self {
        Self {
            store: SessionStore::Embedded { path: None },
            idle: Duration::from_secs(3_600),
            absolute: Duration::from_secs(12 * 3_600),
            hot: 100_000,
        }
    }
}
