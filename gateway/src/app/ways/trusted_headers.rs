//! `trusted_headers`.

use std::sync::Arc;

use crate::app::build::BuildFault;
use crate::app::ways::chain::Ways;
use crate::app::ways::client_certificate;
use crate::authn::{Authenticator, ProxyCertificates, TrustedHeaders};
use crate::config::Route;
use crate::web::forwarded::Trusted;

/// The way in of one route: by the word of the proxies that the configuration lists.
pub(super) fn way(ways: &Ways<'_>, route: &Route) -> Result<Arc<dyn Authenticator>, BuildFault> {
    let section = ways.config.trusted_headers.as_ref();
    let section = section
        .ok_or_else(|| BuildFault::Route(route.id(), "nobody's headers count".to_owned()))?;
    let by = section.from_certificates.as_ref().map(|by| {
        let id = &by.client_certificates;
        let section = ways.config.client_certificates.get(id);
        let section =
            section.ok_or_else(|| BuildFault::Route(route.id(), format!("there is no `{id}`")))?;
        let rules = client_certificate::rules(id, section);
        Ok::<_, BuildFault>(ProxyCertificates { rules, subjects: by.subjects.clone() })
    });
    Ok(Arc::new(TrustedHeaders {
        from: Trusted::new(section.from.iter().copied()),
        by: by.transpose()?,
        issuer: section.issuer(),
        user: section.user.name().clone(),
        email: section.email.name().clone(),
        email_verified: section.email_verified,
        name: section.name.name().clone(),
        preferred_username: section.preferred_username.name().clone(),
        groups: section.groups.name().clone(),
    }))
}
