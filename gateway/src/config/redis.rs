//! `session.store` with `kind = "redis"`.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::duration::Duration;
use crate::config::secret_source::SecretSource;
use crate::config::text::text_setting;

/// A server that all replicas share: Redis 6 or newer, or Valkey. Not a cluster.
///
/// While it cannot be asked, requests that need a session are answered with 503 and all others are
/// served. See the manual's page on replicas for what else they must share.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RedisStore {
    /// The servers, such as `redis://10.0.0.5:6379`, or `rediss://` for TLS. Where there are
    /// replicas of it list them all: the one that is the primary is used, and found again after a
    /// failover. With `sentinel`, the sentinels instead.
    pub urls: Vec<RedisUrl>,
    /// What the sentinels call the primary. Default: `urls` are the servers themselves.
    pub sentinel: Option<String>,
    /// The ACL user. Default: the server's `default` user.
    pub username: Option<String>,
    /// The user's password. Default: none.
    pub secret: Option<SecretSource>,
    /// Number of the database. Default 0.
    #[serde(default)]
    pub database: u32,
    /// PEM file with the authority that signed the servers' certificates, where it is a private one.
    /// Relative to this file's directory. Default: the authorities of the system.
    pub ca: Option<PathBuf>,
    /// PEM file with the gateway's own certificate, where the servers ask for one. Relative to this
    /// file's directory. Default: none is shown.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key of `certificate`. Relative to this file's directory.
    pub key: Option<PathBuf>,
    /// Begins each key's name, so that several gateways with sessions of their own can share one
    /// server. Default `portcullis`.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// How long the server may take to answer; then the connection counts as broken. Default 1s:
    /// people wait for it.
    #[serde(default = "command_timeout")]
    pub command_timeout: Duration,
    /// How long sessions in memory count while the server cannot be asked. Default 10s: long enough
    /// for a restart or a failover. For so long a session that was ended elsewhere may be let in by
    /// a replica that is cut off.
    #[serde(default = "max_staleness")]
    pub max_staleness: Duration,
    /// Questions under way at most; a request that would need one more is answered with 503. Default
    /// 1000: a slow server must not fill memory with those who wait.
    #[serde(default = "in_flight")]
    pub in_flight: NonZeroU32,
}

/// A Redis server: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RedisUrl {
    /// Its name or address, an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether TLS is spoken.
    pub tls: bool,
}

text_setting!(RedisUrl, "server", "redis://127.0.0.1:6379", "^rediss?://[^/?#@]+/?$");

impl FromStr for RedisUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let odd = |why: &str| {
            format!("{why}\nhelp: write scheme, host and port: \"redis://127.0.0.1:6379\"")
        };
        // Not repeated in the message: it may hold a password.
        if text.contains('@') {
            let help = "write `username` and `secret = { env = \"NAME\" }` beside it";
            return Err(format!("a user name or password does not belong here\nhelp: {help}"));
        }
        let url = Url::parse(text).map_err(|_| odd("this is not a URL"))?;
        let tls = match url.scheme() {
            "redis" | "valkey" => false,
            "rediss" | "valkeys" => true,
            _ => return Err(odd("a server starts with redis:// or rediss://")),
        };
        if !matches!(url.path(), "" | "/") {
            let help = "write the database's number as `database`";
            return Err(format!("a server has no path\nhelp: {help}"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(odd("a server has no query or fragment"));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| odd("the host is missing"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: url.port().unwrap_or(6_379), tls })
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{}{close}:{}", self.host, self.port)
    }
}

fn prefix() -> String {
    "portcullis".to_owned()
}

const fn command_timeout() -> Duration {
    Duration::from_secs(1)
}

const fn max_staleness() -> Duration {
    Duration::from_secs(10)
}

const fn in_flight() -> NonZeroU32 {
    match NonZeroU32::new(1_000) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_shown_as_it_is_read() {
        for (text, shown) in [
            ("redis://127.0.0.1", "redis://127.0.0.1:6379"),
            ("rediss://cache.test:6380/", "rediss://cache.test:6380"),
            ("valkey://cache.test", "redis://cache.test:6379"),
            ("redis://[::1]:7000", "redis://[::1]:7000"),
        ] {
            assert_eq!(text.parse::<RedisUrl>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn anything_else_is_refused_and_a_password_not_repeated() {
        for text in ["127.0.0.1:6379", "http://a", "redis://", "redis://a/1", "redis://a?x", ""] {
            assert!(text.parse::<RedisUrl>().is_err(), "{text}");
        }
        let told = "redis://:hunter2@a".parse::<RedisUrl>().unwrap_err();
        assert!(told.contains("password") && !told.contains("hunter2"), "{told}");
    }
}
