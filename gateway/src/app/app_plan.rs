//! What a route says of its application → the plan for it.

use std::sync::Arc;

use crate::app::ways::Ways;
use crate::config::{PathPattern, Route};
use crate::crypto::Tagger;
use crate::gate::AppPlan;
use crate::token::TokenPlan;
use crate::web::CookiePattern;

/// The plan; `None` for an application that wants nothing beside the request and its token.
pub(super) fn plan(
    ways: &Ways<'_>,
    route: &Route,
    token: Option<&TokenPlan>,
) -> Option<Box<AppPlan>> {
    let cookie = token.and_then(|token| token.cookie.as_deref()).map(CookiePattern::exactly);
    let below = |paths: &[PathPattern]| {
        paths.iter().map(|path| format!("{}{}", route.prefix(), path.as_str())).collect()
    };
    let plan = AppPlan {
        fields: route
            .identity_headers
            .iter()
            .map(|(field, claim)| (field.name().clone(), claim.fact().clone()))
            .collect(),
        max_groups: usize::try_from(route.token.max_groups).unwrap_or(usize::MAX),
        replaced: route.strip_cookies.iter().cloned().chain(cookie).collect(),
        bound: route.app_cookies.clone(),
        logout: below(&route.logout_paths),
        login: below(&route.login_pages),
        front: format!("{}/", route.prefix()),
        own: ways.cookies.clone(),
        tagger: Tagger::new(Arc::clone(&ways.lasting.sealing)),
        upstream: route.upstream.as_str().to_owned(),
    };
    (!plan.is_idle(route.takes_teams())).then(|| Box::new(plan))
}
