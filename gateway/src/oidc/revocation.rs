//! Tokens that are of no more use are handed back (RFC 7009).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use tokio::sync::Semaphore;
use url::form_urlencoded;

use crate::base::{Entropy, Secret, Timestamp};
use crate::observe::{Metrics, RevocationResult};
use crate::oidc::client_auth::prove;
use crate::oidc::discovery::Metadata;
use crate::oidc::fault::LoginFault;
use crate::oidc::provider::Provider;
use crate::oidc::settings::ProviderSettings;
use crate::web::Fetch;

/// Hands tokens back in the background: nobody who signs out waits for it, and no sign-out fails by it.
///
/// What waits is bounded in number and in time. What is dropped or fails is counted and logged, and
/// not tried again: the token then lives as long as the provider lets it.
#[derive(Debug)]
pub struct Revoker {
    places: Arc<Semaphore>,
    hands: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

/// Why a provider has not taken a token back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationFault {
    /// Its answer is not the one of RFC 7009 section 2.2.
    #[error("the provider refuses: {0}")]
    Refused(String),
    /// It is down, or did not answer in time.
    #[error("the provider is unavailable: {0}")]
    Unavailable(String),
    /// We cannot show who we are.
    #[error("the gateway cannot prove itself: {0}")]
    Unproven(LoginFault),
}

/// Tokens that wait at most: each holds memory.
const PLACES: usize = 4_096;
/// Requests at once: a provider must not be overrun when an administrator ends many sessions.
const HANDS: usize = 8;
/// How long one may wait, and take.
const PATIENCE: Duration = Duration::from_secs(60);

impl Default for Revoker {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Revoker {
    /// One that counts here.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let [places, hands] = [PLACES, HANDS].map(|most| Arc::new(Semaphore::new(most)));
        Self { places, hands, metrics }
    }

    /// Hands back what a session had: the refresh token, which takes its access tokens with it, or
    /// else the access token. Within a tokio runtime; does not wait.
    pub fn hand_back(
        &self,
        provider: &Arc<Provider>,
        refresh_token: Option<Secret<String>>,
        access_token: Option<Secret<String>>,
    ) {
        let refresh = refresh_token.map(|token| (token, "refresh_token"));
        let given = refresh.or_else(|| access_token.map(|token| (token, "access_token")));
        let Some((token, hint)) = given.filter(|_| provider.takes_back()) else { return };
        let (metrics, provider) = (Arc::clone(&self.metrics), Arc::clone(provider));
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            metrics.revocation(provider.id().as_str(), RevocationResult::Dropped);
            return;
        };
        let hands = Arc::clone(&self.hands);
        tokio::spawn(async move {
            let _place = place;
            let handed = async {
                let _hand = hands.acquire().await;
                provider.revoke(&token, hint).await
            };
            let late = || RevocationFault::Unavailable("no answer in time".to_owned());
            let result = match tokio::time::timeout(PATIENCE, handed).await {
                Ok(Ok(())) => RevocationResult::Revoked,
                Ok(Err(fault)) => failed(&provider, &fault),
                Err(_) => failed(&provider, &late()),
            };
            metrics.revocation(provider.id().as_str(), result);
        });
    }
}

fn failed(provider: &Provider, fault: &RevocationFault) -> RevocationResult {
    tracing::warn!(provider = %provider.id(), %fault, "a token was not handed back");
    RevocationResult::Failed
}

/// One exchange with the revocation endpoint.
pub(super) async fn revoke(
    fetch: &dyn Fetch,
    settings: &ProviderSettings,
    metadata: &Metadata,
    given: (&Secret<String>, &str),
    chance: (&dyn Entropy, Timestamp),
) -> Result<(), RevocationFault> {
    let request = request(settings, metadata, given, chance)?;
    let answer = fetch.send(request).await;
    match answer.map_err(|error| RevocationFault::Unavailable(error.to_string()))?.status() {
        // Also for a token that it does not know (section 2.2): that one opens nothing either.
        status if status.is_success() => Ok(()),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(RevocationFault::Unavailable(format!("it answered with {status}")))
        }
        status => Err(RevocationFault::Refused(format!("it answered with {status}"))),
    }
}

fn request(
    settings: &ProviderSettings,
    metadata: &Metadata,
    (token, hint): (&Secret<String>, &str),
    chance: (&dyn Entropy, Timestamp),
) -> Result<http::Request<Bytes>, RevocationFault> {
    let refused = |cause: &str| RevocationFault::Refused(cause.to_owned());
    let Some(endpoint) = &metadata.revocation_endpoint else {
        return Err(refused("it names no place for it"));
    };
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token.expose()).append_pair("token_type_hint", hint);
    let mut request = http::Request::post(endpoint.as_str())
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let proof = match metadata.revocation_endpoint_auth_methods_supported.as_slice() {
        [] => prove(settings, metadata, &mut form, chance),
        methods => {
            let token_endpoint_auth_methods_supported = methods.to_vec();
            let there = Metadata { token_endpoint_auth_methods_supported, ..metadata.clone() };
            prove(settings, &there, &mut form, chance)
        }
    };
    if let Some(proof) = proof.map_err(RevocationFault::Unproven)? {
        request = request.header(AUTHORIZATION, proof);
    }
    let request = request.body(Bytes::from(form.finish()));
    request.map_err(|_| refused("its endpoint is no URL"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oidc::fake::Fake;
    use crate::web::ScriptedFetch;

    const PLACE: &str = "https://id.test/revoke";

    fn secret(text: &str) -> Secret<String> {
        Secret::from(text)
    }

    async fn known(fake: &Fake, more: &serde_json::Value) {
        fake.publish(more);
        fake.start().await;
    }

    fn body(request: &http::Request<Bytes>) -> String {
        String::from_utf8(request.body().to_vec()).unwrap()
    }

    async fn settled(fetch: &ScriptedFetch, wanted: usize) -> Vec<http::Request<Bytes>> {
        for _ in 0..1_000 {
            if fetch.asked(PLACE).len() >= wanted {
                break;
            }
            tokio::task::yield_now().await;
        }
        fetch.asked(PLACE)
    }

    #[tokio::test]
    async fn the_refresh_token_goes_back_with_our_proof() {
        let fake = Fake::new();
        known(&fake, &json!({ "revocation_endpoint": PLACE })).await;
        fake.fetch.answer(PLACE, 200, "");
        let (provider, revoker) = (Arc::new(fake.provider), Revoker::default());
        revoker.hand_back(&provider, Some(secret("r+1")), Some(secret("a")));
        revoker.hand_back(&provider, None, Some(secret("a2")));
        revoker.hand_back(&provider, None, None);
        let asked = settled(&fake.fetch, 2).await;
        assert_eq!(asked.len(), 2);
        assert_eq!(body(&asked[0]), "token=r%2B1&token_type_hint=refresh_token");
        assert_eq!(body(&asked[1]), "token=a2&token_type_hint=access_token");
        let proof = asked[0].headers()[AUTHORIZATION].to_str().unwrap();
        assert!(proof.starts_with("Basic "), "{proof}");
    }

    #[tokio::test]
    async fn whoever_takes_none_back_is_not_asked() {
        for (more, revoke_tokens) in
            [(json!({}), true), (json!({ "revocation_endpoint": PLACE }), false)]
        {
            let fake = Fake::with(|settings| settings.revoke_tokens = revoke_tokens);
            known(&fake, &more).await;
            assert!(!fake.provider.takes_back(), "{more}");
        }
    }

    #[tokio::test]
    async fn the_methods_of_the_endpoint_itself_count() {
        let fake = Fake::new();
        let more = json!({
            "revocation_endpoint": PLACE,
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "revocation_endpoint_auth_methods_supported": ["client_secret_post"],
        });
        known(&fake, &more).await;
        fake.fetch.answer(PLACE, 200, "");
        fake.provider.revoke(&secret("r"), "refresh_token").await.unwrap();
        let asked = fake.fetch.asked(PLACE);
        assert!(body(&asked[0]).contains("client_secret=s%3Acret"), "{}", body(&asked[0]));
        assert!(!asked[0].headers().contains_key(AUTHORIZATION));
    }

    #[tokio::test]
    async fn what_the_provider_answers_is_told() {
        let fake = Fake::new();
        known(&fake, &json!({ "revocation_endpoint": PLACE })).await;
        for (status, down) in [(400, false), (302, false), (503, true), (429, true)] {
            fake.fetch.answer(PLACE, status, "");
            let fault = fake.provider.revoke(&secret("r"), "refresh_token").await.unwrap_err();
            assert_eq!(matches!(fault, RevocationFault::Unavailable(_)), down, "{status}");
            assert!(!fault.to_string().contains("s:cret"), "{fault}");
        }
    }

    #[tokio::test]
    async fn an_endpoint_without_tls_makes_the_metadata_useless() {
        let fake = Fake::new();
        fake.publish(&json!({ "revocation_endpoint": "http://id.test/revoke" }));
        let fault = fake.provider.revoke(&secret("r"), "refresh_token").await.unwrap_err();
        assert!(fault.to_string().contains("not https"), "{fault}");
    }

    #[tokio::test]
    async fn of_too_many_some_are_dropped_and_counted() {
        let fake = Fake::new();
        known(&fake, &json!({ "revocation_endpoint": PLACE })).await;
        fake.fetch.answer(PLACE, 200, "");
        let metrics = Arc::new(Metrics::default());
        let (provider, revoker) = (Arc::new(fake.provider), Revoker::new(Arc::clone(&metrics)));
        for _ in 0..PLACES + 3 {
            revoker.hand_back(&provider, Some(secret("r")), None);
        }
        let shown = String::from_utf8(metrics.render(crate::observe::Gauges::default())).unwrap();
        let line = "portcullis_revocations_total{provider=\"corp\",result=\"dropped\"} 3";
        assert!(shown.contains(line), "{shown}");
    }
}
