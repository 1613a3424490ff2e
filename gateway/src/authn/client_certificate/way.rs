//! The way in of one route.

use std::sync::Arc;

use async_trait::async_trait;

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason};
use crate::authn::client_certificate::rules::CertificateRules;
use crate::base::Clock;
use crate::identity::{Authenticated, WayIn};
use crate::web::{Request, origin};

/// Takes the certificate that the client has shown in the handshake. It was verified there, for the
/// host that is asked for, and read once for the connection.
#[derive(Clone, Debug)]
pub struct ClientCertificates {
    rules: Arc<[CertificateRules]>,
    clock: Arc<dyn Clock>,
}

impl ClientCertificates {
    /// The way in by certificates for which there are rules.
    pub fn new(rules: impl Into<Arc<[CertificateRules]>>, clock: Arc<dyn Clock>) -> Self {
        Self { rules: rules.into(), clock }
    }

    fn judge(&self, request: &Request<'_>) -> Outcome {
        let Some(shown) = request.certificate else { return Outcome::Absent };
        // A browser shows its certificate whichever page has made it ask.
        if origin::changes_across_sites(request) {
            return Outcome::Reject(RejectReason::CrossSite);
        }
        // A connection lives longer than its handshake.
        if self.clock.now() >= shown.ends() {
            return Outcome::Reject(RejectReason::Expired);
        }
        let Some(rules) = self.rules.iter().find(|rules| rules.are_for(shown)) else {
            return Outcome::Reject(RejectReason::Issuer);
        };
        match rules.principal(shown) {
            Ok(who) => {
                let way = WayIn::ClientCertificate;
                let proof = Authenticated::assertion(Arc::new(who), way, None);
                Outcome::Accept(proof.until(shown.ends()).bound_to(shown.bond()))
            }
            Err(reason) => Outcome::Reject(reason),
        }
    }
}

#[async_trait]
impl Authenticator for ClientCertificates {
    fn way_in(&self) -> WayIn {
        WayIn::ClientCertificate
    }

    async fn authenticate(&self, request: &Request<'_>) -> Outcome {
        self.judge(request)
    }

    fn authenticate_now(&self, request: &Request<'_>) -> Option<Outcome> {
        Some(self.judge(request))
    }
}

#[cfg(test)]
mod tests;
