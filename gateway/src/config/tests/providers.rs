//! What is said of `[providers.<id>]`, and of routes that want more of a sign-in.

use crate::config::tests::support::{GOOD, ROUTE, faults, parse};

/// The messages and remedies for a provider of a kind with these keys.
fn said(kind: &str, keys: &str) -> Vec<String> {
    told(&format!("kind = \"{kind}\"\nclient_id = \"gw\"\n{keys}\n"), "")
}

/// The same for a whole provider's section and more of the route.
fn told(provider: &str, route: &str) -> Vec<String> {
    let oidc =
        "kind = \"oidc\"\nissuer = \"https://login.example.com\"\nclient_id = \"portcullis\"\n";
    let text = format!("{}{ROUTE}{route}\n", GOOD.replace(oidc, provider));
    let lines = faults(&text);
    let kept = |line: &&str| line.starts_with("error: ") || line.starts_with("help: ");
    lines.lines().filter(kept).map(str::to_owned).collect()
}

#[test]
fn a_template_asks_for_its_own_keys_and_explains_them() {
    assert_eq!(
        said("auth0", ""),
        [
            "error: `domain` is missing in `providers.corp`",
            "help: domain: The tenant's domain, such as `example.eu.auth0.com`, or your own",
        ]
    );
    assert_eq!(
        said("okta", "domain = \"https://example.okta.com\""),
        [
            "error: `https://example.okta.com` is not a host name",
            "help: write the name alone, without https:// and without a path",
        ]
    );
    assert_eq!(
        said("keycloak", "url = \"https://sso.example.com\"\nrealm = \"a/b\""),
        [
            "error: `a/b` cannot be a part of an address",
            "help: use letters, digits, `.`, `_`, `~` and `-`, as the provider shows it",
        ]
    );
    assert_eq!(
        said("google", "domain = \"x\"\nleeway = \"5w\"").first().map(String::as_str),
        Some("error: unknown key `domain` in `providers.corp`")
    );
}

#[test]
fn entra_wants_a_tenants_id_and_a_list_where_all_tenants_could_come() {
    let help = "help: copy the tenant id from the overview page of Entra, in lower case";
    let bad = said("entra", "tenant = \"contoso.onmicrosoft.com\"");
    assert_eq!(bad, ["error: `contoso.onmicrosoft.com` is not the id of a tenant", help]);
    assert_eq!(
        said("entra", "tenant = \"common\""),
        [
            "error: nobody says whose people may sign in",
            "help: list the tenants' ids in `tenants`, or write tenants = [\"any\"]",
        ]
    );
    let bad = said("entra", "tenant = \"organizations\"\ntenants = [\"corp\"]");
    assert_eq!(bad, ["error: `corp` is not the id of a tenant", help]);
    assert!(said("entra", "tenant = \"organizations\"\ntenants = [\"any\"]").is_empty());
}

#[test]
fn github_reads_groups_only_where_it_is_told_to() {
    let secret = "client_secret = { env = \"S\" }\n";
    let bad = said("github", &format!("{secret}allow = {{ groups = [\"acme\"] }}"));
    assert_eq!(
        bad,
        [
            "error: nobody is in a group: organizations and teams are not read",
            "help: add memberships = true",
        ]
    );
    let with = format!("{secret}memberships = true\nallow = {{ groups = [\"acme/ops\"] }}");
    assert!(said("github", &with).is_empty());
    let bad = said("github", &format!("{secret}issuer = \"x\""));
    assert!(bad.first().unwrap().contains("unknown key `issuer`"), "{bad:?}");
}

#[test]
fn a_client_proves_itself_in_one_way_with_a_key_that_can_be_used() {
    let issuer = "issuer = \"https://login.example.com\"\n";
    let key = "client_key = { key = { env = \"K\" } }";
    let both = format!("{issuer}client_secret = {{ env = \"S\" }}\n{key}");
    let bad = said("oidc", &both);
    assert!(
        bad.contains(&"error: `client_key` and `client_secret` are both there".to_owned()),
        "{bad:?}"
    );
    let bad = said("oidc", &format!("{issuer}{key}"));
    assert_eq!(
        bad.first().map(String::as_str),
        Some("error: this is no PEM file with a `PRIVATE KEY`")
    );
    assert!(!bad.concat().contains("canary"), "{bad:?}");
}

#[test]
fn what_the_protocol_says_itself_cannot_be_set_nor_claims_of_ours_made_up() {
    let issuer = "issuer = \"https://login.example.com\"\n";
    let params = "authorization_params = { nonce = \"1\", prompt = \"login\" }";
    let bad = said("oidc", &format!("{issuer}{params}"));
    assert_eq!(bad, ["error: `nonce` belongs to the protocol", "help: leave it out"]);
    let bad = said("oidc", &format!("{issuer}claims = {{ add = {{ sub = \"boss\" }} }}"));
    assert_eq!(
        bad,
        ["error: `sub` is a claim that the gateway itself writes", "help: choose another name"]
    );
    let bad = said("oidc", &format!("{issuer}grants = [{{ role = \"x\", to = {{}} }}]"));
    assert_eq!(
        bad.first().map(String::as_str),
        Some("error: an empty list grants the role to nobody")
    );
}

#[test]
fn a_route_wants_no_more_of_a_sign_in_than_its_ways_in_can_say() {
    let oidc = "kind = \"oidc\"\nissuer = \"https://login.example.com\"\nclient_id = \"gw\"\n";
    assert!(told(oidc, "max_age = \"5m\"\nacr_values = [\"mfa\"]").is_empty());
    let bad = told(oidc, "max_age = \"1s\"");
    assert_eq!(bad, ["error: people would be asked again at once", "help: use at least \"30s\""]);
    let bad = told(oidc, "max_age = \"5m\"\nauth = [\"session\", \"anonymous\"]");
    assert_eq!(
        bad,
        [
            "error: `anonymous` does not say when or how people signed in",
            "help: leave it out of `auth`, or `max_age` out of the route",
        ]
    );
    let github = "kind = \"github\"\nclient_id = \"gw\"\nclient_secret = { env = \"S\" }\n";
    assert!(told(oidc, "authentication_context = \"c25\"").is_empty());
    for odd in ["C1", "c0", "c100", "c01", "c+1", "c1 c2", "mfa", ""] {
        let bad = told(oidc, &format!("authentication_context = \"{odd}\""));
        let error = format!("error: `{odd}` is not the ID of an authentication context of Entra");
        let help = "help: write the ID that the Entra admin center shows, \"c1\" to \"c99\"";
        assert_eq!(bad, [error.as_str(), help]);
    }
    let bad = told(oidc, "authentication_context = \"c1\"\nauth = [\"session\", \"anonymous\"]");
    assert_eq!(
        bad[1],
        "help: leave it out of `auth`, or `authentication_context` out of the route"
    );
    let bad = told(github, "acr_values = [\"mfa\"]");
    assert_eq!(
        bad,
        [
            "error: GitHub (`corp`) does not say when or how people signed in",
            "help: list the other providers in the route's `login`",
        ]
    );
}

#[test]
fn groups_of_several_providers_are_told_apart_where_that_is_said() {
    let second = "[providers.other]\nkind = \"oidc\"\nissuer = \"https://other.example.com\"\nclient_id = \"x\"\n";
    let route = |allow: &str| format!("[[routes]]\nupstream = \"app\"\nallow = {allow}\n");
    let warnings =
        |allow: &str| parse(&format!("{GOOD}{second}{}", route(allow))).unwrap().render_warnings();
    assert!(warnings("{ groups = [\"ops\"] }").contains("users and groups of corp, other alike"));
    assert_eq!(warnings("{ groups = [\"ops\"], from = [\"corp\"] }"), "");
    assert_eq!(warnings("{ email_domains = [\"example.com\"] }"), "");
    let bad =
        faults(&format!("{GOOD}{second}{}", route("{ groups = [\"ops\"], from = [\"crop\"] }")));
    assert!(
        bad.contains("there is no provider `crop`") && bad.contains("did you mean `corp`?"),
        "{bad}"
    );
}
