//! Proof that a form came from a page of the same session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::crypto::Sealer;
use crate::session::SessionKey;

const PURPOSE: &str = "form of a session";

/// A proof for the forms of one session. Sealed anew each time, so that compressed pages leak
/// nothing of it; good for as long as the session is.
pub(super) fn token(sealer: &Sealer, session: &SessionKey) -> String {
    URL_SAFE_NO_PAD.encode(sealer.seal(PURPOSE, session, &[]))
}

/// Whether a proof is of this session. The seal's tag is compared in constant time.
pub(super) fn is_valid(sealer: &Sealer, session: &SessionKey, proof: &str) -> bool {
    let sealed = URL_SAFE_NO_PAD.decode(proof).unwrap_or_default();
    sealer.open(PURPOSE, session, &sealed).is_some()
}
