//! `teams`.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::app::build::BuildFault;
use crate::app::lasting::Lasting;
use crate::app::providers;
use crate::app::ways::chain::Ways;
use crate::authn::Authenticator;
use crate::authn::teams::{EntraSettings, EntraTokens, TeamsCookie, Tenants, Tickets};
use crate::config::{Checked, Config, OidcProvider, Provider, Route, Teams};
use crate::endpoints::Tabs;
use crate::gate::Tab;
use crate::oidc::{JwksLocation, KeySource, RemoteKeys};

/// The way in of one route: by sessions that began in a tab.
pub(super) fn way(ways: &Ways<'_>, route: &Route) -> Result<Arc<dyn Authenticator>, BuildFault> {
    let teams = ways.config.teams.as_ref();
    let teams = teams.ok_or_else(|| BuildFault::Route(route.id(), "no [teams]".to_owned()))?;
    let sessions = Arc::clone(&ways.lasting.sessions);
    let provider = teams.provider.clone();
    let cookie = TeamsCookie::new(ways.cookies.clone(), sessions, provider);
    let tickets = Tickets::new(Arc::clone(&ways.lasting.one_time));
    Ok(Arc::new(cookie.taking(tickets, route.id(), Arc::clone(&ways.lasting.clock))))
}

/// What the pages of tabs need; `None` where there are no tabs.
pub(in crate::app) fn tabs(
    config: &Checked<Config>,
    lasting: &Lasting,
    tab: Option<&Arc<Tab>>,
) -> Result<Option<Arc<Tabs>>, BuildFault> {
    let (Some(teams), Some(tab)) = (&config.teams, tab) else { return Ok(None) };
    let id = &teams.provider;
    let fault =
        |cause: &str| BuildFault::Provider { id: id.clone(), cause: format!("teams: {cause}") };
    let Some(Provider::Oidc(oidc)) = config.providers.get(id) else {
        return Err(fault("there is no such provider"));
    };
    let (authority, own) = oidc
        .issuer
        .strip_suffix("/v2.0")
        .and_then(|rest| rest.rsplit_once('/'))
        .ok_or_else(|| fault("its issuer is not that of one tenant of Entra"))?;
    let keys = keys(authority, oidc, lasting, &fault)?;
    let settings = EntraSettings {
        authority: authority.to_owned(),
        tenants: match (teams.takes_any_tenant(), teams.tenants.is_empty()) {
            (true, _) => Tenants::Any,
            (false, true) => Tenants::Only(vec![own.to_owned()]),
            (false, false) => Tenants::Only(teams.tenants.clone()),
        },
        audiences: audiences(config, teams, oidc),
        scope: teams.scope.clone(),
        clients: teams.clients.clone(),
        leeway: oidc.leeway.std(),
        claims: providers::mapping(&oidc.claims),
    };
    let tokens = EntraTokens::new(settings, keys, Arc::clone(&lasting.clock));
    let (provider, tickets) = (id.clone(), Tickets::new(Arc::clone(&lasting.one_time)));
    Ok(Some(Arc::new(Tabs { provider, tokens, tickets, tab: Arc::clone(tab) })))
}

/// What the pages of tabs say and load.
pub(in crate::app) fn tab(config: &Checked<Config>) -> Option<Arc<Tab>> {
    let teams = config.teams.as_ref()?;
    Some(Arc::new(Tab {
        ancestors: format!("'self' {}", teams.frame_ancestors.join(" ")).trim_end().to_owned(),
        library: teams.library.url.clone(),
        integrity: teams.library.integrity.clone().unwrap_or_default(),
    }))
}

/// Without Entra there are no tokens either, so that keys need not outlive an outage of it for long.
const STALE_KEYS: Duration = Duration::from_secs(60 * 60);

/// The keys of all tenants: Entra publishes them in one place. Fetched when they are needed.
fn keys(
    authority: &str,
    oidc: &OidcProvider,
    lasting: &Lasting,
    fault: &dyn Fn(&str) -> BuildFault,
) -> Result<Arc<dyn KeySource>, BuildFault> {
    let url = Url::parse(&format!("{authority}/common/discovery/v2.0/keys"));
    let url = url.map_err(|cause| fault(&cause.to_string()))?;
    let fetch = Arc::new(providers::client(oidc).map_err(|cause| fault(&cause))?);
    let origin = format!("teams {url} {} {:?}", oidc.insecure_http, oidc.ca);
    Ok(lasting.issuer_keys.of(&origin, || {
        let clock = Arc::clone(&lasting.clock);
        RemoteKeys::new(JwksLocation::Fixed(url), fetch, clock).stale_for(STALE_KEYS)
    }))
}

fn audiences(config: &Config, teams: &Teams, oidc: &OidcProvider) -> Vec<String> {
    if !teams.audiences.is_empty() {
        return teams.audiences.clone();
    }
    let origins = std::iter::once(&config.server.public_url).chain(&config.server.origins);
    let mut all = vec![oidc.client_id.clone()];
    for origin in origins {
        let uri = format!("api://{}/{}", origin.get().host(), oidc.client_id);
        if !all.contains(&uri) {
            all.push(uri);
        }
    }
    all
}
