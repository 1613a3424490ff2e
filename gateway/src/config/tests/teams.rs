//! What is said of a bad `[teams]`, and of routes that ask for it.

use crate::config::Teams;
use crate::config::tests::support::{GOOD, faults, parse};

const ENTRA: &str = "[providers.entra]\nkind = \"oidc\"\n\
    issuer = \"https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0\"\n\
    client_id = \"app\"\nsubject = \"oid\"\n";
const TEAMS: &str = "[teams]\nprovider = \"entra\"\n";
const ROUTE: &str = "[[routes]]\nupstream = \"app\"\naccess = \"authenticated\"\n\
    auth = [\"teams\", \"session\"]\n";

#[test]
fn a_good_section_is_taken_and_microsofts_names_are_the_default() {
    let loaded = parse(&format!("{GOOD}{ENTRA}{TEAMS}{ROUTE}")).unwrap();
    let teams = loaded.config.teams.as_ref().unwrap();
    assert!(loaded.config.routes[0].takes_teams());
    assert!(!teams.takes_any_tenant());
    assert_eq!(teams.scope, "access_as_user");
    assert_eq!(teams.clients.len(), 7);
    assert!(teams.library.integrity.as_ref().unwrap().starts_with("sha384-"));
    let any = parse(&format!("{GOOD}{ENTRA}{TEAMS}tenants = [\"any\"]\n{ROUTE}")).unwrap();
    assert!(any.config.teams.as_ref().is_some_and(Teams::takes_any_tenant));
}

#[test]
fn a_route_without_the_section_is_told_with_the_remedy() {
    assert_eq!(
        faults(&format!("{GOOD}{ROUTE}")),
        r#"error: no tab can sign in: there is no [teams]
  --> p.toml:16:8 routes[0].auth
   |
16 | auth = ["teams", "session"]
   |        ^^^^^^^^^^^^^^^^^^^^
help: add [teams] with `provider`
"#
    );
}

#[test]
fn bad_settings_are_told() {
    let with = |more: &str| format!("{GOOD}{ENTRA}{TEAMS}{more}\n{ROUTE}");
    let swap = |from: &str, to: &str| with("").replace(from, to);
    for (text, sentence) in [
        (swap("provider = \"entra\"", "provider = \"entre\""), "did you mean `entra`?"),
        (swap("provider = \"entra\"", "provider = \"corp\""), "not that of one tenant of Entra"),
        (swap("11111111-2222-3333-4444-555555555555", "common"), "not that of one tenant"),
        (swap("subject = \"oid\"", ""), "add subject = \"oid\" to [providers.entra]"),
        (with("tenants = [\"common\"]"), "`common` is not the id of a tenant"),
        (
            with("tenants = [\"any\", \"11111111-2222-3333-4444-555555555555\"]"),
            "`any` and single tenants are both there",
        ),
        (with("clients = []"), "no application could fetch a token"),
        (with("audiences = [\"\"]"), "an entry is empty"),
        (with("scope = \"a b\""), "`a b` is not a scope"),
        (with("frame_ancestors = [\"https://a.test; script-src *\"]"), "no source of frames"),
        (with("frame_ancestors = [\"*\"]"), "no source of frames"),
        (with("library = { url = \"http://cdn.test/x.js\" }"), "neither an https address"),
        (with("library = { url = \"//cdn.test/x.js\" }"), "neither an https address"),
        (with("library = { url = \"https://a.test/x; img-src *\" }"), "neither an https address"),
        (with("library = { url = \"/x.js\", integrity = \"md5-x\" }"), "not a hash of a file"),
        (with("tenant = \"x\""), "did you mean `tenants`?"),
    ] {
        let told = faults(&text);
        assert!(told.contains(sentence), "{sentence}:\n{told}");
    }
    assert_eq!(faults(&with("library = { url = \"/teams.js\" }")), "");
}
