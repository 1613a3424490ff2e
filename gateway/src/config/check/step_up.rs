//! Checks of a route that wants more than a sign-in of some day: `acr_values`,
//! `authentication_context` and `max_age`.

use crate::config::auth::Auth;
use crate::config::check::findings::Problem;
use crate::config::duration::Duration;
use crate::config::providers::Provider;
use crate::config::root::Config;
use crate::config::routes::Route;

/// With less, people would be asked again before the page they wanted is there.
const SHORTEST: Duration = Duration::from_secs(30);

pub(super) fn route(path: &str, route: &Route, config: &Config, problems: &mut Vec<Problem>) {
    let mut wrong = |key: String, message: String, remedy: &str| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    let legal = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    for (index, acr) in route.acr_values.iter().enumerate() {
        if acr.is_empty() || !acr.bytes().all(legal) {
            let message = format!("`{acr}` is not an authentication context");
            let remedy = "write each as its own entry, as the provider calls it";
            wrong(format!("acr_values[{index}]"), message, remedy);
        }
    }
    if route.max_age.is_some_and(|age| age < SHORTEST) {
        let message = "people would be asked again at once".into();
        wrong("max_age".to_owned(), message, "use at least \"30s\"");
    }
    if let Some(context) = &route.authentication_context
        && !is_context(context)
    {
        let message = format!("`{context}` is not the ID of an authentication context of Entra");
        let remedy = "write the ID that the Entra admin center shows, \"c1\" to \"c99\"";
        wrong("authentication_context".to_owned(), message, remedy);
    }
    let context = match (&route.authentication_context, route.acr_values.is_empty()) {
        (Some(_), _) => Some("authentication_context"),
        (None, false) => Some("acr_values"),
        (None, true) => None,
    };
    let Some(key) = route.max_age.map(|_| "max_age").or(context) else { return };
    for (index, way) in route.auth.iter().enumerate() {
        if !matches!(way, Auth::Bearer | Auth::Session | Auth::SignedUrl | Auth::Teams) {
            let message = format!("`{way}` does not say when or how people signed in");
            let remedy = format!("leave it out of `auth`, or `{key}` out of the route");
            wrong(format!("auth[{index}]"), message, &remedy);
        }
    }
    if !route.takes_sessions() {
        return;
    }
    let listed =
        |id: &str| route.login.is_empty() || route.login.iter().any(|own| own.as_str() == id);
    for (id, provider) in &config.providers {
        if matches!(provider, Provider::Github(_)) && listed(id.as_str()) {
            let message = format!("GitHub (`{id}`) does not say when or how people signed in");
            wrong(key.to_owned(), message, "list the other providers in the route's `login`");
        }
    }
    if let Some(id) = config.directories.keys().find(|id| listed(id.as_str()))
        && let Some(context) = context
    {
        let message = format!("the directory `{id}` knows no authentication contexts");
        wrong(context.to_owned(), message, "list the providers in the route's `login`");
    }
}

/// Microsoft Graph's `authenticationContextClassReference`: "c1 through c99".
fn is_context(text: &str) -> bool {
    text.strip_prefix('c')
        .and_then(|number| number.parse::<u8>().ok())
        .is_some_and(|number| (1..=99).contains(&number) && text == format!("c{number}"))
}
