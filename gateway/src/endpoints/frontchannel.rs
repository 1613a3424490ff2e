//! Where a provider says, through somebody's browser, that they signed out there (OpenID Connect
//! Front-Channel Logout 1.0).

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::json;
use url::{Url, form_urlencoded};

use crate::endpoints::answer::{Notice, data, wrong_method};
use crate::endpoints::failure::retryable;
use crate::endpoints::service::Endpoints;
use crate::observe::{LogoutKind, LogoutResult, audit};
use crate::oidc::{DiscoveryState, FrontchannelLogout, Provider};
use crate::session::{EndCause, Indexed, Session, StoreError, Whose, sid_of};
use crate::web::{Reply, Request};

/// Which session is meant: the provider, by what it calls itself where it says so, and its own session.
struct Named {
    issuer: Option<String>,
    sid: String,
}

/// The page in the provider's frame; nobody sees it.
const PAGE: &str = "<!doctype html><html lang=\"en\"><title>Signed out</title></html>";
/// The word for it in the audit log.
const CHANNEL: &str = "frontchannel";
/// More than a provider gives.
const LONGEST: usize = 255;

impl Endpoints {
    /// `GET /.portcullis/frontchannel-logout/<provider>?iss=…&sid=…`, in a frame of the provider's page.
    ///
    /// Nothing proves that the provider sends it. So the browser must bring the cookie of the very
    /// session that is named, or the operator has said that its name is enough. The answer does not
    /// tell whether there was such a session.
    pub(super) async fn frontchannel_logout(&self, name: &str, request: &Request<'_>) -> Reply {
        let heeded = |provider: &&Arc<Provider>| {
            provider.settings().frontchannel_logout != FrontchannelLogout::Off
        };
        let Some(provider) = self.provider(name).filter(heeded) else {
            return Notice::NOT_FOUND.reply(request);
        };
        // No answer to `HEAD`: it would have to end the session too.
        if *request.method != Method::GET {
            return wrong_method(request, "GET");
        }
        let named = Named::parse(request.query.unwrap_or_default());
        let Some(named) = named.filter(|named| named.is_of(provider)) else {
            let cause = "it does not name one session of this provider by sid and iss";
            audit::logout_denied(request.id.as_str(), name, CHANNEL, cause);
            self.parts.metrics.logout(LogoutKind::Frontchannel, LogoutResult::Refused);
            let error = json!({ "error": "invalid_request", "error_description": cause });
            return data(StatusCode::BAD_REQUEST, &error);
        };
        let (result, reply) = match self.end_named(provider, &named, request).await {
            Ok(reply) => (LogoutResult::Done, reply),
            Err(fault) => {
                tracing::error!(%fault, provider = name, "a front-channel logout is not complete");
                let error = json!({ "error": "temporarily_unavailable" });
                let reply = retryable(data(StatusCode::SERVICE_UNAVAILABLE, &error));
                (LogoutResult::Failed, reply)
            }
        };
        self.parts.metrics.logout(LogoutKind::Frontchannel, result);
        reply
    }

    async fn end_named(
        &self,
        provider: &Provider,
        named: &Named,
        request: &Request<'_>,
    ) -> Result<Reply, StoreError> {
        let sessions = &self.parts.sessions;
        let mut reply = framed(provider);
        let mut was_ours = false;
        for handle in [self.handle_of(request), self.tab_handle_of(request)].into_iter().flatten() {
            let Some(session) = sessions.peek(&handle).await? else { continue };
            if !self.is_named(&session, provider, named).await? {
                continue;
            }
            sessions.end(&session.key, EndCause::Frontchannel).await?;
            let (who, cause) = (&session.principal, EndCause::Frontchannel.as_str());
            audit::session_ended(&session.sid, &who.issuer, &who.subject, cause);
            was_ours = true;
        }
        if provider.settings().frontchannel_logout == FrontchannelLogout::Sid {
            for meant in named.meant(provider) {
                let ends = sessions.end_indexed(&meant, EndCause::Frontchannel).await;
                for end in &ends.ended {
                    audit::session_over(&sid_of(&end.key), end.cause.as_str());
                }
                ends.fault.map_or(Ok(()), Err)?;
            }
        }
        if was_ours {
            reply = reply
                .with_cookie(&self.cleared_cookie(request).unwrap_or_default())
                .with_cookie(&self.cleared_tab_cookie(request).unwrap_or_default());
            reply = self.without_app_cookies(reply, request);
        }
        Ok(reply)
    }

    async fn is_named(
        &self,
        session: &Session,
        provider: &Provider,
        named: &Named,
    ) -> Result<bool, StoreError> {
        let other = |issuer: &String| *issuer != session.principal.issuer;
        if session.provider != *provider.id() || named.issuer.as_ref().is_some_and(other) {
            return Ok(false);
        }
        let tokens = self.parts.sessions.tokens(&session.key).await?;
        Ok(tokens.is_some_and(|tokens| tokens.is_of(&named.sid)))
    }
}

impl Named {
    /// `sid` once, and `iss` once or, as Entra does it, not at all: the address is one provider's. The
    /// specification lets a provider leave both out, which would mean whoever is signed in with this
    /// browser: any page could say that.
    fn parse(query: &str) -> Option<Self> {
        let all = |wanted: &'static str| {
            let all = form_urlencoded::parse(query.as_bytes());
            all.filter(move |(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        let (mut issuers, mut sids) = (all("iss"), all("sid"));
        let (issuer, sid) = (issuers.next(), sids.next()?);
        let repeated = issuers.next().is_some() || sids.next().is_some();
        (!repeated && !sid.is_empty() && sid.len() <= LONGEST).then_some(Self { issuer, sid })
    }

    /// Whether it can be about a session of this provider. Where the name alone is to be enough, it must
    /// be clear whose it is: without `iss`, and with people of any tenant, a stranger would have every
    /// session read.
    fn is_of(&self, provider: &Provider) -> bool {
        let settings = provider.settings();
        match &self.issuer {
            Some(issuer) => provider.is_issuer(issuer),
            None if settings.frontchannel_logout == FrontchannelLogout::Sid => {
                !settings.issuers().is_empty()
            }
            None => true,
        }
    }

    /// The sessions that it names, by the issuer that it says, or else by each of the provider's.
    fn meant(&self, provider: &Provider) -> Vec<Indexed> {
        let said = self.issuer.clone().map(|issuer| vec![issuer]);
        let issuers = said.unwrap_or_else(|| provider.settings().issuers());
        let of = |issuer| Whose {
            issuer: Some(issuer),
            provider: Some(provider.id().clone()),
            provider_sid: Some(self.sid.clone()),
            ..Whose::default()
        };
        issuers.into_iter().filter_map(|issuer| of(issuer).indexed()).collect()
    }
}

/// An empty page that the provider's own pages may frame, and no others.
fn framed(provider: &Provider) -> Reply {
    let mut places: Vec<Url> = Url::parse(&provider.settings().issuer).into_iter().collect();
    if let DiscoveryState::Ready(metadata) = provider.status().discovery {
        places.push(metadata.authorization_endpoint.clone());
        places.extend(metadata.end_session_endpoint.clone());
    }
    let mut origins: Vec<_> =
        places.iter().map(|place| place.origin().ascii_serialization()).collect();
    origins.sort_unstable();
    origins.dedup();
    let policy = format!("default-src 'none'; frame-ancestors {}", origins.join(" "));
    Reply::html(StatusCode::OK, PAGE.to_owned()).with("content-security-policy", &policy)
}
