//! Checks of `[upstreams.<id>]`.

use crate::config::check::findings::Problem;
use crate::config::check::providers::identifier;
use crate::config::check::server::certificates;
use crate::config::root::Config;
use crate::config::upstreams::{Upstream, UpstreamTls};

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>, warnings: &mut Vec<Problem>) {
    for (id, upstream) in &config.upstreams {
        let path = format!("upstreams.{id}");
        identifier(&path, id.as_str(), problems);
        servers(&path, upstream, problems);
        times(&path, upstream, problems);
        if let Some(settings) = &upstream.tls {
            tls(&path, upstream, settings, problems, warnings);
        }
    }
}

fn servers(path: &str, upstream: &Upstream, problems: &mut Vec<Problem>) {
    let path = format!("{path}.servers");
    let Some(first) = upstream.servers.first() else {
        let remedy = "add one: servers = [\"127.0.0.1:8000\"]";
        problems.push(Problem::new(path, "an upstream needs a server", remedy));
        return;
    };
    let kind = |tls: Option<bool>| tls.unwrap_or(upstream.is_tls());
    if upstream.servers.iter().any(|server| kind(server.tls) != kind(first.tls)) {
        let remedy =
            "make all of them https, or none: a client's data would go in clear now and then";
        problems.push(Problem::new(&path, "some servers are https and some are not", remedy));
    }
    for (index, server) in upstream.servers.iter().enumerate() {
        if upstream.servers.iter().take(index).any(|other| other == server) {
            let message = format!("`{server}` is there twice");
            problems.push(Problem::new(format!("{path}[{index}]"), message, "leave one out"));
        }
    }
}

fn times(path: &str, upstream: &Upstream, problems: &mut Vec<Problem>) {
    for (key, time) in [
        ("connect_time", upstream.connect_time),
        ("first_byte_time", upstream.first_byte_time),
        ("stream_idle_time", upstream.stream_idle_time),
        ("write_time", upstream.write_time),
    ] {
        if time.is_zero() {
            let remedy = "leave it out for the default";
            let path = format!("{path}.{key}");
            problems.push(Problem::new(path, "no time at all would fail every request", remedy));
        }
    }
}

fn tls(
    path: &str,
    upstream: &Upstream,
    tls: &UpstreamTls,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    let path = format!("{path}.tls");
    if !upstream.is_tls() {
        let remedy = "write https:// before the servers, or leave `tls` out";
        problems.push(Problem::new(&path, "the servers are plain http", remedy));
    }
    if let Some(Err(message)) = tls.ca.as_deref().map(certificates) {
        let remedy = "name a PEM file with the authority's certificate";
        problems.push(Problem::new(format!("{path}.ca"), message, remedy));
    }
    if tls.name.as_ref().is_some_and(String::is_empty) {
        let remedy = "leave it out for the server's host";
        problems.push(Problem::new(format!("{path}.name"), "the name is empty", remedy));
    }
    if tls.danger_skip_verify {
        warnings.push(Problem::new(
            format!("{path}.danger_skip_verify"),
            "whoever stands between the gateway and this upstream can read and change everything",
            "name the authority in `ca` instead",
        ));
    }
}
