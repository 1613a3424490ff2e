//! What is said of a bad `session.store`.

use crate::config::SessionStore;
use crate::config::tests::support::{GOOD, ROUTE, faults, parse};

fn file(store: &str) -> String {
    format!("{GOOD}{ROUTE}[session.store]\nkind = \"redis\"\n{store}\n")
}

#[test]
fn a_good_redis_store_is_taken_with_its_defaults() {
    let text = "urls = [\"redis://127.0.0.1\"]\nusername = \"u\"\nsecret = { env = \"PASSWORD\" }";
    let loaded = parse(&file(text)).unwrap();
    let SessionStore::Redis(redis) = &loaded.config.session.store else { panic!("another store") };
    assert_eq!((redis.urls[0].port, redis.prefix.as_str()), (6_379, "portcullis"));
    assert_eq!(redis.max_staleness.to_string(), "10s");
    assert!(redis.secret.as_ref().unwrap().secret().expose().starts_with("canary"));
    let shown = loaded.config.redacted().to_string();
    assert!(!shown.contains("canary-") && shown.contains("redis://127.0.0.1:6379"), "{shown}");
    assert!(loaded.render_warnings().contains("server.keys"), "{}", loaded.render_warnings());
}

#[test]
fn what_cannot_work_is_told_with_the_remedy() {
    let one = "urls = [\"redis://127.0.0.1\"]\n";
    for (store, message, remedy) in [
        (String::new(), "`urls`", ""),
        ("urls = []".to_owned(), "no server is named", "redis://127.0.0.1:6379"),
        ("urls = [\"redis://:hunter2@a\"]".to_owned(), "does not belong here", "secret = {"),
        ("urls = [\"http://a\"]".to_owned(), "starts with redis://", "scheme, host and port"),
        ("urls = [\"redis://a/3\"]".to_owned(), "no path", "`database`"),
        ("urls = [\"redis://a\", \"rediss://b\"]".to_owned(), "some do not", "rediss:// for all"),
        (format!("{one}url = \"x\""), "unknown key `url`", "`urls`"),
        (format!("{one}ca = \"ca.pem\""), "no server speaks TLS", "rediss://"),
        ("urls = [\"rediss://a\"]\nca = \"no.pem\"".to_owned(), "cannot read", "PEM file"),
        ("urls = [\"rediss://a\"]\nkey = \"no.key\"".to_owned(), "certificate is missing", "add"),
        (format!("{one}username = \"u\""), "without a password", "secret = {"),
        (format!("{one}secret = \"hunter2\""), "not written into this file", "env"),
        (format!("{one}secret = {{ env = \"UNSET\" }}"), "UNSET", "set UNSET"),
        (format!("{one}prefix = \"a*\""), "cannot begin", "letters"),
        (format!("{one}command_timeout = \"0s\""), "no answer", "1s"),
        (format!("{one}max_staleness = \"1s\""), "slow answer", "10s"),
        (format!("{one}in_flight = 0"), "nonzero", ""),
    ] {
        let told = faults(&file(&store));
        assert!(told.contains(message) && told.contains(remedy), "{store}\n{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn what_signing_out_does_is_said_in_words_of_ours() {
    let told = faults(&format!(
        "{GOOD}{ROUTE}[session]\nclear_site_data = [\"cookie\"]\n[providers.other]\nkind = \"oidc\"\n\
         issuer = \"https://id.test\"\nclient_id = \"x\"\nfrontchannel_logout = \"maybe\"\n"
    ));
    for part in [
        "session.clear_site_data[0]",
        "one of `cache`, `cookies`, `storage`",
        "providers.other.frontchannel_logout",
        "one of `cookie`, `off`, `sid`",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}
