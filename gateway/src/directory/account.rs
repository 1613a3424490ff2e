//! What people type as their name.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// A name as it was typed, in the one spelling that counts.
///
/// Upper and lower case, composed and decomposed letters, wide forms, surplus spaces and characters
/// that nobody sees make no other account: else an attacker would have as many tries as a name has
/// spellings.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AccountName {
    typed: String,
    folded: String,
}

/// What a directory itself calls an account, whichever of its names it was asked for: tries are
/// counted by it, so that a login name and an e-mail address are not two accounts to guess at.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AccountKey(String);

impl AccountKey {
    /// The account that its directory calls `key`: one text for one account.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// In bytes. No account's name is longer, and it is a key in memory.
const LONGEST: usize = 256;

impl AccountName {
    /// Reads a name; `None` for what cannot be one: empty, too long, or with control characters.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST || text.chars().any(char::is_control) {
            return None;
        }
        let seen: String = text.nfkc().filter(|letter| !is_invisible(*letter)).collect();
        let typed = seen.split_whitespace().collect::<Vec<_>>().join(" ");
        // Lower case can bring decomposed letters back.
        let folded: String = typed.to_lowercase().nfkc().filter(|it| !is_invisible(*it)).collect();
        (!folded.is_empty()).then_some(Self { typed, folded })
    }

    /// In the case that was typed, for those who look at it.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The one spelling: what accounts are found and counted by.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// The folded name without a domain: `ann` of `ann@corp.test` and of `corp\\ann`. `None` where
    /// there is no domain.
    pub fn without_domain(&self) -> Option<&str> {
        let behind = self.folded.rsplit_once('\\').map(|(_, name)| name);
        let name = behind.unwrap_or(&self.folded);
        let bare = name.split_once('@').map_or(name, |(name, _)| name);
        (bare.len() < self.folded.len() && !bare.is_empty()).then_some(bare)
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKey(…)")
    }
}

/// Characters that a screen does not show (Unicode's `Default_Ignorable_Code_Point`, in the main).
const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}'
    )
}

// A name field holds a password now and then.
impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountName(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    fn folded(text: &str) -> Option<String> {
        AccountName::parse(text).map(|name| name.folded)
    }

    #[test]
    fn all_spellings_are_one_account() {
        for spelling in [
            "josé",
            "José",
            "JOSÉ",
            "jose\u{301}",
            "JOSE\u{301}",
            " josé ",
            "josé\u{a0}",
            "ｊｏｓé",
            "jo\u{200b}sé",
            "jo\u{ad}sé",
            "\u{feff}josé",
            "josé\u{3000}",
        ] {
            assert_eq!(folded(spelling).as_deref(), Some("josé"), "{spelling:?}");
        }
        assert_eq!(folded("Ann  van\u{2003}Dam").as_deref(), Some("ann van dam"));
        assert_ne!(folded("ann"), folded("anne"));
    }

    #[test]
    fn a_domain_before_or_behind_is_no_part_of_the_bare_name() {
        for (text, bare) in [
            ("ann", None),
            ("Ann@Corp.test", Some("ann")),
            ("CORP\\Ann", Some("ann")),
            ("corp\\ann@corp.test", Some("ann")),
            ("a\\b\\ann", Some("ann")),
            ("@corp.test", None),
            ("corp\\", None),
        ] {
            let name = AccountName::parse(text).unwrap();
            assert_eq!(name.without_domain(), bare, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_name_is_none() {
        for text in ["", " ", "\u{200b}", "a\0b", "a\nb", "a\tb", &"x".repeat(257)] {
            assert_eq!(folded(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,40}") {
            if let Some(once) = folded(&text) {
                prop_assert_eq!(folded(&once).unwrap_or_default(), once);
            }
        }
    }
}
