//! Who vouches for people: the issuers of their principals, by the ids of the configuration.

use crate::config::auth::Auth;
use crate::config::root::Config;
use crate::config::routes::Route;

impl Config {
    /// The issuers that an id means: of a provider, a directory, an issuer of access tokens, a signer
    /// of links, of client certificates or an external service; `trusted_headers` is that of the proxy,
    /// `api_key` that of our own keys. None for an unknown id.
    pub fn issuers_called(&self, id: &str) -> Vec<String> {
        let called = |(name, issuer): (String, String)| (name == id).then_some(issuer);
        self.vouching().filter_map(called).collect()
    }

    /// The ids of those who vouch for people on a route, for the ways in that have one.
    pub fn vouching_for(&self, route: &Route) -> Vec<(String, String)> {
        let takes = |way: Auth| route.auth.contains(&way);
        let mut all = Vec::new();
        if takes(Auth::Session) || takes(Auth::Password) || takes(Auth::Teams) {
            let listed = |id: &str| {
                route.login.is_empty() || route.login.iter().any(|own| own.as_str() == id)
            };
            all.extend(self.people().filter(|(id, _)| listed(id)));
        }
        if takes(Auth::Bearer) {
            let issuers = self.issuers_of(route);
            all.extend(issuers.map(|(id, issuer)| (id.to_string(), issuer.issuer.clone())));
        }
        if takes(Auth::SignedUrl) {
            let listed = |id: &str| {
                route.signed_urls.is_empty()
                    || route.signed_urls.iter().any(|own| own.as_str() == id)
            };
            all.extend(self.links().filter(|(id, _)| listed(id)));
        }
        if takes(Auth::ForwardAuth)
            && let Some(service) = self.service_of(route)
        {
            all.push((route.forward_auth.clone().unwrap_or_default(), service.issuer()));
        }
        if takes(Auth::ClientCertificate) {
            all.extend(self.certified());
        }
        if takes(Auth::TrustedHeaders)
            && let Some(trusted) = &self.trusted_headers
        {
            all.push(("trusted_headers".to_owned(), trusted.issuer()));
        }
        all
    }

    fn vouching(&self) -> impl Iterator<Item = (String, String)> {
        let issuers = self.issuers.iter().map(|(id, it)| (id.to_string(), it.issuer.clone()));
        let services = self.forward_auth.iter().map(|(id, it)| (id.clone(), it.issuer()));
        let trusted = self.trusted_headers.iter();
        let trusted = trusted.map(|it| ("trusted_headers".to_owned(), it.issuer()));
        let keys = [Self::of_keys()];
        let named = self.people().chain(issuers).chain(self.links()).chain(services).chain(trusted);
        named.chain(self.certified()).chain(keys)
    }

    /// Keys whose owner is known by nothing else.
    fn of_keys() -> (String, String) {
        ("api_key".to_owned(), "urn:portcullis:api-key".to_owned())
    }

    fn certified(&self) -> impl Iterator<Item = (String, String)> {
        self.client_certificates.iter().map(|(id, it)| (id.clone(), it.issuer(id)))
    }

    fn people(&self) -> impl Iterator<Item = (String, String)> {
        let providers =
            self.providers.iter().map(|(id, it)| (id.to_string(), it.issuer().to_owned()));
        let directories = self.directories.iter().map(|(id, it)| (id.to_string(), it.issuer(id)));
        providers.chain(directories)
    }

    fn links(&self) -> impl Iterator<Item = (String, String)> {
        self.signed_urls.iter().map(|(id, it)| (id.to_string(), it.issuer(id)))
    }
}
