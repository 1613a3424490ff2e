//! `portcullis sign-url`: makes a link that signs its bearer in.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use clap::Args;
use serde_json::{Map, Value};
use url::Url;

use crate::authn::{BOUND, LINK_TYPE};
use crate::base::{Clock, Entropy};
use crate::crypto::{Encoder, SignFault, SigningKey, ed25519_private, keyfile};

/// What the link is to say.
#[derive(Debug, Args)]
pub(super) struct SignUrlArgs {
    /// The address that the link leads to.
    #[arg(value_name = "URL")]
    url: Url,
    /// The private key: a PEM file, as `keys generate --ed25519` makes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Whom the link signs in.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// For how many seconds the link works.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    expires_in: u32,
    /// Makes the plain form, `message` and `signature`, which binds the link to nothing.
    #[arg(long, conflicts_with_all = ["audience", "path", "uses", "claim", "method"])]
    message: bool,
    /// `aud`. Default: scheme, host and port of the address, which is the gateway's `public_url`.
    #[arg(long)]
    audience: Option<String>,
    /// The session reaches this path and what is below it. Default: everything on the host.
    #[arg(long, value_name = "PREFIX")]
    path: Option<String>,
    /// The session may use this method; can be repeated. Default: all.
    #[arg(long)]
    method: Vec<String>,
    /// How often the link works; more than once only if `max_uses` allows it.
    #[arg(long, default_value_t = 1)]
    uses: u32,
    /// A claim, `name=text` or `name=JSON`; can be repeated: `groups=["staff"]`.
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Vec<(String, Value)>,
}

/// Why no link can be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignUrlFault {
    /// The key's file cannot be read.
    #[error(transparent)]
    File(#[from] keyfile::KeyfileFault),
    /// There is no such file.
    #[error("{} is not there; make a pair: portcullis keys generate --ed25519 link", .0.display())]
    NoKey(PathBuf),
    /// The address is none that a browser can go to.
    #[error("`{0}` is not an address of a gateway; write https://host/path")]
    NoPage(Url),
    /// The file holds no Ed25519 key, or it cannot sign.
    #[error(transparent)]
    Key(#[from] SignFault),
}

impl SignUrlArgs {
    /// The link.
    ///
    /// # Errors
    /// When the key cannot be used; the message says what to do.
    pub(super) fn run(
        &self,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<String, SignUrlFault> {
        let pem = keyfile::read_private(&self.key)?;
        let pem = pem.ok_or_else(|| SignUrlFault::NoKey(self.key.clone()))?;
        let key = ed25519_private(&pem)?;
        let mut url = self.url.clone();
        let expires = clock.now().as_secs().saturating_add(i64::from(self.expires_in));
        if self.message {
            let message = format!("{}:{expires}", self.user);
            let signature = URL_SAFE.encode(key.sign(message.as_bytes())?);
            let mut query = url.query_pairs_mut();
            query.append_pair("message", &message).append_pair("signature", &signature);
            drop(query);
        } else {
            let token = self.bound(key, expires, &entropy.token::<16>())?;
            url.query_pairs_mut().append_pair(BOUND, &token);
        }
        Ok(url.into())
    }

    fn bound(&self, key: SigningKey, expires: i64, id: &str) -> Result<String, SignUrlFault> {
        let home = self.url.origin();
        let host = self.url.host_str().filter(|_| home.is_tuple());
        let host = host.ok_or_else(|| SignUrlFault::NoPage(self.url.clone()))?;
        let mut claims: Map<String, Value> = self.claim.iter().cloned().collect();
        let audience = self.audience.clone().unwrap_or_else(|| home.ascii_serialization());
        claims.insert("sub".to_owned(), self.user.clone().into());
        claims.insert("aud".to_owned(), audience.into());
        claims.insert("exp".to_owned(), expires.into());
        claims.insert("jti".to_owned(), id.into());
        claims.insert("host".to_owned(), host.into());
        if let Some(path) = &self.path {
            claims.insert("path".to_owned(), path.clone().into());
        }
        if !self.method.is_empty() {
            claims.insert("method".to_owned(), self.method.clone().into());
        }
        if self.uses != 1 {
            claims.insert("uses".to_owned(), self.uses.into());
        }
        let claims = Value::Object(claims).to_string();
        Ok(Encoder::new(key, LINK_TYPE).encode(claims.as_bytes())?)
    }
}

fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::base::{ManualClock, Secret, SeededEntropy, Timestamp};
    use crate::crypto::ed25519_pair;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        sign: SignUrlArgs,
    }

    fn run(pem: &str, words: &[&str]) -> Result<String, String> {
        let entropy: &dyn Entropy = &crate::base::SystemEntropy;
        let file = std::env::temp_dir().join(format!("sign-{}.key", entropy.token::<9>()));
        keyfile::write_atomic(&file, pem.as_bytes()).unwrap();
        let line = [&["sign-url"], words, &["--key", file.to_str().unwrap()]].concat();
        let line = Line::try_parse_from(line).map_err(|error| error.to_string());
        let clock = ManualClock::at(Timestamp::from_secs(1_741_191_947));
        let made = line.and_then(|line| {
            line.sign.run(&clock, &SeededEntropy::new(1)).map_err(|error| error.to_string())
        });
        std::fs::remove_file(file).unwrap();
        made
    }

    #[test]
    fn the_plain_form_is_the_one_that_python_scripts_make() {
        let der = [
            &[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70][..],
            &[0x04, 0x22, 0x04, 0x20],
            &[7; 32],
        ];
        let body = base64::engine::general_purpose::STANDARD.encode(der.concat());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        let words = ["https://app.test/chat?a=1", "--user", "myuser", "--message"];
        let made = run(&pem, &words).unwrap();
        assert!(
            made.starts_with("https://app.test/chat?a=1&message=myuser%3A1741192247&signature="),
            "{made}"
        );
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let (private, public, _) = ed25519_pair().unwrap();
        let private: &Secret<String> = &private;
        let words = ["https://app.test/", "--user", "ann"];
        assert!(run(private.expose(), &words).unwrap().contains("?portcullis_link=ey"));
        assert!(run(&public, &words).unwrap_err().contains("EdDSA"));
        let both = [&words[..], &["--message", "--path", "/x"]].concat();
        assert!(run(private.expose(), &both).is_err());
        let nowhere = ["data:x", "--user", "ann"];
        assert!(run(private.expose(), &nowhere).unwrap_err().contains("https://host"));
    }
}
