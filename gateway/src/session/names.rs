//! By what sessions are found, beside their keys.

use crate::crypto::{Sealer, Tagger};
use crate::identity::Principal;
use crate::session::record::ProviderTokens;
use crate::session::store::{IndexKey, StoreError};

/// Something that a session is called by. Each kind has digests of its own: a `sid` that a provider makes
/// up never equals somebody's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// A principal: issuer and subject.
    Principal(&'a str, &'a str),
    /// A person as the provider calls them: `iss` and `sub` (OpenID Connect Core 1.0 section 2), where the
    /// principal's subject is another claim.
    ProviderSubject(&'a str, &'a str),
    /// The provider's session: `iss` and `sid` (OpenID Connect Back-Channel Logout 1.0 section 2.1).
    ProviderSession(&'a str, &'a str),
}

/// Turns names into digests, with the keys that seal sessions.
///
/// Who reads the store must not be able to try out whether somebody is signed in: subjects are often
/// addresses or account numbers, so a plain digest would tell. A session's digests are made with the key
/// that was active when its record was sealed. They are found for as long as that key opens anything, which
/// is as long as the record opens.
pub(crate) struct Names(Tagger);

impl Names {
    pub(crate) fn new(sealer: &Sealer) -> Self {
        Self(sealer.tagger())
    }

    /// What a session is found by whose record is sealed now.
    ///
    /// # Errors
    /// When the cryptographic library fails, which it cannot: a session that a sign-out would miss must
    /// not be.
    pub(crate) fn of(
        &self,
        principal: &Principal,
        tokens: &ProviderTokens,
    ) -> Result<Vec<IndexKey>, StoreError> {
        let (issuer, subject) = (&*principal.issuer, &*principal.subject);
        let there = tokens.provider_sub.as_deref().filter(|there| *there != subject);
        let persons = [
            Some(Name::Principal(issuer, subject)),
            there.map(|there| Name::ProviderSubject(issuer, there)),
        ];
        let sids = tokens.sids().map(|sid| Name::ProviderSession(issuer, sid));
        let failed = || {
            let detail = "a name has no digest".to_owned();
            StoreError::Io { doing: "index a session", detail }
        };
        let digest = |name: Name<'_>| {
            let (purpose, parts) = name.parts();
            self.0.name(purpose, &parts).map(IndexKey).ok_or_else(failed)
        };
        persons.into_iter().flatten().chain(sids).map(digest).collect()
    }

    /// All digests under which sessions of that name may stand, that of the newest key last. To be looked
    /// for in this order: a renewal moves a session to the newest, and nobody must look in both places just
    /// when it is not there.
    pub(crate) fn all(&self, name: Name<'_>) -> Vec<IndexKey> {
        let (purpose, parts) = name.parts();
        self.0.names(purpose, &parts).into_iter().rev().map(IndexKey).collect()
    }
}

impl<'a> Name<'a> {
    fn parts(self) -> (&'static str, [&'a [u8]; 2]) {
        let (purpose, issuer, name) = match self {
            Self::Principal(issuer, subject) => ("session of a principal", issuer, subject),
            Self::ProviderSubject(issuer, sub) => ("session of a provider's sub", issuer, sub),
            Self::ProviderSession(issuer, sid) => ("session of a provider's sid", issuer, sid),
        };
        (purpose, [issuer.as_bytes(), name.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::{Entropy, SeededEntropy};
    use crate::crypto::SealingKeys;

    const ISSUER: &str = "https://idp.test";

    fn names(seed: u64) -> (Arc<SealingKeys>, Names) {
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
        let keys = Arc::new(SealingKeys::in_memory(&*entropy));
        let names = Names::new(&Sealer::new(Arc::clone(&keys), entropy));
        (keys, names)
    }

    fn of(it: &Names, subject: &str, sub: Option<&str>, sid: Option<&str>) -> Vec<IndexKey> {
        let tokens = ProviderTokens {
            provider_sub: sub.map(str::to_owned),
            provider_sid: sid.map(str::to_owned),
            ..ProviderTokens::default()
        };
        it.of(&Principal::new(ISSUER, subject), &tokens).unwrap()
    }

    #[test]
    fn each_name_of_a_session_finds_it_and_no_other_kind_of_name_does() {
        let (_, it) = names(1);
        let found_by = of(&it, "ann@corp.test", Some("1007"), Some("s1"));
        let wanted = [
            Name::Principal(ISSUER, "ann@corp.test"),
            Name::ProviderSubject(ISSUER, "1007"),
            Name::ProviderSession(ISSUER, "s1"),
        ];
        assert_eq!(found_by, wanted.iter().flat_map(|name| it.all(*name)).collect::<Vec<_>>());
        for other in [
            Name::Principal(ISSUER, "1007"),
            Name::Principal(ISSUER, "s1"),
            Name::ProviderSubject(ISSUER, "s1"),
            Name::ProviderSession(ISSUER, "1007"),
            Name::ProviderSession("https://other.test", "s1"),
            // A byte that moves from one part to the other is another name.
            Name::ProviderSession("https://idp.tes", "ts1"),
        ] {
            assert!(it.all(other).iter().all(|name| !found_by.contains(name)), "{other:?}");
        }
        assert_eq!(of(&it, "ann", Some("ann"), None).len(), 1, "said once");
        assert_eq!(of(&it, "ann", None, None).len(), 1);
    }

    #[test]
    fn a_new_key_loses_nobody_and_a_reader_of_the_store_recognises_nobody() {
        let (keys, it) = names(1);
        let before = of(&it, "ann", None, None);
        keys.rotate(&SeededEntropy::new(9)).unwrap();
        let after = of(&it, "ann", None, None);
        assert_ne!(before, after);
        let all = it.all(Name::Principal(ISSUER, "ann"));
        assert_eq!(all, [before.clone(), after].concat(), "the newest last");
        let (_, stranger) = names(2);
        assert_ne!(of(&stranger, "ann", None, None), before);
    }
}
