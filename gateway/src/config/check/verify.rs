//! Checks of `[server.verify]`.

use crate::config::check::findings::Problem;
use crate::config::root::Config;
use crate::config::verify::{Dialect, OriginalField};

/// What the paths of oauth2-proxy begin with.
const COMPATIBLE: [&str; 2] = ["/oauth2", "/ping"];

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    let Some(verify) = &config.server.verify else { return };
    let mut wrong = |path: &str, message: String, remedy: &str| {
        problems.push(Problem::new(path, message, remedy));
    };
    if verify.peers.is_empty() {
        let remedy = "list the proxies' networks, such as \"127.0.0.1/32\"";
        wrong("server.verify.peers", "nobody could ask".to_owned(), remedy);
    }
    for (index, network) in verify.peers.iter().enumerate() {
        if network.prefix_len() == 0 {
            let message = format!("{network} is everybody: clients could name the path themselves");
            let remedy = "list the proxies' own networks, such as \"10.0.0.0/8\"";
            wrong(&format!("server.verify.peers[{index}]"), message, remedy);
        }
    }
    if verify.headers.is_some() && verify.dialect != Dialect::Nginx {
        let message = "only nginx chooses which header fields it sets".to_owned();
        wrong("server.verify.headers", message, "leave it out");
    } else if !verify.fields().contains(&OriginalField::Uri) {
        let message = "without the path nothing can be judged".to_owned();
        wrong("server.verify.headers", message, "add \"X-Original-URI\"");
    }
    for (index, route) in config.routes.iter().enumerate() {
        let taken = |own: &str| {
            let rest = route.path.as_str().strip_prefix(own);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if verify.oauth2_proxy_paths && COMPATIBLE.iter().any(|own| taken(own)) {
            let message = "server.verify.oauth2_proxy_paths takes such paths".to_owned();
            wrong(&format!("routes[{index}].path"), message, "choose another path");
        }
    }
}
