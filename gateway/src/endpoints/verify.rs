//! The gate as an answer for another proxy: nginx `auth_request`, `ForwardAuth`, Envoy `ext_authz`.

use http::header::{COOKIE, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;

use crate::endpoints::answer::{CHALLENGE, Notice};
use crate::endpoints::original::{Dialect, Original};
use crate::endpoints::service::Endpoints;
use crate::gate::{Admitted, Gate, Refusal, Refused};
use crate::identity::Principal;
use crate::observe::audit;
use crate::web::forwarded::Trusted;
use crate::web::names::is_identity_header;
use crate::web::{Reply, Request, Scheme, cookie};

pub(super) const VERIFY: &str = "/.portcullis/verify";

/// Where a browser can sign in, for a proxy that makes the redirect itself.
const LOGIN_FIELD: &str = "x-portcullis-login";

/// Who may ask, and how.
#[derive(Clone, Debug)]
pub struct VerifyRules {
    /// The proxies that may, by their own address.
    pub peers: Trusted,
    /// How they speak of the original request.
    pub dialect: Dialect,
    /// Whether the paths of oauth2-proxy are served too.
    pub compatible_paths: bool,
}

impl Endpoints {
    /// Decides the request that a proxy asks about. `allowed` is the status of a yes; whatever is
    /// not a yes has a status that every proxy takes for a no.
    pub(super) async fn verify(
        &self,
        gate: &Gate,
        question: &Request<'_>,
        allowed: StatusCode,
    ) -> Reply {
        let Some(rules) = &self.parts.verify else { return Notice::NOT_FOUND.reply(question) };
        if !rules.peers.contains(question.peer) {
            // A client could else have its own token, or try paths that are closed to it.
            self.note(question, &Refused::without_route(Refusal::NotFound));
            return Notice::NOT_FOUND.reply(question);
        }
        let scheme = match self.parts.origins.public().starts_with("https:") {
            true => Scheme::Https,
            false => Scheme::Http,
        };
        let read = Original::read(rules.dialect, question, &rules.peers, scheme);
        let original = match read {
            Ok(original) => original,
            Err(rule) => return self.denied(question, Refusal::BadRequest(rule)),
        };
        let request = original.request(question);
        if self.takes(request.path) {
            return self.denied(question, Refusal::BadRequest("a page of the gateway itself"));
        }
        if original.method.is_none() && gate.tells_methods_apart(request.host, request.path) {
            let rule = "the route depends on the method, and no `X-Original-Method` is listed";
            return self.denied(question, Refusal::BadRequest(rule));
        }
        match gate.decide(&request).await {
            Ok(admitted) => {
                if let Some(seconds) = admitted.facts().mint_seconds {
                    self.parts.metrics.minted(seconds);
                }
                let cookie = cookie::strip(question.headers, |it| self.parts.cookies.is_ours(it));
                let reply = yes(&admitted, allowed, cookie);
                if reads_as_ours(question, &reply) {
                    let rule = "a header field that the app could read as one of ours";
                    return self.denied(question, Refusal::BadRequest(rule));
                }
                reply
            }
            Err(refused) => {
                self.note(question, &refused);
                let reply = refused.reply(&request);
                match rules.dialect {
                    Dialect::Nginx(_) => for_nginx(reply, &refused.refusal),
                    Dialect::Envoy => never_yes(reply, &refused.refusal),
                    Dialect::Forwarded => {
                        let home = self.parts.origins.of(&request);
                        never_yes(completed(reply, home), &refused.refusal)
                    }
                }
            }
        }
    }

    /// Whether the original path stands behind the page's own. Else nothing is served there: a proxy
    /// that forwards our pages, all but the one at which it asks, would let its clients ask too.
    pub(super) fn is_asked_by_path(&self) -> bool {
        self.parts.verify.as_ref().is_some_and(|rules| matches!(rules.dialect, Dialect::Envoy))
    }

    fn denied(&self, question: &Request<'_>, refusal: Refusal) -> Reply {
        let refused = Refused::without_route(refusal);
        self.note(question, &refused);
        // 403 is a no to each of them; nginx takes another status for a fault of ours.
        Reply { status: StatusCode::FORBIDDEN, ..refused.bare_reply() }
    }

    fn note(&self, question: &Request<'_>, refused: &Refused) {
        let route = refused.plan.as_ref().map_or("none", |plan| plan.id.as_str());
        let (code, cause) = (refused.refusal.code(), refused.refusal.cause());
        self.parts.metrics.refusal(code);
        audit::refused(
            (question.id.as_str(), route),
            (code, &cause),
            refused.subject.as_deref(),
            matches!(refused.refusal, Refusal::Forbidden(_)),
        );
    }
}

/// A yes, with who it is.
///
/// Each field is always there, empty where there is nothing to say: a proxy that copies only fields
/// that are there would let the client's own through.
fn yes(admitted: &Admitted, allowed: StatusCode, cookie: Option<HeaderValue>) -> Reply {
    let proof = admitted.permit().authenticated();
    let nobody = Principal::new("", "");
    let known = admitted.token().is_some() && !proof.is_anonymous();
    // A route that sends no token tells its application nothing of the person.
    let who = if known { proof.principal() } else { &nobody };
    let email = who.email.as_ref().filter(|email| email.verified);
    // A group with a comma would be read as two.
    let groups: Vec<&str> =
        who.groups.iter().map(String::as_str).filter(|group| !group.contains(',')).collect();
    let most = admitted.plan().token.as_ref().map_or(0, |token| token.max_groups);
    let groups = groups.get(..most).unwrap_or(&groups).join(",");
    let mut reply = Reply::json(allowed, &json!({ "allowed": true }));
    for (name, value) in [
        ("x-auth-request-user", who.subject.as_str()),
        ("x-auth-request-email", email.map_or("", |email| email.address.as_str())),
        ("x-auth-request-groups", groups.as_str()),
        (
            "x-auth-request-preferred-username",
            who.preferred_username.as_deref().unwrap_or_default(),
        ),
    ] {
        let value = HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static(""));
        reply.headers.insert(name, value);
    }
    reply.headers.insert("x-user-jwt", HeaderValue::from_static(""));
    for (name, _) in admitted.plan().app.iter().flat_map(|app| &app.fields) {
        reply.headers.insert(name.clone(), HeaderValue::from_static(""));
    }
    // What no client may tell an application, and what is none of an application's business.
    for name in &admitted.plan().strip {
        reply.headers.insert(name.clone(), HeaderValue::from_static(""));
    }
    // The client's without ours: an application, or its log, could else be the person here. Those of
    // the application are its own: what binds them to a session is not in the way of its answers.
    reply.headers.insert(COOKIE, cookie.unwrap_or_else(|| HeaderValue::from_static("")));
    for (name, value) in proof.passed() {
        reply.headers.insert(name.clone(), value.clone());
    }
    for (name, value) in admitted.told().iter().flat_map(|told| &told.fields) {
        reply.headers.insert(name.clone(), value.clone());
    }
    if let (Some(token), Some(wanted)) = (admitted.token(), &admitted.plan().token)
        && let Some(header) = &wanted.header
    {
        reply.headers.insert(header.clone(), wanted.header_value(token));
    }
    reply
}

/// nginx knows 401 and 403, and takes all else for a fault; a redirect is its own to make.
fn for_nginx(mut reply: Reply, refusal: &Refusal) -> Reply {
    let login = reply.headers.remove(LOCATION);
    if let (true, Some(login)) = (refusal.wants_login(), login) {
        reply.headers.insert(LOGIN_FIELD, login);
    }
    let status = refusal.status();
    reply.status = match status {
        StatusCode::UNAUTHORIZED => status,
        _ if status.is_server_error() => status,
        _ => StatusCode::FORBIDDEN,
    };
    if status == StatusCode::UNAUTHORIZED && !reply.headers.contains_key(WWW_AUTHENTICATE) {
        reply.headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
    }
    reply
}

/// Whether the client sends `X_User_JWT`, or the like, of a field that the answer sets. The proxy
/// replaces the field itself and lets this through, which CGI, WSGI and PHP read as the same.
fn reads_as_ours(question: &Request<'_>, yes: &Reply) -> bool {
    let ours: Vec<HeaderName> = yes.headers.keys().cloned().collect();
    let odd = |name: &&HeaderName| name.as_str().contains(['_', '.']);
    question.headers.keys().filter(odd).any(|name| is_identity_header(name.as_str(), &ours))
}

/// A redirect with its whole address: Traefik completes a relative one with the address at which it
/// has asked us, where no browser gets.
fn completed(mut reply: Reply, home: &str) -> Reply {
    let path = reply.headers.get(LOCATION).and_then(|to| to.to_str().ok());
    let whole = path.filter(|to| to.starts_with('/')).map(|path| format!("{home}{path}"));
    if let Some(whole) = whole.and_then(|whole| HeaderValue::try_from(whole).ok()) {
        reply.headers.insert(LOCATION, whole);
    }
    reply
}

/// A refusal of gRPC is a 200 to its caller, but it must not be one to a proxy.
fn never_yes(reply: Reply, refusal: &Refusal) -> Reply {
    if reply.status.is_success() {
        return Reply::text(refusal.status(), refusal.sentence());
    }
    reply
}
