//! What a browser carries for us: the session's handle, and the mark that binds logins to it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::endpoints::service::Endpoints;
use crate::session::{Handle, Session, StoreError};
use crate::web::cookie::{self, CookieValue, SameSite, SetCookie};
use crate::web::{Request, Scheme};

/// 128 random bits that one browser keeps for all its logins. A `state` opens only beside the mark
/// it was sealed for, so nobody can finish in one browser what was begun in another (login CSRF).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark(String);

/// How long a browser keeps its mark after a login has begun. Longer than any login may take.
const MARK_LIFETIME: Duration = Duration::from_secs(60 * 60);
const MARK_BYTES: usize = 16;
/// What [`MARK_BYTES`] are as unpadded base64url.
const MARK_TEXT: usize = 22;

impl Mark {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name under which logins of this browser for one route are counted.
    pub(super) fn towards(&self, route: &str) -> Self {
        Self(format!("{} {route}", self.0))
    }

    /// Reads only what we could have set: the mark is a key in memory, and must not be long.
    fn parse(text: &str) -> Option<Self> {
        let bytes = (text.len() == MARK_TEXT).then(|| URL_SAFE_NO_PAD.decode(text).ok())??;
        (bytes.len() == MARK_BYTES).then(|| Self(text.to_owned()))
    }
}

impl Endpoints {
    /// The handle a browser brought; none when it brought several.
    pub(super) fn handle_of(&self, request: &Request<'_>) -> Option<Handle> {
        let name = self.parts.cookies.of(request.scheme, request.host)?;
        match cookie::find(request.headers, name) {
            CookieValue::One(text) => Handle::parse(text),
            CookieValue::Absent | CookieValue::Repeated => None,
        }
    }

    /// The live session behind a request: that of the window, or else that of a tab in Teams. That is
    /// no use of it: a page that polls our own pages in a forgotten tab would keep it alive for ever.
    pub(super) async fn session_of(
        &self,
        request: &Request<'_>,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        if let Some(session) = self.window_session_of(request).await? {
            return Ok(Some(session));
        }
        match self.tab_handle_of(request) {
            Some(handle) => self.parts.sessions.peek(&handle).await,
            None => Ok(None),
        }
    }

    /// The handle of a tab in Teams; none where there are no tabs, or several cookies.
    pub(super) fn tab_handle_of(&self, request: &Request<'_>) -> Option<Handle> {
        match cookie::find(request.headers, &self.tab_cookie_name(request)?) {
            CookieValue::One(text) => Handle::parse(text),
            CookieValue::Absent | CookieValue::Repeated => None,
        }
    }

    /// The live session of the window that a request comes from.
    pub(super) async fn window_session_of(
        &self,
        request: &Request<'_>,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        match self.handle_of(request) {
            Some(handle) => self.parts.sessions.peek(&handle).await,
            None => Ok(None),
        }
    }

    /// The mark a browser brought; none when it brought several: one of them was planted.
    pub(super) fn mark_of(&self, request: &Request<'_>) -> Option<Mark> {
        match cookie::find(request.headers, &self.mark_name(request)?) {
            CookieValue::One(text) => Mark::parse(text),
            CookieValue::Absent | CookieValue::Repeated => None,
        }
    }

    /// Notes that a session's cookie came back: this browser's logins so far were no circle.
    pub(super) fn cookie_came_back(&self, request: &Request<'_>) {
        if let Some(mark) = self.mark_of(request) {
            self.parts.logins.recent.forget(&mark);
        }
    }

    /// The browser's mark, or a new one. All its tabs share it, however many logins they begin.
    pub(super) fn mark_or_new(&self, request: &Request<'_>) -> Mark {
        self.mark_of(request).unwrap_or_else(|| Mark(self.parts.entropy.token::<MARK_BYTES>()))
    }

    /// The `Set-Cookie` that keeps a mark; `None` where no cookie of ours may travel.
    pub(super) fn mark_cookie(&self, request: &Request<'_>, mark: &Mark) -> Option<String> {
        let name = self.mark_name(request)?;
        Some(ours(request, &name, &mark.0, Some(MARK_LIFETIME)).to_header())
    }

    /// The `Set-Cookie` that begins a session in the browser.
    pub(super) fn session_cookie(&self, request: &Request<'_>, handle: &Handle) -> Option<String> {
        let name = self.parts.cookies.of(request.scheme, request.host)?;
        let text = handle.to_text();
        let kept = Some(self.parts.session_absolute);
        Some(ours(request, name, text.expose(), kept).to_header())
    }

    /// The `Set-Cookie` that takes the session's handle from the browser.
    pub(super) fn cleared_cookie(&self, request: &Request<'_>) -> Option<String> {
        let name = self.parts.cookies.of(request.scheme, request.host)?;
        Some(ours(request, name, "", None).removed().to_header())
    }

    /// The `Set-Cookie` that begins a session in a tab: sent inside other sites' pages, and kept apart
    /// for each of them. Browsers take it over TLS only, and from a loopback host.
    pub(super) fn tab_cookie(&self, request: &Request<'_>, handle: &Handle) -> Option<String> {
        let name = self.tab_cookie_name(request)?;
        let text = handle.to_text();
        Some(framed(&name, text.expose(), Some(self.parts.session_absolute)).to_header())
    }

    /// The `Set-Cookie` that takes a tab's handle from the browser, where it brought one.
    pub(super) fn cleared_tab_cookie(&self, request: &Request<'_>) -> Option<String> {
        let name = self.tab_cookie_name(request)?;
        let there = cookie::find(request.headers, &name) != CookieValue::Absent;
        there.then(|| framed(&name, "", None).removed().to_header())
    }

    fn tab_cookie_name(&self, request: &Request<'_>) -> Option<String> {
        self.parts.tabs.as_ref()?;
        self.parts.cookies.teams(request.scheme, request.host)
    }

    fn mark_name(&self, request: &Request<'_>) -> Option<String> {
        let name = self.parts.cookies.of(request.scheme, request.host)?;
        Some(format!("{name}-login"))
    }
}

fn framed<'a>(name: &'a str, value: &'a str, max_age: Option<Duration>) -> SetCookie<'a> {
    let same_site = SameSite::None;
    SetCookie { same_site, partitioned: true, max_age, ..SetCookie::new(name, value) }
}

fn ours<'a>(
    request: &Request<'_>,
    name: &'a str,
    value: &'a str,
    max_age: Option<Duration>,
) -> SetCookie<'a> {
    let secure = request.scheme == Scheme::Https;
    SetCookie { secure, max_age, ..SetCookie::new(name, value) }
}
