//! Which cookies of an application are meant: by name, or by the beginning of it.

use std::fmt;
use std::str::FromStr;

/// `name` for exactly that cookie, `name*` for all whose names begin so: applications cut a large one
/// into several.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CookiePattern {
    stem: String,
    open: bool,
}

impl CookiePattern {
    /// Whether a cookie of this name is meant. Names are compared as browsers do: case counts.
    pub fn covers(&self, name: &str) -> bool {
        if self.open { name.starts_with(&self.stem) } else { name == self.stem }
    }

    /// Exactly the cookie of this name.
    pub fn exactly(name: &str) -> Self {
        Self { stem: name.to_owned(), open: false }
    }

    /// Whether it means one name only.
    pub const fn is_exact(&self) -> bool {
        !self.open
    }
}

/// A pattern that would mean every cookie is refused: it would take in ours.
impl FromStr for CookiePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (stem, open) = text.strip_suffix('*').map_or((text, false), |stem| (stem, true));
        let legal = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$&'+-.^_`|~".contains(&octet);
        if stem.is_empty() || !stem.bytes().all(legal) {
            return Err(format!(
                "`{text}` is no name of a cookie\nhelp: write \"name\", or \"name*\" for all that \
                 begin so"
            ));
        }
        Ok(Self { stem: stem.to_owned(), open })
    }
}

impl fmt::Display for CookiePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.stem, if self.open { "*" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_a_name_or_its_beginning() {
        let one: CookiePattern = "token".parse().unwrap();
        assert!(one.covers("token") && !one.covers("token2") && !one.covers("Token"));
        let many: CookiePattern = "access_token*".parse().unwrap();
        assert!(many.covers("access_token") && many.covers("access_token_7"));
        assert!(!many.covers("access") && many.to_string() == "access_token*");
        for wrong in ["", "*", "a b", "a=b", "a;b", "a*b", "ä"] {
            assert!(wrong.parse::<CookiePattern>().is_err(), "{wrong}");
        }
    }
}
