//! `[server.verify]` → who may ask, and how.

use crate::config::{Dialect as Section, OriginalField, Verify};
use crate::endpoints::{Dialect, Said, VerifyRules};
use crate::web::forwarded::Trusted;

/// The rules of a checked section.
pub(super) fn rules(section: &Verify) -> VerifyRules {
    let said = |field| section.fields().contains(&field);
    VerifyRules {
        peers: Trusted::new(section.peers.iter().copied()),
        dialect: match section.dialect {
            Section::Envoy => Dialect::Envoy,
            Section::ForwardAuth => Dialect::Forwarded,
            Section::Nginx => Dialect::Nginx(Said {
                host: said(OriginalField::Host),
                method: said(OriginalField::Method),
                scheme: said(OriginalField::Proto),
                client: said(OriginalField::RemoteAddr),
            }),
        },
        compatible_paths: section.oauth2_proxy_paths,
    }
}
