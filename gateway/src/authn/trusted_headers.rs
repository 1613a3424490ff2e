//! The way in by the word of a proxy before us that has signed people in.

use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderName;

use crate::authn::authenticator::{Authenticator, Outcome, RejectReason};
use crate::authn::client_certificate::CertificateRules;
use crate::identity::{Authenticated, Email, Principal, WayIn};
use crate::web::Request;
use crate::web::forwarded::Trusted;

/// More groups than this would not fit into a token's header anyway.
const MOST_GROUPS: usize = 1000;

/// Whose word counts, and in which header fields it stands.
#[derive(Clone, Debug)]
pub struct TrustedHeaders {
    /// The networks that proxies connect from.
    pub from: Trusted,
    /// The certificates that proxies connect with, from wherever.
    pub by: Option<ProxyCertificates>,
    /// Who vouches for the people: the issuer of the principals.
    pub issuer: String,
    /// The field with the stable name.
    pub user: HeaderName,
    /// The field with the e-mail address.
    pub email: HeaderName,
    /// Whether the proxy passes verified addresses only.
    pub email_verified: bool,
    /// The field with the name to show.
    pub name: HeaderName,
    /// The field with the login name to show.
    pub preferred_username: HeaderName,
    /// The field with the groups, separated by commas.
    pub groups: HeaderName,
}

/// The client certificates of proxies.
#[derive(Clone, Debug)]
pub struct ProxyCertificates {
    /// What in them is the subject.
    pub rules: CertificateRules,
    /// The subjects that are proxies.
    pub subjects: Vec<String>,
}

impl TrustedHeaders {
    /// Who the fields of a proxy's request name; `None` where they name nobody.
    fn read(&self, request: &Request<'_>) -> Result<Option<Principal>, RejectReason> {
        let Some(user) = one(request, &self.user)? else { return Ok(None) };
        let mut principal = Principal::new(&self.issuer, user);
        let verified = self.email_verified;
        principal.email = one(request, &self.email)?
            .map(|address| Email { address: address.to_owned(), verified });
        principal.name = one(request, &self.name)?.map(str::to_owned);
        principal.preferred_username = one(request, &self.preferred_username)?.map(str::to_owned);
        let groups = one(request, &self.groups)?.unwrap_or_default();
        let groups = groups.split(',').map(str::trim).filter(|group| !group.is_empty());
        principal.groups = groups.take(MOST_GROUPS).map(str::to_owned).collect();
        Ok(Some(principal))
    }
}

/// The one value of a field; an empty one says nothing. Two are a client's beside the proxy's, and
/// nobody can say which is which.
fn one<'a>(request: &'a Request<'_>, name: &HeaderName) -> Result<Option<&'a str>, RejectReason> {
    let mut values = request.headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(RejectReason::Repeated);
    }
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| RejectReason::Malformed)?.trim();
    Ok((!text.is_empty()).then_some(text))
}

#[async_trait]
impl Authenticator for TrustedHeaders {
    fn way_in(&self) -> WayIn {
        WayIn::TrustedHeaders
    }

    async fn authenticate(&self, request: &Request<'_>) -> Outcome {
        self.judge(request)
    }

    fn authenticate_now(&self, request: &Request<'_>) -> Option<Outcome> {
        Some(self.judge(request))
    }
}

impl TrustedHeaders {
    /// The peer counts, by its address or its certificate, and not the client whom a proxy names:
    /// anybody can name a client.
    fn judge(&self, request: &Request<'_>) -> Outcome {
        let shows = self.by.as_ref().is_some_and(|by| by.are_shown(request));
        if !shows && !self.from.contains(request.peer) {
            return Outcome::Absent;
        }
        match self.read(request) {
            Ok(None) => Outcome::Absent,
            Ok(Some(principal)) => {
                let proof =
                    Authenticated::assertion(Arc::new(principal), WayIn::TrustedHeaders, None);
                Outcome::Accept(proof)
            }
            Err(reason) => Outcome::Reject(reason),
        }
    }
}

impl ProxyCertificates {
    fn are_shown(&self, request: &Request<'_>) -> bool {
        let shown = request.certificate.filter(|shown| self.rules.are_for(shown));
        let subject = shown.and_then(|shown| self.rules.subject(shown).ok());
        subject.is_some_and(|subject| self.subjects.iter().any(|known| known == subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authn::conformance::{Samples, a_way_in_keeps_the_contract, ask};

    /// Tests ask from 127.0.0.1.
    fn way(from: &str) -> TrustedHeaders {
        TrustedHeaders {
            from: Trusted::new([from.parse().unwrap()]),
            by: None,
            issuer: "urn:portcullis:trusted-headers".to_owned(),
            user: HeaderName::from_static("x-forwarded-user"),
            email: HeaderName::from_static("x-forwarded-email"),
            email_verified: false,
            name: HeaderName::from_static("x-forwarded-name"),
            preferred_username: HeaderName::from_static("x-forwarded-preferred-username"),
            groups: HeaderName::from_static("x-forwarded-groups"),
        }
    }

    fn field(name: &'static str, value: &str) -> (&'static str, String) {
        (name, value.to_owned())
    }

    #[tokio::test]
    async fn the_word_of_a_listed_proxy_keeps_the_contract() {
        let user = || field("x-forwarded-user", "ann");
        a_way_in_keeps_the_contract(Samples {
            way: &way("127.0.0.0/8"),
            takes_everybody: false,
            way_without_dependency: None,
            good: vec![
                (vec![user()], "ann"),
                (vec![field("x-forwarded-user", " ann "), field("remote-user", "eve")], "ann"),
                (vec![user(), field("x-forwarded-email", "")], "ann"),
            ],
            bad: vec![
                (vec![user(), field("x-forwarded-user", "eve")], RejectReason::Repeated),
                (vec![user(), user()], RejectReason::Repeated),
                (
                    vec![
                        user(),
                        field("x-forwarded-groups", "a"),
                        field("x-forwarded-groups", "admin"),
                    ],
                    RejectReason::Repeated,
                ),
            ],
            undecided: None,
        })
        .await;
    }

    #[tokio::test]
    async fn the_word_of_anybody_else_does_not_count() {
        for from in ["10.0.0.0/8", "192.168.0.0/16", "127.0.0.2/32", "::1/128"] {
            let fields = vec![field("x-forwarded-user", "ann"), field("x-forwarded-user", "eve")];
            let outcome = ask(&way(from), &fields).await;
            assert!(matches!(outcome, Outcome::Absent), "{from}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn all_that_the_proxy_says_is_kept() {
        let fields = vec![
            field("x-forwarded-user", "0815"),
            field("x-forwarded-email", "ann@corp.test"),
            field("x-forwarded-name", "Ann"),
            field("x-forwarded-preferred-username", "ann"),
            field("x-forwarded-groups", "staff, role:x y,,"),
        ];
        let Outcome::Accept(proof) = ask(&way("127.0.0.1/32"), &fields).await else {
            panic!("a good one")
        };
        let who = proof.principal();
        assert_eq!(who.display_name(), "Ann");
        assert_eq!(who.groups, ["staff", "role:x y"]);
        assert!(!who.email.as_ref().unwrap().verified);
        assert_eq!(who.issuer, "urn:portcullis:trusted-headers");
        let nobody = vec![field("x-forwarded-email", "ann@corp.test")];
        let outcome = ask(&way("127.0.0.1/32"), &nobody).await;
        assert!(matches!(outcome, Outcome::Absent), "an address alone is nobody");
    }
}
