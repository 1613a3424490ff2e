//! Who is signed in, for the application's scripts and for the person.

use askama::Template;
use http::StatusCode;
use serde_json::json;

use crate::endpoints::answer::{
    CHALLENGE, LOGIN, ME, Notice, data, login_link, page, reads, wrong_method,
};
use crate::endpoints::csrf;
use crate::endpoints::failure::retryable;
use crate::endpoints::service::Endpoints;
use crate::session::Session;
use crate::web::{CallerKind, Reply, Request, ReturnTo};

/// The account, with the way out.
#[derive(Template)]
#[template(path = "account.html")]
struct Account<'a> {
    name: &'a str,
    email: &'a str,
    provider: &'a str,
    groups: &'a [String],
    csrf: &'a str,
}

/// Groups shown on the page; a person may be in thousands.
const SHOWN_GROUPS: usize = 24;

impl Endpoints {
    /// `GET /.portcullis/me`.
    pub(super) async fn me(&self, request: &Request<'_>) -> Reply {
        if !reads(request) {
            return wrong_method(request, "GET, HEAD");
        }
        let navigates = request.caller_kind() == CallerKind::Navigation;
        match self.session_of(request).await {
            Ok(Some(session)) if navigates => self.account(&session),
            Ok(Some(session)) => self.description(&session),
            Ok(None) if navigates => {
                let back = ReturnTo::parse(ME).unwrap_or_else(ReturnTo::root);
                Reply::redirect(StatusCode::FOUND, &login_link(None, &back))
            }
            Ok(None) => {
                let document = json!({ "signed_in": false, "login_url": LOGIN });
                data(StatusCode::UNAUTHORIZED, &document).with("www-authenticate", CHALLENGE)
            }
            Err(fault) => {
                tracing::error!(%fault, "who is signed in cannot be said");
                unavailable(request)
            }
        }
    }

    /// What a script may know; no token of any kind.
    fn description(&self, session: &Session) -> Reply {
        let who = &session.principal;
        let document = json!({
            "signed_in": true,
            "name": who.name,
            "email": who.email.as_ref().map(|email| &email.address),
            "preferred_username": who.preferred_username,
            "groups": who.groups,
            "roles": who.roles,
            "provider": session.provider,
            "signed_in_by": session.signed_in_by,
            "auth_time": session.auth_time.as_secs(),
            "expires_at": session.absolute_expiry.as_secs(),
            "ends_in": self.parts.sessions.remaining(session).as_secs(),
            "csrf": csrf::token(&self.parts.sealer, &session.key),
        });
        data(StatusCode::OK, &document)
    }

    fn account(&self, session: &Session) -> Reply {
        let who = &session.principal;
        let id = session.provider.as_str();
        let provider = self.provider(id);
        let account = Account {
            name: who.display_name(),
            email: who.email.as_ref().map_or("", |email| email.address.as_str()),
            provider: provider.map_or(id, |provider| provider.settings().display_name.as_str()),
            groups: who.groups.get(..SHOWN_GROUPS).unwrap_or(&who.groups),
            csrf: &csrf::token(&self.parts.sealer, &session.key),
        };
        page(StatusCode::OK, &account)
    }
}

fn unavailable(request: &Request<'_>) -> Reply {
    let notice = Notice {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "session_store_unavailable",
        title: "Please try again",
        sentence: "Your session cannot be checked right now.",
        hint: "Nothing you did is lost.",
        action: ("Try again", ME),
    };
    retryable(notice.reply(request))
}
