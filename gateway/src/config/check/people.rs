//! Checks of who a provider's people are: `allow`, `grants`, and the claims that are made for them.

use crate::config::allow::AllowList;
use crate::config::check::findings::Problem;
use crate::config::check::routes::is_ours;
use crate::config::providers::Provider;

pub(super) fn check(path: &str, provider: &Provider, problems: &mut Vec<Problem>) {
    let mut wrong = |key: &str, message: &str, remedy: &str| {
        problems.push(Problem::new(format!("{path}.{key}"), message, remedy));
    };
    let remedy = "list users, groups or email_domains, or leave `allow` out";
    if let Some(list) = provider.allow() {
        check_list("allow", list, ("an empty list lets nobody sign in", remedy), &mut wrong);
    }
    for (index, grant) in provider.grants().iter().enumerate() {
        let key = format!("grants[{index}]");
        if grant.role.is_empty() {
            let remedy = "write the role that these people have";
            wrong(&format!("{key}.role"), "the role is empty", remedy);
        }
        if let Some(list) = &grant.to {
            let remedy = "list users, groups or email_domains, or leave `to` out for everybody";
            let empty = ("an empty list grants the role to nobody", remedy);
            check_list(&format!("{key}.to"), list, empty, &mut wrong);
        }
    }
    let claims = provider.claims();
    for (key, name) in claims
        .rename
        .keys()
        .map(|name| ("rename", name))
        .chain(claims.add.keys().map(|name| ("add", name)))
    {
        if name.is_empty() || is_ours(name) {
            let message = format!("`{name}` is a claim that the gateway itself writes");
            wrong(&format!("claims.{key}.{name}"), &message, "choose another name");
        }
    }
}

fn check_list(
    key: &str,
    list: &AllowList,
    (empty, remedy): (&str, &str),
    wrong: &mut dyn FnMut(&str, &str, &str),
) {
    if list.is_empty() {
        wrong(key, empty, remedy);
    }
    if !list.from.is_empty() {
        let message = "everybody here is of this provider";
        wrong(&format!("{key}.from"), message, "leave it out");
    }
}
