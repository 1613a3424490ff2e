//! What things are called in Redis.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::session::events::{EndCause, Ended};
use crate::session::handle::SessionKey;
use crate::session::store::IndexKey;

/// The names of our keys. All begin with the prefix, so that an ACL can hold us to them.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) prefix: String,
    /// The index of sessions by the moment when they are over.
    pub(super) over: String,
    /// Where ends are told.
    pub(super) channel: String,
    /// Where changes are told; another channel, since a gateway of an older version takes whatever it
    /// hears on the first one for an end.
    pub(super) changed: String,
    /// A word that is lost when the data are: see `keeper`.
    pub(super) epoch: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        let name = |of| format!("{prefix}:{of}");
        Self {
            prefix: name(""),
            over: name("over"),
            channel: name("ended"),
            changed: name("changed"),
            epoch: name("epoch"),
        }
    }

    pub(super) fn session(&self, id: &str) -> String {
        format!("{}session:{id}", self.prefix)
    }

    /// The set of the sessions that are found by a name.
    pub(super) fn index(&self, name: &IndexKey) -> String {
        format!("{}owner:{}", self.prefix, text(&name.0))
    }

    /// What says that all sessions of a name were ended a moment ago.
    pub(super) fn bar(&self, name: &IndexKey) -> String {
        format!("{}barred:{}", self.prefix, text(&name.0))
    }

    /// The same of everybody's.
    pub(super) fn everybodys_bar(&self) -> String {
        format!("{}barred:everybody", self.prefix)
    }

    /// All that can bar a session of these names.
    pub(super) fn bars(&self, names: &[IndexKey]) -> Vec<String> {
        let each = names.iter().map(|name| self.bar(name));
        each.chain([self.everybodys_bar()]).collect()
    }

    pub(super) fn lease(&self, id: &str) -> String {
        format!("{}lease:{id}", self.prefix)
    }

    pub(super) fn used(&self, thing: &[u8; 32]) -> String {
        format!("{}used:{}", self.prefix, text(thing))
    }

    pub(super) fn tries(&self, thing: &[u8; 32]) -> String {
        format!("{}try:{}", self.prefix, text(thing))
    }

    /// How many of these were begun lately.
    pub(super) fn tries_begun(&self) -> String {
        format!("{}tries", self.prefix)
    }
}

/// A digest as text.
pub(super) fn text(digest: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(digest)
}

/// A digest from its text.
pub(super) fn digest(text: &[u8]) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// The length of a digest as text.
const TEXT_LEN: usize = 43;

/// Names, one behind the other: as they stand in a session's row, for the scripts to read.
pub(super) fn joined(names: &[IndexKey]) -> String {
    names.iter().map(|name| text(&name.0)).collect()
}

/// Reads what [`joined`] wrote; none if something else is among them.
pub(super) fn names(text: &[u8]) -> Option<Vec<IndexKey>> {
    text.chunks(TEXT_LEN).map(|name| digest(name).map(IndexKey)).collect()
}

/// What stands for a cause in what the scripts publish. One that an older replica does not know reads
/// as revoked there.
pub(super) const fn letter(cause: EndCause) -> &'static str {
    match cause {
        EndCause::Absolute => "a",
        EndCause::Backchannel => "b",
        EndCause::Frontchannel => "f",
        EndCause::Idle => "i",
        EndCause::Logout => "l",
        EndCause::Refresh => "e",
        EndCause::Replaced => "p",
        EndCause::Drained | EndCause::Expired | EndCause::Policy | EndCause::Revoked => "r",
    }
}

/// Reads what the scripts publish: a letter for the cause, and the session's key.
pub(super) fn ended(message: &[u8]) -> Option<Ended> {
    let (&letter, id) = message.split_first()?;
    let cause = match letter {
        b'a' => EndCause::Absolute,
        b'b' => EndCause::Backchannel,
        b'e' => EndCause::Refresh,
        b'f' => EndCause::Frontchannel,
        b'i' => EndCause::Idle,
        b'l' => EndCause::Logout,
        b'p' => EndCause::Replaced,
        _ => EndCause::Revoked,
    };
    Some(Ended { key: digest(id)?, cause })
}

/// Reads what a replacement publishes: the session's key, and behind a space the name of the gateway
/// that did it; `None` where that is `own`, which knows already.
pub(super) fn changed(message: &[u8], own: &str) -> Option<SessionKey> {
    let at = message.iter().position(|byte| *byte == b' ')?;
    let (id, by) = message.split_at_checked(at)?;
    if by.get(1..) == Some(own.as_bytes()) { None } else { digest(id) }
}
