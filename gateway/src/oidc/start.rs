//! Leaving for the provider.

use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use serde_json::{Map, Value, json};
use url::Url;

use crate::base::{Entropy, Secret, Timestamp};
use crate::identity::StepUp;
use crate::oidc::discovery::Metadata;
use crate::oidc::settings::{Protocol, ProviderSettings};
use crate::oidc::transaction::Transaction;

/// The parameter that asks for claims one by one.
const CLAIMS: &str = "claims";

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct StartLogin<'a> {
    /// Our callback for this provider: configured, never taken from the request's `Host`.
    pub redirect_uri: &'a str,
    /// Where to go afterwards, proven to be ours.
    pub return_to: &'a str,
    /// What the page there wants of a sign-in, beyond what the provider's settings want.
    pub step_up: Option<&'a StepUp>,
    /// The route that wants more than the sign-in that there is, where that is why somebody comes.
    pub route: Option<&'a str>,
}

/// A login that has begun.
#[derive(Clone, Debug)]
pub struct StartedLogin {
    /// Where to send the browser.
    pub location: String,
    /// What was sealed into the location's `state`.
    pub transaction: Transaction,
}

/// Makes the authorization request. `seal` turns the transaction into the `state` parameter.
pub(super) fn start(
    settings: &ProviderSettings,
    metadata: &Metadata,
    login: StartLogin<'_>,
    (entropy, now): (&dyn Entropy, Timestamp),
    seal: impl FnOnce(&Transaction) -> String,
) -> StartedLogin {
    let verifier = PkceCodeVerifier::new(entropy.token::<32>());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
    let transaction = Transaction {
        provider: settings.id.clone(),
        id: entropy.token::<16>(),
        nonce: entropy.token::<32>(),
        verifier: Secret::new(verifier.into_secret()),
        return_to: login.return_to.to_owned(),
        redirect_uri: login.redirect_uri.to_owned(),
        started: now,
        acr_values: match login.step_up {
            Some(wanted) if !wanted.acr_values.is_empty() => wanted.acr_values.clone(),
            _ => settings.acr_values.clone(),
        },
        authentication_context: login.step_up.and_then(|it| it.authentication_context.clone()),
        max_age: [settings.max_age, login.step_up.and_then(|wanted| wanted.max_age)]
            .into_iter()
            .flatten()
            .min()
            .map(|age| age.as_secs()),
        route: login.route.map(str::to_owned),
    };
    let mut location: Url = metadata.authorization_endpoint.clone();
    location
        .query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &settings.client_id)
        .append_pair("redirect_uri", &transaction.redirect_uri)
        .append_pair("scope", &scope(settings))
        .append_pair("state", &seal(&transaction))
        .append_pair("code_challenge", challenge.as_str())
        .append_pair("code_challenge_method", "S256")
        .extend_pairs(settings.authorization_params.iter().filter(|(name, _)| name != CLAIMS));
    if let Some(claims) = claims(settings, transaction.authentication_context.as_deref()) {
        location.query_pairs_mut().append_pair(CLAIMS, &claims);
    }
    if settings.protocol == Protocol::OpenIdConnect {
        location.query_pairs_mut().append_pair("nonce", &transaction.nonce);
    }
    if !transaction.acr_values.is_empty() {
        location.query_pairs_mut().append_pair("acr_values", &transaction.acr_values.join(" "));
    }
    if let Some(max_age) = transaction.max_age {
        location.query_pairs_mut().append_pair("max_age", &max_age.to_string());
    }
    StartedLogin { location: location.into(), transaction }
}

/// The claims that are asked for one by one (OpenID Connect Core section 5.5): those of the settings,
/// and with them the authentication context, which Microsoft Entra hears of in no other way.
fn claims(settings: &ProviderSettings, context: Option<&str>) -> Option<String> {
    let mut configured = settings.authorization_params.iter().filter(|(name, _)| name == CLAIMS);
    let configured = configured.next().map(|(_, text)| text);
    let Some(context) = context else { return configured.cloned() };
    let mut all: Map<String, Value> =
        configured.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut of_token = match all.remove("id_token") {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    };
    of_token.insert("acrs".to_owned(), json!({ "essential": true, "value": context }));
    all.insert("id_token".to_owned(), of_token.into());
    Some(Value::Object(all).to_string())
}

fn scope(settings: &ProviderSettings) -> String {
    let mut scopes = match settings.protocol {
        Protocol::Github(_) => Vec::new(),
        Protocol::OpenIdConnect => vec!["openid"],
    };
    scopes.extend(settings.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid"));
    scopes.join(" ")
}
