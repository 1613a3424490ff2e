//! Bad files and, word for word, what is said of them.

use crate::config::tests::support::{GOOD, ROUTE, faults};

#[test]
fn a_fault_of_syntax_stands_alone() {
    let text = "[server\npublic_url = 5\n".to_owned();
    assert_eq!(
        faults(&text),
        r#"error: this is not TOML: unclosed table, expected `]`
 --> p.toml:1:8
  |
1 | [server
  |        ^
"#
    );
}

#[test]
fn an_empty_file_lacks_three_sections() {
    let text = String::new();
    assert_eq!(
        faults(&text),
        r#"error: `server` is missing
 --> p.toml:1:1
  |
1 |
  | ^
help: server: Where the gateway listens, what it is called from outside, and whom it believes

error: `upstreams` is missing
 --> p.toml:1:1
  |
1 |
  | ^
help: upstreams: The apps behind the gateway, by an id of your choice: lower-case letters, digits and `-`

error: `routes` is missing
 --> p.toml:1:1
  |
1 |
  | ^
help: routes: The routes, in any order: the most specific one serves a request
"#
    );
}

#[test]
fn an_unknown_key_has_the_nearest_one_named() {
    let text = format!("{GOOD}{ROUTE}upstraem = \"x\"\n");
    assert_eq!(
        faults(&text),
        r#"error: unknown key `upstraem` in `routes[0]`
  --> p.toml:16:1 routes[0].upstraem
   |
16 | upstraem = "x"
   | ^^^^^^^^
help: did you mean `upstream`?
"#
    );
}

#[test]
fn an_upstream_that_is_not_there_has_the_nearest_one_named() {
    let text = format!("{GOOD}{}", ROUTE.replace("\"app\"", "\"ap\""));
    assert_eq!(
        faults(&text),
        r#"error: there is no upstream `ap`
  --> p.toml:14:12 routes[0].upstream
   |
14 | upstream = "ap"
   |            ^^^^
help: did you mean `app`?
"#
    );
}

#[test]
fn all_faults_of_one_entry_are_told_at_once() {
    let text = format!(
        "{GOOD}{ROUTE}auth = [\"sesion\", \"api_key:ci\"]\nmethods = [\"get\"]\nbody_bytes = 5\n"
    );
    assert_eq!(
        faults(&text),
        r#"error: `sesion` is not a way in
  --> p.toml:16:9 routes[0].auth[0]
   |
16 | auth = ["sesion", "api_key:ci"]
   |         ^^^^^^^^
help: use "session", "bearer", "teams", "api_key", "trusted_headers", "signed_url", "password", "forward_auth", "client_certificate" or "anonymous"

error: `api_key:ci` is not a way in
  --> p.toml:16:19 routes[0].auth[1]
   |
16 | auth = ["sesion", "api_key:ci"]
   |                   ^^^^^^^^^^^^
help: write "api_key"

error: `get` is not a method
  --> p.toml:17:12 routes[0].methods[0]
   |
17 | methods = ["get"]
   |            ^^^^^
help: write it in capitals: "GET"

error: wrong type: integer `5`, expected a size such as "100MiB"
  --> p.toml:18:14 routes[0].body_bytes
   |
18 | body_bytes = 5
   |              ^
"#
    );
}

#[test]
fn faults_of_all_sections_are_told_at_once_and_a_secret_in_clear_is_not_shown() {
    let text = GOOD
        .replace("client_id = \"portcullis\"", "client_secret = \"hunter2\"\nleeway = \"5w\"")
        + "[session]\nstore = { kind = \"etcd\" }\n"
        + ROUTE;
    assert_eq!(
        faults(&text),
        r#"error: `client_id` is missing in `providers.corp`
 --> p.toml:6:1 providers.corp
  |
6 | [providers.corp]
  | ^^^^^^^^^^^^^^^^
help: client_id: The id under which the provider knows the gateway

error: a secret is not written into this file
 --> p.toml:9:17 providers.corp.client_secret
  |
9 | client_secret = …
  |                 ^
help: keep the secret out of this file: { env = "NAME" } reads an environment variable, { file = "path" } a file

error: `5w` is not a duration
  --> p.toml:10:10 providers.corp.leeway
   |
10 | leeway = "5w"
   |          ^^^^
help: write whole numbers with a unit (ms, s, m, h, d), such as "30s" or "1h30m"

error: kind `etcd` is not known
  --> p.toml:15:18 session.store.kind
   |
15 | store = { kind = "etcd" }
   |                  ^^^^^^
help: write kind = "embedded" or "memory" or "redis"
"#
    );
}

#[test]
fn limits_are_held_against_their_types() {
    let text = GOOD.replace(
        "http = {",
        "limits = { header_time = 5, headers = -1, bodybytes = 1 }\nadmin = 5\nhttp = {",
    ) + ROUTE;
    assert_eq!(
        faults(&text),
        r#"error: wrong type: integer `5`, expected a duration such as "30s"
 --> p.toml:4:26 server.limits.header_time
  |
4 | limits = { header_time = 5, headers = -1, bodybytes = 1 }
  |                          ^

error: invalid value: integer `-1`, expected a whole number
 --> p.toml:4:39 server.limits.headers
  |
4 | limits = { header_time = 5, headers = -1, bodybytes = 1 }
  |                                       ^^

error: unknown key `bodybytes` in `server.limits`
 --> p.toml:4:43 server.limits.bodybytes
  |
4 | limits = { header_time = 5, headers = -1, bodybytes = 1 }
  |                                           ^^^^^^^^^
help: did you mean `body_bytes`?

error: `admin` is not a table
 --> p.toml:5:9 server.admin
  |
5 | admin = 5
  |         ^
help: write [server.admin] on a line of its own, or admin = { … }
"#
    );
}

#[test]
fn a_route_that_does_not_say_who_may_is_refused() {
    let text = format!("{GOOD}{}", ROUTE.replace("access = \"authenticated\"", ""));
    assert_eq!(
        faults(&text),
        r#"error: nothing says who may
  --> p.toml:13:1 routes[0]
   |
13 | [[routes]]
   | ^^^^^^^^^^
help: say who may: access = "authenticated", access = "public", or allow = { groups = ["…"] }
"#
    );
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let text =
        format!("{GOOD}[token]\nalgorithm = \"HS256\"\nsecret = {{ env = \"UNSET\" }}\n{ROUTE}");
    assert_eq!(
        faults(&text),
        r#"error: environment variable `UNSET` is not set
  --> p.toml:15:10 token.secret
   |
15 | secret = { env = "UNSET" }
   |          ^^^^^^^^^^^^^^^^^
help: set UNSET where the gateway is started
"#
    );
}

#[test]
fn two_routes_with_one_pattern_are_refused() {
    let text = format!("{GOOD}{ROUTE}{ROUTE}");
    assert_eq!(
        faults(&text),
        r#"error: this route has the pattern of routes[0], */*
  --> p.toml:16:1 routes[1]
   |
16 | [[routes]]
   | ^^^^^^^^^^
help: make one of them more specific, or leave it out
"#
    );
}

#[test]
fn a_route_that_is_no_list_is_explained() {
    let text = format!("routes = 5\n{GOOD}");
    assert_eq!(
        faults(&text),
        r#"error: `routes` is not a list
 --> p.toml:1:10 routes
  |
1 | routes = 5
  |          ^
help: begin each route with [[routes]]
"#
    );
}
