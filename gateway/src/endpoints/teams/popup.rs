//! The window in which people sign in who cannot do so in the tab: a provider's pages refuse to be
//! framed.

use std::time::Duration;

use askama::Template;
use bytes::Bytes;
use http::{Method, StatusCode};
use url::form_urlencoded;

use crate::endpoints::answer::{Notice, page, reads, wrong_method};
use crate::endpoints::csrf;
use crate::endpoints::failure::retryable;
use crate::endpoints::login::{self, Asked};
use crate::endpoints::service::Endpoints;
use crate::endpoints::teams::codes::is_challenge;
use crate::endpoints::teams::session::{Tabs, field};
use crate::web::{Reply, Request, ReturnTo, origin};

/// Asks whether the tab that opened the window may have the sign-in. A tab of another application can
/// open it too, and name our host as its own.
#[derive(Template)]
#[template(path = "teams/consent.html")]
struct Consent<'a> {
    name: &'a str,
    csrf: &'a str,
    challenge: &'a str,
}

/// Hands the code over.
#[derive(Template)]
#[template(path = "teams/popup.html")]
struct Popup<'a> {
    library: &'a str,
    integrity: &'a str,
    code: &'a str,
}

const START: &str = "/.portcullis/teams/popup-start";
/// An older session is not carried over: it would live twice as long as sessions may.
const FRESH: Duration = Duration::from_secs(10 * 60);

impl Endpoints {
    /// `GET /.portcullis/teams/popup-start?challenge=…`: off to the provider, and back to the end.
    pub(super) async fn popup_start(&self, tabs: &Tabs, request: &Request<'_>) -> Reply {
        if let Some(refusal) = login::refusal(request) {
            return refusal;
        }
        let challenge = challenge_in(request.query);
        let target = challenge.map(|it| format!("/.portcullis/teams/popup-end?challenge={it}"));
        let target = target.and_then(|target| ReturnTo::parse(&target));
        let (Some(target), Some(provider)) = (target, self.provider(tabs.provider.as_str())) else {
            return odd(request);
        };
        self.begin(provider, request, &Asked::to(target)).await
    }

    /// `GET` asks, `POST` hands the code to the tab.
    pub(super) async fn popup_end(
        &self,
        tabs: &Tabs,
        request: &Request<'_>,
        body: &Bytes,
    ) -> Reply {
        let posted = *request.method == Method::POST;
        if !posted && !reads(request) {
            return wrong_method(request, "GET, HEAD, POST");
        }
        let challenge = match posted {
            true => field(body, "challenge").filter(|text| is_challenge(text)),
            false => challenge_in(request.query),
        };
        let Some(challenge) = challenge else { return odd(request) };
        let now = self.parts.clock.now();
        let session = match self.window_session_of(request).await {
            Ok(session) => session.filter(|session| {
                session.provider == tabs.provider && now.since(session.created) <= FRESH
            }),
            Err(fault) => {
                tracing::error!(%fault, "who signed in in a window cannot be said");
                return unavailable(request);
            }
        };
        let Some(session) = session else {
            return Reply::redirect(
                StatusCode::SEE_OTHER,
                &format!("{START}?challenge={challenge}"),
            );
        };
        if !posted {
            let csrf = csrf::token(&self.parts.sealer, &session.key);
            let name = session.principal.display_name();
            return page(StatusCode::OK, &Consent { name, csrf: &csrf, challenge: &challenge });
        }
        let (headers, scheme) = (request.headers, request.scheme);
        let proof = field(body, "csrf").unwrap_or_default();
        if origin::check_state_change(headers, scheme, request.authority, &[]).is_err()
            || !csrf::is_valid(&self.parts.sealer, &session.key, &proof)
        {
            return Notice { status: StatusCode::FORBIDDEN, code: "forged", ..ODD }.reply(request);
        }
        let code = self.parts.logins.popups.give(&session.key, &challenge, now);
        let (library, integrity) = (&tabs.tab.library, &tabs.tab.integrity);
        let html = Popup { library, integrity, code: &code }.render().unwrap_or_default();
        // Nothing here says `Cross-Origin-Opener-Policy`: the library could not answer the tab then.
        tabs.tab.page(html)
    }
}

/// The one challenge in a query.
fn challenge_in(query: Option<&str>) -> Option<String> {
    let query = query.unwrap_or_default().as_bytes();
    let mut found = form_urlencoded::parse(query).filter(|(name, _)| name == "challenge");
    match (found.next(), found.next()) {
        (Some((_, text)), None) if is_challenge(&text) => Some(text.into_owned()),
        _ => None,
    }
}

const ODD: Notice<'_> = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "teams_window",
    title: "That did not work",
    sentence: "This window was not opened by the application’s tab.",
    hint: "Close it, and sign in again from Microsoft Teams.",
    action: ("", ""),
};

fn odd(request: &Request<'_>) -> Reply {
    ODD.reply(request)
}

fn unavailable(request: &Request<'_>) -> Reply {
    let notice = Notice {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "session_store_unavailable",
        title: "Please try again",
        sentence: "Your session cannot be checked right now.",
        hint: "Nothing you did is lost.",
        action: ("", ""),
    };
    retryable(notice.reply(request))
}
