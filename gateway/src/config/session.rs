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
    /// What browsers are told to forget of this host when somebody signs out (`Clear-Site-Data`): any of
    /// `cookies`, `storage` and `cache`. Default none: the apps behind the gateway are on the same host,
    /// and what they keep may be meant to outlive a session. Browsers heed it over HTTPS only.
    pub clear_site_data: Vec<SiteData>,
    /// How sessions follow what their provider says.
    pub refresh: Refresh,
}

/// How sessions follow what their provider says, where it hands out refresh tokens: new tokens before
/// the old ones expire, and with them the groups that somebody is in today.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Refresh {
    /// Whether refresh tokens are used. Default true. Without, a session lasts as it began until its
    /// own end, whatever the provider says meanwhile.
    pub enabled: bool,
    /// How long before the access token expires it is refreshed. Default 1m; for tokens that live less
    /// than four times as long, in the last quarter of their life.
    pub ahead: Duration,
    /// The longest between two refreshes, however long access tokens live: so long a lost group may
    /// stay at most. Default 1h. At least 5s.
    pub every: Duration,
    /// How long a session is served after its access token expired while the provider cannot be
    /// asked. Default 1h: an outage in which nobody has to stop working. With 0s, requests wait for
    /// the refresh, and the session ends where it fails.
    pub grace: Duration,
    /// Only sessions that were used within this time, or have open streams, are refreshed ahead; the
    /// others at their next use. Default 15m.
    pub active_within: Duration,
}

/// Something that browsers keep of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SiteData {
    /// What was cached. Takes browsers a second or more.
    Cache,
    /// All cookies: also those of the apps, and of every host of the registered domain, such as those of
    /// `login.example.com` for `app.example.com`. The cookies of an app that say who somebody is are
    /// better named in `app_cookies`.
    Cookies,
    /// Local and session storage, databases and service workers.
    Storage,
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
            clear_site_data: Vec::new(),
            refresh: Refresh::default(),
        }
    }
}

impl Default for Refresh {
    fn default() -> Self {
        Self {
            enabled: true,
            ahead: Duration::from_secs(60),
            every: Duration::from_secs(3_600),
            grace: Duration::from_secs(3_600),
            active_within: Duration::from_secs(900),
        }
    }
}
