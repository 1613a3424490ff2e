//! Which page answers which path.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};

use crate::authn::CookieNames;
use crate::authn::password::PasswordDesk;
use crate::base::{Clock, Entropy};
use crate::crypto::Sealer;
use crate::endpoints::answer::{
    BACKCHANNEL_LOGOUT, CALLBACK, CLIENT_KEYS, FRONTCHANNEL_LOGOUT, LINK, LOGIN, LOGOUT, ME,
    Notice, SESSION_SCRIPT, SIGNED_OUT, TEAMS,
};
use crate::endpoints::app::AppCookies;
use crate::endpoints::documents::describe;
use crate::endpoints::farewell::LogoutParts;
use crate::endpoints::memory::LoginMemory;
use crate::endpoints::session_script::session_script;
use crate::endpoints::teams::Tabs;
use crate::endpoints::verify::{VERIFY, VerifyRules};
use crate::gate::Gate;
use crate::observe::Metrics;
use crate::oidc::Provider;
use crate::session::SessionManager;
use crate::token::{Document, Keyring};
use crate::web::{PublicOrigins, Reply, Request};

/// Where applications made for Pomerium look for the keys.
const POMERIUM: &str = "/.well-known/pomerium/jwks.json";

/// The gateway's own pages.
#[derive(Debug)]
pub struct Endpoints {
    pub(super) parts: EndpointParts,
}

/// What the pages are made of.
#[derive(Clone, Debug)]
pub struct EndpointParts {
    /// The providers, in the order of the configuration.
    pub providers: Vec<Arc<Provider>>,
    /// Judges names and passwords; none where there is no directory.
    pub desk: Option<Arc<PasswordDesk>>,
    /// The sessions.
    pub sessions: Arc<SessionManager>,
    /// What is remembered of logins.
    pub logins: Arc<LoginMemory>,
    /// What signing out needs.
    pub logout: LogoutParts,
    /// Seals what browsers carry.
    pub sealer: Sealer,
    /// What the session cookie is called.
    pub cookies: CookieNames,
    /// The cookies of applications that say who somebody is.
    pub app_cookies: Vec<AppCookies>,
    /// Whether the keys are published at Pomerium's path too.
    pub pomerium: bool,
    /// The addresses of this gateway.
    pub origins: PublicOrigins,
    /// What tabs in Teams need, where there are any.
    pub tabs: Option<Arc<Tabs>>,
    /// The keys to publish; none where tokens are signed with a shared secret.
    pub jwks: Option<Arc<Keyring>>,
    /// The discovery document to publish.
    pub discovery: Document,
    /// Where logins are counted.
    pub metrics: Arc<Metrics>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// How long a session lives at most: so long its cookie is kept.
    pub session_absolute: Duration,
    /// Which proxies may ask for a decision, and how they ask; `None` where nobody may.
    pub verify: Option<VerifyRules>,
}

impl Endpoints {
    /// The pages over their parts.
    pub fn new(parts: EndpointParts) -> Self {
        Self { parts }
    }

    /// Whether a canonical path is one of ours; no route can have it.
    pub fn owns(path: &str) -> bool {
        const PREFIX: &str = "/.portcullis";
        path.strip_prefix(PREFIX)
            .is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'/' | b';')))
            || path == "/.well-known/jwks.json"
            || path == "/.well-known/openid-configuration"
    }

    /// Whether a canonical path is one of ours here: the paths of [`owns`](Self::owns), and those
    /// that an option of the configuration adds.
    pub fn takes(&self, path: &str) -> bool {
        Self::owns(path) || self.is_compatible(path) || (self.parts.pomerium && path == POMERIUM)
    }

    /// Answers a request for a path that [`takes`](Self::takes) says is ours.
    pub async fn serve(&self, gate: &Gate, request: &Request<'_>, body: &Bytes) -> Reply {
        match request.path {
            "/.well-known/jwks.json" => return self.jwks(request),
            POMERIUM if self.parts.pomerium => return self.jwks(request),
            "/.well-known/openid-configuration" => return self.discovery(request),
            LINK => return self.link(gate, request, body).await,
            LOGIN if *request.method == Method::POST => {
                return self.enter(gate, request, body).await;
            }
            LOGIN => return self.login(gate, request).await,
            LOGOUT => return self.logout(request, body).await,
            ME => return self.me(request).await,
            SESSION_SCRIPT => return session_script(request),
            SIGNED_OUT => return self.signed_out(request).await,
            VERIFY => return self.verify(gate, request, StatusCode::OK).await,
            _ => {}
        }
        if let Some((resource, path)) = gate.described(request.host, request.path) {
            return describe(resource, path, request);
        }
        if self.is_compatible(request.path) {
            return self.compatible(gate, request).await;
        }
        if below(request.path, VERIFY).is_some() && self.is_asked_by_path() {
            return self.verify(gate, request, StatusCode::OK).await;
        }
        if let Some(provider) = below(request.path, LOGIN) {
            return self.login_with(gate, provider, request).await;
        }
        if let Some(provider) = below(request.path, CALLBACK) {
            return self.callback(provider, request).await;
        }
        if let Some(provider) = below(request.path, BACKCHANNEL_LOGOUT) {
            return self.backchannel_logout(provider, request, body).await;
        }
        if let Some(provider) = below(request.path, FRONTCHANNEL_LOGOUT) {
            return self.frontchannel_logout(provider, request).await;
        }
        if let Some(provider) = below(request.path, CLIENT_KEYS) {
            return self.client_keys(provider, request);
        }
        if let Some(page) = below(request.path, TEAMS) {
            return self.teams(gate, page, request, body).await;
        }
        Notice::NOT_FOUND.reply(request)
    }
}

/// The rest of a path under a page.
fn below<'a>(path: &'a str, page: &str) -> Option<&'a str> {
    path.strip_prefix(page)?.strip_prefix('/')
}
