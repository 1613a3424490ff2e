//! `[server]`: where the gateway listens and what it is called.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::limits::Limits;
use crate::config::origin::Origin;
use crate::config::secret_source::SecretSource;
use crate::config::verify::Verify;

/// Where the gateway listens, what it is called from outside, and whom it believes.
///
/// At least one of `http` and `https` must be there.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The origin under which browsers reach the gateway: scheme, host, and the port where it is not
    /// the usual one. Login callbacks come back to it and tokens name it as their issuer. Plain
    /// `http` is taken for loopback hosts only: a session cookie in clear text can be stolen on the
    /// way.
    pub public_url: Origin,
    /// Further origins that are ours, such as `https://localhost:8443`. A login ends at the origin
    /// where it began, and only if it is listed here or is `public_url`; default none, because a
    /// host that is not listed could be an attacker's.
    #[serde(default)]
    pub origins: Vec<Origin>,
    /// The listener for plain HTTP.
    pub http: Option<Http>,
    /// The listener for HTTP over TLS.
    pub https: Option<Https>,
    /// Where operators ask: health, metrics, sessions, API keys, reload.
    #[serde(default)]
    pub admin: Admin,
    /// Networks of proxies in front of the gateway, whose `X-Forwarded-For` and `X-Forwarded-Proto`
    /// are believed. Default none: whoever is believed can claim any client address.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
    /// The directory for what must survive a restart: sessions and keys. Made with mode 0700 if it
    /// is not there. Relative to this file's directory. Whoever can read it can sign tokens.
    #[serde(default = "state")]
    pub state: PathBuf,
    /// The directory for the keys that sign tokens and seal sessions, and for API keys, where replicas
    /// share it. Each writes to it: one makes a new key, the others take it up within a second. Relative
    /// to this file's directory. Default: the state directory, which only one process may have.
    pub keys: Option<PathBuf>,
    /// Worker threads; default one for each core, which is what the work of a proxy scales with.
    pub threads: Option<NonZeroUsize>,
    /// What relays HTTP/1.1: `direct`, our own path, or `pingora`, which costs several times as much
    /// for each request and four times the memory. Default `direct`. Both keep the same rules; the
    /// second is there in case the first is suspected of a fault. HTTP/2 always goes by pingora.
    #[serde(default)]
    pub http1_engine: Http1Engine,
    /// What one client, one connection and one request may use up.
    #[serde(default)]
    pub limits: Limits,
    /// Answers other proxies that ask whether they may forward a request. Default: nobody can ask.
    pub verify: Option<Verify>,
}

/// What relays HTTP/1.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Http1Engine {
    /// Our own path.
    #[default]
    Direct,
    /// pingora's proxy.
    Pingora,
}

/// The listener for plain HTTP.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port. Port 0 takes a free one and prints it.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Whether each request is answered with a redirect to `public_url`, which must then be `https`.
    /// Default false, so that the gateway can stand behind a proxy that ends TLS.
    #[serde(default)]
    pub redirect_to_https: bool,
}

/// The listener for HTTP over TLS.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Https {
    /// Address and port. Port 0 takes a free one and prints it.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// The certificates, chosen by the names in them; the first one serves clients that name none.
    pub certificates: Vec<Certificate>,
    /// Whether HTTP/2 is offered. Default true: browsers use one connection then instead of six.
    #[serde(default = "yes")]
    pub http2: bool,
}

/// One certificate with its key.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// PEM file: the certificate, then its intermediates. Relative to this file's directory.
    pub chain: PathBuf,
    /// PEM file: the private key. Relative to this file's directory.
    pub key: PathBuf,
    /// Whose client certificates the hosts of this certificate ask for, by id. Default: they ask for
    /// none.
    pub client_certificates: Option<String>,
}

/// Where operators ask.
///
/// A socket in the state directory, for this machine's own user and root: it takes everything, and the
/// commands `portcullis sessions` and `portcullis api-keys` use it. And a listener for health and metrics.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Address and port of the listener. Default `127.0.0.1:9090`: whoever reaches it sees what the
    /// gateway does, so it is not reachable from other machines unless this says so.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// The socket. Default `admin.sock` in the state directory. Relative to this file's directory.
    pub socket: Option<PathBuf>,
    /// What opens sessions and API keys on the listener too, as `Authorization: Bearer`; at least 32
    /// characters, such as those of `openssl rand -hex 32`. Reload and configuration then need it as well;
    /// until then whoever calls the listener by its address has them.
    /// Default: nothing does, and they are had on the socket only.
    pub token: Option<SecretSource>,
}

impl Default for Admin {
    fn default() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 9090));
        Self { listen, socket: None, token: None }
    }
}

impl Server {
    /// The socket for operators.
    pub fn admin_socket(&self) -> PathBuf {
        self.admin.socket.clone().unwrap_or_else(|| self.state.join(ADMIN_SOCKET))
    }

    /// The directory of the keys that sign and seal.
    pub fn keys_folder(&self) -> &Path {
        self.keys.as_deref().unwrap_or(&self.state)
    }
}

/// The socket for operators, in the state directory.
pub const ADMIN_SOCKET: &str = "admin.sock";

fn state() -> PathBuf {
    PathBuf::from("state")
}

const fn yes() -> bool {
    true
}
