//! `signed_url`. It has no part in the chain: a link becomes a session first.

use std::sync::Arc;

use crate::app::build::BuildFault;
use crate::app::providers::mapping;
use crate::app::ways::chain::Ways;
use crate::authn::{LinkForms, LinkSigner, Links};
use crate::base::ProviderId;
use crate::config::{Auth, LinkForm, Route, SignedUrls};
use crate::crypto::{KeyFault, ed25519_public};

impl Ways<'_> {
    /// The signed links of one route, where it takes any.
    ///
    /// # Errors
    /// A key that is none, or the file of used links cannot be opened.
    pub(in crate::app) fn links(&self, route: &Route) -> Result<Option<Links>, BuildFault> {
        if !route.auth.contains(&Auth::SignedUrl) {
            return Ok(None);
        }
        let signers = self.signers(route).map(|(id, section)| {
            let signer = self.signer(id, section);
            signer.map(Arc::new).map_err(|fault| {
                BuildFault::Route(route.id(), format!("signed_urls.{id}: {fault}"))
            })
        });
        let signers = signers.collect::<Result<Vec<_>, _>>()?;
        let used = self.lasting.used_links()?;
        Ok(Some(Links::new(signers, used, Arc::clone(&self.lasting.clock))))
    }

    /// Who signs links for a route: those it names, or all; nobody where it takes none.
    pub(super) fn signers<'a>(
        &'a self,
        route: &'a Route,
    ) -> impl Iterator<Item = (&'a ProviderId, &'a SignedUrls)> {
        let takes = route.auth.contains(&Auth::SignedUrl);
        let listed = |id| route.signed_urls.is_empty() || route.signed_urls.contains(id);
        self.config.signed_urls.iter().filter(move |(id, _)| takes && listed(id))
    }

    fn signer(&self, id: &ProviderId, section: &SignedUrls) -> Result<LinkSigner, KeyFault> {
        let keys = section.public_keys.iter().map(|key| ed25519_public(key));
        let home = || self.config.server.public_url.get().to_string();
        Ok(LinkSigner {
            id: id.clone(),
            issuer: section.issuer(id),
            keys: keys.collect::<Result<_, _>>()?,
            forms: LinkForms {
                bound: section.forms.contains(&LinkForm::Bound),
                message: section.forms.contains(&LinkForm::Message),
            },
            audience: section.audience.clone().unwrap_or_else(home),
            max_age: section.max_age.std(),
            max_uses: section.max_uses,
            claims: mapping(&section.claims),
        })
    }
}
