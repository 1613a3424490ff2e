//! The examples load, and a secret shows nowhere.

use std::path::Path;

use rcgen::generate_simple_self_signed;

use crate::config::tests::support::{GOOD, ROUTE, Scratch, parse, parse_in};

#[test]
fn every_example_loads() {
    let scratch = Scratch::new("examples");
    for folder in ["certs", "secrets"] {
        std::fs::create_dir_all(scratch.0.join(folder)).unwrap();
    }
    for name in ["app", "chat"] {
        let made = generate_simple_self_signed([format!("{name}.example.com")]).unwrap();
        let at = |ending: &str| scratch.0.join(format!("certs/{name}.{ending}"));
        std::fs::write(at("pem"), made.cert.pem()).unwrap();
        std::fs::write(at("key"), made.signing_key.serialize_pem()).unwrap();
    }
    std::fs::write(scratch.0.join("secrets/corp"), "canary-file\n").unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut count = 0;
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let loaded = parse_in(&scratch.0, &text);
            let loaded = loaded.unwrap_or_else(|faults| panic!("{}\n{faults}", path.display()));
            assert!(!loaded.config.redacted().to_string().contains("canary"));
            count += 1;
        }
    }
    assert!(count >= 4);
}

#[test]
fn a_key_of_another_certificate_is_named() {
    let scratch = Scratch::new("mismatch");
    let made = || generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(scratch.0.join("a.pem"), made().cert.pem()).unwrap();
    std::fs::write(scratch.0.join("a.key"), made().signing_key.serialize_pem()).unwrap();
    let listener = "http = { listen = \"127.0.0.1:8080\" }";
    let https = "https = { listen = \"[::]:8443\", certificates = [{ chain = \"a.pem\", key = \"a.key\" }] }";
    let text = GOOD.replace(listener, https) + ROUTE;
    let faults = parse_in(&scratch.0, &text).unwrap_err().to_string();
    assert!(faults.contains("the key does not belong to the certificate"), "{faults}");
}

#[test]
fn a_secret_is_resolved_and_shows_nowhere() {
    let client = "client_id = \"portcullis\"\nclient_secret = { env = \"CORP\" }";
    let text = GOOD.replace("client_id = \"portcullis\"", client)
        + "[token]\nalgorithm = \"HS256\"\nsecret = { env = \"JWT\" }\n"
        + ROUTE;
    let loaded = parse(&text).unwrap();
    let secret = loaded.config.token.secret.as_ref().unwrap().secret();
    assert_eq!(secret.expose().as_str(), "canary-".repeat(8));
    let shown = format!("{loaded:?} {}", loaded.config.redacted());
    assert!(!shown.contains("canary"), "{shown}");
    assert!(loaded.config.redacted().to_string().contains("{\"env\":\"CORP\"}"));
}

#[test]
fn defaults_are_filled_in() {
    let config = parse(&format!("{GOOD}{ROUTE}")).unwrap().config;
    let route = &config.routes[0];
    assert_eq!(route.id().as_str(), "*/*");
    assert_eq!(route.audience(), "app");
    assert!(route.takes_sessions());
    assert_eq!(config.server.state, Path::new("/nonexistent/state"));
    assert_eq!(config.server.admin.listen.to_string(), "127.0.0.1:9090");
}

#[test]
fn a_memory_store_and_skipped_checks_are_warned_of() {
    let text = GOOD.replace("\"127.0.0.1:8000\"", "\"https://127.0.0.1:8000\"")
        + "tls = { danger_skip_verify = true }\n[session]\nstore = { kind = \"memory\" }\n"
        + ROUTE;
    let warnings = parse(&text).unwrap().render_warnings();
    assert!(warnings.contains("warning: a restart signs everybody out"), "{warnings}");
    assert!(warnings.contains("upstreams.app.tls.danger_skip_verify"), "{warnings}");
}
