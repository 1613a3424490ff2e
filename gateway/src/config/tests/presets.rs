//! Presets: each one reads, a route completes it, and what does not fit is said.

use crate::config::tests::support::{GOOD, ROUTE, faults, parse};
use crate::config::{PRESETS, Preset, Route};

/// A file with one route of a preset, and what such apps need.
fn file(preset: &str, more: &str) -> String {
    let needs = |it: &str| matches!(it, "chainlit-native" | "seed-hs256");
    let token = if needs(preset) { "token = { secret = { env = \"APP\" } }\n" } else { "" };
    let algorithm = if preset == "nvidia-aiq" { "[token]\nalgorithm = \"ES256\"\n" } else { "" };
    format!("{GOOD}{algorithm}{ROUTE}preset = \"{preset}\"\n{token}{more}")
}

fn route(preset: &str, more: &str) -> Route {
    let loaded = parse(&file(preset, more)).unwrap_or_else(|faults| panic!("{preset}\n{faults}"));
    loaded.config.routes[0].clone()
}

#[test]
fn every_preset_makes_a_route_and_says_what_it_is_for() {
    for preset in PRESETS {
        route(preset.name, "");
        assert!(preset.about().ends_with('.') && !preset.app().is_empty(), "{}", preset.name);
        // Written out, the keys mean the same as the preset.
        let written = preset.route().replace("[routes.token]", "[routes.token]\naudience = \"x\"");
        let named = file(preset.name, "");
        let plain = named.replace(&format!("preset = \"{}\"\n", preset.name), "");
        let plain = plain.replace("token = { secret = { env = \"APP\" } }\n", "");
        let secret =
            if named.contains("env = \"APP\"") { "secret = { env = \"APP\" }\n" } else { "" };
        let text = format!("{plain}{written}\n{secret}");
        let written = parse(&text).unwrap_or_else(|faults| panic!("{text}\n{faults}"));
        let mut written = serde_json::to_value(&written.config.routes[0]).unwrap();
        let mut named = serde_json::to_value(route(preset.name, "")).unwrap();
        for route in [&mut written, &mut named] {
            route["preset"].take();
            route["token"]["audience"].take();
        }
        assert_eq!(written, named, "{}", preset.name);
    }
    let mut names: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
    names.sort_unstable();
    assert!(names.iter().eq(PRESETS.iter().map(|preset| &preset.name)), "in order");
    assert!(Preset::named("no-such").is_none());
}

#[test]
fn a_folder_of_presets_has_no_more_than_the_program() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/presets");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), PRESETS.len());
}

#[test]
fn the_routes_own_keys_win_and_what_is_stripped_is_added() {
    let own = route(
        "chainlit-header",
        "app_cookies = [\"mine\"]\nstrip_headers = [\"X-Mine\"]\nlogout_paths = []\n\
         [routes.token]\naudience = \"chat\"\nheader = \"X-Chat\"\n",
    );
    let names: Vec<_> = own.strip_headers.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["X-Mine", "Authorization"]);
    let cookies: Vec<_> = own.app_cookies.iter().map(ToString::to_string).collect();
    assert_eq!((cookies, own.logout_paths.len()), (vec!["mine".to_owned()], 0));
    assert_eq!(
        (own.audience(), own.token_header().unwrap().to_string()),
        ("chat", "X-Chat".into())
    );
    let own =
        route("authelia", "identity_headers = { Remote-User = \"sub\", X-More = \"email\" }\n");
    let said = own.identity_headers.iter().map(|(field, claim)| format!("{field}={claim}"));
    let said: Vec<_> = said.collect();
    let all = "Remote-Email=email Remote-Groups=groups Remote-Name=display_name Remote-User=sub \
        X-More=email";
    assert_eq!(said.join(" "), all);
}

#[test]
fn an_unknown_preset_has_the_nearest_named() {
    let said = faults(&format!("{GOOD}{ROUTE}preset = \"chainlit-nativ\"\n"));
    assert!(said.contains("there is no preset `chainlit-nativ`"), "{said}");
    assert!(said.contains("help: did you mean `chainlit-native`?"), "{said}");
    let said = faults(&format!("{GOOD}{ROUTE}preset = \"wordpress\"\n"));
    assert!(
        said.contains("help: use one of: authelia, chainlit-header, chainlit-native,"),
        "{said}"
    );
}

#[test]
fn what_an_app_cannot_verify_is_said() {
    for preset in ["chainlit-native", "seed-hs256"] {
        let said = faults(&format!("{GOOD}{ROUTE}preset = \"{preset}\"\n"));
        assert!(said.contains("the app verifies HS256 only, not EdDSA"), "{said}");
        assert!(said.contains("add token.secret to the route"), "{said}");
    }
    let said = faults(&format!("{GOOD}{ROUTE}preset = \"nvidia-aiq\"\n"));
    assert!(said.contains("the app verifies ES256 or RS256 only, not EdDSA"), "{said}");
}

#[test]
fn a_fault_in_a_routes_own_key_is_placed_beside_a_preset() {
    let said = faults(&file("authelia", "body_bytes = \"lots\"\napp_cookies = [\"*\"]\n"));
    assert!(said.contains("body_bytes") && said.contains("`*` is no name of a cookie"), "{said}");
    assert!(said.contains("p.toml:17") && said.contains("p.toml:18"), "{said}");
}

#[test]
fn what_makes_no_sense_for_an_app_is_refused() {
    for (more, said) in [
        ("identity_headers = { Cookie = \"sub\" }", "`Cookie` has another meaning"),
        ("identity_headers = { X-Request-Id = \"sub\" }", "has another meaning"),
        ("identity_headers = { X-User-JWT = \"sub\" }", "`X-User-JWT` carries the token"),
        ("identity_headers = { X-A = \"sub\", x-a = \"email\" }", "is there twice"),
        ("identity_headers = { X-A = \"emial\" }", "did you mean `email`?"),
        ("identity_headers = { X-A = \"exp\" }", "about the token, not about the person"),
        ("identity_headers = { X_A = \"sub\" }", "X_A"),
        ("app_cookies = [\"p*\"]", "would take in the gateway's own cookies"),
        ("strip_cookies = [\"__Host-*\"]", "would take in the gateway's own cookies"),
        ("app_cookies = [\"t\"]\ntoken = { cookie = \"t\" }", "never reaches the app"),
        ("logout_paths = [\"/x/*\"]", "`/x/*` is not one page"),
        ("token = { bearer = true, cookie = \"t\" }", "no header field is named"),
        ("token = { cookie = \"t*\" }", "a token is in one cookie"),
        ("token = { form = \"chainlit\" }", "Chainlit verifies HS256 only"),
        ("token = { identifier = \"email\" }", "only Chainlit's tokens have one"),
        ("token = { secret = { env = \"SHORT\" } }", "the secret has 7 bytes"),
        ("token = { secret = { env = \"UNSET\" } }", "`UNSET` is not set"),
        ("auth = [\"anonymous\"]\nlogout_paths = [\"/x\"]", "no session that could be ended"),
    ] {
        let found = faults(&format!("{GOOD}{ROUTE}{more}\n"));
        assert!(found.contains(said), "{more}\n{found}");
    }
}

#[test]
fn names_that_two_providers_may_both_give_are_warned_of() {
    let second = "[providers.other]\nkind = \"oidc\"\nissuer = \"https://b.example.com\"\n\
        client_id = \"portcullis\"\n";
    let warned = |more: &str, login: &str| {
        let text = format!("{GOOD}{second}{ROUTE}{login}{more}\n");
        parse(&text).unwrap().render_warnings()
    };
    let chainlit = "preset = \"chainlit-native\"\ntoken = { secret = { env = \"APP\" } }";
    assert!(warned(chainlit, "").contains("two of them may call two"), "{}", warned(chainlit, ""));
    assert_eq!(warned(chainlit, "login = [\"corp\"]\n"), "");
    let plain = "preset = \"authelia\"";
    assert!(warned(plain, "").contains("send `idp` too"));
    let with = "identity_headers = { X-User-Issuer = \"idp\" }\npreset = \"authelia\"";
    assert_eq!(warned(with, ""), "");
}
