//! Who may sign links, and what a signed one must say.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

use crate::authn::authenticator::RejectReason;
use crate::authn::signed_url::credential::Credential;
use crate::authn::signed_url::links::{Entrance, Place};
use crate::authn::signed_url::{bound, message};
use crate::base::{KeyId, ProviderId, Timestamp};
use crate::crypto::VerifyingKey;
use crate::identity::ClaimMapping;

/// The forms of a link that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkForms {
    /// `?portcullis_link=<JWS>`.
    pub bound: bool,
    /// `?message=<user>:<unix time>&signature=<base64url>`.
    pub message: bool,
}

/// Somebody whose links count: a section of the configuration.
#[derive(Clone, Debug)]
pub struct LinkSigner {
    /// Its name; the provider of the sessions that its links begin.
    pub id: ProviderId,
    /// Who vouches for the people of its links: the issuer of the principals.
    pub issuer: String,
    /// Its public keys, by thumbprint.
    pub keys: Vec<(KeyId, VerifyingKey)>,
    /// The forms it signs.
    pub forms: LinkForms,
    /// What `aud` of a bound link must name.
    pub audience: String,
    /// How far off the end of a link may be.
    pub max_age: Duration,
    /// The most uses that a bound link may ask for.
    pub max_uses: u32,
    /// Which claims of a bound link hold what.
    pub claims: ClaimMapping,
}

impl LinkSigner {
    /// Judges a link; `None` when it is not of this signer.
    pub(super) fn judge(
        &self,
        credential: &Credential,
        place: &Place<'_>,
        now: Timestamp,
    ) -> Option<Result<Entrance, RejectReason>> {
        match credential {
            Credential::Bound(token) if self.forms.bound => bound::judge(self, token, place, now),
            Credential::Message { message, signature } if self.forms.message => {
                message::judge(self, message, signature, now)
            }
            Credential::Bound(_) | Credential::Message { .. } => None,
        }
    }

    /// A link's end must lie ahead, and not too far: what may be used later must be remembered
    /// longer, and can be stolen longer.
    pub(super) fn timely(&self, expires: Timestamp, now: Timestamp) -> Result<(), RejectReason> {
        if expires <= now {
            Err(RejectReason::Expired)
        } else if expires > now.after(self.max_age) {
            Err(RejectReason::Claims)
        } else {
            Ok(())
        }
    }

    /// What a link is remembered by. Of what was signed and not of the signature: one text can have
    /// several signatures.
    pub(super) fn digest(&self, form: &str, what: &str) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        for part in [self.id.as_str(), form, what] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }
}
