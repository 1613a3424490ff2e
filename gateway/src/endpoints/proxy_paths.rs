//! The paths of oauth2-proxy, for configurations that were written for it.

use http::StatusCode;
use serde_json::json;
use url::form_urlencoded;

use crate::endpoints::answer::{
    CHALLENGE, LOGIN, LOGOUT, Notice, data, login_link, reads, wrong_method,
};
use crate::endpoints::service::Endpoints;
use crate::gate::Gate;
use crate::web::{Reply, Request, ReturnTo};

const AUTH: &str = "/oauth2/auth";
const PING: &str = "/ping";
const SIGN_IN: &str = "/oauth2/sign_in";
const SIGN_OUT: &str = "/oauth2/sign_out";
const START: &str = "/oauth2/start";
const USERINFO: &str = "/oauth2/userinfo";

impl Endpoints {
    /// Whether a path is one of oauth2-proxy's, and they are served here.
    pub(super) fn is_compatible(&self, path: &str) -> bool {
        self.parts.verify.as_ref().is_some_and(|rules| rules.compatible_paths)
            && matches!(path, AUTH | PING | SIGN_IN | SIGN_OUT | START | USERINFO)
    }

    /// Answers one of them.
    pub(super) async fn compatible(&self, gate: &Gate, request: &Request<'_>) -> Reply {
        match request.path {
            AUTH => self.verify(gate, request, StatusCode::ACCEPTED).await,
            _ if !reads(request) => wrong_method(request, "GET, HEAD"),
            PING => Reply::text(StatusCode::OK, "OK"),
            // A link must not sign anybody out; the page behind it asks.
            SIGN_OUT => Reply::redirect(StatusCode::FOUND, LOGOUT),
            SIGN_IN | START => {
                Reply::redirect(StatusCode::FOUND, &login_link(None, &self.target(request)))
            }
            USERINFO => self.userinfo(request).await,
            _ => Notice::NOT_FOUND.reply(request),
        }
    }

    /// The page to come back to: `rd`, as a path or as a URL of one of our own origins.
    fn target(&self, request: &Request<'_>) -> ReturnTo {
        let query = request.query.unwrap_or_default().as_bytes();
        let mut targets = form_urlencoded::parse(query).filter(|(name, _)| name == "rd");
        let (Some((_, target)), None) = (targets.next(), targets.next()) else {
            return ReturnTo::root();
        };
        let home = self.parts.origins.of(request);
        let path = target.strip_prefix(home).filter(|rest| rest.starts_with('/'));
        ReturnTo::parse(path.unwrap_or(&target)).unwrap_or_else(ReturnTo::root)
    }

    async fn userinfo(&self, request: &Request<'_>) -> Reply {
        match self.session_of(request).await {
            Ok(Some(session)) => {
                let who = &session.principal;
                let document = json!({
                    "user": who.subject,
                    "email": who.email.as_ref().map(|email| &email.address),
                    "groups": who.groups,
                    "preferredUsername": who.preferred_username,
                });
                data(StatusCode::OK, &document)
            }
            Ok(None) => {
                let document = json!({ "error": "unauthenticated", "login_url": LOGIN });
                data(StatusCode::UNAUTHORIZED, &document).with("www-authenticate", CHALLENGE)
            }
            Err(fault) => {
                tracing::error!(%fault, "who is signed in cannot be said");
                let document = json!({ "error": "session_store_unavailable" });
                data(StatusCode::SERVICE_UNAVAILABLE, &document)
            }
        }
    }
}
