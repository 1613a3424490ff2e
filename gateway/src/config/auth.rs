//! The words of a route's `auth`: the ways in.

use std::fmt;
use std::str::FromStr;

use crate::config::text::text_setting;
use crate::identity::WayIn;

/// A way in that a route can list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// No proof: identity is optional.
    Anonymous,
    /// A key of ours.
    ApiKey,
    /// An access token of a named issuer.
    Bearer,
    /// A verified client certificate.
    ClientCertificate,
    /// An external service's word.
    ForwardAuth,
    /// A name and a password.
    Password,
    /// A session, made by signing in with a provider.
    Session,
    /// A signed link.
    SignedUrl,
    /// The token of a Microsoft Teams tab.
    Teams,
    /// Headers of a trusted proxy.
    TrustedHeaders,
}

text_setting!(
    Auth,
    "way in",
    "session",
    "^(anonymous|api_key|bearer|client_certificate|forward_auth|password|session|signed_url|teams|\
     trusted_headers)$"
);

/// Every way in, in the order in which help names them.
const ALL: [Auth; 10] = [
    Auth::Session,
    Auth::Bearer,
    Auth::Teams,
    Auth::ApiKey,
    Auth::TrustedHeaders,
    Auth::SignedUrl,
    Auth::Password,
    Auth::ForwardAuth,
    Auth::ClientCertificate,
    Auth::Anonymous,
];

impl Auth {
    /// The way in that the word means.
    pub const fn way_in(self) -> WayIn {
        match self {
            Self::Anonymous => WayIn::Anonymous,
            Self::ApiKey => WayIn::ApiKey,
            Self::Bearer => WayIn::Bearer,
            Self::ClientCertificate => WayIn::ClientCertificate,
            Self::ForwardAuth => WayIn::ForwardAuth,
            Self::Password => WayIn::Password,
            Self::Session => WayIn::Session,
            Self::SignedUrl => WayIn::SignedUrl,
            Self::Teams => WayIn::Teams,
            Self::TrustedHeaders => WayIn::TrustedHeaders,
        }
    }
}

impl FromStr for Auth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, of) = text.split_once(':').map_or((text, None), |(word, of)| (word, Some(of)));
        match ALL.into_iter().find(|way| way.way_in().as_str() == word) {
            None => Err(format!("`{text}` is not a way in\nhelp: use {}", words())),
            Some(way) if of.is_some() => {
                Err(format!("`{text}` is not a way in\nhelp: write \"{way}\""))
            }
            Some(way) => Ok(way),
        }
    }
}

/// All of them, in words.
fn words() -> String {
    let words: Vec<_> = ALL.into_iter().map(|way| format!("\"{way}\"")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.way_in().as_str())
    }
}
