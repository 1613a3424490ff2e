//! What the ways in are made of, and the one place that chooses between them.

use std::sync::Arc;

use crate::app::build::BuildFault;
use crate::app::lasting::Lasting;
use crate::app::ways::{
    anonymous, api_key, bearer, client_certificate, forward_auth, password, session, teams,
    trusted_headers,
};
use crate::authn::bearer::Issuer;
use crate::authn::password::PasswordDesk;
use crate::authn::{Authenticator, Chain, CookieNames};
use crate::base::ProviderId;
use crate::config::{Auth, Checked, Config, Route};
use crate::gate::Tab;

/// What the ways in of all routes are made of.
pub(in crate::app) struct Ways<'a> {
    pub(in crate::app) config: &'a Checked<Config>,
    pub(in crate::app) lasting: &'a Lasting,
    pub(in crate::app) cookies: &'a CookieNames,
    pub(in crate::app) desk: Option<&'a Arc<PasswordDesk>>,
    pub(in crate::app) issuers: &'a [Arc<Issuer>],
    pub(in crate::app) tab: Option<&'a Arc<Tab>>,
}

impl Ways<'_> {
    /// The chain of one route.
    ///
    /// # Errors
    /// What keeps a way in from being made.
    pub(in crate::app) fn chain(&self, route: &Route) -> Result<Chain, BuildFault> {
        // A link becomes a session before anything of the chain is asked.
        let ways = route.auth.iter().filter(|auth| **auth != Auth::SignedUrl);
        let ways = ways.map(|auth| self.way(*auth, route));
        Ok(Chain::new(ways.collect::<Result<Vec<_>, _>>()?))
    }

    /// The providers and directories of a route: those it names, or all; none where no session is
    /// taken.
    pub(in crate::app) fn login(&self, route: &Route) -> Vec<ProviderId> {
        match (route.takes_sessions(), route.login.is_empty()) {
            (false, _) => Vec::new(),
            (true, false) => route.login.clone(),
            (true, true) => self
                .config
                .providers
                .keys()
                .chain(self.config.directories.keys())
                .cloned()
                .collect(),
        }
    }

    fn way(&self, auth: Auth, route: &Route) -> Result<Arc<dyn Authenticator>, BuildFault> {
        match auth {
            Auth::Anonymous => anonymous::way(self, route),
            Auth::ApiKey => api_key::way(self, route),
            Auth::Bearer => bearer::way(self, route),
            Auth::ClientCertificate => client_certificate::way(self, route),
            Auth::ForwardAuth => forward_auth::way(self, route),
            Auth::Password => password::way(self, route),
            Auth::Session => session::way(self, route),
            // A link is used up before the chain, at a page of ours.
            Auth::SignedUrl => Err(misplaced(auth, route)),
            Auth::Teams => teams::way(self, route),
            Auth::TrustedHeaders => trusted_headers::way(self, route),
        }
    }
}

fn misplaced(auth: Auth, route: &Route) -> BuildFault {
    BuildFault::Route(route.id(), format!("`{auth}` is no way in of a chain"))
}
