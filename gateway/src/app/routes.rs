//! Route sections → plans in a table.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use http::HeaderName;
use http::header::AUTHORIZATION;

use crate::app::app_plan as app;
use crate::app::build::BuildFault;
use crate::app::route_rules::rules;
use crate::app::ways::Ways;
use crate::authz::{Allow, AllowAuthenticated, Authorizer, Public};
use crate::base::{Secret, UpstreamId};
use crate::config::{
    AtEnd as AtEndSetting, Auth, Config, ForwardAuth, Loaded, Problem, Route, Rule,
    TokenForm as FormSetting,
};
use crate::crypto::SignFault;
use crate::endpoints::AppCookies;
use crate::gate::{Farewell, RoutePlan};
use crate::identity::StepUp;
use crate::route::{Pattern, Table, Tie};
use crate::session::AtEnd;
use crate::token::{SharedSecret, Signer, TokenForm, TokenPlan};
use crate::upstream::Pool;
use crate::web::CookiePattern;

/// The header field in which Pomerium sends its token.
const POMERIUM: &str = "x-pomerium-jwt-assertion";

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
    let token = token(route)?;
    let body = route.body_bytes.unwrap_or(ways.config.server.limits.body_bytes);
    Ok(RoutePlan {
        id: route.id(),
        chain: ways.chain(route)?,
        authorizer: authorizer(ways.config, route.rule()),
        login: ways.login(route),
        resource: ways.resource(route).map(Arc::new),
        links: ways.links(route)?,
        pool: Arc::clone(pool),
        app: app::plan(ways, route, token.as_ref()),
        token,
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
            .chain(&route.token_header())
            .chain(route.identity_headers.keys())
            // Also where nobody believes them: an app may.
            .chain(ways.config.trusted_headers.iter().flat_map(|it| it.fields().map(|(_, f)| f)))
            .map(|field| field.name().clone())
            // Once `bearer` reads it, it is a password of the caller's: not for an application.
            .chain(route.keeps_authorization().then_some(AUTHORIZATION))
            .chain(field_of_keys(ways, route))
            .chain(names_of_service(ways, route))
            .collect(),
        rules: rules(ways.config, route),
        farewell: farewell(route),
        metrics: ways.lasting.metrics.route(&route.id()),
    })
}

/// Where API keys are: they are for the gateway, and whoever sees one can use it.
fn field_of_keys(ways: &Ways<'_>, route: &Route) -> Option<HeaderName> {
    let field = ways.config.api_keys.header.name();
    let goes_on = *field == AUTHORIZATION && route.forward_authorization;
    (route.auth.contains(&Auth::ApiKey) && !goes_on).then(|| field.clone())
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

/// What signs the tokens of this route only; `None` where it has no secret of its own.
pub(super) fn secret(route: &Route) -> Result<Option<Arc<dyn Signer>>, SignFault> {
    let source = route.token.secret.as_ref();
    let secret = source.map(|source| source.secret().expose().clone().into_bytes());
    let signer = secret.map(|secret| SharedSecret::new(&Secret::new(secret))).transpose()?;
    Ok(signer.map(|signer| Arc::new(signer) as Arc<dyn Signer>))
}

fn farewell(route: &Route) -> Farewell {
    let at_end = match route.streams.at_end {
        AtEndSetting::Close => AtEnd::Close,
        AtEndSetting::Grace => AtEnd::Grace(route.streams.grace.std()),
        AtEndSetting::Keep => AtEnd::Keep,
    };
    Farewell { at_end, close_code: route.streams.close_code }
}

fn step_up(route: &Route) -> Option<Arc<StepUp>> {
    let (acr_values, max_age) = (route.acr_values.clone(), route.max_age.map(|age| age.std()));
    let authentication_context = route.authentication_context.clone();
    let wanted = StepUp { acr_values, authentication_context, max_age };
    (wanted != StepUp::default()).then(|| Arc::new(wanted))
}

/// What a route wants of the token; `None` where it sends none.
pub(super) fn token(route: &Route) -> Result<Option<TokenPlan>, BuildFault> {
    let wanted = &route.token;
    if wanted.off {
        return Ok(None);
    }
    let fault = |fault: SignFault| BuildFault::Route(route.id(), fault.to_string());
    let signer = secret(route).map_err(fault)?;
    let claims = |claims: &Vec<String>| claims.iter().cloned().collect::<HashSet<_>>();
    Ok(Some(TokenPlan {
        without_audience: wanted.without_audience,
        header: route.token_header().map(|field| field.name().clone()),
        bearer: wanted.bearer,
        cookie: wanted.cookie.as_ref().map(CookiePattern::to_string),
        form: match wanted.form {
            FormSetting::Chainlit => TokenForm::Chainlit(wanted.identifier.fact().clone()),
            FormSetting::Standard => TokenForm::Standard,
        },
        signer,
        wanted: wanted.claims.as_ref().map(claims),
        max_groups: usize::try_from(wanted.max_groups).unwrap_or(usize::MAX),
        max_bytes: wanted.max_bytes.as_usize(),
        aliases: wanted.aliases,
        debug_header: wanted.debug_header,
        reuse: wanted.reuse.map(|reuse| reuse.std()),
        ..TokenPlan::new(route.audience())
    }))
}

/// The cookies of all applications that say who somebody is.
pub(super) fn app_cookies(config: &Config) -> Vec<AppCookies> {
    let of = |route: &Route| {
        let replaced = route.strip_cookies.iter().chain(&route.token.cookie);
        let cookies: Vec<_> = route.app_cookies.iter().chain(replaced).cloned().collect();
        (!cookies.is_empty()).then(|| AppCookies { host: route.host.clone(), cookies })
    };
    config.routes.iter().filter_map(of).collect()
}

/// Whether an application verifies tokens as it would Pomerium's.
pub(super) fn speaks_pomerium(config: &Config) -> bool {
    let named = |route: &Route| route.token_header().is_some_and(|it| it.name() == POMERIUM);
    config.routes.iter().any(|route| !route.token.off && named(route))
}
