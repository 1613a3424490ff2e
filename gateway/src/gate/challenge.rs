//! How to say "no" so that this kind of caller can use it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use crate::gate::decide::Refused;
use crate::gate::page::Page;
use crate::gate::plan::RoutePlan;
use crate::gate::refusal::Refusal;
use crate::identity::{StepUp, WayIn};
use crate::web::{CallerKind, Reply, Request, ReturnTo};

/// Where signed links are used up.
const LINK: &str = "/.portcullis/link";
/// Where signing in begins.
const LOGIN: &str = "/.portcullis/login";
/// Where a session ends, for somebody who is signed in as the wrong person.
const LOGOUT: &str = "/.portcullis/logout";
/// Where a sign-out ends.
const SIGNED_OUT: &str = "/.portcullis/signed-out";

/// The code of JSON-RPC errors; of those that a server may choose (JSON-RPC 2.0 section 5.1).
const RPC_REFUSED: i32 = -32_000;

const QUERY_VALUE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

impl Refused {
    /// The answer for the caller. Never sets or clears a session cookie.
    pub fn reply(&self, request: &Request<'_>) -> Reply {
        let refusal = &self.refusal;
        if matches!(refusal, Refusal::Link) {
            let target = request.path_and_query();
            let target = utf8_percent_encode(&target, QUERY_VALUE);
            return Reply::redirect(refusal.status(), &format!("{LINK}?to={target}"))
                .with("referrer-policy", "no-referrer");
        }
        let kind = request.caller_kind();
        let login = self.login_url(request);
        let app = self.plan.as_ref().and_then(|plan| plan.app.as_ref());
        let signed_out = kind == CallerKind::Navigation
            && matches!(refusal, Refusal::Unauthenticated(_))
            && app.is_some_and(|app| app.has_just_left(request));
        if signed_out {
            return Reply::redirect(StatusCode::FOUND, SIGNED_OUT);
        }
        let tab = self.plan.as_ref().and_then(|plan| plan.tab.as_ref());
        if let Some(reply) = tab.and_then(|tab| tab.answer(refusal, request, login.as_deref())) {
            return reply;
        }
        let reply = match (kind, refusal) {
            (CallerKind::Navigation, refusal) if refusal.wants_login() => match &login {
                Some(login) => Reply::redirect(StatusCode::FOUND, login),
                None => self.page(request, None, false),
            },
            (CallerKind::Navigation, _) => self.page(request, None, false),
            (CallerKind::IframeNavigation, _) => {
                let page = self.page(request, login.as_deref(), true);
                // Else the tab would show the browser's own words for a page that must not be framed.
                tab.map_or(page.clone(), |tab| tab.framed(page))
            }
            (CallerKind::Grpc, _) => grpc(refusal),
            (CallerKind::Mcp, _) => self.json_rpc(request, login.as_deref()),
            (CallerKind::Programmatic, _) => self.document(request, login.as_deref()),
            (CallerKind::WebSocket, _) => Reply::text(refusal.status(), refusal.sentence()),
        };
        self.decorate(reply, Some(request))
    }

    /// The answer for a caller of whom nothing is known, because the request could not be read.
    pub fn bare_reply(&self) -> Reply {
        let refusal = &self.refusal;
        let document = json!({ "error": refusal.code(), "message": refusal.sentence() });
        self.decorate(Reply::json(refusal.status(), &document), None)
    }

    /// Where this caller can sign in, with the way back; only for a page that can be returned to.
    fn login_url(&self, request: &Request<'_>) -> Option<String> {
        let plan = self.plan.as_ref()?;
        if plan.login.is_empty() || !self.refusal.wants_login() {
            return None;
        }
        let login = Self::login_at(plan, request);
        // What is wanted goes by the route's name: a link cannot choose it.
        Some(match &self.refusal {
            Refusal::StepUp(..) => {
                let separator = if login.contains('?') { '&' } else { '?' };
                let route = utf8_percent_encode(plan.id.as_str(), QUERY_VALUE);
                format!("{login}{separator}step_up={route}")
            }
            _ => login,
        })
    }

    fn login_at(plan: &RoutePlan, request: &Request<'_>) -> String {
        let navigates =
            matches!(request.caller_kind(), CallerKind::Navigation | CallerKind::IframeNavigation);
        if !navigates {
            return LOGIN.to_owned();
        }
        let app = plan.app.as_ref().filter(|app| app.login.iter().any(|it| it == request.path));
        let target = app.map_or_else(|| request.path_and_query(), |app| app.front.clone());
        // The login would forget a target that is too long, and so might the browser the redirect.
        let Some(back) = ReturnTo::parse(&target) else {
            return LOGIN.to_owned();
        };
        format!("{LOGIN}?return_to={}", utf8_percent_encode(back.as_str(), QUERY_VALUE))
    }

    fn page(&self, request: &Request<'_>, login: Option<&str>, framed: bool) -> Reply {
        let refusal = &self.refusal;
        let reference = format!("{} · {}", refusal.code(), request.id);
        let (hint, action) = match (refusal, login) {
            (refusal, Some(login)) if refusal.wants_login() => {
                ("Signing in needs a tab of its own.", ("Sign in", login))
            }
            (Refusal::Forbidden(_), _) => {
                ("Somebody who runs this application can let you in.", ("Change account", LOGOUT))
            }
            (Refusal::Unavailable(_) | Refusal::Upstream(_) | Refusal::UpstreamTimeout, _) => {
                ("Nothing you did is lost. This page can simply be loaded again.", ("", ""))
            }
            _ => ("", ("", "")),
        };
        let page = Page {
            title: title(refusal.status()),
            sentence: refusal.sentence(),
            hint,
            action,
            new_tab: framed,
            reference: &reference,
        };
        Reply::html(refusal.status(), page.html())
    }

    fn document(&self, request: &Request<'_>, login: Option<&str>) -> Reply {
        Reply::json(self.refusal.status(), &self.members(request, login))
    }

    /// An error of JSON-RPC 2.0: clients of MCP look for nothing else in a body. Which call it was for
    /// has not been read.
    fn json_rpc(&self, request: &Request<'_>, login: Option<&str>) -> Reply {
        let refusal = &self.refusal;
        let data = self.members(request, login);
        let error = json!({ "code": RPC_REFUSED, "message": refusal.sentence(), "data": data });
        let document = json!({ "jsonrpc": "2.0", "id": null, "error": error });
        Reply::json(refusal.status(), &document)
    }

    fn members(&self, request: &Request<'_>, login: Option<&str>) -> serde_json::Value {
        let refusal = &self.refusal;
        let mut document = json!({
            "error": refusal.code(),
            "message": refusal.sentence(),
            "request_id": request.id.as_str(),
        });
        if let (Some(login), Some(members)) = (login, document.as_object_mut()) {
            members.insert("login_url".to_owned(), login.into());
        }
        document
    }

    fn decorate(&self, mut reply: Reply, request: Option<&Request<'_>>) -> Reply {
        let refusal = &self.refusal;
        if reply.status.is_client_error() {
            reply = self.challenge(reply, request);
        }
        if let Some(seconds) = refusal.retry_after() {
            reply = reply.with("retry-after", &seconds.to_string());
        }
        if let Refusal::MethodNotAllowed(allowed) = refusal {
            let allowed: Vec<_> = allowed.iter().map(http::Method::as_str).collect();
            reply = reply.with("allow", &allowed.join(", "));
        }
        reply
    }
}

impl Refused {
    /// RFC 9110 section 11.6.1 wants a challenge with every 401, RFC 6750 section 3 with every "no" to
    /// a token.
    fn challenge(&self, mut reply: Reply, request: Option<&Request<'_>>) -> Reply {
        let asks = reply.status == StatusCode::UNAUTHORIZED;
        let metadata = self.metadata(request);
        let mut session = asks;
        if let Refusal::StepUp(wanted, _) = &self.refusal {
            let reply = reply.with_more("www-authenticate", &insufficient(wanted));
            return match &wanted.authentication_context {
                Some(context) => reply.with_more("www-authenticate", &claims_challenge(context)),
                None => reply,
            };
        }
        for (way, challenge) in self.plan.iter().flat_map(|plan| plan.chain.challenges()) {
            let error = self.refusal.token_error(way);
            if asks || error.is_some() {
                let error = error.map(|error| format!(", error=\"{error}\"")).unwrap_or_default();
                let metadata = metadata.as_deref().filter(|_| way == WayIn::Bearer);
                let challenge = format!("{challenge}{error}{}", metadata.unwrap_or_default());
                reply = reply.with_more("www-authenticate", &challenge);
            }
            session = asks && self.plan.as_ref().is_some_and(|plan| !plan.login.is_empty());
        }
        if session {
            // A session has no registered scheme, and a name no browser knows keeps it from asking
            // for a password.
            reply = reply.with_more("www-authenticate", "Portcullis realm=\"session\"");
        }
        reply
    }
}

impl Refused {
    /// Where a client learns whom to ask for a token (RFC 9728 section 5.1).
    fn metadata(&self, request: Option<&Request<'_>>) -> Option<String> {
        let resource = self.plan.as_ref()?.resource.as_ref()?;
        Some(format!(", resource_metadata=\"{}\"", resource.description_url(request?)))
    }
}

/// RFC 9470 section 3.
fn insufficient(wanted: &StepUp) -> String {
    let mut challenge = "Bearer realm=\"portcullis\", error=\"insufficient_user_authentication\", \
        error_description=\"A fresher or stronger authentication is required\""
        .to_owned();
    if !wanted.acr_values.is_empty() {
        challenge.push_str(&format!(", acr_values=\"{}\"", wanted.acr_values.join(" ")));
    }
    if let Some(max_age) = wanted.max_age {
        challenge.push_str(&format!(", max_age=\"{}\"", max_age.as_secs()));
    }
    challenge
}

/// What clients of Microsoft Entra know instead: the claims to ask for, in base64 (its "claims
/// challenge").
fn claims_challenge(context: &str) -> String {
    let claims = json!({ "access_token": { "acrs": { "essential": true, "value": context } } });
    let claims = STANDARD.encode(claims.to_string());
    format!("Bearer realm=\"portcullis\", error=\"insufficient_claims\", claims=\"{claims}\"")
}

/// A gRPC error is a 200 whose trailers carry the status.
fn grpc(refusal: &Refusal) -> Reply {
    let status = match refusal.status() {
        StatusCode::UNAUTHORIZED => "16",
        StatusCode::FORBIDDEN => "7",
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => "12",
        StatusCode::BAD_REQUEST => "3",
        StatusCode::PAYLOAD_TOO_LARGE => "8",
        StatusCode::INTERNAL_SERVER_ERROR => "13",
        StatusCode::GATEWAY_TIMEOUT => "4",
        _ => "14",
    };
    Reply::new(StatusCode::OK)
        .with("content-type", "application/grpc")
        .with_trailer("grpc-status", status)
        .with_trailer("grpc-message", refusal.sentence())
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "Sign in",
        403 => "No access",
        404 => "Not found",
        421 => "Wrong address",
        500..=599 => "Please try again",
        _ => "That did not work",
    }
}

#[cfg(test)]
mod tests;
