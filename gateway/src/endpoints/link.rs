//! Where a signed link becomes a session.

use std::sync::Arc;

use askama::Template;
use bytes::Bytes;
use http::{Method, StatusCode};
use url::form_urlencoded;

use crate::authn::{Entrance, Links, RejectReason};
use crate::endpoints::answer::{Notice, page, reads, wrong_method};
use crate::endpoints::failure::retryable;
use crate::endpoints::service::Endpoints;
use crate::gate::Gate;
use crate::identity::WayIn;
use crate::observe::{LoginResult, audit};
use crate::session::{NewSession, ProviderTokens};
use crate::web::{CallerKind, Reply, Request, ReturnTo, origin};

/// The word for this way in, where a provider's name would stand.
const NAME: &str = WayIn::SignedUrl.as_str();
/// More than a link can need, whose claims have to fit into a token later.
const LONGEST: usize = 8 * 1024;

/// Asks before a link is used up.
#[derive(Template)]
#[template(path = "link.html")]
struct Ask<'a> {
    to: &'a str,
    /// Who is signed in, and whom the link names: empty unless they are two.
    now: &'a str,
    then: &'a str,
}

/// The page that a link leads to.
struct Target {
    path: String,
    query: Option<String>,
}

impl Endpoints {
    /// `/.portcullis/link?to=<path and query>`: the gate sends every link here, so that none goes
    /// further.
    ///
    /// Only two things use a link up: a navigation of a whole tab, as browsers mark them (Fetch
    /// Metadata), and the button on the page that all others see. Programs that look at links in
    /// mails and chats do neither, nor does `HEAD`, nor a browser that fetches ahead.
    pub(super) async fn link(&self, gate: &Gate, request: &Request<'_>, body: &Bytes) -> Reply {
        let posted = *request.method == Method::POST;
        if !posted && !reads(request) {
            return wrong_method(request, "GET, HEAD, POST");
        }
        let (headers, scheme) = (request.headers, request.scheme);
        if posted && origin::check_state_change(headers, scheme, request.authority, &[]).is_err() {
            return self.refused(request, RejectReason::Misplaced);
        }
        let given = if posted { body } else { request.query.unwrap_or_default().as_bytes() };
        let Some(to) = only(given).filter(|to| to.len() <= LONGEST) else {
            return Notice::NOT_FOUND.reply(request);
        };
        let Some(target) = Target::parse(&to) else { return Notice::NOT_FOUND.reply(request) };
        let links = gate.plan_for(request.host, &target.path).and_then(|plan| plan.links.as_ref());
        let Some(links) = links else { return Notice::NOT_FOUND.reply(request) };
        let entrance = match links.judge(request.host, &target.path, target.query.as_deref()) {
            Ok(entrance) => entrance,
            Err(reason) => return self.refused(request, reason),
        };
        // No link is used up for a session that could not be kept.
        if self.parts.cookies.of(request.scheme, request.host).is_none() {
            return insecure(request);
        }
        let somebody = match self.session_of(request).await {
            Ok(session) => session.map(|session| Arc::clone(&session.principal)),
            Err(_) => return unavailable(request),
        };
        let known = somebody.as_ref().is_some_and(|now| now.is_same_as(&entrance.principal));
        let other = somebody.filter(|_| !known);
        if !posted && (other.is_some() || !navigates(request)) {
            let now = other.as_ref().map_or("", |now| now.display_name());
            let then = if now.is_empty() { "" } else { entrance.principal.display_name() };
            return page(StatusCode::OK, &Ask { to: &to, now, then });
        }
        self.enter_by_link(request, links, entrance, (&target.without_link(links), known)).await
    }

    async fn enter_by_link(
        &self,
        request: &Request<'_>,
        links: &Links,
        entrance: Entrance,
        (target, known): (&ReturnTo, bool),
    ) -> Reply {
        match links.use_up(&entrance).await {
            Ok(true) => {}
            // Whoever came here by the back button is signed in already, and stays as they are.
            Ok(false) if known => return leave(target),
            Ok(false) => return self.refused(request, RejectReason::Used),
            Err(fault) => {
                tracing::error!(%fault, "a signed link cannot be used");
                return unavailable(request);
            }
        }
        let new = NewSession {
            principal: Arc::new(entrance.principal),
            signed_in_by: WayIn::SignedUrl,
            provider: entrance.signer,
            auth_time: self.parts.clock.now(),
            // A link says nothing of when its bearer signed in at whoever signed it.
            auth_time_stated: false,
            acr: None,
            amr: Arc::new([]),
            acrs: Arc::default(),
            tokens: ProviderTokens::default(),
        };
        match self.sign_in(request, new, (NAME, leave(target))).await {
            Ok(reply) => reply,
            Err(fault) => {
                tracing::error!(%fault, "a session by a signed link cannot be kept");
                unavailable(request)
            }
        }
    }

    fn refused(&self, request: &Request<'_>, reason: RejectReason) -> Reply {
        audit::login_denied(request.id.as_str(), NAME, "link_refused", reason.as_str());
        self.parts.metrics.login(NAME, LoginResult::Failed);
        let notice = Notice {
            status: StatusCode::FORBIDDEN,
            code: "link_refused",
            title: "This link does not work",
            sentence: "The link is not complete, has expired, or was used before.",
            hint: "Ask for a new one where you got it.",
            action: ("", ""),
        };
        notice.reply(request)
    }
}

impl Target {
    fn parse(to: &str) -> Option<Self> {
        let (path, query) = match to.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (to, None),
        };
        let path = ReturnTo::parse(path)?.as_str().to_owned();
        Some(Self { path, query })
    }

    /// What the link's signer can read of it, the browser's history may keep: all but the link.
    fn without_link(&self, links: &Links) -> ReturnTo {
        let clean = links.without_link(self.query.as_deref());
        let clean = clean.and_then(|query| ReturnTo::parse(&format!("{}?{query}", self.path)));
        clean.or_else(|| ReturnTo::parse(&self.path)).unwrap_or_else(ReturnTo::root)
    }
}

/// Whether a person's browser goes there with a whole tab, and not ahead of them.
fn navigates(request: &Request<'_>) -> bool {
    let ahead = ["sec-purpose", "purpose", "x-moz"];
    *request.method == Method::GET
        && request.header("sec-fetch-mode") == Some("navigate")
        && request.caller_kind() == CallerKind::Navigation
        && !ahead.iter().any(|name| request.headers.contains_key(*name))
}

fn leave(target: &ReturnTo) -> Reply {
    let reply = Reply::redirect(StatusCode::SEE_OTHER, target.as_str());
    reply.with("referrer-policy", "no-referrer")
}

/// The one value of `to`; none when it is repeated.
fn only(form: &[u8]) -> Option<String> {
    let mut all = form_urlencoded::parse(form).filter(|(name, _)| name == "to");
    match (all.next(), all.next()) {
        (Some((_, to)), None) => Some(to.into_owned()),
        _ => None,
    }
}

fn insecure(request: &Request<'_>) -> Reply {
    let notice = Notice {
        status: StatusCode::MISDIRECTED_REQUEST,
        code: "login_wrong_address",
        title: "Wrong address",
        sentence: "Signing in does not work at this address.",
        hint: "It needs https.",
        action: ("", ""),
    };
    notice.reply(request)
}

fn unavailable(request: &Request<'_>) -> Reply {
    let notice = Notice {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "session_store_unavailable",
        title: "Please try again",
        sentence: "Signing in is not possible right now. Please try again shortly.",
        hint: "",
        action: ("", ""),
    };
    retryable(notice.reply(request))
}
