//! Whose people a route's `allow` means.

use std::collections::BTreeSet;

use crate::config::check::findings::Problem;
use crate::config::check::routes::name_one;
use crate::config::root::Config;
use crate::config::routes::Route;

pub(super) fn route(
    path: &str,
    route: &Route,
    config: &Config,
    written: &dyn Fn(&str) -> bool,
    (problems, warnings): (&mut Vec<Problem>, &mut Vec<Problem>),
) {
    let Some(allow) = &route.allow else { return };
    let here = config.vouching_for(route);
    for (index, id) in allow.from.iter().enumerate() {
        let sections = ["providers", "directories", "issuers", "signed_urls", "forward_auth"];
        let unread = sections.iter().any(|section| written(&format!("{section}.{id}")));
        if config.issuers_called(id).is_empty() && !unread {
            let known = here.iter().map(|(id, _)| id.as_str());
            let remedy = name_one("providers", id, known);
            let path = format!("{path}.allow.from[{index}]");
            problems.push(Problem::new(path, format!("there is no provider `{id}`"), remedy));
        }
    }
    let issuers: BTreeSet<&str> = here.iter().map(|(_, issuer)| issuer.as_str()).collect();
    let by_name = allow.users.iter().any(|user| !user.contains('@')) || !allow.groups.is_empty();
    if allow.from.is_empty() && by_name && issuers.len() > 1 {
        let ids: Vec<_> = here.iter().map(|(id, _)| id.as_str()).collect();
        let message = format!("these are users and groups of {} alike", ids.join(", "));
        let remedy = "name whose they are in `from`: others may give people and groups these names";
        warnings.push(Problem::new(format!("{path}.allow"), message, remedy));
    }
}
