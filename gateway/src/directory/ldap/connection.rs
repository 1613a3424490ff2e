//! One connection to an LDAP server, for one login.

use std::sync::Arc;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchOptions};
use rustls::ClientConfig;
use url::Url;

use crate::base::Secret;
use crate::directory::ldap::entry::Entry;

/// A connection. Closed when dropped.
pub(super) struct Connection(Ldap);

/// What became of a bind as somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// The account is switched off, or has run out.
    Disabled,
    /// Name and password do not belong together.
    No,
    /// They do.
    Yes,
}

/// What a search looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reach {
    /// The entry and all below it.
    Below,
    /// The entry alone.
    Itself,
}

// RFC 4511 appendix A.2.
const NO_SUCH_OBJECT: u32 = 32;
const SIZE_LIMIT_EXCEEDED: u32 = 4;
/// Constraint violation, no such object, invalid DN syntax, inappropriate authentication, invalid
/// credentials, insufficient access, unwilling to perform: what servers say of a person who may not.
const NOT_THIS_PERSON: [u32; 7] = [19, NO_SUCH_OBJECT, 34, 48, INVALID_CREDENTIALS, 50, 53];
const INVALID_CREDENTIALS: u32 = 49;
/// What Active Directory adds for an account that is switched off (533) or has run out (701).
const SWITCHED_OFF: [&str; 2] = ["data 533", "data 701"];

impl Connection {
    /// Connects, and encrypts where that is asked for. There is no way back to clear text.
    pub(super) async fn open(
        url: &Url,
        start_tls: bool,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, String> {
        let settings = LdapConnSettings::new().set_starttls(start_tls).set_config(Arc::clone(tls));
        let opened = LdapConnAsync::from_url_with_settings(settings, url).await;
        let (carrier, ldap) = opened.map_err(|cause| told(&cause))?;
        // Ends with the handle.
        tokio::spawn(async move {
            if let Err(cause) = carrier.drive().await {
                tracing::debug!(%cause, "a connection to an LDAP server ended");
            }
        });
        Ok(Self(ldap))
    }

    /// Binds as the gateway itself.
    pub(super) async fn bind_ourselves(
        &mut self,
        dn: &str,
        secret: &Secret<String>,
    ) -> Result<(), String> {
        let result = self.0.simple_bind(dn, secret.expose()).await.map_err(|it| told(&it))?;
        match result.rc {
            0 => Ok(()),
            code => Err(format!(
                "the gateway itself is refused (result {code}); check `bind_dn` and `bind_password`"
            )),
        }
    }

    /// Binds as somebody. The password is not empty: the caller has seen to it.
    pub(super) async fn bind(
        &mut self,
        dn: &str,
        password: &Secret<String>,
    ) -> Result<Bound, String> {
        if dn.is_empty() || password.expose().is_empty() {
            return Ok(Bound::No);
        }
        let result = self.0.simple_bind(dn, password.expose()).await.map_err(|it| told(&it))?;
        match result.rc {
            0 => Ok(Bound::Yes),
            INVALID_CREDENTIALS if SWITCHED_OFF.iter().any(|it| result.text.contains(it)) => {
                Ok(Bound::Disabled)
            }
            code if NOT_THIS_PERSON.contains(&code) => Ok(Bound::No),
            _ => Err(refused("a bind", &result)),
        }
    }

    /// The entries that a filter matches, at most `most`: one more than wanted shows that there are
    /// too many. References to other servers are not followed: they would be asked with nobody
    /// having chosen them.
    pub(super) async fn search<A: AsRef<str> + Send + Sync>(
        &mut self,
        (base, reach): (&str, Reach),
        filter: &str,
        attributes: &[A],
        most: i32,
    ) -> Result<Vec<Entry>, String> {
        let scope = match reach {
            Reach::Below => Scope::Subtree,
            Reach::Itself => Scope::Base,
        };
        let attributes: Vec<&str> = attributes.iter().map(AsRef::as_ref).collect();
        self.0.with_search_options(SearchOptions::new().sizelimit(most));
        let found = self.0.search(base, scope, filter, attributes).await;
        let found = found.map_err(|cause| told(&cause))?;
        let (entries, result) = (found.0, found.1);
        match result.rc {
            0 | SIZE_LIMIT_EXCEEDED => {}
            // The place itself is gone, which is no answer about a person.
            _ => return Err(refused(&format!("a search below `{base}`"), &result)),
        }
        let entries = entries.into_iter().filter(|it| !it.is_ref() && !it.is_intermediate());
        Ok(entries.map(Entry::new).collect())
    }
}

/// Without the server's own text, which may repeat a name.
fn refused(what: &str, result: &LdapResult) -> String {
    format!("{what} is refused (result {}); see the server's log", result.rc)
}

fn told(cause: &LdapError) -> String {
    match cause {
        // Shows a filter or a result with what was typed.
        LdapError::FilterParsing => "a filter is not understood".to_owned(),
        LdapError::LdapResult { result } => refused("a request", result),
        cause => cause.to_string(),
    }
}
