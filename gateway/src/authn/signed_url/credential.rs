//! Where in a query a link's credential stands, and the query without it.

use url::form_urlencoded;

use crate::authn::authenticator::RejectReason;
use crate::authn::signed_url::signer::LinkForms;

/// The parameter of the bound form.
pub const BOUND: &str = "portcullis_link";
const MESSAGE: &str = "message";
const SIGNATURE: &str = "signature";

/// What a link brings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credential {
    /// A compact JWS.
    Bound(String),
    /// `<user>:<unix time>`, and its signature.
    Message { message: String, signature: String },
}

/// The credential in a query; `None` where there is none of these forms.
pub(super) fn find(query: &str, forms: LinkForms) -> Option<Result<Credential, RejectReason>> {
    let all = |wanted: &str| -> Vec<String> {
        form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
            .collect()
    };
    let bound = if forms.bound { all(BOUND) } else { Vec::new() };
    let (message, signature) =
        if forms.message { (all(MESSAGE), all(SIGNATURE)) } else { Default::default() };
    // One of the two alone is some parameter of the application's.
    let signed = !message.is_empty() && !signature.is_empty();
    match (bound.as_slice(), message.as_slice(), signature.as_slice()) {
        ([], _, _) if !signed => None,
        ([link], _, _) if !signed => Some(Ok(Credential::Bound(link.clone()))),
        ([], [message], [signature]) => {
            Some(Ok(Credential::Message { message: message.clone(), signature: signature.clone() }))
        }
        // Nobody can say which one counts.
        _ => Some(Err(RejectReason::Repeated)),
    }
}

/// The query without the parameters of these forms; all else stays byte for byte.
pub(super) fn strip(query: &str, forms: LinkForms) -> Option<String> {
    let ours = |part: &str| {
        form_urlencoded::parse(part.as_bytes()).next().is_some_and(|(name, _)| {
            (forms.bound && name == BOUND)
                || (forms.message && (name == MESSAGE || name == SIGNATURE))
        })
    };
    let kept: Vec<_> = query.split('&').filter(|part| !ours(part)).collect();
    let kept = kept.join("&");
    (!kept.is_empty()).then_some(kept)
}
