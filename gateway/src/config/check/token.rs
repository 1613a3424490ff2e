//! Checks of `[token]`.

use crate::config::check::findings::Problem;
use crate::config::duration::Duration;
use crate::config::token::Token;
use crate::crypto::Algorithm;

/// RFC 7518 section 3.2: a key of at least the hash's size.
pub(super) const SHORTEST_SECRET: usize = 32;

pub(super) fn check(token: &Token, problems: &mut Vec<Problem>) {
    secret(token, problems);
    let mut wrong = |key: &str, message: String, remedy: &str| {
        problems.push(Problem::new(format!("token.{key}"), message, remedy));
    };
    if !(Duration::from_secs(5)..=Duration::from_secs(600)).contains(&token.lifetime) {
        let message = format!("a lifetime of {} is not between 5s and 10m", token.lifetime);
        wrong("lifetime", message, "a token is minted for each request; the default is \"60s\"");
    }
    if token.clock_skew > Duration::from_secs(60) {
        let message = format!("a clock skew of {} is too much", token.clock_skew);
        wrong("clock_skew", message, "use at most \"60s\", and a time server");
    }
    if token.rotate_after < Duration::from_secs(3_600) {
        let message = format!("keys would rotate every {}", token.rotate_after);
        wrong("rotate_after", message, "use at least \"1h\"");
    }
    if token.publish_before >= token.rotate_after {
        let message = format!(
            "{} is not shorter than token.rotate_after, {}",
            token.publish_before, token.rotate_after
        );
        wrong("publish_before", message, "a key is published during the life of the one before");
    }
    if token.issuer.as_ref().is_some_and(String::is_empty) {
        wrong("issuer", "the issuer is empty".into(), "leave it out for server.public_url");
    }
}

fn secret(token: &Token, problems: &mut Vec<Problem>) {
    let problem = match (&token.secret, token.algorithm) {
        (None, Algorithm::Hs256) => Problem::new(
            "token.algorithm",
            "HS256 needs a shared secret",
            "add secret = { env = \"NAME\" } to [token], or use EdDSA",
        ),
        (Some(source), Algorithm::Hs256) => {
            let length = source.secret().expose().len();
            if length == 0 || length >= SHORTEST_SECRET {
                // An empty one could not be read, and that was said already.
                return;
            }
            Problem::new(
                "token.secret",
                format!("the secret has {length} bytes; one shorter than 32 can be guessed"),
                "make one with: openssl rand -base64 48",
            )
        }
        (Some(_), other) => Problem::new(
            "token.secret",
            format!("a shared secret is for HS256 only, not {}", other.as_str()),
            "leave it out: keys are made in the state directory",
        ),
        (None, _) => return,
    };
    problems.push(problem);
}
