//! Where signing in begins: which provider, and off to it.

use std::sync::Arc;

use askama::Template;
use http::StatusCode;
use serde_json::json;
use url::form_urlencoded;

use crate::base::ProviderId;
use crate::endpoints::answer::{
    CALLBACK, CHALLENGE, LOGIN, Notice, data, login_link, page, reads, wrong_method,
};
use crate::endpoints::browser::Mark;
use crate::endpoints::service::Endpoints;
use crate::endpoints::state;
use crate::gate::{Gate, RoutePlan};
use crate::identity::StepUp;
use crate::observe::LoginResult;
use crate::oidc::{Provider, StartLogin};
use crate::web::{CallerKind, Reply, Request, ReturnTo};

/// What a login link says. All else in it is ignored: who writes a link must not choose scopes,
/// prompts or accounts.
pub(super) struct Asked {
    pub(super) return_to: ReturnTo,
    /// The route that wants more of a sign-in than there is, by name.
    pub(super) step_up: Option<String>,
    /// What the route wants of a sign-in. Of its configuration, never of the link.
    wanted: Option<Arc<StepUp>>,
    /// The person has read why the last logins did not last.
    pub(super) again: bool,
}

/// The longest name of a route that is looked for.
const LONGEST: usize = 512;

/// One button for each provider.
#[derive(Template)]
#[template(path = "chooser.html")]
struct Chooser<'a> {
    /// Label and address.
    choices: Vec<(&'a str, String)>,
}

impl Endpoints {
    /// `GET /.portcullis/login`: with the one provider of the page to come back to, or a choice.
    pub(super) async fn login(&self, gate: &Gate, request: &Request<'_>) -> Reply {
        if let Some(refusal) = refusal(request) {
            return refusal;
        }
        let asked = Asked::read(gate, request);
        if !self.directories(asked.plan(gate, request.host)).is_empty() {
            return self.form(gate, request, &asked).await;
        }
        let offered = self.offered(asked.plan(gate, request.host));
        match offered.as_slice() {
            [] => nobody_signs_in(request),
            [provider] => self.begin(provider, request, &asked).await,
            several => {
                let mut choices = Vec::with_capacity(several.len());
                for &provider in several {
                    let address = asked.link(Some(provider.id()));
                    choices.push((provider.settings().display_name.as_str(), address));
                }
                page(StatusCode::OK, &Chooser { choices })
            }
        }
    }

    /// `GET /.portcullis/login/<provider>`.
    pub(super) async fn login_with(&self, gate: &Gate, name: &str, request: &Request<'_>) -> Reply {
        if self.parts.desk.as_ref().is_some_and(|desk| desk.has(&name.into())) {
            return self.login(gate, request).await;
        }
        let Some(provider) = self.provider(name) else {
            return Notice::NOT_FOUND.reply(request);
        };
        if let Some(refusal) = refusal(request) {
            return refusal;
        }
        self.begin(provider, request, &Asked::read(gate, request)).await
    }

    /// The provider of a name.
    pub(super) fn provider(&self, name: &str) -> Option<&Arc<Provider>> {
        self.parts.providers.iter().find(|provider| provider.id().as_str() == name)
    }

    /// The providers of the route that the person came from; all, where that is no route.
    pub(super) fn offered(&self, plan: Option<&Arc<RoutePlan>>) -> Vec<&Arc<Provider>> {
        let is_offered = |id: &ProviderId| plan.is_none_or(|plan| plan.login.contains(id));
        self.parts.providers.iter().filter(|provider| is_offered(provider.id())).collect()
    }

    /// Sends the browser to the provider.
    pub(super) async fn begin(
        &self,
        provider: &Provider,
        request: &Request<'_>,
        asked: &Asked,
    ) -> Reply {
        let mark = self.mark_or_new(request);
        let origin = self.parts.origins.exact(request);
        let (Some(origin), Some(cookie)) = (origin, self.mark_cookie(request, &mark)) else {
            return self.wrong_address(request);
        };
        if asked.again {
            self.parts.logins.recent.forget(&mark);
            if let Some(route) = &asked.step_up {
                self.parts.logins.recent.forget(&mark.towards(route));
            }
        } else if self.never_suffices(&mark, asked) {
            return never_enough(request, &asked.link(Some(provider.id())));
        } else if self.goes_in_circles(request, &mark).await {
            return circle(request, Some(provider.id()), &asked.return_to);
        }
        let redirect_uri = format!("{origin}{CALLBACK}/{}", provider.id());
        let login = StartLogin {
            redirect_uri: &redirect_uri,
            return_to: asked.return_to.as_str(),
            step_up: asked.wanted.as_deref(),
            route: asked.step_up.as_deref(),
        };
        let seal = |transaction: &_| state::seal(&self.parts.sealer, &mark, transaction);
        match provider.start(login, seal).await {
            Ok(started) => {
                self.parts.metrics.login(provider.id().as_str(), LoginResult::Started);
                Reply::redirect(StatusCode::FOUND, &started.location)
                    .with("referrer-policy", "no-referrer")
                    .with_cookie(&cookie)
            }
            Err(fault) => self.login_fault(request, provider.id(), &fault, &asked.return_to),
        }
    }

    /// Whether a browser has signed in for a route again and again, and still comes back for it.
    fn never_suffices(&self, mark: &Mark, asked: &Asked) -> bool {
        let (recent, now) = (&self.parts.logins.recent, self.parts.clock.now());
        let suspect = |route: &String| recent.is_suspect(&mark.towards(route), now);
        asked.step_up.as_ref().is_some_and(suspect)
    }

    pub(super) async fn goes_in_circles(&self, request: &Request<'_>, mark: &Mark) -> bool {
        let now = self.parts.clock.now();
        if !self.parts.logins.recent.is_suspect(mark, now) {
            return false;
        }
        let signed_in = matches!(self.session_of(request).await, Ok(Some(_)));
        !signed_in || self.parts.logins.recent.is_circling(mark, now)
    }

    pub(super) fn wrong_address(&self, request: &Request<'_>) -> Reply {
        let home = format!("{}/", self.parts.origins.public());
        let notice = Notice {
            status: StatusCode::MISDIRECTED_REQUEST,
            code: "login_wrong_address",
            title: "Wrong address",
            sentence: "Signing in does not work at this address.",
            hint: "Whoever runs this application can add the address to its configuration.",
            action: ("Go to the right address", &home),
        };
        notice.reply(request)
    }
}

impl Asked {
    /// A login that comes back to a page.
    pub(super) const fn to(return_to: ReturnTo) -> Self {
        Self { return_to, step_up: None, wanted: None, again: false }
    }

    /// The route to sign in for: the one that wants more of a sign-in, or that of the page to come
    /// back to.
    pub(super) fn plan<'g>(&self, gate: &'g Gate, host: &str) -> Option<&'g Arc<RoutePlan>> {
        let named = self.step_up.as_deref().and_then(|name| gate.plan_named(name));
        let path = || self.return_to.as_str().split('?').next().unwrap_or_default();
        named.or_else(|| gate.plan_for(host, path()))
    }

    /// The same again, with one provider or whichever the page offers.
    pub(super) fn link(&self, provider: Option<&ProviderId>) -> String {
        let link = login_link(provider, &self.return_to);
        match &self.step_up {
            Some(route) => {
                let route: String = form_urlencoded::byte_serialize(route.as_bytes()).collect();
                format!("{link}&step_up={route}")
            }
            None => link,
        }
    }

    fn read(gate: &Gate, request: &Request<'_>) -> Self {
        let query = request.query.unwrap_or_default().as_bytes();
        let mut targets = form_urlencoded::parse(query).filter(|(name, _)| name == "return_to");
        let target = match (targets.next(), targets.next()) {
            (Some((_, target)), None) => ReturnTo::parse(&target),
            _ => None,
        };
        let again = form_urlencoded::parse(query).any(|(name, _)| name == "again");
        let step_up = form_urlencoded::parse(query).find(|(name, _)| name == "step_up");
        let step_up = step_up.map(|(_, route)| route.into_owned()).filter(|it| it.len() <= LONGEST);
        let mut asked = Self { step_up, again, ..Self::to(target.unwrap_or_else(ReturnTo::root)) };
        asked.wanted = asked.plan(gate, request.host).and_then(|plan| plan.step_up.clone());
        asked
    }
}

/// A login begins with a navigation of a whole tab. A frame or a script that followed the redirect
/// would end at a page that refuses to be framed or read.
pub(super) fn refusal(request: &Request<'_>) -> Option<Reply> {
    if !reads(request) {
        return Some(wrong_method(request, "GET, HEAD"));
    }
    if request.caller_kind() == CallerKind::Navigation {
        return None;
    }
    let document = json!({
        "error": "login_needs_a_tab",
        "message": "Signing in needs a tab of its own.",
        "request_id": request.id.as_str(),
        "login_url": LOGIN,
    });
    Some(data(StatusCode::UNAUTHORIZED, &document).with("www-authenticate", CHALLENGE))
}

fn nobody_signs_in(request: &Request<'_>) -> Reply {
    let sentence = "There is nothing to sign in to at this address.";
    Notice { code: "login_not_offered", sentence, ..Notice::NOT_FOUND }.reply(request)
}

pub(super) fn circle(
    request: &Request<'_>,
    provider: Option<&ProviderId>,
    return_to: &ReturnTo,
) -> Reply {
    let again = format!("{}&again=1", login_link(provider, return_to));
    let notice = Notice {
        status: StatusCode::BAD_REQUEST,
        code: "login_loop",
        title: "Signing in goes in circles",
        sentence: "You signed in, but your browser does not send the session cookie back.",
        hint: "Usual causes: cookies are blocked for this site; this device's clock is wrong; the \
            site is opened by http and https in turn; another proxy removes cookies.",
        action: ("Try again", &again),
    };
    notice.reply(request)
}

/// Whoever has signed in for a page and still may not see it does not try for ever.
fn never_enough(request: &Request<'_>, link: &str) -> Reply {
    let again = format!("{link}&again=1");
    let notice = Notice {
        status: StatusCode::BAD_REQUEST,
        code: "login_loop",
        title: "Signing in goes in circles",
        sentence: "You signed in, but not in the way that this page needs.",
        hint: "Usual causes: the sign-in provider did not ask again; this device's clock is wrong; \
            the account has no second factor.",
        action: ("Try again", &again),
    };
    notice.reply(request)
}
