//! `api_key`.

use std::sync::Arc;

use crate::app::build::BuildFault;
use crate::app::ways::chain::Ways;
use crate::authn::Authenticator;
use crate::authn::api_key::ApiKeyWay;
use crate::config::Route;

/// The way in of one route: by keys of ours that are for it.
pub(super) fn way(ways: &Ways<'_>, route: &Route) -> Result<Arc<dyn Authenticator>, BuildFault> {
    let keys = ways.lasting.api_keys()?;
    let field = ways.config.api_keys.header.name().clone();
    Ok(Arc::new(ApiKeyWay::new(keys, field, route.id(), &route.scopes)))
}
