//! The way in that asks for nothing; last in a list, it makes identity optional.

use std::sync::Arc;

use async_trait::async_trait;

use crate::authn::authenticator::{Authenticator, Outcome};
use crate::identity::{Authenticated, Principal, WayIn};
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

#[async_trait]
impl Authenticator for Anonymous {
    fn way_in(&self) -> WayIn {
        WayIn::Anonymous
    }

    async fn authenticate(&self, _: &Request<'_>) -> Outcome {
        let nobody = Arc::clone(&self.nobody);
        Outcome::Accept(Authenticated::assertion(nobody, WayIn::Anonymous, None))
    }
}
