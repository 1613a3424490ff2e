//! How the server is reached.

use std::fmt;
use std::time::Duration;

use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    ProtocolVersion, RedisConnectionInfo, RedisResult, TlsCertificates,
};

use crate::base::Secret;

/// How sessions are kept in Redis or Valkey.
#[derive(Clone, Debug)]
pub struct RedisSettings {
    /// The servers, of which one is the primary; or the sentinels.
    pub servers: Vec<RedisServer>,
    /// What the sentinels call the primary; `None` where `servers` are servers.
    pub sentinel: Option<String>,
    /// The ACL user; `None` is `default`.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<Secret<String>>,
    /// Number of the database.
    pub database: u32,
    /// PEM of the authority that signed the servers' certificates; `None`: those of the system.
    pub authority: Option<Vec<u8>>,
    /// PEM of our certificate, and its private key.
    pub certificate: Option<(Vec<u8>, Secret<Vec<u8>>)>,
    /// Begins every key and the channel's name.
    pub prefix: String,
    /// How long one command may take, connecting included.
    pub command_timeout: Duration,
    /// How long memory counts while the server cannot be asked.
    pub max_staleness: Duration,
    /// Commands under way at most.
    pub in_flight: usize,
    /// Sessions kept at most.
    pub limit: usize,
    /// The idle time of sessions.
    pub idle: Duration,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether TLS is spoken.
    pub tls: bool,
}

impl RedisSettings {
    /// A client for one of the servers, or for the primary that a sentinel named.
    pub(super) fn client(&self, server: &RedisServer) -> RedisResult<Client> {
        let mut redis = RedisConnectionInfo::default()
            .set_db(i64::from(self.database))
            // Pushes and answers come on one connection, in order: see `keeper`.
            .set_protocol(ProtocolVersion::RESP3)
            .set_lib_name("portcullis", env!("CARGO_PKG_VERSION"));
        if let Some(username) = &self.username {
            redis = redis.set_username(username);
        }
        if let Some(password) = &self.password {
            redis = redis.set_password(password.expose());
        }
        self.open(server, redis)
    }

    /// A client for a sentinel, which has neither our database nor our user.
    pub(super) fn sentinel_client(&self, sentinel: &RedisServer) -> RedisResult<Client> {
        self.open(sentinel, RedisConnectionInfo::default())
    }

    fn open(&self, server: &RedisServer, redis: RedisConnectionInfo) -> RedisResult<Client> {
        let (host, port) = (server.host.clone(), server.port);
        if !server.tls {
            let at = ConnectionAddr::Tcp(host, port).into_connection_info()?;
            return Client::open(at.set_redis_settings(redis));
        }
        let at = ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None };
        let at: ConnectionInfo = at.into_connection_info()?;
        let client_tls = self.certificate.as_ref().map(|(chain, key)| ClientTlsConfig {
            client_cert: chain.clone(),
            client_key: key.expose().clone(),
        });
        let certificates = TlsCertificates { client_tls, root_cert: self.authority.clone() };
        Client::build_with_tls(at.set_redis_settings(redis), certificates)
    }
}

impl fmt::Display for RedisServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
