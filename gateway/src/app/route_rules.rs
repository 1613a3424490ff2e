//! What a route lets requests in by, as something that two configurations can be compared by.

use serde::Serialize;

use crate::config::{Auth, Config, Route};
use crate::gate::RouteRules;

/// The rules of a route: what it says itself, and the sections that its ways in are made of. Secrets
/// are in it by where they are kept.
pub(super) fn rules(config: &Config, route: &Route) -> RouteRules {
    let sections: Vec<_> = route.auth.iter().map(|auth| section(config, *auth, route)).collect();
    let own = (&route.auth, &route.login, &route.issuers, &route.scopes, &route.signed_urls);
    RouteRules {
        ways: text(&(own, &route.forward_auth, sections)),
        access: text(&(&route.access, &route.allow, &issuers(config, route), step_up(route))),
    }
}

/// Whom an `allow` with `from` means.
fn issuers(config: &Config, route: &Route) -> Vec<String> {
    let from = route.allow.iter().flat_map(|list| &list.from);
    from.flat_map(|id| config.issuers_called(id)).collect()
}

fn step_up(route: &Route) -> impl Serialize + use<> {
    (route.acr_values.clone(), route.max_age, route.authentication_context.clone())
}

/// What the whole file says of a way in, beside the route. What a session was begun by is judged anew
/// in any case.
fn section(config: &Config, auth: Auth, route: &Route) -> String {
    match auth {
        Auth::Anonymous | Auth::Session | Auth::SignedUrl | Auth::Teams => String::new(),
        Auth::ApiKey => text(&config.api_keys),
        Auth::Bearer => text(&config.issuers_of(route).collect::<Vec<_>>()),
        Auth::ClientCertificate => text(&config.client_certificates),
        Auth::ForwardAuth => text(&config.service_of(route)),
        Auth::Password => text(&(&config.directories, config.providers.keys().collect::<Vec<_>>())),
        Auth::TrustedHeaders => text(&config.trusted_headers),
    }
}

/// Only types of ours, none of which can fail.
fn text(rules: &impl Serialize) -> String {
    serde_json::to_string(rules).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Surroundings;

    const FILE: &str = r#"
[server]
public_url = "http://localhost:8080"
http = { listen = "127.0.0.1:8080" }
[providers.corp]
kind = "oidc"
issuer = "https://login.example.com"
client_id = "portcullis"
[providers.other]
kind = "oidc"
issuer = "https://other.example.com"
client_id = "portcullis"
[issuers.ci]
issuer = "https://ci.example.com"
audiences = ["api"]
[upstreams.app]
servers = ["127.0.0.1:8000"]
[[routes]]
name = "api"
auth = ["bearer", "session"]
allow = { groups = ["staff"], from = ["corp"] }
upstream = "app"
"#;

    fn of(text: &str) -> RouteRules {
        let surroundings =
            Surroundings { name: "p.toml", directory: Path::new("/nonexistent"), env: &|_| None };
        let loaded = Config::parse(text, &surroundings).unwrap_or_else(|faults| panic!("{faults}"));
        rules(&loaded.config, &loaded.config.routes[0])
    }

    #[test]
    fn only_what_lets_requests_in_counts() {
        let now = of(FILE);
        let swapped = |from: &str, to: &str| {
            assert!(FILE.contains(from), "{from}");
            of(&FILE.replace(from, to))
        };
        for (from, to) in [
            ("name = \"api\"", "name = \"else\""),
            ("127.0.0.1:8000", "127.0.0.1:9000"),
            ("upstream = \"app\"\n", "upstream = \"app\"\nbody_bytes = \"1KiB\"\n"),
            (
                "upstream = \"app\"\n",
                "upstream = \"app\"\n[[routes]]\npath = \"/x\"\nupstream = \"app\"\naccess = \"authenticated\"\n",
            ),
        ] {
            assert_eq!(swapped(from, to), now, "{to}");
        }
        for (from, to) in [
            ("\"bearer\", \"session\"", "\"session\", \"bearer\""),
            ("\"api\"]", "\"api\", \"more\"]"),
            ("https://ci.", "https://ci2."),
            ("upstream = \"app\"\n", "upstream = \"app\"\nscopes = [\"x\"]\n"),
            ("upstream = \"app\"\n", "upstream = \"app\"\nlogin = [\"corp\"]\n"),
        ] {
            let other = swapped(from, to);
            assert!(other.ways != now.ways && other.access == now.access, "{to}");
        }
        for (from, to) in [
            ("upstream = \"app\"\n", "upstream = \"app\"\nauthentication_context = \"c1\"\n"),
            ("\"staff\"", "\"boss\""),
            ("from = [\"corp\"]", "from = [\"corp\", \"other\"]"),
            ("https://login.", "https://login2."),
        ] {
            let other = swapped(from, to);
            assert!(other.access != now.access, "{to}");
        }
    }
}
