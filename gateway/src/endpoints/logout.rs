//! Where a session ends.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::json;
use url::form_urlencoded;

use crate::endpoints::answer::{
    LOGOUT, Notice, SIGNED_OUT, data, page, reads, wants_page, wrong_method,
};
use crate::endpoints::csrf;
use crate::endpoints::failure::retryable;
use crate::endpoints::service::Endpoints;
use crate::observe::audit;
use crate::session::{EndCause, Session, StoreError};
use crate::web::{Reply, Request, origin};

/// Asks whether to sign out, and says who is signed in.
#[derive(Template)]
#[template(path = "logout.html")]
struct Confirm<'a> {
    name: &'a str,
    email: &'a str,
    csrf: &'a str,
}

/// Leads on to the provider.
#[derive(Template)]
#[template(path = "leaving.html")]
struct Leaving<'a> {
    location: &'a str,
}

/// How long signing out waits for the hint that spares the person a question at the provider.
const PATIENCE: Duration = Duration::from_secs(2);

impl Endpoints {
    /// `GET` asks, `POST` ends the session.
    pub(super) async fn logout(&self, request: &Request<'_>, body: &Bytes) -> Reply {
        if *request.method == Method::POST {
            return self.end(request, body).await;
        }
        if !reads(request) {
            return wrong_method(request, "GET, HEAD, POST");
        }
        match self.session_of(request).await {
            Ok(Some(session)) => {
                let who = &session.principal;
                let email = who.email.as_ref().map_or("", |email| email.address.as_str());
                let csrf = csrf::token(&self.parts.sealer, &session.key);
                let name = who.display_name();
                let email = if email == name { "" } else { email };
                page(StatusCode::OK, &Confirm { name, email, csrf: &csrf })
            }
            Ok(None) => Reply::redirect(StatusCode::SEE_OTHER, SIGNED_OUT),
            Err(fault) => unread(request, &fault),
        }
    }

    async fn end(&self, request: &Request<'_>, body: &Bytes) -> Reply {
        let (headers, scheme) = (request.headers, request.scheme);
        if origin::check_state_change(headers, scheme, request.authority, &[]).is_err() {
            return forged(request);
        }
        let session = match self.session_of(request).await {
            Ok(Some(session)) => session,
            Ok(None) => return Reply::redirect(StatusCode::SEE_OTHER, SIGNED_OUT),
            Err(fault) => return unread(request, &fault),
        };
        let proof = proof_in(body).unwrap_or_default();
        if !csrf::is_valid(&self.parts.sealer, &session.key, &proof) {
            return forged(request);
        }
        let onward = self.provider_logout(request, &session).await;
        if let Err(fault) = self.parts.sessions.end(&session.key, EndCause::Logout).await {
            tracing::error!(%fault, sid = %session.sid, "a sign-out is not durable yet");
            return unavailable(request);
        }
        if let Err(fault) = self.end_with_tabs(&session).await {
            tracing::error!(%fault, sid = %session.sid, "a sign-out is not complete yet");
            return unavailable(request);
        }
        let (who, cause) = (&session.principal, EndCause::Logout.as_str());
        audit::session_ended(&session.sid, &who.issuer, &who.subject, cause);
        self.cookie_came_back(request);
        let cookie = self.cleared_cookie(request).unwrap_or_default();
        let tab = self.cleared_tab_cookie(request).unwrap_or_default();
        let reply = goodbye(request, onward.as_deref()).with_cookie(&cookie).with_cookie(&tab);
        self.without_app_cookies(reply, request)
    }

    /// Somebody of the provider that tabs use signs out everywhere: a browser keeps a tab's cookie out
    /// of the window's reach, so that nothing else would end the other one.
    async fn end_with_tabs(&self, session: &Session) -> Result<(), StoreError> {
        let provider = self.parts.tabs.as_ref().map(|tabs| &tabs.provider);
        if provider == Some(&session.provider) {
            let who = &session.principal;
            let sessions = &self.parts.sessions;
            sessions.end_all_of(&who.issuer, &who.subject, EndCause::Logout).await?;
        }
        Ok(())
    }

    /// Where the provider ends its own session; `None` when it has no such place.
    async fn provider_logout(
        &self,
        request: &Request<'_>,
        session: &Arc<Session>,
    ) -> Option<String> {
        let provider = self.provider(session.provider.as_str())?;
        let back = format!("{}{SIGNED_OUT}", self.parts.origins.of(request));
        let state = self.parts.entropy.token::<16>();
        // Known without asking anybody; what may take time is reading the hint.
        provider.logout_url(None, &back, &state)?;
        let tokens = tokio::time::timeout(PATIENCE, self.parts.sessions.tokens(&session.key)).await;
        let hint = tokens.ok().and_then(Result::ok).flatten().and_then(|tokens| tokens.id_token);
        provider.logout_url(hint.as_ref(), &back, &state)
    }
}

/// The answer to a sign-out that is done.
///
/// A redirect to the provider would still be part of the form's submission, and the page's
/// `form-action` policy forbids it in Chromium; naming the provider in the policy is no way out,
/// since the provider may redirect to hosts that nobody knows. So the form ends at a page of ours,
/// and that page leads on: a navigation of its own, which the policy is not about.
fn goodbye(request: &Request<'_>, onward: Option<&str>) -> Reply {
    match onward {
        // A script cannot follow to another site; it is told where to send the tab.
        _ if !wants_page(request) => {
            let location = onward.unwrap_or(SIGNED_OUT);
            data(StatusCode::OK, &json!({ "signed_in": false, "location": location }))
        }
        Some(location) => page(StatusCode::OK, &Leaving { location }),
        None => Reply::redirect(StatusCode::SEE_OTHER, SIGNED_OUT),
    }
}

/// The one field `csrf` of a form; none when it is repeated.
fn proof_in(body: &Bytes) -> Option<String> {
    let mut proofs = form_urlencoded::parse(body).filter(|(name, _)| name == "csrf");
    match (proofs.next(), proofs.next()) {
        (Some((_, proof)), None) => Some(proof.into_owned()),
        _ => None,
    }
}

fn forged(request: &Request<'_>) -> Reply {
    let notice = Notice {
        status: StatusCode::FORBIDDEN,
        code: "logout_forged",
        title: "Sign out?",
        sentence: "You are still signed in: this did not come from a sign-out page of this session.",
        hint: "",
        action: ("Sign out", LOGOUT),
    };
    notice.reply(request)
}

fn unread(request: &Request<'_>, fault: &StoreError) -> Reply {
    tracing::error!(%fault, "a session cannot be read to be ended");
    unavailable(request)
}

fn unavailable(request: &Request<'_>) -> Reply {
    let notice = Notice {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "session_store_unavailable",
        title: "Please try again",
        sentence: "Signing out could not be completed right now.",
        hint: "Please try again, to make sure that your session has ended for good.",
        action: ("Try again", LOGOUT),
    };
    retryable(notice.reply(request))
}
