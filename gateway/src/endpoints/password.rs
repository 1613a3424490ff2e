//! The form for name and password.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::StatusCode;
use url::form_urlencoded;

use crate::authn::password::Said;
use crate::base::{ProviderId, Secret, Timestamp};
use crate::endpoints::answer::{CHALLENGE, LOGIN, Notice, page, wants_page};
use crate::endpoints::browser::Mark;
use crate::endpoints::failure::{Stopped, retryable};
use crate::endpoints::login::{Asked, circle};
use crate::endpoints::service::Endpoints;
use crate::gate::{Gate, RoutePlan};
use crate::identity::{Principal, WayIn};
use crate::observe::{LoginResult, audit};
use crate::session::{NewSession, ProviderTokens};
use crate::web::{Reply, Request, ReturnTo, origin};

/// The form, and the providers beside it.
#[derive(Template)]
#[template(path = "password.html")]
struct Form<'a> {
    fault: &'a str,
    csrf: &'a str,
    return_to: &'a str,
    name: &'a str,
    /// Label and address.
    choices: Vec<(&'a str, String)>,
}

/// What was posted.
struct Posted {
    csrf: String,
    return_to: Option<ReturnTo>,
    name: String,
    password: Secret<String>,
}

const PURPOSE: &str = "login form";
/// How long a form may be filled in.
const FORM_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// What metrics and audit call logins that no directory has accepted.
const ANY: &str = "password";

impl Endpoints {
    /// The directories of the route that the person came from, in its order; all, where that is no
    /// route.
    pub(super) fn directories(&self, plan: Option<&Arc<RoutePlan>>) -> Vec<ProviderId> {
        let Some(desk) = &self.parts.desk else { return Vec::new() };
        match plan {
            Some(plan) => plan.login.iter().filter(|id| desk.has(id)).cloned().collect(),
            None => desk.ids().cloned().collect(),
        }
    }

    /// The form, empty.
    pub(super) async fn form(&self, gate: &Gate, request: &Request<'_>, asked: &Asked) -> Reply {
        let mark = self.mark_or_new(request);
        if asked.again {
            self.parts.logins.recent.forget(&mark);
        } else if self.goes_in_circles(request, &mark).await {
            return circle(request, None, &asked.return_to);
        }
        self.show(gate, request, &mark, (asked, "", ""), StatusCode::OK)
    }

    fn show(
        &self,
        gate: &Gate,
        request: &Request<'_>,
        mark: &Mark,
        (asked, name, fault): (&Asked, &str, &str),
        status: StatusCode,
    ) -> Reply {
        let known = self.parts.origins.exact(request);
        let (Some(_), Some(cookie)) = (known, self.mark_cookie(request, mark)) else {
            return self.wrong_address(request);
        };
        if !wants_page(request) {
            let code = if status == StatusCode::OK { "login_form" } else { "login_refused" };
            let action = ("", "");
            let notice = Notice { status, code, title: "", sentence: fault, hint: "", action };
            return retryable(notice.reply(request)).with_cookie(&cookie);
        }
        let sealed_at = self.parts.clock.now().as_millis().to_be_bytes();
        let csrf = self.parts.sealer.seal(PURPOSE, mark.as_str().as_bytes(), &sealed_at);
        let csrf = URL_SAFE_NO_PAD.encode(csrf);
        let mut choices = Vec::new();
        for provider in self.offered(asked.plan(gate, request.host)) {
            let address = asked.link(Some(provider.id()));
            choices.push((provider.settings().display_name.as_str(), address));
        }
        let return_to = asked.return_to.as_str();
        let reply = page(status, &Form { fault, csrf: &csrf, return_to, name, choices });
        let reply = if status == StatusCode::UNAUTHORIZED {
            reply.with("www-authenticate", CHALLENGE)
        } else {
            reply
        };
        retryable(reply).with("cache-control", "no-store").with_cookie(&cookie)
    }

    /// `POST /.portcullis/login`: name and password.
    pub(super) async fn enter(&self, gate: &Gate, request: &Request<'_>, body: &Bytes) -> Reply {
        let (headers, scheme) = (request.headers, request.scheme);
        if origin::check_state_change(headers, scheme, request.authority, &[]).is_err() {
            return forged(request);
        }
        let Some(posted) = Posted::read(body) else { return forged(request) };
        let asked = Asked::to(posted.return_to.unwrap_or_else(ReturnTo::root));
        let return_to = &asked.return_to;
        let among = self.directories(asked.plan(gate, request.host));
        let (Some(desk), false) = (&self.parts.desk, among.is_empty()) else {
            return Notice::NOT_FOUND.reply(request);
        };
        // A form that is not of this browser would sign a visitor in as somebody else (login CSRF).
        let mark = self.mark_of(request).filter(|mark| self.is_ours(mark, &posted.csrf));
        let Some(mark) = mark else {
            let mark = self.mark_or_new(request);
            let fault = "This form was too old, or cookies are blocked. Please try again.";
            let shown = (&asked, posted.name.as_str(), fault);
            return self.show(gate, request, &mark, shown, StatusCode::BAD_REQUEST);
        };
        let (name, password) = (posted.name.as_str(), &posted.password);
        let (status, cause, fault) = match desk.judge(&among, request.client, name, password).await
        {
            Said::Accept(directory, who) => {
                return self.let_in(request, directory, who, (&mark, return_to)).await;
            }
            Said::Reject(reason) => (
                StatusCode::UNAUTHORIZED,
                reason.as_str().to_owned(),
                "Name or password is not right.",
            ),
            Said::TooMany(wait) => (
                StatusCode::TOO_MANY_REQUESTS,
                format!("too many tries, for {} s", wait.as_secs()),
                "Too many attempts failed. Please try again in a few minutes.",
            ),
            Said::Unavailable(fault) => (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{fault}: {}", fault.cause),
                "Signing in does not work just now. Please try again in a moment.",
            ),
        };
        audit::password_refused(request.id.as_str(), request.client, &cause);
        self.parts.metrics.login(ANY, LoginResult::Failed);
        let reply = self.show(gate, request, &mark, (&asked, name, fault), status);
        if status == StatusCode::TOO_MANY_REQUESTS {
            reply.with("retry-after", "60")
        } else {
            reply
        }
    }

    fn is_ours(&self, mark: &Mark, csrf: &str) -> bool {
        let sealed = URL_SAFE_NO_PAD.decode(csrf).unwrap_or_default();
        let opened = self.parts.sealer.open(PURPOSE, mark.as_str().as_bytes(), &sealed);
        let at = opened.and_then(|bytes| bytes.first_chunk().copied().map(i64::from_be_bytes));
        let age = at.map(|at| self.parts.clock.now().since(Timestamp::from_millis(at)));
        age.is_some_and(|age| age <= FORM_LIFETIME)
    }

    /// Begins the session and sends the person where they wanted to go.
    async fn let_in(
        &self,
        request: &Request<'_>,
        directory: ProviderId,
        principal: Arc<Principal>,
        (mark, return_to): (&Mark, &ReturnTo),
    ) -> Reply {
        let new = NewSession {
            principal,
            signed_in_by: WayIn::Password,
            provider: directory.clone(),
            auth_time: self.parts.clock.now(),
            auth_time_stated: true,
            acr: None,
            // RFC 8176.
            amr: ["pwd".to_owned()].into(),
            acrs: Arc::default(),
            tokens: ProviderTokens::default(),
        };
        // 303: a 307 would have the browser post the password on (RFC 9700 section 4.12).
        let leads_on = Reply::redirect(StatusCode::SEE_OTHER, return_to.as_str())
            .with("referrer-policy", "no-referrer");
        match self.sign_in(request, new, (directory.as_str(), leads_on)).await {
            Ok(reply) => {
                self.parts.logins.recent.finished(mark, self.parts.clock.now());
                reply
            }
            Err(fault) => {
                let stopped = (Stopped::StoreFailed, &*fault.to_string());
                self.login_stopped(request, &directory, stopped, return_to)
            }
        }
    }
}

impl Posted {
    /// Reads the form; `None` where a field is there twice.
    fn read(body: &Bytes) -> Option<Self> {
        let mut fields = [None, None, None, None];
        for (name, value) in form_urlencoded::parse(body) {
            let names = ["csrf", "return_to", "name", "password"];
            let Some(place) = names.iter().position(|own| *own == name) else { continue };
            if fields.get_mut(place)?.replace(value.into_owned()).is_some() {
                return None;
            }
        }
        let [csrf, return_to, name, password] = fields.map(Option::unwrap_or_default);
        let return_to = ReturnTo::parse(&return_to);
        Some(Self { csrf, return_to, name, password: Secret::new(password) })
    }
}

fn forged(request: &Request<'_>) -> Reply {
    let notice = Notice {
        status: StatusCode::FORBIDDEN,
        code: "login_forged",
        title: "Sign-in did not work",
        sentence: "This did not come from our sign-in page.",
        hint: "",
        action: ("Sign in", LOGIN),
    };
    notice.reply(request)
}
