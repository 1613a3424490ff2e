//! `portcullis keys generate --ed25519`: a pair for signed links. It has nothing to do with the keys
//! that sign identity tokens: whoever signs links must not be able to sign those.

use std::path::{Path, PathBuf};

use crate::crypto::{SignFault, ed25519_pair, keyfile};

/// Why no pair can be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkKeysFault {
    /// There is one.
    #[error("{} is there already; choose another name, links may be signed with it", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] keyfile::KeyfileFault),
    /// The library failed.
    #[error(transparent)]
    Key(#[from] SignFault),
}

/// Writes `<name>.key` (mode 0600) and `<name>.pub`. Returns what to print.
///
/// # Errors
/// When there is such a pair, or it cannot be written.
pub(super) fn generate(name: &Path) -> Result<String, LinkKeysFault> {
    let file = |end: &str| {
        let mut file = name.as_os_str().to_owned();
        file.push(end);
        PathBuf::from(file)
    };
    let (private, public) = (file(".key"), file(".pub"));
    for taken in [&private, &public] {
        if taken.exists() {
            return Err(LinkKeysFault::Exists(taken.clone()));
        }
    }
    let (secret, pem, id) = ed25519_pair()?;
    keyfile::write_atomic(&private, secret.expose().as_bytes())?;
    keyfile::write_atomic(&public, pem.as_bytes())?;
    let line = pem.lines().nth(1).unwrap_or_default();
    let (private, public) = (private.display(), public.display());
    Ok(format!(
        "Made {private} for whoever signs links, and {public}. Key id (kid): {id}\n\n\
         [signed_urls.portal]\npublic_keys = [\"{line}\"]"
    ))
}
