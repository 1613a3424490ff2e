//! What happens to a session, in words.

use std::fmt;

use crate::session::handle::SessionKey;

/// Why a session, or with [`Drained`](Self::Drained) only its streams, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndCause {
    /// Its absolute lifetime is over.
    Absolute,
    /// The provider said, to us, that the person signed out there.
    Backchannel,
    /// The gateway is going down: the session lives, its streams must be opened anew.
    Drained,
    /// The token that opened a stream has expired. No session ends by this.
    Expired,
    /// The provider said, through the person's browser, that they signed out there.
    Frontchannel,
    /// Nobody used it for the idle time.
    Idle,
    /// The person signed out.
    Logout,
    /// A stream's session or route changed, and a request like the one that opened it would now be
    /// refused. No session ends by this.
    Policy,
    /// Its provider, asked anew, does not want the person any more, or could not be asked for too long.
    Refresh,
    /// A new session took its place: a new login, or more rights.
    Replaced,
    /// An administrator ended it.
    Revoked,
}

/// A session that time has ended; for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub key: SessionKey,
    /// Why.
    pub cause: EndCause,
}

impl EndCause {
    /// Whether time alone brought this end. A route may grant its streams more of that; never where
    /// somebody decided that they end.
    pub const fn is_by_time(self) -> bool {
        match self {
            Self::Absolute | Self::Expired | Self::Idle => true,
            Self::Backchannel
            | Self::Drained
            | Self::Frontchannel
            | Self::Logout
            | Self::Policy
            | Self::Refresh
            | Self::Replaced
            | Self::Revoked => false,
        }
    }

    /// The word used in logs, metrics and audit events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absolute => "absolute",
            Self::Backchannel => "backchannel",
            Self::Drained => "drained",
            Self::Expired => "expired",
            Self::Frontchannel => "frontchannel",
            Self::Idle => "idle",
            Self::Logout => "logout",
            Self::Policy => "policy",
            Self::Refresh => "refresh",
            Self::Replaced => "replaced",
            Self::Revoked => "revoked",
        }
    }
}

impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
