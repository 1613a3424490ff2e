//! Checks of `[teams]`, and of the routes that are shown as a tab.

use crate::config::check::findings::Problem;
use crate::config::check::routes::name_one;
use crate::config::origin::Origin;
use crate::config::providers::{OidcProvider, Provider};
use crate::config::root::Config;
use crate::config::routes::Route;
use crate::config::teams::Teams;

pub(super) fn check(config: &Config, written: &dyn Fn(&str) -> bool, problems: &mut Vec<Problem>) {
    let Some(teams) = &config.teams else { return };
    let mut wrong = |key: &str, message: String, remedy: String| {
        problems.push(Problem::new(format!("teams.{key}"), message, remedy));
    };
    let id = &teams.provider;
    match config.providers.get(id) {
        Some(Provider::Oidc(oidc)) => provider(id.as_str(), oidc, &mut wrong),
        Some(Provider::Github(_)) => {
            let remedy = "name a provider of kind = \"entra\"";
            wrong("provider", format!("`{id}` is GitHub"), remedy.into());
        }
        None if written(&format!("providers.{id}")) => {}
        None => {
            let known = config.providers.keys().map(|id| id.as_str());
            let remedy = name_one("providers", id.as_str(), known);
            wrong("provider", format!("there is no provider `{id}`"), remedy);
        }
    }
    tenants(teams, &mut wrong);
    for (key, list) in [("audiences", &teams.audiences), ("clients", &teams.clients)] {
        if list.iter().any(String::is_empty) {
            wrong(key, "an entry is empty".into(), "leave it out".into());
        }
    }
    if teams.clients.is_empty() {
        let message = "no application could fetch a token".into();
        wrong("clients", message, "leave it out for Microsoft's own".into());
    }
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !word(&teams.scope) {
        let message = format!("`{}` is not a scope", teams.scope);
        wrong("scope", message, "write the last part only: \"access_as_user\"".into());
    }
    for (index, source) in teams.frame_ancestors.iter().enumerate() {
        // Plain http for what runs on the developer's own machine.
        let here = source.parse::<Origin>().is_ok_and(|origin| origin.is_loopback());
        let good = source.starts_with("https://") || here;
        if !good || !word(source) || source.contains([';', ',', '\'', '"']) {
            let key = format!("frame_ancestors[{index}]");
            let remedy = "write an origin: \"https://teams.microsoft.com\"".into();
            wrong(&key, format!("`{source}` is no source of frames"), remedy);
        }
    }
    library(teams, &mut wrong);
}

fn provider(id: &str, oidc: &OidcProvider, wrong: &mut dyn FnMut(&str, String, String)) {
    if teams_tenant(&oidc.issuer).is_none() {
        let message = format!("the issuer of providers.{id} is not that of one tenant of Entra");
        let remedy = "use \"https://login.microsoftonline.com/<tenant id>/v2.0\" as its issuer";
        wrong("provider", message, remedy.into());
    }
    if !oidc.required_claims.is_empty() {
        let message = format!("required_claims of providers.{id} are not looked at in tabs");
        let remedy = format!("use `allow` in [providers.{id}] instead");
        wrong("provider", message, remedy);
    }
    if oidc.subject != "oid" {
        let message =
            format!("providers.{id} knows people by `{}`, and tabs by `oid`", oidc.subject);
        let remedy = format!("add subject = \"oid\" to [providers.{id}]");
        wrong("provider", message, remedy);
    }
}

fn tenants(teams: &Teams, wrong: &mut dyn FnMut(&str, String, String)) {
    if teams.takes_any_tenant() && teams.tenants.len() > 1 {
        let message = "`any` and single tenants are both there".into();
        wrong("tenants", message, "keep the tenants, or [\"any\"]".into());
    }
    for (index, tenant) in teams.tenants.iter().enumerate() {
        if tenant != Teams::ANY && !is_guid(tenant) {
            let message = format!("`{tenant}` is not the id of a tenant");
            let remedy = "write it as Entra shows it: 8 to 12 hexadecimal digits and hyphens, in \
                lower case";
            wrong(&format!("tenants[{index}]"), message, remedy.into());
        }
    }
}

fn library(teams: &Teams, wrong: &mut dyn FnMut(&str, String, String)) {
    let library = &teams.library;
    let url = library.url.as_str();
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic())
        && !url.contains(['"', '\'', '<', '>', ';', ',', '\\', '?', '#']);
    let path = url.starts_with('/') && !url.starts_with("//");
    if !plain || !(path || url.starts_with("https://")) {
        let message = format!("`{url}` is neither an https address nor a path of this site");
        let remedy = "leave it out for Microsoft's own servers";
        wrong("library.url", message, remedy.into());
    }
    let hash = |text: &str| {
        let known = ["sha256-", "sha384-", "sha512-"];
        let rest = known.iter().find_map(|kind| text.strip_prefix(kind));
        rest.is_some_and(|rest| {
            !rest.is_empty()
                && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
        })
    };
    match &library.integrity {
        Some(text) if !hash(text) => {
            let message = format!("`{text}` is not a hash of a file");
            let remedy = "write it as HTML does: \"sha384-…\"".into();
            wrong("library.integrity", message, remedy);
        }
        None if !path => {
            let message = "whoever can change the file could take people's tokens".into();
            wrong("library.url", message, "add `integrity` with the file's hash".into());
        }
        _ => {}
    }
}

/// What a route says of tabs.
pub(super) fn route(
    path: &str,
    route: &Route,
    config: &Config,
    written: &dyn Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
) {
    if !route.takes_teams() || written("teams") || config.teams.is_some() {
        return;
    }
    let remedy = "add [teams] with `provider`";
    let message = "no tab can sign in: there is no [teams]";
    problems.push(Problem::new(format!("{path}.auth"), message, remedy));
}

/// The tenant in an issuer of Entra's.
fn teams_tenant(issuer: &str) -> Option<&str> {
    let tenant = issuer.strip_suffix("/v2.0")?.rsplit('/').next()?;
    is_guid(tenant).then_some(tenant)
}

/// In the one spelling that tokens use.
fn is_guid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    parts.len() == lengths.len()
        && parts
            .iter()
            .zip(lengths)
            .all(|(part, length)| part.len() == length && part.bytes().all(hex))
}
