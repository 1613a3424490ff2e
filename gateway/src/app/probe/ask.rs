//! Asks an application with each token.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{COOKIE, HOST};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use url::Url;

use crate::app::build;
use crate::app::probe::keys::Keys;
use crate::app::probe::report::{Finding, Got, Report};
use crate::app::probe::tokens::{Sample, samples};
use crate::app::routes;
use crate::authn::{Authenticator, CookieNames, Outcome, SessionCookie};
use crate::authz::{AllowAuthenticated, Authorizer, Question, Verdict};
use crate::base::{Clock, Entropy, RequestId, SystemClock, SystemEntropy};
use crate::config::{Config, Faults, Route};
use crate::crypto::{Sealer, SealingKeys};
use crate::identity::{Email, Permit, Principal, WayIn};
use crate::session::{
    Lifetimes, LiveStreams, MemoryStore, NewSession, ProviderTokens, SessionManager,
    SessionSettings,
};
use crate::token::{Minter, RequestFacts, TokenPlan, TokenTimes, Transport};
use crate::web::{AddressPolicy, Fetch, FetchLimits, HttpClient, Request, Scheme};

/// Why an application cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum ProbeFault {
    /// The address is none.
    #[error("`{0}` is not an address; write http://127.0.0.1:8000/path")]
    Address(String),
    /// The configuration is at fault.
    #[error("{0}")]
    Config(Faults),
    /// No token can be made.
    #[error("no token can be made: {0}")]
    Keys(String),
    /// The route sends none.
    #[error("the route `{0}` sends no token: there is nothing that its app could verify")]
    NoToken(String),
    /// The route is not there, or is not named where there are several.
    #[error("name a route of the configuration with --route: {0}")]
    Route(String),
    /// What asks cannot be set up.
    #[error("{0}")]
    Setup(String),
}

/// So long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The person that the tokens are about.
const WHO: &str = "portcullis-verify-upstream";

/// Asks `url` with tokens of a route: of the one that is named, or of the only one.
///
/// # Errors
/// When it cannot be asked at all. What it answers is in the report, also where that is nothing.
pub async fn probe(file: &Path, route: Option<&str>, url: &str) -> Result<Report, ProbeFault> {
    let address = Url::parse(url).ok().filter(Url::has_host);
    let address = address.ok_or_else(|| ProbeFault::Address(url.to_owned()))?;
    let config = Config::load(file).map_err(ProbeFault::Config)?.config;
    let route = chosen(&config, route)?;
    let plan = routes::token(route).map_err(|fault| ProbeFault::Keys(fault.to_string()))?;
    let plan = plan.ok_or_else(|| ProbeFault::NoToken(route.id().to_string()))?;
    let keys = Keys::of(&config, route)?;
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) =
        (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let minter = Minter::new(
        build::issuer(&config),
        TokenTimes { lifetime: config.token.lifetime.std(), skew: config.token.clock_skew.std() },
        Arc::clone(&keys.signer),
        Arc::clone(&clock),
        Arc::clone(&entropy),
    );
    let permit = somebody(&clock, &entropy, route).await?;
    let facts = RequestFacts {
        id: RequestId::random(&*entropy),
        client: [127, 0, 0, 1].into(),
        transport: Transport::Http,
        method: "GET",
        path: address.path(),
        request_host: address.host_str().unwrap_or_default(),
    };
    let good = minter.mint(&permit, &plan, &facts);
    let good = good.map_err(|fault| ProbeFault::Keys(fault.to_string()))?;
    let good = good.value.to_str().unwrap_or_default();
    let limits = FetchLimits { time: PATIENCE, answer: 16 << 20 };
    let client = HttpClient::new(AddressPolicy::anywhere(&address), limits, None);
    let client = client.map_err(|fault| ProbeFault::Setup(fault.to_string()))?;
    let mut findings = Vec::new();
    for sample in samples(good, &keys, clock.now(), &*entropy)? {
        findings.push(try_out(&client, &address, &plan, &sample).await);
    }
    Ok(Report { url: address.to_string(), route: route.id().to_string(), findings })
}

fn chosen<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a Route, ProbeFault> {
    let all = &config.routes;
    let names = || all.iter().map(|route| route.id().to_string()).collect::<Vec<_>>().join(", ");
    match (name, all.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => Err(ProbeFault::Route(names())),
        (Some(name), _) => {
            let found = all.iter().find(|route| route.id().as_str() == name);
            found.ok_or_else(|| ProbeFault::Route(names()))
        }
    }
}

/// A permit for somebody who has signed in, as the gateway itself comes to one.
async fn somebody(
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    route: &Route,
) -> Result<Permit, ProbeFault> {
    let fault = |cause: &dyn std::fmt::Display| ProbeFault::Setup(cause.to_string());
    let hour = Duration::from_secs(3_600);
    let settings = SessionSettings { lifetimes: Lifetimes { idle: hour, absolute: hour }, hot: 1 };
    let sessions = Arc::new(SessionManager::new(
        Arc::new(MemoryStore::new(1)),
        Sealer::new(Arc::new(SealingKeys::in_memory(&**entropy)), Arc::clone(entropy)),
        Arc::new(LiveStreams::new(1)),
        Arc::clone(clock),
        Arc::clone(entropy),
        settings,
    ));
    let mut who = Principal::new("https://portcullis.invalid", WHO);
    who.name = Some("Portcullis verify-upstream".to_owned());
    who.preferred_username = Some(WHO.to_owned());
    who.email = Some(Email { address: format!("{WHO}@portcullis.invalid"), verified: true });
    let new = NewSession {
        principal: Arc::new(who),
        signed_in_by: WayIn::Oidc,
        provider: "verify-upstream".into(),
        auth_time: clock.now(),
        auth_time_stated: false,
        acr: None,
        amr: Arc::new([]),
        acrs: Arc::default(),
        tokens: ProviderTokens::default(),
    };
    let (handle, _) = sessions.start(new, None).await.map_err(|cause| fault(&cause))?;
    let names = CookieNames::default();
    let cookie = format!("{}={}", names.secure, handle.to_text().expose());
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, HeaderValue::try_from(cookie).map_err(|cause| fault(&cause))?);
    let request = Request {
        id: RequestId::random(&**entropy),
        method: &Method::GET,
        scheme: Scheme::Https,
        host: "portcullis.invalid",
        authority: "portcullis.invalid",
        path: "/",
        query: None,
        headers: &headers,
        client: [127, 0, 0, 1].into(),
        peer: [127, 0, 0, 1].into(),
        websocket: false,
        certificate: None,
    };
    let Outcome::Accept(authenticated) =
        SessionCookie::new(names, sessions).authenticate(&request).await
    else {
        return Err(fault(&"a session of our own is not taken; report this as a fault of ours"));
    };
    let id = route.id();
    match AllowAuthenticated.authorize(Question { authenticated, route: &id, request: &request }) {
        Verdict::Allow(permit) => Ok(permit),
        Verdict::Deny(reason) => Err(fault(&reason.as_str())),
    }
}

/// The worst that any spelling of a token brings about.
async fn try_out(client: &HttpClient, url: &Url, plan: &TokenPlan, sample: &Sample) -> Finding {
    let mut worst: Option<(Got, Option<u16>)> = None;
    for token in &sample.tokens {
        let found = ask(client, url, plan, token.as_deref()).await;
        let worse = match (&worst, &found.0) {
            (None, _) => true,
            (Some((Got::Accepted, _)), _) | (_, Got::Refused) => false,
            (Some(_), Got::Accepted | Got::Unclear(_)) => true,
        };
        if worse {
            worst = Some(found);
        }
    }
    let (got, status) = worst.unwrap_or((Got::Unclear("not asked".to_owned()), None));
    Finding { token: sample.name, must_be_taken: sample.must_be_taken, got, status }
}

async fn ask(
    client: &HttpClient,
    url: &Url,
    plan: &TokenPlan,
    token: Option<&str>,
) -> (Got, Option<u16>) {
    let unclear = |why: String| (Got::Unclear(why), None);
    let mut request = http::Request::new(Bytes::new());
    let Ok(uri) = url.as_str().parse() else { return unclear("no address".to_owned()) };
    *request.uri_mut() = uri;
    if let Some(token) = token {
        let value = |text: String| HeaderValue::try_from(text).ok();
        let header = plan.header.clone().zip(value(format!("{}{token}", plan.scheme())));
        let cookie = plan.cookie.as_ref().and_then(|name| value(format!("{name}={token}")));
        request.headers_mut().extend(header);
        request.headers_mut().extend(cookie.map(|cookie| (COOKIE, cookie)));
    }
    request.headers_mut().remove(HOST);
    let status = match client.send(request).await {
        Ok(answer) => answer.status(),
        Err(fault) => return unclear(fault.to_string()),
    };
    let got = match status {
        _ if status.is_success() => Got::Accepted,
        _ if status.is_redirection() => Got::Refused,
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Got::Refused,
        _ => Got::Unclear("neither a yes nor a no".to_owned()),
    };
    (got, Some(status.as_u16()))
}
