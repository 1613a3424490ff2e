//! The moment in which somebody is signed in, whichever page they came by.

use crate::endpoints::service::Endpoints;
use crate::observe::{LoginResult, audit};
use crate::session::{NewSession, StoreError};
use crate::web::{Reply, Request};

impl Endpoints {
    /// Begins a window's session, in place of the one that the browser brought, and adds to `leads_on`
    /// what the browser must keep and forget. The login is counted under `counted_as`.
    ///
    /// # Errors
    /// The session cannot be kept; nobody is signed in.
    pub(super) async fn sign_in(
        &self,
        request: &Request<'_>,
        new: NewSession,
        (counted_as, leads_on): (&str, Reply),
    ) -> Result<Reply, StoreError> {
        let replaced = self.handle_of(request);
        let (handle, session) = self.parts.sessions.start(new, replaced.as_ref()).await?;
        let (who, provider) = (&session.principal, session.provider.as_str());
        audit::signed_in(request.id.as_str(), provider, &who.issuer, &who.subject, &session.sid);
        self.parts.metrics.login(counted_as, LoginResult::Succeeded);
        let reply = leads_on
            .with_cookie(&self.session_cookie(request, &handle).unwrap_or_default())
            // A tab's cookie of somebody else, or of nobody any more, must not stand beside it.
            .with_cookie(&self.cleared_tab_cookie(request).unwrap_or_default());
        Ok(self.without_app_cookies(reply, request))
    }
}
