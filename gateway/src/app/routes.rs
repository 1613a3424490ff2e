//! Route sections → plans in a table.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use http::HeaderName;
use http::header::AUTHORIZATION;

use crate::app::build::BuildFault;
use crate::app::ways::Ways;
use crate::authz::{Allow, AllowAuthenticated, Authorizer, Public};
use crate::base::UpstreamId;
use crate::config::{Config, ForwardAuth, Loaded, Problem, Route, Rule};
use crate::gate::RoutePlan;
use crate::identity::StepUp;
use crate::route::{Pattern, Table, Tie};
use crate::token::TokenPlan;
use crate::upstream::Pool;

/// Looks for patterns that cannot be, and for routes that tie.
pub(super) fn check(loaded: &Loaded) -> Result<(), BuildFault> {
    let patterns = loaded.config.routes.iter().map(|route| Ok((pattern(route)?, ())));
    let patterns = patterns.collect::<Result<Vec<_>, BuildFault>>()?;
    Table::build(patterns).map(|_| ()).map_err(|ties| tied(loaded, ties))
}

/// The table of all routes.
pub(super) fn table(
    loaded: &Loaded,
    pools: &HashMap<UpstreamId, Arc<Pool>>,
    ways: &Ways<'_>,
) -> Result<Table<Arc<RoutePlan>>, BuildFault> {
    let mut routes = Vec::new();
    for route in &loaded.config.routes {
        let pattern = pattern(route)?;
        let pool = pools.get(&route.upstream);
        let pool =
            pool.ok_or_else(|| BuildFault::Route(route.id(), "no such upstream".to_owned()))?;
        routes.push((pattern, Arc::new(plan(ways, route, pool)?)));
    }
    Table::build(routes).map_err(|ties| tied(loaded, ties))
}

fn tied(loaded: &Loaded, ties: Vec<Tie>) -> BuildFault {
    let problem = |tie: Tie| {
        Problem::new(
            format!("routes[{}].path", tie.second),
            format!("this route and route {} are for the same requests", tie.first + 1),
            "make one of them more specific, or remove it",
        )
    };
    BuildFault::Config(loaded.faults(ties.into_iter().map(problem).collect()))
}

fn pattern(route: &Route) -> Result<Pattern, BuildFault> {
    let methods: Vec<String> =
        route.methods.iter().map(|verb| verb.method().as_str().to_owned()).collect();
    let methods = (!methods.is_empty()).then_some(methods.as_slice());
    Pattern::parse(route.host.as_str(), route.path.as_str(), methods)
        .map_err(|fault| BuildFault::Route(route.id(), fault.to_string()))
}

fn plan(ways: &Ways<'_>, route: &Route, pool: &Arc<Pool>) -> Result<RoutePlan, BuildFault> {
    let body = route.body_bytes.unwrap_or(ways.config.server.limits.body_bytes);
    Ok(RoutePlan {
        id: route.id(),
        chain: ways.chain(route)?,
        authorizer: authorizer(ways.config, route.rule()),
        login: ways.login(route),
        links: ways.links(route)?,
        pool: Arc::clone(pool),
        token: token(route),
        preserve_host: route.preserve_host,
        body_bytes: body.bytes(),
        step_up: step_up(route),
        websocket_origins: route
            .websocket_origins
            .iter()
            .map(|origin| origin.get().clone())
            .collect(),
        tab: ways.tab.filter(|_| route.takes_teams()).cloned(),
        // The token's header too where the token is off: nobody else may fill it.
        strip: route
            .strip_headers
            .iter()
            .chain([&route.token.header])
            // Also where nobody believes them: an app may.
            .chain(ways.config.trusted_headers.iter().flat_map(|it| it.fields().map(|(_, f)| f)))
            .map(|field| field.name().clone())
            // Once `bearer` reads it, it is a password of the caller's: not for an application.
            .chain(route.keeps_authorization().then_some(AUTHORIZATION))
            .chain(names_of_service(ways, route))
            .collect(),
        metrics: ways.lasting.metrics.route(&route.id()),
    })
}

/// What only the service may say, and what was shown to the service.
fn names_of_service(ways: &Ways<'_>, route: &Route) -> Vec<HeaderName> {
    let service = route.asks_a_service().then(|| ways.config.service_of(route)).flatten();
    let goes_on = |name: &HeaderName| *name == AUTHORIZATION && route.forward_authorization;
    let shown = |section: &ForwardAuth| {
        let shown = section.headers.iter().map(|field| field.name().clone());
        shown.filter(|name| !goes_on(name)).collect::<Vec<_>>()
    };
    let said = |section: &ForwardAuth| {
        section.pass.iter().map(|field| field.name().clone()).collect::<Vec<_>>()
    };
    service.map(|section| [shown(section), said(section)].concat()).unwrap_or_default()
}

fn authorizer(config: &Config, rule: Rule<'_>) -> Arc<dyn Authorizer> {
    match rule {
        Rule::Public => Arc::new(Public),
        Rule::Authenticated => Arc::new(AllowAuthenticated),
        Rule::Allow(list) => {
            let allow = Allow::new(&list.users, &list.groups, &list.email_domains);
            if list.from.is_empty() {
                return Arc::new(allow);
            }
            Arc::new(allow.only_of(list.from.iter().flat_map(|id| config.issuers_called(id))))
        }
        // An empty list lets nobody through: a route that says nothing stays shut.
        Rule::Nobody => Arc::new(Allow::default()),
    }
}

fn step_up(route: &Route) -> Option<Arc<StepUp>> {
    let (acr_values, max_age) = (route.acr_values.clone(), route.max_age.map(|age| age.std()));
    let wanted = max_age.is_some() || !acr_values.is_empty();
    wanted.then(|| Arc::new(StepUp { acr_values, max_age }))
}

fn token(route: &Route) -> Option<TokenPlan> {
    let wanted = &route.token;
    if wanted.off {
        return None;
    }
    let claims = |claims: &Vec<String>| claims.iter().cloned().collect::<HashSet<_>>();
    Some(TokenPlan {
        without_audience: wanted.without_audience,
        header: wanted.header.name().clone(),
        wanted: wanted.claims.as_ref().map(claims),
        max_groups: usize::try_from(wanted.max_groups).unwrap_or(usize::MAX),
        max_bytes: wanted.max_bytes.as_usize(),
        aliases: wanted.aliases,
        debug_header: wanted.debug_header,
        reuse: wanted.reuse.map(|reuse| reuse.std()),
        ..TokenPlan::new(route.audience())
    })
}
