//! Checks of `[session]`.

use std::time::Duration;

use crate::config::check::findings::Problem;
use crate::config::check::server::certificates;
use crate::config::origin::is_loopback;
use crate::config::redis::RedisStore;
use crate::config::root::Config;
use crate::config::session::SessionStore;

/// Four heartbeats: less would take a slow answer for a server that is gone.
const LEAST_STALENESS: Duration = Duration::from_secs(2);

/// What tokens are taken to live at least.
const LEAST_EVERY: Duration = Duration::from_secs(5);
/// Eight sealing keys of thirty days each: a session that lives longer would neither open nor be found by
/// its person's name.
const LONGEST: Duration = Duration::from_secs(200 * 86_400);

pub(super) fn check(config: &Config, problems: &mut Vec<Problem>, warnings: &mut Vec<Problem>) {
    let session = &config.session;
    if session.idle.is_zero() {
        let remedy = "use at least \"1m\"";
        problems.push(Problem::new("session.idle", "sessions would end at once", remedy));
    }
    if session.absolute < session.idle {
        problems.push(Problem::new(
            "session.absolute",
            format!("{} is shorter than session.idle, {}", session.absolute, session.idle),
            "make `absolute` at least as long as `idle`",
        ));
    }
    if session.absolute.std() > LONGEST {
        problems.push(Problem::new(
            "session.absolute",
            format!("after {} the key that sealed a session may be gone", session.absolute),
            "use at most \"200d\"",
        ));
    }
    if session.hot == 0 {
        let remedy = "use at least 1; the default is 100000";
        problems.push(Problem::new("session.hot", "no session would fit into memory", remedy));
    }
    if session.refresh.every.std() < LEAST_EVERY {
        problems.push(Problem::new(
            "session.refresh.every",
            "each session would ask its provider all the time",
            "use at least \"5s\"; the default is \"1h\"",
        ));
    }
    match &session.store {
        SessionStore::Embedded { .. } => {}
        SessionStore::Memory {} => warnings.push(Problem::new(
            "session.store",
            "a restart signs everybody out",
            "use { kind = \"embedded\" } to keep sessions",
        )),
        SessionStore::Redis(redis) => {
            server(redis, problems, warnings);
            if config.server.keys.is_none() {
                warnings.push(Problem::new(
                    "session.store",
                    "another replica cannot open these sessions: each has keys of its own",
                    "name a directory that all replicas share as `server.keys`",
                ));
            }
        }
    }
}

fn server(redis: &RedisStore, problems: &mut Vec<Problem>, warnings: &mut Vec<Problem>) {
    let mut wrong = |key: &str, message: &str, remedy: &str| {
        problems.push(Problem::new(format!("session.store.{key}"), message, remedy));
    };
    if redis.urls.is_empty() {
        wrong("urls", "no server is named", "name one, such as \"redis://127.0.0.1:6379\"");
    }
    let tls = redis.urls.iter().filter(|url| url.tls).count();
    if tls != 0 && tls != redis.urls.len() {
        wrong("urls", "some servers speak TLS and some do not", "use rediss:// for all");
    }
    let files = [("ca", &redis.ca), ("certificate", &redis.certificate), ("key", &redis.key)];
    for (key, _) in files.into_iter().filter(|(_, file)| tls == 0 && file.is_some()) {
        wrong(key, "no server speaks TLS", "use rediss:// in `urls`, or leave it out");
    }
    for (key, file) in [("ca", &redis.ca), ("certificate", &redis.certificate)] {
        if let Some(Err(message)) = file.as_deref().map(certificates) {
            wrong(key, &message, "name a PEM file of certificates");
        }
    }
    match (&redis.certificate, &redis.key) {
        (Some(_), None) => wrong("certificate", "its private key is missing", "add `key`"),
        (None, Some(_)) => wrong("key", "its certificate is missing", "add `certificate`"),
        (Some(_), Some(key)) => {
            if let Err(error) = std::fs::read(key) {
                let message = format!("cannot read `{}`: {error}", key.display());
                wrong("key", &message, "name a PEM file that the gateway's user can read");
            }
        }
        (None, None) => {}
    }
    if redis.username.is_some() && redis.secret.is_none() {
        wrong("username", "a user without a password", "add secret = { env = \"NAME\" }");
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || "{}*?[]".contains(c);
    if redis.prefix.is_empty() || redis.prefix.contains(odd) {
        let remedy = "use letters, digits, `-` and `:`";
        wrong("prefix", "this cannot begin the names of keys", remedy);
    }
    if redis.command_timeout.is_zero() {
        wrong("command_timeout", "no answer comes in no time", "leave it out for \"1s\"");
    }
    if redis.max_staleness.std() < LEAST_STALENESS {
        let message = "a slow answer would be taken for a server that is gone";
        wrong("max_staleness", message, "use at least \"2s\"; the default is \"10s\"");
    }
    let far = redis.urls.iter().any(|url| !url.tls && !is_loopback(&url.host));
    if far && redis.secret.is_some() {
        warnings.push(Problem::new(
            "session.store.urls",
            "the password goes over the network in clear text",
            "use rediss://, unless the network is yours alone",
        ));
    }
}
