//! Filters and names with places for what was typed.

use ldap3::{dn_escape, ldap_escape, parse_filter};

/// A text with places in it, filled in one pass: what was typed can name no further place, and is
/// escaped for where it goes.
#[derive(Clone, Debug)]
pub(super) struct Template {
    text: String,
    escape: Escape,
}

#[derive(Clone, Copy, Debug)]
enum Escape {
    /// RFC 4515 section 3.
    Filter,
    /// RFC 4514 section 2.4.
    Name,
}

impl Template {
    /// A filter with at least one of `places`.
    ///
    /// # Errors
    /// In words: it is no filter, or has none of the places.
    pub(super) fn of_filter(key: &str, text: &str, places: &[&str]) -> Result<Self, String> {
        let template = Self { text: text.to_owned(), escape: Escape::Filter };
        if !places.iter().any(|place| text.contains(&format!("{{{place}}}"))) {
            let wanted = places.first().copied().unwrap_or_default();
            return Err(format!(
                "`{key}` has no `{{{wanted}}}`, so that it finds the same for all"
            ));
        }
        let tried: Vec<_> = places.iter().map(|place| (*place, "x")).collect();
        Self::check_filter(key, &template.fill(&tried))?;
        Ok(template)
    }

    /// The name of an entry, with `{name}` in it.
    ///
    /// # Errors
    /// In words: it has no such place, or is no name.
    pub(super) fn of_dn(key: &str, text: &str) -> Result<Self, String> {
        if !text.contains("{name}") || !text.contains('=') {
            let example = "uid={name},ou=people,dc=example,dc=com";
            return Err(format!(
                "`{key}` is not an entry's name with `{{name}}` in it, like `{example}`"
            ));
        }
        Ok(Self { text: text.to_owned(), escape: Escape::Name })
    }

    /// Looks at a filter.
    ///
    /// # Errors
    /// In words: it is none.
    pub(super) fn check_filter(key: &str, text: &str) -> Result<(), String> {
        let whole = text.starts_with('(') && text.ends_with(')');
        let good = whole && parse_filter(text).is_ok();
        good.then_some(())
            .ok_or_else(|| format!("`{key}`: `{text}` is no filter, like `(uid=ann)`"))
    }

    /// The text with the values in their places.
    pub(super) fn fill(&self, values: &[(&str, &str)]) -> String {
        let mut filled = String::with_capacity(self.text.len() + 32);
        let mut rest = self.text.as_str();
        while let Some((before, behind)) = rest.split_once('{') {
            filled.push_str(before);
            let place = behind.split_once('}').and_then(|(place, behind)| {
                let (_, value) = values.iter().find(|(own, _)| *own == place)?;
                Some((*value, behind))
            });
            match place {
                Some((value, behind)) => {
                    filled.push_str(&match self.escape {
                        Escape::Filter => ldap_escape(value),
                        Escape::Name => dn_escape(value),
                    });
                    rest = behind;
                }
                None => {
                    filled.push('{');
                    rest = behind;
                }
            }
        }
        filled.push_str(rest);
        filled
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::directory::ldap::dn::Dn;

    fn filter(name: &str) -> String {
        Template::of_filter("filter", "(uid={name})", &["name"]).unwrap().fill(&[("name", name)])
    }

    #[test]
    fn a_name_cannot_write_a_filter() {
        for (name, filled) in [
            ("ann", "(uid=ann)"),
            ("*", r"(uid=\2a)"),
            ("a*", r"(uid=a\2a)"),
            ("ann)(uid=*", r"(uid=ann\29\28uid=\2a)"),
            ("*)(|(objectClass=*", r"(uid=\2a\29\28|\28objectClass=\2a)"),
            (r"\2a", r"(uid=\5c2a)"),
            ("{name}", "(uid={name})"),
            ("{dn}", "(uid={dn})"),
            ("Åsa", "(uid=Åsa)"),
        ] {
            assert_eq!(filter(name), filled);
        }
        let groups = Template::of_filter("g", "(&(m={dn})(n={name}))", &["dn", "name"]).unwrap();
        let filled = groups.fill(&[("dn", "cn=a (b),{name}"), ("name", "{dn}")]);
        assert_eq!(filled, r"(&(m=cn=a \28b\29,{name})(n={dn}))", "no value names a place");
    }

    #[test]
    fn a_name_cannot_lead_to_another_entry() {
        let template = Template::of_dn("user_dn", "uid={name},ou=people,dc=corp").unwrap();
        for name in
            ["admin,ou=staff", "a+cn=b", "a\\,b", "\"a\"", "#1", " a", "a=b", "a;b", "{name}"]
        {
            let filled = template.fill(&[("name", name)]);
            let dn = Dn::parse(&filled).unwrap();
            assert_eq!(dn.first().as_deref(), Some(name), "{filled}");
            assert!(dn.is_below(&Dn::parse("ou=people,dc=corp").unwrap()), "{filled}");
        }
    }

    #[test]
    fn what_is_no_template_is_told() {
        for text in ["(uid=ann)", "uid={name}", "(uid={name}", "(|(uid={name})", "({name})"] {
            assert!(Template::of_filter("filter", text, &["name"]).is_err(), "{text}");
        }
        for text in ["uid=ann,dc=corp", "{name}@corp.test"] {
            assert!(Template::of_dn("user_dn", text).is_err(), "{text}");
        }
    }

    proptest! {
        /// Whatever is typed, the filter is one comparison with one value.
        #[test]
        fn a_filter_keeps_its_shape(name in "\\PC{1,40}") {
            let filled = filter(&name);
            let inner = filled.strip_prefix("(uid=").and_then(|it| it.strip_suffix(')'));
            let inner = inner.unwrap_or_default();
            prop_assert!(!inner.contains(['(', ')', '*', '\0']));
            prop_assert!(parse_filter(&filled).is_ok());
            prop_assert_eq!(ldap3::ldap_unescape(inner).unwrap_or_default(), name);
        }
    }
}
