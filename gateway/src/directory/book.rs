//! The trait that every directory implements.

use std::fmt;

use async_trait::async_trait;

use crate::base::Secret;
use crate::directory::{AccountKey, AccountName};
use crate::identity::Principal;

/// Somebody who can tell whether a name and a password belong together.
///
/// Contract: an unknown name and a wrong password get the same answer and take the same time; what
/// cannot be asked is [`Answer::Unavailable`], never a refusal.
#[async_trait]
pub trait Directory: Send + Sync + fmt::Debug {
    /// Judges a name and a password.
    async fn check(&self, name: &AccountName, password: &Secret<String>) -> Answer;
}

/// What a directory says.
#[derive(Debug)]
pub enum Answer {
    /// They belong together, and this is who it is.
    Accept(AccountKey, Box<Principal>),
    /// The account is switched off, whatever the password.
    Disabled(AccountKey),
    /// There is such an account, and its password is another one. What directories behind say of
    /// the name counts for nothing: it is somebody else's there.
    Mistaken(AccountKey),
    /// There is no such account here; or its password is another one, and this directory does not
    /// tell the two apart.
    Refuse,
    /// Nobody can say just now; the cause, for the log.
    Unavailable(String),
}
