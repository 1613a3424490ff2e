//! The links of one route.

use std::fmt;
use std::sync::Arc;

use crate::authn::authenticator::RejectReason;
use crate::authn::signed_url::credential;
use crate::authn::signed_url::signer::{LinkForms, LinkSigner};
use crate::base::{Clock, ProviderId, Timestamp};
use crate::identity::Principal;
use crate::session::{OneTime, StoreError};

/// Whose links open a route, and which were used.
#[derive(Clone)]
pub struct Links {
    signers: Vec<Arc<LinkSigner>>,
    forms: LinkForms,
    used: Arc<dyn OneTime>,
    clock: Arc<dyn Clock>,
}

/// A link that is good and not used up yet.
#[derive(Debug)]
pub struct Entrance {
    /// Whom it names.
    pub principal: Principal,
    /// Who signed it.
    pub signer: ProviderId,
    /// What it is remembered by.
    pub(super) link: [u8; 32],
    pub(super) expires: Timestamp,
    pub(super) uses: u32,
}

/// Where a link leads.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) host: &'a str,
    pub(super) path: &'a str,
}

impl Links {
    /// The links of these signers.
    pub fn new(
        signers: Vec<Arc<LinkSigner>>,
        used: Arc<dyn OneTime>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let forms = LinkForms {
            bound: signers.iter().any(|signer| signer.forms.bound),
            message: signers.iter().any(|signer| signer.forms.message),
        };
        Self { signers, forms, used, clock }
    }

    /// Whether a query brings a link, good or bad.
    pub fn has_link(&self, query: Option<&str>) -> bool {
        query.is_some_and(|query| credential::find(query, self.forms).is_some())
    }

    /// The query without the link; the rest is as it was.
    pub fn without_link(&self, query: Option<&str>) -> Option<String> {
        credential::strip(query?, self.forms)
    }

    /// Judges the link in a query of an address, and uses up nothing.
    ///
    /// # Errors
    /// Why it opens nothing. One that nobody here signed is [`RejectReason::Signature`], whatever
    /// else is wrong with it.
    pub fn judge(
        &self,
        host: &str,
        path: &str,
        query: Option<&str>,
    ) -> Result<Entrance, RejectReason> {
        let found = credential::find(query.unwrap_or_default(), self.forms);
        let credential = found.ok_or(RejectReason::Malformed)??;
        let (place, now) = (Place { host, path }, self.clock.now());
        let mut judged = self.signers.iter().filter_map(|it| it.judge(&credential, &place, now));
        judged.next().unwrap_or(Err(RejectReason::Signature))
    }

    /// Uses a link once; false when it was used up before.
    ///
    /// # Errors
    /// When nobody can say.
    pub async fn use_up(&self, entrance: &Entrance) -> Result<bool, StoreError> {
        let Entrance { link, uses, expires, .. } = *entrance;
        self.used.spend(link, uses, expires, self.clock.now()).await
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("signers", &self.signers).finish_non_exhaustive()
    }
}
