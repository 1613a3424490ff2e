//! What things are called in Redis.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::session::events::{EndCause, Ended};
use crate::session::store::Owner;

/// The names of our keys. All begin with the prefix, so that an ACL can hold us to them.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) prefix: String,
    /// The index of sessions by the moment when they are over.
    pub(super) over: String,
    /// Where ends are told.
    pub(super) channel: String,
    /// A word that is lost when the data are: see `keeper`.
    pub(super) epoch: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        let name = |of| format!("{prefix}:{of}");
        Self { prefix: name(""), over: name("over"), channel: name("ended"), epoch: name("epoch") }
    }

    pub(super) fn session(&self, id: &str) -> String {
        format!("{}session:{id}", self.prefix)
    }

    pub(super) fn owner(&self, owner: &str) -> String {
        format!("{}owner:{owner}", self.prefix)
    }

    pub(super) fn used(&self, thing: &[u8; 32]) -> String {
        format!("{}used:{}", self.prefix, text(thing))
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

pub(super) fn owner(text: &[u8]) -> Option<Owner> {
    digest(text).map(Owner)
}

/// What stands for a cause in what the scripts publish. One that an older replica does not know reads
/// as revoked there.
pub(super) const fn letter(cause: EndCause) -> &'static str {
    match cause {
        EndCause::Absolute => "a",
        EndCause::Idle => "i",
        EndCause::Logout => "l",
        EndCause::Replaced => "p",
        EndCause::Drained | EndCause::Expired | EndCause::Policy | EndCause::Revoked => "r",
    }
}

/// Reads what the scripts publish: a letter for the cause, and the session's key.
pub(super) fn ended(message: &[u8]) -> Option<Ended> {
    let (&letter, id) = message.split_first()?;
    let cause = match letter {
        b'a' => EndCause::Absolute,
        b'i' => EndCause::Idle,
        b'l' => EndCause::Logout,
        b'p' => EndCause::Replaced,
        _ => EndCause::Revoked,
    };
    Some(Ended { key: digest(id)?, cause })
}
