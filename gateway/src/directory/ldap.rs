//! People in an LDAP directory (RFC 4511), such as `OpenLDAP` or Active Directory.

mod connection;
mod dn;
mod entry;
mod pace;
mod template;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustls::ClientConfig;
use tokio::task::JoinSet;
use url::Url;

use crate::base::{Clock, Entropy, Secret};
use crate::directory::ldap::connection::{Bound, Connection, Reach};
use crate::directory::ldap::dn::Dn;
use crate::directory::ldap::entry::Entry;
use crate::directory::ldap::pace::Pace;
use crate::directory::ldap::template::Template;
use crate::directory::{AccountKey, AccountName, Answer, Directory};
use crate::identity::{ClaimMapping, Principal};

/// A directory that is asked by binding as the person.
#[derive(Clone)]
pub struct LdapDirectory(Arc<Inner>);

struct Inner {
    settings: LdapSettings,
    finding: Finding,
    /// Of the groups' search.
    groups: Option<Template>,
    attributes: Vec<String>,
    pace: Pace,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// What an operator says of an LDAP directory.
#[derive(Clone, Debug)]
pub struct LdapSettings {
    /// `ldap:` or `ldaps:`, host and port.
    pub url: Url,
    /// Whether an `ldap:` connection is encrypted before anything else is said on it.
    pub start_tls: bool,
    /// Whom to trust for `ldaps:` and `StartTLS`.
    pub tls: Arc<ClientConfig>,
    /// For everything that one login needs.
    pub timeout: Duration,
    /// Who vouches for its people.
    pub issuer: String,
    /// How a name leads to an entry.
    pub finding: LdapFinding,
    /// A filter that entries of switched off accounts match.
    pub disabled: Option<String>,
    /// The attribute that is the subject; it must have one value.
    pub subject: String,
    /// Which attributes become what else.
    pub claims: ClaimMapping,
    /// Whether the directory vouches for its e-mail addresses.
    pub email_verified: bool,
    /// Which groups count.
    pub groups: LdapGroups,
}

/// How a name leads to an entry.
#[derive(Clone, Debug)]
pub enum LdapFinding {
    /// By a search below `base`, as `service` where there is one. `{name}` in the filter is the name.
    Search {
        /// The gateway's own name and password in the directory.
        service: Option<(String, Secret<String>)>,
        /// Where entries lie.
        base: String,
        /// Which entry it is.
        filter: String,
    },
    /// The name is a part of the entry's name: `uid={name},ou=people,dc=corp,dc=test`.
    Template(String),
}

/// Which groups count.
#[derive(Clone, Debug, Default)]
pub struct LdapGroups {
    /// Groups lie below it; they are then called by the first part of their name.
    pub base: Option<String>,
    /// Finds somebody's groups below `base`: `{dn}` is the entry's name, `{name}` what was typed.
    /// Without it, the entry lists them.
    pub filter: Option<String>,
    /// The attribute of a found group that is its name.
    pub name: String,
}

enum Finding {
    Search { service: Option<(String, Secret<String>)>, base: String, filter: Template },
    Template(Template),
}

/// More entries of groups than one person can have.
const MOST_GROUPS: i32 = 1000;
const PRESENT: &str = "(objectClass=*)";

impl LdapDirectory {
    /// A directory that is asked as `settings` say. Connects when it is asked.
    ///
    /// # Errors
    /// In words: a filter or a template that is none.
    pub fn new(
        settings: LdapSettings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, String> {
        let finding = match settings.finding.clone() {
            LdapFinding::Search { service, base, filter } => {
                let filter = Template::of_filter("filter", &filter, &["name"])?;
                Finding::Search { service, base, filter }
            }
            LdapFinding::Template(text) => Finding::Template(Template::of_dn("user_dn", &text)?),
        };
        let groups = settings.groups.filter.as_ref();
        let groups = groups
            .map(|it| Template::of_filter("groups.filter", it, &["dn", "name"]))
            .transpose()?;
        if let Some(disabled) = &settings.disabled {
            Template::check_filter("disabled", disabled)?;
        }
        if let Some(base) = &settings.groups.base {
            Dn::parse(base).ok_or_else(|| format!("`groups.base`: `{base}` is no name"))?;
        }
        let attributes = entry::attributes(&settings);
        let pace = Pace::default();
        let inner = Inner { settings, finding, groups, attributes, pace, clock, entropy };
        Ok(Self(Arc::new(inner)))
    }
}

#[async_trait]
impl Directory for LdapDirectory {
    async fn check(&self, name: &AccountName, password: &Secret<String>) -> Answer {
        // A bind with a name and no password always works (RFC 4513 section 5.1.2): it would let
        // everybody in as anybody.
        if password.expose().is_empty() {
            return Answer::Refuse;
        }
        let (inner, name, password) = (Arc::clone(&self.0), name.clone(), password.clone());
        // A task of its own, that ends with the wait: the library panics at nonsense from a server.
        let mut asking = JoinSet::new();
        asking.spawn(async move { inner.judge(&name, &password).await });
        let limit = self.0.settings.timeout;
        match tokio::time::timeout(limit, asking.join_next()).await {
            Ok(Some(Ok(Ok(answer)))) => answer,
            Ok(Some(Ok(Err(cause)))) => Answer::Unavailable(cause),
            Ok(_) => Answer::Unavailable("the server's answer makes no sense".to_owned()),
            Err(_) => Answer::Unavailable(format!("no answer within {} ms", limit.as_millis())),
        }
    }
}

impl Inner {
    async fn judge(&self, name: &AccountName, password: &Secret<String>) -> Result<Answer, String> {
        let settings = &self.settings;
        let mut connection =
            Connection::open(&settings.url, settings.start_tls, &settings.tls).await?;
        match &self.finding {
            Finding::Search { service, base, filter } => {
                if let Some((dn, secret)) = service {
                    connection.bind_ourselves(dn, secret).await?;
                }
                let filter = filter.fill(&[("name", name.typed())]);
                self.by_search(connection, (base, &filter), name, password).await
            }
            Finding::Template(template) => {
                let dn = template.fill(&[("name", name.typed())]);
                self.by_template(connection, &dn, name, password).await
            }
        }
    }

    async fn by_search(
        &self,
        mut connection: Connection,
        (base, filter): (&str, &str),
        name: &AccountName,
        password: &Secret<String>,
    ) -> Result<Answer, String> {
        let mut found =
            connection.search((base, Reach::Below), filter, &self.attributes, 2).await?;
        // Asked for unknown names too, so that it tells nothing.
        let disabled = match &self.settings.disabled {
            Some(disabled) => {
                let both = format!("(&{filter}{disabled})");
                !connection.search((base, Reach::Below), &both, &["1.1"], 1).await?.is_empty()
            }
            None => false,
        };
        if found.len() > 1 {
            tracing::warn!(
                issuer = self.settings.issuer,
                "a name belongs to several entries, and nobody can sign in by it; \
                 make `filter` match one"
            );
        }
        let entry = found.pop().filter(|entry| found.is_empty() && !entry.dn.is_empty());
        let began = self.clock.instant();
        let Some(entry) = entry else {
            // As many questions as for a known name, and their time.
            let nobody = format!("cn={},{base}", (*self.entropy).token::<12>());
            let nobody = nobody.trim_end_matches(',');
            connection.bind(nobody, password).await?;
            let spent = self.clock.instant().saturating_duration_since(began);
            self.pace.keep(spent, &*self.entropy).await;
            return Ok(Answer::Refuse);
        };
        let bound = connection.bind(&entry.dn, password).await?;
        self.pace.note(self.clock.instant().saturating_duration_since(began));
        let account = AccountKey::new(
            Dn::parse(&entry.dn).map_or_else(|| entry.dn.to_lowercase(), |dn| dn.to_text()),
        );
        match bound {
            _ if disabled => return Ok(Answer::Disabled(account)),
            Bound::Disabled => return Ok(Answer::Disabled(account)),
            Bound::No => return Ok(Answer::Mistaken(account)),
            Bound::Yes => {}
        }
        if let (Some(_), Finding::Search { service: Some((dn, secret)), .. }) =
            (&self.groups, &self.finding)
        {
            // People may often not read who else is in a group.
            connection.bind_ourselves(dn, secret).await?;
        }
        let who = self.principal(&mut connection, &entry, name).await?;
        Ok(Answer::Accept(account, Box::new(who)))
    }

    async fn by_template(
        &self,
        mut connection: Connection,
        dn: &str,
        name: &AccountName,
        password: &Secret<String>,
    ) -> Result<Answer, String> {
        let account = AccountKey::new(
            Dn::parse(dn).map_or_else(|| dn.to_lowercase(), |parsed| parsed.to_text()),
        );
        match connection.bind(dn, password).await? {
            // Nobody looked whether there is such an entry.
            Bound::No => return Ok(Answer::Refuse),
            Bound::Disabled => return Ok(Answer::Disabled(account)),
            Bound::Yes => {}
        }
        if let Some(disabled) = &self.settings.disabled
            && !connection.search((dn, Reach::Itself), disabled, &["1.1"], 1).await?.is_empty()
        {
            return Ok(Answer::Disabled(account));
        }
        let itself = (dn, Reach::Itself);
        let mut found = connection.search(itself, PRESENT, &self.attributes, 1).await?;
        let entry = found.pop().ok_or_else(|| {
            "people cannot read their own entries; let them, or use `base` and `filter`".to_owned()
        })?;
        let who = self.principal(&mut connection, &entry, name).await?;
        Ok(Answer::Accept(account, Box::new(who)))
    }

    async fn principal(
        &self,
        connection: &mut Connection,
        entry: &Entry,
        name: &AccountName,
    ) -> Result<Principal, String> {
        let mut who = entry.principal(&self.settings)?;
        let LdapGroups { base, name: attribute, .. } = &self.settings.groups;
        let base = base.as_deref();
        if let (Some(filter), Some(base)) = (&self.groups, base) {
            let filter = filter.fill(&[("dn", &entry.dn), ("name", name.typed())]);
            let place = (base, Reach::Below);
            let found = connection.search(place, &filter, &[attribute], MOST_GROUPS).await?;
            who.groups = found.iter().flat_map(|group| group.texts(attribute)).collect();
            who.groups.sort_unstable();
        } else if let Some(base) = base.and_then(Dn::parse) {
            // Only there: whoever may make a group elsewhere could call it the same.
            let groups = who.groups.iter().filter_map(|group| Dn::parse(group));
            who.groups =
                groups.filter(|group| group.is_below(&base)).filter_map(|it| it.first()).collect();
        }
        Ok(who)
    }
}

impl fmt::Debug for LdapDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0.settings.url.as_str();
        f.debug_struct("LdapDirectory").field("url", &url).finish_non_exhaustive()
    }
}
