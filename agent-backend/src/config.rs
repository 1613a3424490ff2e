//! Settings: command line and `AGENT_*` environment, read once at the start and checked.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderName;
use clap::Parser;
use url::Url;

/// The reference agent behind Portcullis.
#[derive(Clone, Debug, Parser)]
#[command(name = "agent-backend", version, about)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one. The bound address is printed on standard
    /// output.
    #[arg(long, env = "AGENT_LISTEN", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// Stop when standard input closes: a program that started the agent then takes it along,
    /// however it ends.
    #[arg(long)]
    pub while_stdin_open: bool,

    /// The gateway's issuer: the exact `iss` of its tokens, and where its keys are discovered.
    #[arg(long, env = "AGENT_GATEWAY", default_value = "http://127.0.0.1:8080")]
    pub gateway: String,

    /// Fetch discovery and keys from this address instead of the issuer, for example when the
    /// issuer is a public name and the gateway is reached inside. The issuer is still compared.
    #[arg(long, env = "AGENT_JWKS_BASE")]
    pub jwks_base: Option<Url>,

    /// The audience a token must be meant for. A token for another backend is refused.
    #[arg(long, env = "AGENT_AUDIENCE", default_value = "agent")]
    pub audience: String,

    /// The header that carries the token.
    #[arg(long, env = "AGENT_TOKEN_HEADER", default_value = "x-user-jwt")]
    pub token_header: HeaderName,

    /// File with a shared secret. When set, HS256 is the only algorithm accepted.
    #[arg(long, env = "AGENT_HS256_SECRET_FILE", conflicts_with = "hs256_secret")]
    pub hs256_secret_file: Option<PathBuf>,

    /// The shared secret itself; from the environment, because arguments are visible to others.
    #[arg(long, env = "AGENT_HS256_SECRET", hide = true, hide_env_values = true)]
    pub hs256_secret: Option<SharedSecret>,

    /// Open-Meteo's forecast service, or a stand-in for it.
    #[arg(long, env = "AGENT_WEATHER_URL", default_value = "https://api.open-meteo.com")]
    pub weather_url: Url,

    /// Open-Meteo's place search, or a stand-in for it.
    #[arg(
        long,
        env = "AGENT_GEOCODING_URL",
        default_value = "https://geocoding-api.open-meteo.com"
    )]
    pub geocoding_url: Url,

    /// Longest wait for one weather request, in milliseconds; one retry follows.
    #[arg(long, env = "AGENT_WEATHER_TIMEOUT_MS", default_value_t = 2500)]
    pub weather_timeout_ms: u64,

    /// Name of the place that is meant when a question names none.
    #[arg(long, env = "AGENT_PLACE", default_value = "San Sebastián")]
    pub place: String,

    /// Latitude of that place.
    #[arg(long, env = "AGENT_LATITUDE", default_value_t = 43.32, allow_negative_numbers = true)]
    pub latitude: f64,

    /// Longitude of that place.
    #[arg(long, env = "AGENT_LONGITUDE", default_value_t = -1.98, allow_negative_numbers = true)]
    pub longitude: f64,

    /// Time zone of that place.
    #[arg(long, env = "AGENT_TIMEZONE", default_value = "Europe/Madrid")]
    pub timezone: String,

    /// Pause between two words of the offline model, in milliseconds.
    #[arg(long, env = "AGENT_PACE_MS", default_value_t = 28)]
    pub pace_ms: u64,

    /// Log filter, for example `info` or `agent_backend=debug`.
    #[arg(long, env = "AGENT_LOG", default_value = "info")]
    pub log: String,
}

/// A secret shared with the gateway; cannot be printed.
#[derive(Clone)]
pub struct SharedSecret(Vec<u8>);

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The issuer is not an absolute http(s) address.
    #[error("--gateway {0:?} is not an http(s) address: give the gateway's issuer")]
    Gateway(String),
    /// The file with the secret cannot be read.
    #[error("--hs256-secret-file {path:?} cannot be read: {cause}")]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The secret is too short to stand against guessing.
    #[error("the HS256 secret has {0} bytes: use at least 32, for example `openssl rand -hex 32`")]
    SecretTooShort(usize),
}

/// RFC 7518 section 3.2: an HS256 key has at least the size of the hash.
const LEAST_SECRET: usize = 32;

impl Options {
    /// The issuer as an address, for discovery.
    ///
    /// # Errors
    ///
    /// When it is not an absolute `http` or `https` address.
    pub fn issuer_url(&self) -> Result<Url, ConfigError> {
        Url::parse(&self.gateway)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| ConfigError::Gateway(self.gateway.clone()))
    }

    /// The shared secret, if HS256 was chosen.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or the secret is shorter than 32 bytes.
    pub fn secret(&self) -> Result<Option<SharedSecret>, ConfigError> {
        let secret = match (&self.hs256_secret_file, &self.hs256_secret) {
            (Some(path), _) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|cause| ConfigError::SecretFile { path: path.clone(), cause })?;
                SharedSecret::from(text.trim())
            }
            (None, Some(secret)) => secret.clone(),
            (None, None) => return Ok(None),
        };
        if secret.0.len() < LEAST_SECRET {
            return Err(ConfigError::SecretTooShort(secret.0.len()));
        }
        Ok(Some(secret))
    }

    /// Longest wait for one weather request.
    pub fn weather_timeout(&self) -> Duration {
        Duration::from_millis(self.weather_timeout_ms)
    }
}

impl SharedSecret {
    /// The bare bytes, for the one operation that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for SharedSecret {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(…)")
    }
}
