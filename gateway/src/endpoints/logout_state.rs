//! The `state` of a sign-out at the provider: says, on the way back, that this browser was sent there.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::form_urlencoded;

use crate::base::{ProviderId, Timestamp};
use crate::crypto::Sealer;
use crate::endpoints::browser::Mark;
use crate::endpoints::service::Endpoints;
use crate::web::Request;

/// From where somebody comes to the signed-out page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CameBack {
    /// From the provider to which this browser was sent to sign out.
    From(ProviderId),
    /// From somebody who names no sign-out of this browser.
    Stranger,
    /// From nowhere that says anything.
    Silent,
}

const PURPOSE: &str = "logout state";
/// A person may think about the provider's question for as long as their mark is kept.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
/// More than one of ours can have.
const LONGEST: usize = 512;

/// Seals where a browser is sent.
pub(super) fn seal(sealer: &Sealer, mark: &Mark, provider: &ProviderId, now: Timestamp) -> String {
    let mut bytes = now.as_secs().to_be_bytes().to_vec();
    bytes.extend_from_slice(provider.as_str().as_bytes());
    URL_SAFE_NO_PAD.encode(sealer.seal(PURPOSE, mark.as_str().as_bytes(), &bytes))
}

fn open(sealer: &Sealer, mark: &Mark, state: &str, now: Timestamp) -> Option<ProviderId> {
    let sealed = URL_SAFE_NO_PAD.decode(state).ok()?;
    let bytes = sealer.open(PURPOSE, mark.as_str().as_bytes(), &sealed)?;
    let (secs, provider) = bytes.split_first_chunk()?;
    let sent = Timestamp::from_secs(i64::from_be_bytes(*secs));
    let provider = std::str::from_utf8(provider).ok()?;
    (now < sent.after(LIFETIME)).then(|| provider.into())
}

impl Endpoints {
    /// From where a request for the signed-out page comes. A provider that sends no `state` back, or a
    /// sign-out without a provider, is nothing to wonder about; another `state` than ours is.
    pub(super) fn came_back(&self, request: &Request<'_>) -> CameBack {
        let query = request.query.unwrap_or_default().as_bytes();
        let mut states = form_urlencoded::parse(query).filter(|(name, _)| name == "state");
        let Some((_, state)) = states.next() else { return CameBack::Silent };
        if states.next().is_some() || state.len() > LONGEST {
            return CameBack::Stranger;
        }
        let now = self.parts.clock.now();
        let from = self.mark_of(request);
        let from = from.and_then(|mark| open(&self.parts.sealer, &mark, &state, now));
        match from {
            Some(provider) => CameBack::From(provider),
            // The browser was told to forget its mark as well.
            None if self.parts.logout.clear_site_data.contains("\"cookies\"") => CameBack::Silent,
            None => CameBack::Stranger,
        }
    }
}
