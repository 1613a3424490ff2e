//! Which templates there are.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::document::Document;
use crate::config::entries;
use crate::config::fault::Fault;
use crate::config::kinds::auth0::Auth0;
use crate::config::kinds::cognito::Cognito;
use crate::config::kinds::descope::Descope;
use crate::config::kinds::entra::Entra;
use crate::config::kinds::expansion::Expansion;
use crate::config::kinds::gitlab::Gitlab;
use crate::config::kinds::google::Google;
use crate::config::kinds::keycloak::Keycloak;
use crate::config::kinds::okta::Okta;
use crate::config::kinds::schema::own_keys;

/// A template with the keys that only it has.
#[derive(Clone, Debug)]
pub(in crate::config) enum Template {
    Auth0(Auth0),
    Cognito(Cognito),
    Descope(Descope),
    Entra(Entra),
    Gitlab(Gitlab),
    Google(Google),
    Keycloak(Keycloak),
    Okta(Okta),
}

impl Template {
    /// Takes the template's own keys out of a provider's table and fills in the rest. `None` where
    /// they cannot be read, and for a `kind` that is no template.
    pub(in crate::config) fn expand(
        kind: &Spanned<DeValue<'_>>,
        table: &mut DeTable<'_>,
        document: &Document,
        faults: &mut Vec<Fault>,
    ) -> Option<Self> {
        let word = kind.get_ref().as_str()?;
        let keys = own_keys(word)?;
        let mut own = DeTable::new();
        for (key, value) in std::mem::take(table) {
            let there = if keys.iter().any(|name| *name == &**key.get_ref()) {
                &mut own
            } else {
                &mut *table
            };
            there.insert(key, value);
        }
        let own = Spanned::new(kind.span(), DeValue::Table(own));
        let template = match word {
            "auth0" => entries::read(own, document, faults).map(Self::Auth0),
            "cognito" => entries::read(own, document, faults).map(Self::Cognito),
            "descope" => entries::read(own, document, faults).map(Self::Descope),
            "entra" => entries::read(own, document, faults).map(Self::Entra),
            "gitlab" => entries::read(own, document, faults).map(Self::Gitlab),
            "google" => entries::read(own, document, faults).map(Self::Google),
            "keycloak" => entries::read(own, document, faults).map(Self::Keycloak),
            "okta" => entries::read(own, document, faults).map(Self::Okta),
            _ => None,
        }?;
        template.fill(&mut Expansion::new(table, kind.span()));
        Some(template)
    }

    fn fill(&self, to: &mut Expansion<'_, '_>) {
        match self {
            Self::Auth0(own) => own.fill(to),
            Self::Cognito(own) => own.fill(to),
            Self::Descope(own) => own.fill(to),
            Self::Entra(own) => own.fill(to),
            Self::Gitlab(own) => own.fill(to),
            Self::Google(own) => own.fill(to),
            Self::Keycloak(own) => own.fill(to),
            Self::Okta(own) => own.fill(to),
        }
    }
}
