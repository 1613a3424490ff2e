//! A provider that says that somebody signed out there.

use std::net::SocketAddr;

use portcullis::base::{Clock, Entropy, SystemClock, SystemEntropy};
use serde_json::{Value, json};

use crate::support::http::Message;
use crate::support::provider::Provider;
use crate::support::raw::exchange;
use crate::support::settings::HOST;

/// Where `test` says so.
pub(crate) const BACKCHANNEL: &str = "/.portcullis/backchannel-logout/test";
/// The claim `events` of a logout token has this member.
pub(crate) const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a good token about `engineer`, changed by the members of `change`; `null` takes one
/// away.
pub(crate) fn logout_claims(issuer: &str, change: &Value) -> Value {
    let now = SystemClock.now().as_secs();
    let entropy: &dyn Entropy = &SystemEntropy;
    let mut claims = json!({
        "iss": issuer, "aud": "portcullis", "iat": now, "exp": now + 100,
        "jti": entropy.token::<12>(), "sub": "sub-engineer", "events": { EVENT: {} },
    });
    let all = claims.as_object_mut().unwrap();
    all.extend(change.as_object().unwrap().clone());
    all.retain(|_, value| !value.is_null());
    claims
}

/// A token of these claims as a provider makes it.
pub(crate) fn logout_token(provider: &Provider, change: &Value) -> String {
    let claims = logout_claims(&provider.issuer(), change);
    let head = json!({ "typ": "logout+jwt", "alg": "RS256", "kid": "key-1" });
    provider.with_key(|key| key.sign_under(&head, &claims))
}

/// Sends a token to a gateway.
pub(crate) async fn post_logout(to: SocketAddr, token: &str) -> Message {
    post_form(to, &format!("logout_token={token}")).await
}

/// Sends a form in the place of one with a token.
pub(crate) async fn post_form(to: SocketAddr, form: &str) -> Message {
    let length = form.len();
    let request = format!(
        "POST {BACKCHANNEL} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n{form}"
    );
    exchange(to, request).await.expect("an answer")
}
