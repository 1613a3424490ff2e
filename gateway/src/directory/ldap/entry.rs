//! From an entry to a person.

use ldap3::{ResultEntry, SearchEntry};
use serde_json::{Map, Value};

use crate::directory::ldap::LdapSettings;
use crate::identity::Principal;

/// An entry as a search found it.
pub(super) struct Entry {
    pub(super) dn: String,
    attributes: Vec<(String, Vec<Vec<u8>>)>,
}

/// Active Directory's stable name is no text.
const GUID: &str = "objectGUID";

/// What is asked of an entry.
pub(super) fn attributes(settings: &LdapSettings) -> Vec<String> {
    let claims = &settings.claims;
    let groups = settings.groups.filter.is_none().then_some(&claims.groups);
    let one = [&settings.subject, &claims.name, &claims.preferred_username, &claims.email];
    let wanted = one.into_iter().chain(groups).chain([&claims.roles]).chain(&claims.keep);
    let mut wanted: Vec<String> = wanted.filter(|name| !name.is_empty()).cloned().collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}

impl Entry {
    pub(super) fn new(found: ResultEntry) -> Self {
        let SearchEntry { dn, attrs, bin_attrs } = SearchEntry::construct(found);
        let texts = attrs.into_iter().map(|(name, values)| {
            (name, values.into_iter().map(String::into_bytes).collect::<Vec<_>>())
        });
        Self { dn, attributes: texts.chain(bin_attrs).collect() }
    }

    /// The values of an attribute, in a fixed order: servers give them in any.
    pub(super) fn texts(&self, attribute: &str) -> Vec<String> {
        let own = self.attributes.iter().filter(|(name, _)| name.eq_ignore_ascii_case(attribute));
        let values = own.flat_map(|(_, values)| values);
        let mut texts: Vec<String> = if attribute.eq_ignore_ascii_case(GUID) {
            values.filter_map(|value| guid(value)).collect()
        } else {
            values.filter_map(|value| String::from_utf8(value.clone()).ok()).collect()
        };
        texts.sort_unstable();
        texts
    }

    /// Who it is.
    ///
    /// # Errors
    /// When the subject is not there, or there are several.
    pub(super) fn principal(&self, settings: &LdapSettings) -> Result<Principal, String> {
        let LdapSettings { claims, subject, issuer, .. } = settings;
        let mut subjects = self.texts(subject);
        let own = subjects.pop().filter(|text| subjects.is_empty() && !text.is_empty());
        let own = own.ok_or_else(|| {
            format!("an entry has no `{subject}`, or several; name another attribute in `subject`")
        })?;
        let mut said = Map::new();
        for attribute in attributes(settings) {
            let texts = self.texts(&attribute);
            let first_only =
                [&claims.name, &claims.preferred_username, &claims.email].contains(&&attribute);
            let mut texts: Vec<Value> = texts.into_iter().map(Value::from).collect();
            if first_only || texts.len() == 1 {
                texts.truncate(1);
                if let Some(text) = texts.pop() {
                    said.insert(attribute, text);
                }
            } else if !texts.is_empty() {
                said.insert(attribute, texts.into());
            }
        }
        said.insert(claims.email_verified.clone(), settings.email_verified.into());
        Ok(claims.principal(issuer, own, &said))
    }
}

/// As Windows writes it: the first three numbers are stored the other way round.
fn guid(raw: &[u8]) -> Option<String> {
    let [a3, a2, a1, a0, b1, b0, c1, c0, rest @ ..] = <[u8; 16]>::try_from(raw).ok()?;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (clock, node) = rest.split_at_checked(2)?;
    let (a, b, c) = (hex(&[a0, a1, a2, a3]), hex(&[b0, b1]), hex(&[c0, c1]));
    Some(format!("{a}-{b}-{c}-{}-{}", hex(clock), hex(node)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_written_as_windows_does() {
        let raw = [
            0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
            0xee, 0xff,
        ];
        assert_eq!(guid(&raw).as_deref(), Some("00112233-4455-6677-8899-aabbccddeeff"));
        assert_eq!(guid(b"short"), None);
    }
}
