//! Issuers of a provider that has one for each of its tenants, as Microsoft Entra does.

use crate::oidc::fault::LoginFault;

/// Whose people may come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenants {
    /// Those of every tenant.
    Any,
    /// Those of the tenants with these ids.
    Only(Vec<String>),
}

/// An issuer, or those of all tenants.
#[derive(Clone, Copy, Debug)]
pub struct IssuerName<'a> {
    /// As it is written, with [`Tenants::PLACE`] in it where each tenant has its own.
    pub written: &'a str,
    /// Whose people may come, where each tenant has its own.
    pub tenants: Option<&'a Tenants>,
}

impl Tenants {
    /// What stands for a tenant's id in an issuer's name, and in the metadata of Entra.
    pub const PLACE: &'static str = "{tenantid}";
}

impl IssuerName<'_> {
    /// Every issuer that it stands for; none where nobody can list them.
    pub(super) fn all(&self) -> Vec<String> {
        match self.tenants {
            None => vec![self.written.to_owned()],
            Some(Tenants::Any) => Vec::new(),
            Some(Tenants::Only(listed)) => {
                listed.iter().map(|tenant| self.written.replace(Tenants::PLACE, tenant)).collect()
            }
        }
    }

    /// Whether `issuer` is it, or that of a tenant whose people may come. A token names its tenant a
    /// second time (`tid`): the two must be one.
    ///
    /// # Errors
    /// `IssuerWrong`, `TenantRefused`.
    pub(super) fn check(&self, issuer: &str, tid: Option<&str>) -> Result<(), LoginFault> {
        let wrong = || LoginFault::IssuerWrong(issuer.chars().take(200).collect());
        let Some(tenants) = self.tenants else {
            return if issuer == self.written { Ok(()) } else { Err(wrong()) };
        };
        let tenant = self.tenant(issuer).filter(|tenant| is_guid(tenant)).ok_or_else(wrong)?;
        if tid.is_some_and(|tid| tid != tenant) {
            return Err(wrong());
        }
        match tenants {
            Tenants::Any => Ok(()),
            Tenants::Only(listed) if listed.iter().any(|one| one == tenant) => Ok(()),
            Tenants::Only(_) => Err(LoginFault::TenantRefused(tenant.to_owned())),
        }
    }

    fn tenant<'i>(&self, issuer: &'i str) -> Option<&'i str> {
        let (before, after) = self.written.split_once(Tenants::PLACE)?;
        issuer.strip_prefix(before)?.strip_suffix(after)
    }
}

/// In the one spelling that tokens use.
fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
    const TWO: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

    fn of(tenant: &str) -> String {
        format!("https://login.test/{tenant}/v2.0")
    }

    #[test]
    fn the_issuer_of_a_listed_tenant_counts_and_no_other() {
        let (only, written) = (Tenants::Only(vec![ONE.to_owned()]), of(Tenants::PLACE));
        let name = IssuerName { written: &written, tenants: Some(&only) };
        assert_eq!(name.check(&of(ONE), Some(ONE)), Ok(()));
        let other = name.check(&of(TWO), Some(TWO));
        assert_eq!(other, Err(LoginFault::TenantRefused(TWO.to_owned())));
        let any = IssuerName { tenants: Some(&Tenants::Any), ..name };
        assert_eq!((name.all(), any.all()), (vec![of(ONE)], Vec::new()));
        assert_eq!(IssuerName { tenants: None, ..name }.all(), [written.as_str()]);
        assert_eq!(any.check(&of(TWO), Some(TWO)), Ok(()));
        for odd in [
            of(Tenants::PLACE),
            of("common"),
            of(&format!("{ONE}/x")),
            of(&ONE.to_uppercase()),
            format!("https://evil.test/{ONE}/v2.0"),
            format!("https://login.test/{ONE}/v2.0/"),
        ] {
            assert!(matches!(any.check(&odd, None), Err(LoginFault::IssuerWrong(_))), "{odd}");
        }
        // A token that speaks of two tenants.
        assert!(matches!(any.check(&of(ONE), Some(TWO)), Err(LoginFault::IssuerWrong(_))));
    }
}
