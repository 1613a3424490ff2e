//! From a file to a checked configuration, or to everything that is wrong with it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::base::{IssuerId, ProviderId, UpstreamId};
use crate::config::check::{Problem, check};
use crate::config::checked::Checked;
use crate::config::client_certificates::ClientCertificates;
use crate::config::directories::{Directory, FileDirectory, HttpDirectory};
use crate::config::document::{Document, covers};
use crate::config::entries;
use crate::config::fault::{Fault, Faults};
use crate::config::forward_auth::ForwardAuth;
use crate::config::issuers::Issuer;
use crate::config::kinds::Template;
use crate::config::ldap_directory::LdapDirectory;
use crate::config::presets;
use crate::config::providers::{OidcProvider, Provider};
use crate::config::redis::RedisStore;
use crate::config::root::Config;
use crate::config::routes::Route;
use crate::config::schema;
use crate::config::session::{Session, SessionStore};
use crate::config::shape::Shape;
use crate::config::signed_urls::SignedUrls;
use crate::config::sql_directories::{PostgresDirectory, SqliteDirectory};
use crate::config::surroundings::Surroundings;
use crate::config::trusted_headers::TrustedHeaders;
use crate::config::upstreams::Upstream;

/// The largest file that is read: a thousand times a large one. Stops a wrong path, such as a disk
/// image, from filling memory.
const LARGEST_FILE: u64 = 8 << 20;

/// A checked configuration and the text it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Checked<Config>,
    /// What is legal but should be known, such as sessions that a restart loses.
    pub warnings: Vec<Fault>,
    document: Document,
}

impl Loaded {
    /// Places what a higher floor found, such as two routes that tie, in the file.
    pub fn faults(&self, problems: Vec<Problem>) -> Faults {
        Faults::new(&self.document.name, place(&self.document, problems))
    }

    /// The warnings, written like a compiler's.
    pub fn render_warnings(&self) -> String {
        let render = |fault: &Fault| fault.render("warning", &self.document.name);
        self.warnings.iter().map(render).collect::<Vec<_>>().join("\n")
    }
}

impl Config {
    /// Reads, checks and completes the file at `path`. Relative paths in it start at its directory.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, at once.
    pub fn load(path: &Path) -> Result<Loaded, Faults> {
        let name = path.display().to_string();
        let unreadable = |why: String| {
            Faults::whole(&name, format!("cannot read the configuration: {why}"), "check the path")
        };
        let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
        if size > LARGEST_FILE {
            return Err(unreadable(format!("it has {size} bytes, more than {LARGEST_FILE}")));
        }
        let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".into()))?;
        let directory = path.parent().unwrap_or(Path::new(""));
        let env = |name: &str| std::env::var(name).ok();
        Self::parse(&text, &Surroundings { name: &name, directory, env: &env })
    }

    /// Checks and completes a text.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, at once; only a fault of syntax stands alone.
    pub fn parse(text: &str, around: &Surroundings<'_>) -> Result<Loaded, Faults> {
        let mut document = Document::new(around.name, text);
        let table = DeTable::parse(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let message = format!("this is not TOML: {}", error.message());
            Faults::new(around.name, vec![document.at_span("", &span, message, None)])
        })?;
        let mut root = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
        document.index(&root);
        let schema = schema::known();
        let mut shape = Shape { schema, document: &document, faults: Vec::new() };
        shape.fits(schema, "", &mut root);
        presets::complete(&mut root);
        let mut reader = Reader { document: &document, faults: shape.faults };
        let config = reader.config(root);
        let mut faults = reader.faults;
        let Some(config) = config else {
            return Err(Faults::new(around.name, faults));
        };
        let found = check(config, around, &|path| document.has(path));
        for fault in place(&document, found.problems) {
            // A place that was blamed already may look odd for that reason alone.
            if !faults.iter().any(|other| covers(&fault.path, &other.path)) {
                faults.push(fault);
            }
        }
        if !faults.is_empty() {
            return Err(Faults::new(around.name, faults));
        }
        let warnings = place(&document, found.warnings);
        Ok(Loaded { config: Checked::assertion(found.config), warnings, document })
    }
}

fn place(document: &Document, problems: Vec<Problem>) -> Vec<Fault> {
    let at =
        |problem: Problem| document.at_value(&problem.path, problem.message, Some(problem.remedy));
    problems.into_iter().map(at).collect()
}

struct Reader<'a> {
    document: &'a Document,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    /// Puts the sections together, each read on its own. `None` if what is left makes no sense
    /// without a section that could not be read; a fault says why.
    fn config(&mut self, root: Spanned<DeValue<'_>>) -> Option<Config> {
        let DeValue::Table(mut root) = root.into_inner() else {
            return None;
        };
        let server = root.remove("server").and_then(|value| self.read(value));
        let providers = self.map(root.remove("providers"), Self::provider);
        let clients =
            self.map(root.remove("client_certificates"), Self::read::<ClientCertificates>);
        let forward_auth = self.map(root.remove("forward_auth"), Self::read::<ForwardAuth>);
        let directories = self.map(root.remove("directories"), Self::directory);
        let issuers = self.map(root.remove("issuers"), Self::read::<Issuer>);
        let links = self.map(root.remove("signed_urls"), Self::read::<SignedUrls>);
        let upstreams = self.map(root.remove("upstreams"), Self::read::<Upstream>);
        let routes = self.routes(root.remove("routes"));
        let api_keys = self.section(root.remove("api_keys"));
        let password = self.section(root.remove("password"));
        let session = self.session(root.remove("session"));
        let teams = root.remove("teams").and_then(|value| self.read(value));
        let token = self.section(root.remove("token"));
        let trusted = root.remove("trusted_headers").and_then(|it| self.read::<TrustedHeaders>(it));
        let log = self.section(root.remove("log"));
        let audit = self.section(root.remove("audit"));
        Some(Config {
            server: server?,
            providers: providers.into_iter().map(|(id, it)| (ProviderId::from(&*id), it)).collect(),
            issuers: issuers.into_iter().map(|(id, it)| (IssuerId::from(&*id), it)).collect(),
            api_keys,
            signed_urls: links.into_iter().map(|(id, it)| (ProviderId::from(&*id), it)).collect(),
            trusted_headers: trusted,
            client_certificates: clients,
            forward_auth,
            directories: directories.into_iter().map(|(id, it)| (id.as_str().into(), it)).collect(),
            password,
            session,
            teams,
            token,
            upstreams: upstreams.into_iter().map(|(id, it)| (UpstreamId::from(&*id), it)).collect(),
            routes: routes?,
            log,
            audit,
        })
    }

    fn read<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'_>>) -> Option<T> {
        entries::read(value, self.document, &mut self.faults)
    }

    fn section<T: DeserializeOwned + Default>(&mut self, value: Option<Spanned<DeValue<'_>>>) -> T {
        value.and_then(|value| self.read(value)).unwrap_or_default()
    }

    fn map<'i, T>(
        &mut self,
        value: Option<Spanned<DeValue<'i>>>,
        read: fn(&mut Self, Spanned<DeValue<'i>>) -> Option<T>,
    ) -> BTreeMap<String, T> {
        let Some(DeValue::Table(table)) = value.map(Spanned::into_inner) else {
            return BTreeMap::new();
        };
        let entry = |(key, value): (Spanned<_>, _)| {
            let key: std::borrow::Cow<'_, str> = key.into_inner();
            Some((key.into_owned(), read(self, value)?))
        };
        table.into_iter().filter_map(entry).collect()
    }

    /// By its `kind`, and not by serde's tagged enums: those forget where a value stood.
    fn provider(&mut self, mut value: Spanned<DeValue<'_>>) -> Option<Provider> {
        let DeValue::Table(table) = value.get_mut() else {
            return None;
        };
        let kind = table.remove("kind")?;
        match kind.get_ref().as_str()? {
            "github" => return self.read(value).map(Box::new).map(Provider::Github),
            "oidc" => return self.read(value).map(Box::new).map(Provider::Oidc),
            _ => {}
        }
        let template = Template::expand(&kind, table, self.document, &mut self.faults);
        let mut oidc = self.read::<OidcProvider>(value)?;
        if let Some(Template::Entra(entra)) = template {
            oidc.entra = Some(entra);
        }
        Some(Provider::Oidc(Box::new(oidc)))
    }

    fn directory(&mut self, mut value: Spanned<DeValue<'_>>) -> Option<Directory> {
        let DeValue::Table(table) = value.get_mut() else {
            return None;
        };
        let kind = table.remove("kind")?;
        match kind.get_ref().as_str()? {
            "file" => self.read::<FileDirectory>(value).map(Directory::File),
            "http" => self.read::<HttpDirectory>(value).map(Box::new).map(Directory::Http),
            "ldap" => self.read::<LdapDirectory>(value).map(Box::new).map(Directory::Ldap),
            "postgres" => {
                self.read::<PostgresDirectory>(value).map(Box::new).map(Directory::Postgres)
            }
            "sqlite" => self.read::<SqliteDirectory>(value).map(Box::new).map(Directory::Sqlite),
            _ => None,
        }
    }

    /// The section, with its store read apart for the same reason.
    fn session(&mut self, mut value: Option<Spanned<DeValue<'_>>>) -> Session {
        let redis = value.as_mut().and_then(|value| {
            let DeValue::Table(table) = value.get_mut() else { return None };
            let store = table.get("store")?.get_ref().get("kind")?.get_ref().as_str();
            if store == Some("redis") { table.remove("store") } else { None }
        });
        let mut session: Session = self.section(value);
        if let Some(mut redis) = redis {
            if let DeValue::Table(table) = redis.get_mut() {
                table.remove("kind");
            }
            if let Some(redis) = self.read::<RedisStore>(redis) {
                session.store = SessionStore::Redis(Box::new(redis));
            }
        }
        session
    }

    /// All routes, or none: positions in the list are names in faults, so none may be left out.
    fn routes(&mut self, value: Option<Spanned<DeValue<'_>>>) -> Option<Vec<Route>> {
        let DeValue::Array(items) = value?.into_inner() else {
            return None;
        };
        let read: Vec<_> = items.iter().map(|item| self.read::<Route>(item.clone())).collect();
        read.into_iter().collect()
    }
}
