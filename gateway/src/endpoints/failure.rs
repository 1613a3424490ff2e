//! How a login that did not work out is told.

use http::StatusCode;

use crate::base::ProviderId;
use crate::endpoints::answer::{Notice, login_link};
use crate::endpoints::service::Endpoints;
use crate::observe::{LoginResult, audit};
use crate::oidc::LoginFault;
use crate::web::{Reply, Request, ReturnTo};

/// What a browser waits before it asks again: about as long as the pause between two attempts of
/// ours to reach the provider.
const RETRY_AFTER: &str = "5";

/// What stopped a login before the provider module had a say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The `state` was not sealed for this browser.
    OtherBrowser,
    /// The callback came a second time.
    Replayed,
    /// The session could not be kept.
    StoreFailed,
}

impl Stopped {
    const fn code(self) -> &'static str {
        match self {
            Self::OtherBrowser => "login_other_browser",
            Self::Replayed => "login_replayed",
            Self::StoreFailed => "session_store_unavailable",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::OtherBrowser | Self::Replayed => StatusCode::BAD_REQUEST,
            Self::StoreFailed => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::OtherBrowser => {
                "This sign-in was begun in another browser, or too long ago. Please start again."
            }
            Self::Replayed => "This sign-in was already used.",
            Self::StoreFailed => "Signing in is not possible right now. Please try again shortly.",
        }
    }
}

impl Endpoints {
    /// The answer to a fault of the login. The cause goes to the audit log only.
    pub(super) fn login_fault(
        &self,
        request: &Request<'_>,
        provider: &ProviderId,
        fault: &LoginFault,
        return_to: &ReturnTo,
    ) -> Reply {
        self.note_failure(request, provider, fault.code(), &fault.to_string());
        let (status, title, hint) = if fault.is_unavailable() {
            let hint = "Nothing you did is lost.";
            (StatusCode::SERVICE_UNAVAILABLE, "Please try again", hint)
        } else if fault.is_forbidden() {
            let hint = "Somebody who runs this application can let you in.";
            (StatusCode::FORBIDDEN, "No access", hint)
        } else {
            (StatusCode::BAD_REQUEST, "Sign-in did not work", "")
        };
        let again = login_link(Some(provider), return_to);
        let action = ("Try again", again.as_str());
        let code = fault.code();
        let reply = Notice { status, code, title, sentence: fault.public(), hint, action };
        retryable(reply.reply(request))
    }

    /// The answer to a login that was stopped here.
    pub(super) fn login_stopped(
        &self,
        request: &Request<'_>,
        provider: &ProviderId,
        (stopped, cause): (Stopped, &str),
        return_to: &ReturnTo,
    ) -> Reply {
        self.note_failure(request, provider, stopped.code(), cause);
        let again = login_link(Some(provider), return_to);
        let action = match stopped {
            Stopped::OtherBrowser => ("Start again", again.as_str()),
            // Whoever came here by the back button is signed in already.
            Stopped::Replayed => ("Continue", return_to.as_str()),
            Stopped::StoreFailed => ("Try again", again.as_str()),
        };
        let notice = Notice {
            status: stopped.status(),
            code: stopped.code(),
            title: "Sign-in did not work",
            sentence: stopped.sentence(),
            hint: "",
            action,
        };
        retryable(notice.reply(request))
    }

    pub(super) fn note_failure(
        &self,
        request: &Request<'_>,
        provider: &ProviderId,
        code: &str,
        cause: &str,
    ) {
        audit::login_denied(request.id.as_str(), provider.as_str(), code, cause);
        self.parts.metrics.login(provider.as_str(), LoginResult::Failed);
    }
}

/// Says when to come back, where that helps.
pub(super) fn retryable(reply: Reply) -> Reply {
    if reply.status == StatusCode::SERVICE_UNAVAILABLE {
        return reply.with("retry-after", RETRY_AFTER);
    }
    reply
}
