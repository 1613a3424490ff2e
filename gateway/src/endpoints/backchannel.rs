//! Where a provider says, to us, that somebody signed out there (OpenID Connect Back-Channel Logout 1.0).

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use serde_json::json;
use url::form_urlencoded;

use crate::endpoints::answer::{data, wrong_method};
use crate::endpoints::failure::retryable;
use crate::endpoints::service::Endpoints;
use crate::observe::{LogoutKind, LogoutResult, audit};
use crate::oidc::{LogoutFault, LogoutToken, Provider};
use crate::session::{EndCause, Indexed, StoreError, Whose, sid_of};
use crate::web::{Reply, Request};

/// Why a logout was not carried out. The message is for the audit log.
#[derive(Debug, thiserror::Error)]
enum Unheeded {
    /// The request is not of the form of section 2.5.
    #[error("{0}")]
    Form(&'static str),
    /// The token has come before.
    #[error("the logout_token was used before")]
    Replayed,
    /// The sessions cannot be had, or not all of them, or nobody knows whether the token is new.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The token does not count.
    #[error(transparent)]
    Token(#[from] LogoutFault),
}

/// The word for it in the audit log.
const CHANNEL: &str = "backchannel";
/// Begins what a token's name is kept by: links and logins are used up in the same place.
const PURPOSE: &str = "logout token";

impl Endpoints {
    /// `POST /.portcullis/backchannel-logout/<provider>`, from one server to another: no cookie counts,
    /// and no page can be behind it. What it costs a stranger to be refused is at most one signature.
    pub(super) async fn backchannel_logout(
        &self,
        name: &str,
        request: &Request<'_>,
        body: &Bytes,
    ) -> Reply {
        let Some(provider) = self.provider(name) else {
            return refused(StatusCode::NOT_FOUND, "no such provider");
        };
        if *request.method != Method::POST {
            return wrong_method(request, "POST");
        }
        let outcome = self.heed(provider, request, body).await;
        let (result, reply) = match &outcome {
            // Also where nobody was signed in any more: the provider has nothing more to do.
            Ok(()) => (LogoutResult::Done, Reply::new(StatusCode::OK)),
            Err(unheeded) if unheeded.may_pass() => {
                (LogoutResult::Failed, retryable(unheeded.reply()))
            }
            Err(unheeded) => (LogoutResult::Refused, unheeded.reply()),
        };
        if let Err(unheeded) = &outcome {
            let (id, cause) = (request.id.as_str(), unheeded.to_string());
            audit::logout_denied(id, provider.id().as_str(), CHANNEL, &cause);
        }
        self.parts.metrics.logout(LogoutKind::Backchannel, result);
        reply
    }

    /// Ends what a token names. Its name is used up last, when all ends are durable: a provider that is
    /// told that it did not work may send the same token again. One that comes twice at the same moment
    /// ends what the first one ends anyway.
    async fn heed(
        &self,
        provider: &Arc<Provider>,
        request: &Request<'_>,
        body: &Bytes,
    ) -> Result<(), Unheeded> {
        let token = token_in(request, body)?;
        let token = provider.logout_token(&token).await?;
        let used = self.parts.logout.used.as_ref().ok_or(StoreError::Closed)?;
        let name = name_of(provider, &token);
        if used.uses(name).await? > 0 {
            return Err(Unheeded::Replayed);
        }
        let over = token.over;
        let meant = meant(provider, token).ok_or(LogoutFault::Nobody)?;
        let ends = self.parts.sessions.end_indexed(&meant, EndCause::Backchannel).await;
        for end in &ends.ended {
            audit::session_over(&sid_of(&end.key), end.cause.as_str());
        }
        if let Some(fault) = ends.fault {
            return Err(fault.into());
        }
        match used.spend(name, 1, over, self.parts.clock.now()).await? {
            true => Ok(()),
            false => Err(Unheeded::Replayed),
        }
    }
}

impl Unheeded {
    /// Whether the same token may count later.
    const fn may_pass(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Token(LogoutFault::Unavailable(_)))
    }

    /// Section 2.8. What exactly is wrong with a token is not for whoever made it.
    fn reply(&self) -> Reply {
        let (status, description) = match self {
            _ if self.may_pass() => {
                (StatusCode::SERVICE_UNAVAILABLE, "not possible right now; send it again")
            }
            Self::Form(fault) => (StatusCode::BAD_REQUEST, *fault),
            Self::Replayed => (StatusCode::BAD_REQUEST, "the logout_token was used before"),
            Self::Store(_) | Self::Token(_) => {
                (StatusCode::BAD_REQUEST, "the logout_token does not count")
            }
        };
        refused(status, description)
    }
}

/// The sessions that a token means: the provider's session that it names, or else all of the person's
/// that began with this provider.
fn meant(provider: &Provider, token: LogoutToken) -> Option<Indexed> {
    let whose = Whose {
        issuer: Some(token.issuer),
        provider: Some(provider.id().clone()),
        provider_sid: token.sid,
        provider_subject: token.subject,
        ..Whose::default()
    };
    whose.indexed()
}

/// The one `logout_token` of a form. Other fields do not matter (section 2.5).
fn token_in(request: &Request<'_>, body: &Bytes) -> Result<String, Unheeded> {
    let kind = request.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Unheeded::Form("the body is not application/x-www-form-urlencoded"));
    }
    let mut tokens = form_urlencoded::parse(body).filter(|(name, _)| name == "logout_token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) => Ok(token.into_owned()),
        (None, _) => Err(Unheeded::Form("there is no logout_token")),
        (Some(_), Some(_)) => Err(Unheeded::Form("there is more than one logout_token")),
    }
}

/// What a token is remembered by. Names are the provider's to choose, each for itself.
fn name_of(provider: &Provider, token: &LogoutToken) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in [PURPOSE, provider.id().as_str(), &token.issuer, &token.id] {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut name = [0; 32];
    for (to, from) in name.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    name
}

fn refused(status: StatusCode, description: &str) -> Reply {
    let error = match status {
        StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
        _ => "invalid_request",
    };
    data(status, &json!({ "error": error, "error_description": description }))
}
