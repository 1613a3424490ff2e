//! The plain form: a user and an end, signed. The end is a moment in the future, in seconds.

use crate::authn::authenticator::RejectReason;
use crate::authn::signed_url::links::Entrance;
use crate::authn::signed_url::signer::LinkSigner;
use crate::base::Timestamp;
use crate::crypto::{VerifyAlgorithm, urlsafe_base64};
use crate::identity::Principal;

/// More digits than any time has that is worth signing.
const MOST_DIGITS: usize = 12;
/// A name, not a document.
const LONGEST_USER: usize = 256;

/// Judges a link; `None` when no key of the signer has signed it.
///
/// Every signature verifies or does not before anything of the message is believed. The message
/// always ends in a colon and digits, which the text that a JWS signs never has, so that one key can
/// sign both forms and none is taken for the other.
pub(super) fn judge(
    signer: &LinkSigner,
    message: &str,
    signature: &str,
    now: Timestamp,
) -> Option<Result<Entrance, RejectReason>> {
    let signature = urlsafe_base64(signature)?;
    let by = |key: &crate::crypto::VerifyingKey| {
        key.verifies(VerifyAlgorithm::EdDsa, message.as_bytes(), &signature)
    };
    signer.keys.iter().any(|(_, key)| by(key)).then(|| believed(signer, message, now))
}

fn believed(signer: &LinkSigner, message: &str, now: Timestamp) -> Result<Entrance, RejectReason> {
    // The last colon: a name may have one, a time has none.
    let (user, time) = message.rsplit_once(':').ok_or(RejectReason::Malformed)?;
    let digits = !time.is_empty() && time.len() <= MOST_DIGITS;
    if !digits || !time.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RejectReason::Malformed);
    }
    if user.is_empty() || user.len() > LONGEST_USER || user.chars().any(char::is_control) {
        return Err(RejectReason::Malformed);
    }
    let expires = Timestamp::from_secs(time.parse().map_err(|_| RejectReason::Malformed)?);
    signer.timely(expires, now)?;
    let mut principal = Principal::new(&signer.issuer, user);
    principal.preferred_username = Some(user.to_owned());
    Ok(Entrance {
        principal,
        signer: signer.id.clone(),
        link: signer.digest("message", message),
        expires,
        uses: 1,
    })
}
