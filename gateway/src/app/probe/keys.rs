//! The keys of a configuration, read and never changed.

use std::sync::Arc;

use serde_json::Value;

use crate::app::build::rotation;
use crate::app::probe::ask::ProbeFault;
use crate::app::routes;
use crate::config::{Checked, Config, Route};
use crate::crypto::Algorithm;
use crate::token::{Keyring, SharedSecret, Signer};

/// What signs a route's tokens.
pub(super) struct Keys {
    pub(super) signer: Arc<dyn Signer>,
    /// The public half of the key that signs now; none of a shared secret.
    pub(super) public: Option<Value>,
}

impl Keys {
    /// Those that the gateway signs this route's tokens with.
    ///
    /// # Errors
    /// Where there are none yet.
    pub(super) fn of(config: &Checked<Config>, route: &Route) -> Result<Self, ProbeFault> {
        let fault = |fault: &dyn std::fmt::Display| ProbeFault::Keys(fault.to_string());
        let own = routes::secret(route).map_err(|cause| fault(&cause))?;
        if let Some(signer) = own {
            return Ok(Self { signer, public: None });
        }
        let token = &config.token;
        if let (Algorithm::Hs256, Some(source)) = (token.algorithm, &token.secret) {
            let secret = source.secret().expose().clone().into_bytes();
            let signer = SharedSecret::new(&crate::base::Secret::new(secret));
            let signer = Arc::new(signer.map_err(|cause| fault(&cause))?);
            return Ok(Self { signer, public: None });
        }
        let keyring = Keyring::load(config.server.keys_folder(), rotation(config));
        let keyring = keyring.map_err(|it| fault(&it))?;
        let published: Value =
            serde_json::from_slice(&keyring.jwks().bytes).map_err(|cause| fault(&cause))?;
        let id = keyring.key_id();
        let is_active = |key: &&Value| key.get("kid").and_then(Value::as_str) == Some(id.as_str());
        let keys = published.get("keys").and_then(Value::as_array);
        let public = keys.and_then(|keys| keys.iter().find(is_active)).cloned();
        Ok(Self { signer: Arc::new(keyring), public })
    }
}
