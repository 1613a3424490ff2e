//! Checks of `kind = "github"`.

use crate::config::check::findings::Problem;
use crate::config::check::issuers::plain;
use crate::config::github::GithubProvider;

pub(super) fn check(
    path: &str,
    github: &GithubProvider,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    let mut wrong = |key: &str, message: String, remedy: &str| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    if github.client_id.is_empty() {
        wrong("client_id", "the client id is empty".into(), "copy it from the OAuth app");
    }
    for (key, url) in [("url", &github.url), ("api_url", &github.api_url)] {
        let fault = url.as_ref().and_then(|url| plain(url, github.insecure_http));
        if let Some(message) = fault {
            wrong(key, message, "use https: whoever can listen in could replace GitHub");
        }
    }
    if !github.memberships {
        let granted = github.grants.iter().enumerate().filter_map(|(index, grant)| {
            Some((format!("grants[{index}].to.groups"), grant.to.as_ref()?))
        });
        let allowed = github.allow.iter().map(|list| ("allow.groups".to_owned(), list));
        for (key, _) in allowed.chain(granted).filter(|(_, list)| !list.groups.is_empty()) {
            let message = "nobody is in a group: organizations and teams are not read".into();
            wrong(&key, message, "add memberships = true");
        }
    }
    if github.allow.is_none() && github.issuer() == "https://github.com" {
        let message = "whoever has a GitHub account can sign in";
        let remedy = "set allow, unless the routes decide who may";
        warnings.push(Problem::new(path, message, remedy));
    }
}
