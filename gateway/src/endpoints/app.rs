//! What signing in and out means for the cookies of applications, and what an application's own sign-out
//! means for a session.

use http::HeaderValue;

use crate::config::HostPattern;
use crate::endpoints::answer::TEAMS;
use crate::endpoints::service::Endpoints;
use crate::gate::{is_framed, left_mark, removed_cookies};
use crate::identity::Authenticated;
use crate::observe::{LogoutKind, LogoutResult, audit};
use crate::session::{EndCause, StoreError};
use crate::web::{CookiePattern, Reply, Request, origin};

/// Cookies of an application that say who somebody is, by the host that it is at.
#[derive(Clone, Debug)]
pub struct AppCookies {
    /// The host.
    pub host: HostPattern,
    /// The cookies.
    pub cookies: Vec<CookiePattern>,
}

impl Endpoints {
    /// Ends the session of a request that signs out of the application, and gives the `Set-Cookie`
    /// fields that go with its answer; nothing where there is no session, or where the request comes
    /// from a page of another site. The session is over before the application hears of it: whatever
    /// it answers, the person wanted to go.
    ///
    /// # Errors
    /// When the end is not durable yet.
    pub async fn leave(
        &self,
        request: &Request<'_>,
        who: &Authenticated,
    ) -> Result<Vec<HeaderValue>, StoreError> {
        let (headers, scheme) = (request.headers, request.scheme);
        let ours = origin::check_state_change(headers, scheme, request.authority, &[]).is_ok();
        let Some(session) = who.session().filter(|_| ours) else { return Ok(Vec::new()) };
        let cause = EndCause::Logout;
        let given = self.given_for(&session.key).await;
        self.parts.sessions.end(&session.key, cause).await?;
        let principal = who.principal();
        // As with our own sign-out: a browser keeps a tab's cookie out of the window's reach.
        if self.parts.tabs.as_ref().is_some_and(|tabs| tabs.provider == session.provider) {
            let (issuer, subject) = (&principal.issuer, &principal.subject);
            self.parts.sessions.end_all_of(issuer, subject, cause).await?;
        }
        if let Some(tokens) = given {
            self.hand_back_one(&session.provider, principal, tokens);
        }
        self.parts.metrics.logout(LogoutKind::Local, LogoutResult::Done);
        audit::session_ended(&session.sid, &principal.issuer, &principal.subject, cause.as_str());
        self.cookie_came_back(request);
        let mark = left_mark(&self.parts.cookies, request);
        let ours = [self.cleared_cookie(request), self.cleared_tab_cookie(request), mark];
        let ours = ours.into_iter().flatten().filter_map(|it| HeaderValue::try_from(it).ok());
        Ok(ours.chain(self.app_removals(request, is_framed(who))).collect())
    }

    /// The answer with the removal of the applications' cookies that the browser brought: those of the
    /// session before. None of them would reach an application in another session; removing them
    /// leaves nothing behind on a shared device.
    pub(super) fn without_app_cookies(&self, mut reply: Reply, request: &Request<'_>) -> Reply {
        // Only what is in a tab has a tab's cookie alone, or signs in there.
        let framed = request.path.starts_with(TEAMS)
            || (self.handle_of(request).is_none() && self.tab_handle_of(request).is_some());
        for cookie in self.app_removals(request, framed) {
            reply.headers.append(http::header::SET_COOKIE, cookie);
        }
        reply
    }

    fn app_removals<'a>(
        &'a self,
        request: &'a Request<'_>,
        framed: bool,
    ) -> impl Iterator<Item = HeaderValue> + 'a {
        let covers = |name: &str| {
            let mut apps = self.parts.app_cookies.iter();
            !self.parts.cookies.is_ours(name)
                && apps.any(|app| {
                    app.host.covers(request.host) && app.cookies.iter().any(|it| it.covers(name))
                })
        };
        removed_cookies(covers, request, framed)
    }
}
