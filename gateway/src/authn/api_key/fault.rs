//! What can go wrong with keys.

use std::path::{Path, PathBuf};

use crate::authn::api_key::book::MOST;
use crate::authn::api_key::record::FORGOTTEN_DAYS;
use crate::authn::api_key::text::ApiKeyId;
use crate::crypto::keyfile::KeyfileFault;

/// Why keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyFault {
    /// The file is damaged.
    #[error(
        "the file of API keys {path} is damaged ({detail}); put a copy of it back; or move it away and \
         start the gateway anew: its keys are then unknown"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A file that replicas share cannot be read or written.
    #[error(transparent)]
    File(#[from] KeyfileFault),
    /// As many keys as may be.
    #[error(
        "there are {MOST} API keys, the limit; revoked ones are forgotten {FORGOTTEN_DAYS} days later"
    )]
    Full,
    /// What replicas share was there and is not any more.
    #[error(
        "{path}, with API keys, is gone; see that the directory is mounted, or put a copy of it back. The \
         keys in memory stay as they are"
    )]
    Gone {
        /// The file or directory.
        path: PathBuf,
    },
    /// Another process has the file open.
    #[error("the file of API keys {path} is in use by another process")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("the file of API keys cannot be read or written: {0}")]
    Io(String),
    /// It was revoked, and stays so.
    #[error("API key `{0}` was revoked, which cannot be undone; create a new one")]
    Revoked(ApiKeyId),
    /// Keys are to be taken over, and those that were before would be lost by it.
    #[error(
        "{path} holds API keys to be taken over to where replicas share them, and {before}, from an earlier \
         time, is in the way; move that file elsewhere"
    )]
    TakenOver {
        /// The file with the keys.
        path: PathBuf,
        /// The file that is in the way.
        before: PathBuf,
    },
    /// There is none of that name.
    #[error("there is no API key `{0}`; see: portcullis api-keys list")]
    Unknown(String),
}

impl ApiKeyFault {
    /// The fault of a record that does not read.
    pub(super) fn unread(path: &Path, id: ApiKeyId) -> Self {
        let detail = format!("the record of `{id}` does not read");
        Self::Damaged { path: path.to_owned(), detail }
    }
}
