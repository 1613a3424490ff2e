//! `anonymous`.

use std::sync::Arc;

use crate::app::build::BuildFault;
use crate::app::ways::chain::Ways;
use crate::authn::{Anonymous, Authenticator};
use crate::config::Route;

/// The way in of one route.
#[expect(clippy::unnecessary_wraps, reason = "every way in is made alike")]
pub(super) fn way(_: &Ways<'_>, _: &Route) -> Result<Arc<dyn Authenticator>, BuildFault> {
    Ok(Arc::new(Anonymous::default()))
}
