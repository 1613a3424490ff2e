//! `password`.

use std::sync::Arc;

use crate::app::build::BuildFault;
use crate::app::ways::chain::Ways;
use crate::authn::Authenticator;
use crate::authn::password::Basic;
use crate::config::Route;

/// The way in of one route: by accounts of the route's own directories.
pub(super) fn way(ways: &Ways<'_>, route: &Route) -> Result<Arc<dyn Authenticator>, BuildFault> {
    let missing = || BuildFault::Route(route.id(), "there is no directory".to_owned());
    let desk = Arc::clone(ways.desk.ok_or_else(missing)?);
    // In the order of the route's list: who is asked first matters.
    let among: Vec<_> = if route.login.is_empty() {
        desk.ids().cloned().collect()
    } else {
        route.login.iter().filter(|id| desk.has(id)).cloned().collect()
    };
    let (clock, entropy) = (Arc::clone(&ways.lasting.clock), &*ways.lasting.entropy);
    // Where people sign in with a browser, its own dialog would come up over the page.
    Ok(Arc::new(Basic::new(desk, among, !route.takes_sessions(), clock, entropy)))
}
