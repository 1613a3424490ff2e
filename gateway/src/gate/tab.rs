//! A route that is shown as a tab in Microsoft Teams: the page that signs people in there.

use askama::Template;
use http::{Method, StatusCode};
use url::form_urlencoded;

use crate::gate::refusal::Refusal;
use crate::web::{CallerKind, Reply, Request};

/// What the pages of a tab need to know.
#[derive(Debug)]
pub struct Tab {
    /// Sources of `frame-ancestors`: who may show our pages, and the application's, in a frame.
    pub ancestors: String,
    /// Where Microsoft's library for tabs is loaded from.
    pub library: String,
    /// The hash that the library must have; empty where none is asked for.
    pub integrity: String,
}

/// In the address of a tab, it says that the page is one, to browsers that do not say where they show
/// a page: web views of phones show a tab as a page of its own.
const MARK: &str = "portcullis_teams";

/// Where the library looks which hosts it may talk with.
const HOSTS: &str = "https://res.cdn.office.net";

/// Asks Teams who is there, sends that to us, and loads the same address again.
#[derive(Template)]
#[template(path = "teams/tab.html")]
struct Bootstrap<'a> {
    library: &'a str,
    integrity: &'a str,
    login: &'a str,
}

impl Tab {
    /// The page for a tab whose visitor is nobody yet, at the address that was asked for, so that
    /// links into the application survive; `None` for any other request. `login` is where the person
    /// can sign in outside.
    pub(super) fn answer(
        &self,
        refusal: &Refusal,
        request: &Request<'_>,
        login: Option<&str>,
    ) -> Option<Reply> {
        let reads = *request.method == Method::GET || *request.method == Method::HEAD;
        let framed = match request.caller_kind() {
            CallerKind::IframeNavigation => true,
            CallerKind::Navigation => is_marked(request.query),
            _ => false,
        };
        if !reads || !framed || !matches!(refusal, Refusal::Unauthenticated(_)) {
            return None;
        }
        let page = Bootstrap {
            library: &self.library,
            integrity: &self.integrity,
            login: login.unwrap_or_default(),
        };
        Some(self.page(page.render().unwrap_or_default()))
    }

    /// A page that loads the library, and that the tab's host may show in a frame.
    pub fn page(&self, html: String) -> Reply {
        self.framed(Reply::html(StatusCode::OK, html))
    }

    /// An answer of ours that the tab's host may show in a frame.
    #[must_use]
    pub fn framed(&self, reply: Reply) -> Reply {
        let policy = format!(
            "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; script-src 'self' \
             {}; connect-src 'self' {HOSTS}; form-action 'self'; base-uri 'none'; \
             frame-ancestors {}",
            // A path is of this site, which is there already.
            if self.library.starts_with('/') { "" } else { &self.library },
            self.ancestors,
        );
        reply.with("content-security-policy", &policy)
    }
}

fn is_marked(query: Option<&str>) -> bool {
    let query = query.unwrap_or_default().as_bytes();
    form_urlencoded::parse(query).any(|(name, _)| name == MARK)
}
