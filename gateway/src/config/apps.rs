//! What a route's app wants beside the request: types of its settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::text::text_setting;
use crate::identity::Fact;
use crate::web::CookiePattern;

text_setting!(CookiePattern, "cookie name", "access_token*", "^[A-Za-z0-9!#$&'+.^_`|~-]+\\*?$");

/// The claim that a header field, or an identifier, says: a name of ours, or a claim that a provider's
/// mapping keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimName(Fact);

text_setting!(ClaimName, "claim", "email", "^[^\\s]+$");

impl ClaimName {
    /// What is meant.
    pub const fn fact(&self) -> &Fact {
        &self.0
    }
}

impl From<Fact> for ClaimName {
    fn from(fact: Fact) -> Self {
        Self(fact)
    }
}

impl std::str::FromStr for ClaimName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains(char::is_whitespace) {
            return Err(format!(
                "`{text}` is no claim\nhelp: write \"email\", \"sub\", \"groups\""
            ));
        }
        let Ok(fact) = text.parse();
        Ok(Self(fact))
    }
}

impl std::fmt::Display for ClaimName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Which claims stand where in a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenForm {
    /// As Chainlit makes its own: `identifier`, `display_name`, and all else in `metadata`; no `aud` and
    /// no `nbf`, which it refuses.
    Chainlit,
    /// The registered claims, flat.
    #[default]
    Standard,
}
