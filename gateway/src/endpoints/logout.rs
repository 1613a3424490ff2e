//! Where a session ends.

use std::sync::Arc;

use askama::Template;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::json;
use url::form_urlencoded;

use crate::base::Secret;
use crate::endpoints::answer::{
    LOGOUT, Notice, SIGNED_OUT, data, page, reads, wants_page, wrong_method,
};
use crate::endpoints::csrf;
use crate::endpoints::failure::retryable;
use crate::endpoints::logout_state;
use crate::endpoints::service::Endpoints;
use crate::endpoints::tokens::provider_of;
use crate::observe::{LogoutKind, LogoutResult, audit};
use crate::session::{EndCause, Session, StoreError, Whose, sid_of};
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

impl Endpoints {
    /// `GET` asks, `POST` ends the session; with `everywhere=1` in the form all sessions of whoever is
    /// signed in.
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
        let everywhere = asks_for_all(body);
        let kind = if everywhere { LogoutKind::Everywhere } else { LogoutKind::Local };
        let count = |result| self.parts.metrics.logout(kind, result);
        let (headers, scheme) = (request.headers, request.scheme);
        if origin::check_state_change(headers, scheme, request.authority, &[]).is_err() {
            count(LogoutResult::Refused);
            return forged(request);
        }
        let session = match self.session_of(request).await {
            Ok(Some(session)) => session,
            Ok(None) => return Reply::redirect(StatusCode::SEE_OTHER, SIGNED_OUT),
            Err(fault) => return unread(request, &fault),
        };
        let proof = proof_in(body).unwrap_or_default();
        if !csrf::is_valid(&self.parts.sealer, &session.key, &proof) {
            count(LogoutResult::Refused);
            return forged(request);
        }
        let all = everywhere || self.is_of_tabs(&session);
        let given = self.given(&session, all).await;
        let own = given.iter().find(|(one, _)| one.key == session.key);
        let hint = own.and_then(|(_, tokens)| tokens.id_token.as_ref());
        let (onward, mark) = self.provider_logout(request, &session, hint).unzip();
        match self.end_sessions(&session, all).await {
            Ok(ended) => {
                count(LogoutResult::Done);
                self.hand_back(given);
                self.cookie_came_back(request);
                let reply = goodbye(request, onward.as_deref(), ended);
                self.forgetting(reply, request).with_cookie(&mark.flatten().unwrap_or_default())
            }
            Err(fault) => {
                tracing::error!(%fault, sid = %session.sid, "a sign-out is not durable yet");
                count(LogoutResult::Failed);
                unavailable(request)
            }
        }
    }

    /// The answer with which the browser forgets the session, and what the apps and the configuration
    /// say.
    fn forgetting(&self, reply: Reply, request: &Request<'_>) -> Reply {
        let cookie = self.cleared_cookie(request).unwrap_or_default();
        let tab = self.cleared_tab_cookie(request).unwrap_or_default();
        let reply = self.clearing(reply).with_cookie(&cookie).with_cookie(&tab);
        self.without_app_cookies(reply, request)
    }

    /// Ends a session, with `all` those of the same principal too; how many.
    async fn end_sessions(&self, session: &Session, all: bool) -> Result<usize, StoreError> {
        let (sessions, who, cause) = (&self.parts.sessions, &session.principal, EndCause::Logout);
        sessions.end(&session.key, cause).await?;
        audit::session_ended(&session.sid, &who.issuer, &who.subject, cause.as_str());
        if !all {
            return Ok(1);
        }
        let ends = sessions.end_those(&Whose::of(&who.issuer, &who.subject), cause).await;
        for end in &ends.ended {
            audit::session_ended(&sid_of(&end.key), &who.issuer, &who.subject, cause.as_str());
        }
        ends.fault.map_or(Ok(ends.ended.len().saturating_add(1)), Err)
    }

    /// Somebody of the provider that tabs use signs out everywhere: a browser keeps a tab's cookie out
    /// of the window's reach, so that nothing else would end the other one.
    fn is_of_tabs(&self, session: &Session) -> bool {
        self.parts.tabs.as_ref().is_some_and(|tabs| tabs.provider == session.provider)
    }

    /// Where the provider ends its own session, and the cookie by which the way back is known, where the
    /// browser has none; `None` when it has no such place.
    fn provider_logout(
        &self,
        request: &Request<'_>,
        session: &Arc<Session>,
        hint: Option<&Secret<String>>,
    ) -> Option<(String, Option<String>)> {
        let provider = self.provider(session.provider.as_str())?;
        let back = format!("{}{SIGNED_OUT}", self.parts.origins.of(request));
        let mark = self.mark_or_new(request);
        let now = self.parts.clock.now();
        let state = logout_state::seal(&self.parts.sealer, &mark, provider.id(), now);
        let theirs = provider_of(&self.parts.providers, provider.id(), &session.principal).is_ok();
        let onward = provider.logout_url(hint.filter(|_| theirs), &back, &state)?;
        let is_new = self.mark_of(request).is_none();
        Some((onward, self.mark_cookie(request, &mark).filter(|_| is_new)))
    }
}

/// The answer to a sign-out that is done.
///
/// A redirect to the provider would still be part of the form's submission, and the page's
/// `form-action` policy forbids it in Chromium; naming the provider in the policy is no way out,
/// since the provider may redirect to hosts that nobody knows. So the form ends at a page of ours,
/// and that page leads on: a navigation of its own, which the policy is not about.
fn goodbye(request: &Request<'_>, onward: Option<&str>, ended: usize) -> Reply {
    match onward {
        // A script cannot follow to another site; it is told where to send the tab.
        _ if !wants_page(request) => {
            let location = onward.unwrap_or(SIGNED_OUT);
            let said = json!({ "signed_in": false, "location": location, "ended": ended });
            data(StatusCode::OK, &said)
        }
        Some(location) => page(StatusCode::OK, &Leaving { location }),
        None => Reply::redirect(StatusCode::SEE_OTHER, SIGNED_OUT),
    }
}

/// Whether a form asks to end all sessions.
fn asks_for_all(body: &Bytes) -> bool {
    form_urlencoded::parse(body).any(|(name, value)| name == "everywhere" && value == "1")
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
