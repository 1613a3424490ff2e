//! From a tab's token, or from a window's code, to a session with a cookie of its own.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::json;
use url::form_urlencoded;

use crate::authn::teams::{EntraTokens, TabRefusal, TabSignIn, Tickets};
use crate::base::ProviderId;
use crate::endpoints::answer::{Notice, data, reads, wrong_method};
use crate::endpoints::service::Endpoints;
use crate::gate::{Gate, Tab};
use crate::identity::WayIn;
use crate::observe::{LoginResult, audit};
use crate::session::{Handle, NewSession, ProviderTokens, Session, SessionKey, StoreError};
use crate::web::{Reply, Request, origin};

/// What signing in from a tab needs.
#[derive(Debug)]
pub struct Tabs {
    /// The provider that stands for the same app registration.
    pub provider: ProviderId,
    /// Judges the tokens.
    pub tokens: EntraTokens,
    /// Tickets for tabs without cookies.
    pub tickets: Tickets,
    /// What the pages need to know.
    pub tab: Arc<Tab>,
}

const TAB_SCRIPT: &str = include_str!("../../../templates/teams/tab.js");
const POPUP_SCRIPT: &str = include_str!("../../../templates/teams/popup.js");

impl Endpoints {
    /// Everything below `/.portcullis/teams/`.
    pub(in crate::endpoints) async fn teams(
        &self,
        gate: &Gate,
        page: &str,
        request: &Request<'_>,
        body: &Bytes,
    ) -> Reply {
        let Some(tabs) = &self.parts.tabs else { return Notice::NOT_FOUND.reply(request) };
        match page {
            "tab.js" => script(request, TAB_SCRIPT),
            "popup.js" => script(request, POPUP_SCRIPT),
            "session" => self.tab_session(tabs, request).await,
            "ticket" => self.tab_ticket(gate, tabs, request, body).await,
            "redeem" => self.tab_redeem(tabs, request, body).await,
            "popup-start" => self.popup_start(tabs, request).await,
            "popup-end" => self.popup_end(tabs, request, body).await,
            _ => Notice::NOT_FOUND.reply(request),
        }
    }

    /// `POST /.portcullis/teams/session`, with the tab's token in `Authorization`.
    async fn tab_session(&self, tabs: &Tabs, request: &Request<'_>) -> Reply {
        if let Some(refusal) = self.not_a_post_of_ours(request) {
            return refusal;
        }
        match self.judge_tab(tabs, request).await {
            Ok(new) => self.welcome_tab(request, new).await,
            Err(refusal) => *refusal,
        }
    }

    /// Whom the token in `Authorization` names, as a session that may begin.
    pub(super) async fn judge_tab(
        &self,
        tabs: &Tabs,
        request: &Request<'_>,
    ) -> Result<NewSession, Box<Reply>> {
        let sign_in = match tabs.tokens.judge(request).await {
            Ok(sign_in) => sign_in,
            Err(TabRefusal::Reject(reason)) => {
                let (code, cause) = ("teams_token_refused", reason.as_str());
                self.note_failure(request, &tabs.provider, code, cause);
                let sentence = "The token of Microsoft Teams does not count here.";
                let status = StatusCode::UNAUTHORIZED;
                return Err(refused(status, "teams_token_refused", sentence, request).into());
            }
            Err(TabRefusal::Unavailable(cause)) => {
                tracing::warn!(%cause, "tokens of tabs cannot be judged");
                return Err(unavailable(request).into());
            }
        };
        let TabSignIn { principal, auth_time, amr } = sign_in;
        let Some(provider) = self.provider(tabs.provider.as_str()) else {
            return Err(unavailable(request).into());
        };
        let principal = match provider.admit(principal) {
            Ok(principal) => principal,
            Err(fault) => {
                let cause = fault.to_string();
                self.note_failure(request, &tabs.provider, "teams_not_allowed", &cause);
                let sentence = "You may not use this application.";
                let status = StatusCode::FORBIDDEN;
                return Err(refused(status, "teams_not_allowed", sentence, request).into());
            }
        };
        Ok(NewSession {
            principal: Arc::new(principal),
            signed_in_by: WayIn::Teams,
            provider: tabs.provider.clone(),
            auth_time,
            // Of the token, more often than not.
            auth_time_stated: false,
            acr: None,
            amr: amr.into(),
            acrs: Arc::default(),
            tokens: ProviderTokens::default(),
        })
    }

    /// `POST /.portcullis/teams/redeem`, with `code` and `verifier` in a form.
    async fn tab_redeem(&self, tabs: &Tabs, request: &Request<'_>, body: &Bytes) -> Reply {
        if let Some(refusal) = self.not_a_post_of_ours(request) {
            return refusal;
        }
        let sentence = "The sign-in took too long, or was used before.";
        let bad = || refused(StatusCode::UNAUTHORIZED, "teams_code_refused", sentence, request);
        let (Some(code), Some(verifier)) = (field(body, "code"), field(body, "verifier")) else {
            return bad();
        };
        let now = self.parts.clock.now();
        let joined = match self.parts.logins.popups.redeem(&code, &verifier, now).await {
            Ok(Some(key)) => self.session_to_join(&key).await,
            Ok(None) => return bad(),
            Err(fault) => Err(fault),
        };
        let (session, tokens) = match joined {
            Ok(Some((session, tokens))) if session.provider == tabs.provider => (session, tokens),
            Ok(_) => return bad(),
            Err(fault) => {
                tracing::error!(%fault, "a session cannot be read to be joined");
                return unavailable(request);
            }
        };
        let new = NewSession {
            principal: Arc::clone(&session.principal),
            signed_in_by: session.signed_in_by,
            provider: session.provider.clone(),
            auth_time: session.auth_time,
            auth_time_stated: session.auth_time_stated,
            acr: session.acr.clone(),
            amr: Arc::clone(&session.amr),
            acrs: Arc::clone(&session.acrs),
            tokens,
        };
        self.welcome_tab(request, new).await
    }

    /// The session of a window. Whoever signed out in between is signed out.
    async fn session_to_join(
        &self,
        key: &SessionKey,
    ) -> Result<Option<(Arc<Session>, ProviderTokens)>, StoreError> {
        let sessions = &self.parts.sessions;
        let Some(session) = sessions.find_by_key(key).await? else { return Ok(None) };
        Ok(sessions.tokens(key).await?.map(|tokens| (session, tokens)))
    }

    async fn welcome_tab(&self, request: &Request<'_>, new: NewSession) -> Reply {
        let handle = match self.begin_tab(request, new).await {
            Ok(handle) => handle,
            Err(refusal) => return *refusal,
        };
        let cookie = self.tab_cookie(request, &handle).unwrap_or_default();
        let reply = Reply::new(StatusCode::NO_CONTENT).with_cookie(&cookie);
        self.without_app_cookies(reply, request)
    }

    /// Begins a session, in place of the one that the tab brought.
    pub(super) async fn begin_tab(
        &self,
        request: &Request<'_>,
        new: NewSession,
    ) -> Result<Handle, Box<Reply>> {
        let replaced = self.tab_handle_of(request);
        let (handle, session) = match self.parts.sessions.start(new, replaced.as_ref()).await {
            Ok(started) => started,
            Err(fault) => {
                tracing::error!(%fault, "a session of a tab cannot be kept");
                return Err(unavailable(request).into());
            }
        };
        let (who, name) = (&session.principal, session.provider.as_str());
        audit::signed_in(request.id.as_str(), name, &who.issuer, &who.subject, &session.sid);
        self.parts.metrics.login(name, LoginResult::Succeeded);
        Ok(handle)
    }

    /// The answer to what must not be answered otherwise: another method, a page of another site, an
    /// address that is not ours.
    pub(super) fn not_a_post_of_ours(&self, request: &Request<'_>) -> Option<Reply> {
        if *request.method != Method::POST {
            return Some(wrong_method(request, "POST"));
        }
        let (headers, scheme) = (request.headers, request.scheme);
        if origin::check_state_change(headers, scheme, request.authority, &[]).is_err() {
            let sentence = "A page of another site may not do this here.";
            return Some(refused(StatusCode::FORBIDDEN, "origin_refused", sentence, request));
        }
        if self.parts.origins.exact(request).is_none() {
            let sentence = "Signing in does not work at this address.";
            let status = StatusCode::MISDIRECTED_REQUEST;
            return Some(refused(status, "login_wrong_address", sentence, request));
        }
        None
    }
}

/// The one field of that name in a form; none when it is repeated.
pub(super) fn field(body: &Bytes, wanted: &str) -> Option<String> {
    let mut found = form_urlencoded::parse(body).filter(|(name, _)| name == wanted);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value.into_owned()),
        _ => None,
    }
}

fn script(request: &Request<'_>, text: &'static str) -> Reply {
    if !reads(request) {
        return wrong_method(request, "GET, HEAD");
    }
    Reply::new(StatusCode::OK)
        .with_body("text/javascript; charset=utf-8", text)
        .with("cache-control", "no-cache")
        .with("x-content-type-options", "nosniff")
        .with("cross-origin-resource-policy", "same-origin")
}

/// For the page's script, which shows its own words.
pub(super) fn refused(
    status: StatusCode,
    code: &str,
    sentence: &str,
    request: &Request<'_>,
) -> Reply {
    let id = request.id.as_str();
    let reply = data(status, &json!({ "error": code, "message": sentence, "request_id": id }));
    match status {
        StatusCode::UNAUTHORIZED => {
            reply.with("www-authenticate", "Bearer realm=\"portcullis\", error=\"invalid_token\"")
        }
        _ => reply,
    }
}

pub(super) fn unavailable(request: &Request<'_>) -> Reply {
    let sentence = "Signing in does not work just now.";
    let status = StatusCode::SERVICE_UNAVAILABLE;
    refused(status, "temporarily_unavailable", sentence, request).with("retry-after", "5")
}
