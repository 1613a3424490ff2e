//! Sessions and tokens, as lean as they can be: the gateway is compared with the best that others
//! could write, not with a straw man.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Who is signed in, and the key that signs for them.
#[derive(Debug)]
pub struct Identity {
    people: HashMap<String, String>,
    key: Ed25519KeyPair,
    random: SystemRandom,
    header: String,
}

/// The header field in which an application gets the token.
pub const TOKEN_HEADER: &str = "X-User-JWT";

impl Identity {
    /// A session by this name among ten thousand others.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(session: &str) -> Result<Self> {
        let key = Ed25519KeyPair::generate().map_err(|_| anyhow!("no key"))?;
        let person = |name: &str| {
            format!(
                r#""iss":"http://localhost","aud":"app","sub":"{name}","email":"{name}@example.com","email_verified":true,"name":"Erin Example","groups":["engineering","admin","on-call","everybody","location-berlin"]"#
            )
        };
        let mut people: HashMap<String, String> =
            (0..10_000).map(|number| (format!("session-{number:016}"), person("other"))).collect();
        people.insert(session.to_owned(), person("engineer"));
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","typ":"JWT","kid":"comparison"}"#);
        Ok(Self { people, key, random: SystemRandom::new(), header })
    }

    /// A new token for whoever the value of a `Cookie` field names.
    pub fn token(&self, cookie: &str) -> Option<String> {
        let session = cookie.split("; ").find_map(|pair| pair.strip_prefix("session="))?;
        let person = self.people.get(session)?;
        let mut id = [0; 16];
        self.random.fill(&mut id).ok()?;
        let now = now();
        let mut token = self.header.clone();
        token.push('.');
        let claims = format!(
            r#"{{{person},"iat":{now},"nbf":{now},"exp":{},"jti":"{}"}}"#,
            now.saturating_add(60),
            URL_SAFE_NO_PAD.encode(id)
        );
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.key.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        Some(token)
    }
}

#[expect(clippy::disallowed_methods, reason = "no part of the gateway; it needs no other clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
