//! `[audit]`: where the audit events go.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::size::ByteSize;
use crate::config::text::text_setting;

/// Where the audit events go: logins, refusals, the ends of sessions and streams, what administrators
/// do. A sink that takes nothing never holds up a request; what it loses is counted in
/// `portcullis_audit_lost_total`. A change needs a restart.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// Each of these receives every event. Default `[{ kind = "log" }]`.
    pub sinks: Vec<AuditSink>,
}

/// A place that audit events go to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AuditSink {
    /// A file of JSON lines that only the gateway's user can read. A file that is moved away, as
    /// `logrotate` does, is made anew.
    File {
        /// The file. Relative to this file's directory.
        path: PathBuf,
        /// How large it becomes before it is put aside as `<path>.1`. Default 100MiB.
        #[serde(default = "max_size")]
        max_size: ByteSize,
        /// How many of those are kept. Default 10.
        #[serde(default = "keep")]
        keep: u32,
    },
    /// Standard error, among the other lines of the log and in their form.
    Log {},
    /// Standard output, as JSON lines.
    Stdout {},
    /// A syslog server, by RFC 5424.
    Syslog {
        /// Where it listens. Default `unix:/dev/log`.
        #[serde(default)]
        address: SyslogAddress,
        /// The facility. Default `authpriv`.
        #[serde(default)]
        facility: Facility,
    },
}

impl Default for Audit {
    fn default() -> Self {
        Self { sinks: vec![AuditSink::Log {}] }
    }
}

const fn max_size() -> ByteSize {
    ByteSize::mib(100)
}

const fn keep() -> u32 {
    10
}

/// Where syslog listens: `unix:` and a datagram socket, or `udp:` or `tcp:` and an address with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyslogAddress {
    /// By TCP, octets counted (RFC 6587 section 3.4.1).
    Tcp(SocketAddr),
    /// By UDP (RFC 5426).
    Udp(SocketAddr),
    /// A datagram socket of this machine.
    Unix(PathBuf),
}

text_setting!(SyslogAddress, "syslog address", "udp:192.0.2.1:514", "^(unix:/|udp:|tcp:).+$");

impl Default for SyslogAddress {
    fn default() -> Self {
        Self::Unix(Path::new("/dev/log").to_owned())
    }
}

impl FromStr for SyslogAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no place that syslog listens at\n\
                 help: write \"unix:/dev/log\", \"udp:192.0.2.1:514\" or \"tcp:192.0.2.1:601\""
            )
        };
        let (kind, place) = text.split_once(':').ok_or_else(wrong)?;
        let address = || place.parse::<SocketAddr>().map_err(|_| wrong());
        match kind {
            "tcp" => Ok(Self::Tcp(address()?)),
            "udp" => Ok(Self::Udp(address()?)),
            "unix" if place.starts_with('/') => Ok(Self::Unix(place.into())),
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for SyslogAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Udp(address) => write!(f, "udp:{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A facility of RFC 5424 section 6.2.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Facility {
    /// Security and authorization.
    Auth = 4,
    /// The same, private.
    #[default]
    Authpriv = 10,
    /// System daemons.
    Daemon = 3,
    /// Local use.
    Local0 = 16,
    /// Local use.
    Local1 = 17,
    /// Local use.
    Local2 = 18,
    /// Local use.
    Local3 = 19,
    /// Local use.
    Local4 = 20,
    /// Local use.
    Local5 = 21,
    /// Local use.
    Local6 = 22,
    /// Local use.
    Local7 = 23,
}

impl Facility {
    /// Its code.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in ["unix:/dev/log", "udp:192.0.2.1:514", "tcp:[2001:db8::1]:601"] {
            assert_eq!(text.parse::<SyslogAddress>().unwrap().to_string(), text);
        }
        for text in ["", "/dev/log", "unix:log", "udp:loghost:514", "udp:192.0.2.1", "tls:x"] {
            assert!(text.parse::<SyslogAddress>().is_err(), "{text}");
        }
    }
}
