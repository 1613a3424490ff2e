//! The way in that asks for nothing; last in a list, it makes identity optional.

use std::sync::Arc;

use async_trait::async_trait;

use crate::authn::authenticator::{Authenticator, Outcome};
use crate::identity::{Authenticated, Principal, WayIn};
use crate::session::Session;
use crate::web::Request;

/// Accepts everybody as nobody in particular.
#[derive(Debug)]
pub struct Anonymous {
    nobody: Arc<Principal>,
}

impl Default for Anonymous {
    fn default() -> Self {
        Self { nobody: Arc::new(Principal::anonymous()) }
    }
}

impl Anonymous {
    fn accept(&self) -> Outcome {
        let nobody = Arc::clone(&self.nobody);
        Outcome::Accept(Authenticated::assertion(nobody, WayIn::Anonymous, None))
    }
}

#[async_trait]
impl Authenticator for Anonymous {
    fn way_in(&self) -> WayIn {
        WayIn::Anonymous
    }

    async fn authenticate(&self, _: &Request<'_>) -> Outcome {
        self.accept()
    }

    fn authenticate_now(&self, _: &Request<'_>) -> Option<Outcome> {
        Some(self.accept())
    }

    fn again(&self, _: &Authenticated, _: Option<&Session>, _: &Request<'_>) -> Option<Outcome> {
        Some(self.accept())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authn::conformance::{Samples, a_way_in_keeps_the_contract, ask};

    #[tokio::test]
    async fn anonymous_accepts_everybody_as_nobody() {
        let way = Anonymous::default();
        for fields in [
            vec![],
            vec![("cookie", "__Host-portcullis=x".to_owned())],
            vec![("authorization", "Bearer x".to_owned()), ("x-user", "ann".to_owned())],
        ] {
            let Outcome::Accept(proof) = ask(&way, &fields).await else { panic!("{fields:?}") };
            assert!(proof.is_anonymous() && proof.session().is_none());
            assert_eq!(**proof.principal(), Principal::anonymous(), "{fields:?}");
        }
    }

    /// The part of the contract that a way without a credential can keep: it is never cut off.
    #[tokio::test]
    async fn anonymous_needs_nothing_that_could_be_gone() {
        a_way_in_keeps_the_contract(Samples {
            way: &Anonymous::default(),
            takes_everybody: true,
            way_without_dependency: None,
            good: vec![(vec![], "anonymous")],
            bad: Vec::new(),
            undecided: None,
        })
        .await;
    }
}
