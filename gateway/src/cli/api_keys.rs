//! `portcullis api-keys`: keys that let programs in.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::authn::api_key::{
    API_KEYS, ApiKeyFault, ApiKeyId, ApiKeyRequest, ApiKeys, Listed, SHARED_API_KEYS,
    TAKEN_OVER_API_KEYS,
};
use crate::base::{Clock, SystemClock, SystemEntropy};
use crate::cli::control::{Control, ControlFault, cell, table};
use crate::crypto::keyfile;
use crate::session::LiveStreams;

/// What to do with API keys. A running gateway does it at once; where none runs, its file is changed.
#[derive(Debug, Args)]
pub(super) struct ApiKeysArgs {
    #[command(flatten)]
    control: Control,
    /// The directory that replicas share: `[server] keys`. Asked for where no gateway runs here
    #[arg(long, value_name = "DIR", global = true)]
    keys: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key and print it, once: nobody can show it again
    Create(Box<Create>),
    /// Switch a key off for a while; streams that it has opened end
    Disable { id: String },
    /// Switch a key on again
    Enable { id: String },
    /// Show all keys
    List,
    /// Revoke a key for good; streams that it has opened end
    Revoke { id: String },
}

#[derive(Debug, Args)]
struct Create {
    /// What you call it
    name: String,
    /// In whose name it acts: `sub` of the identity token
    #[arg(long, value_name = "SUBJECT")]
    owner: String,
    /// Who vouches for the owner: the issuer of a provider, where the owner is one of its people. Default:
    /// the owner is known by keys only
    #[arg(long)]
    issuer: Option<String>,
    /// The owner's name to show
    #[arg(long)]
    owner_name: Option<String>,
    /// The owner's e-mail address; counts as verified
    #[arg(long)]
    email: Option<String>,
    /// A group of the owner; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// What it is good for; may be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The name of a route that it opens; may be given several times
    #[arg(long = "route", value_name = "NAME")]
    routes: Vec<String>,
    /// It opens all routes that take keys, also those that are added later
    #[arg(long, conflicts_with = "routes")]
    all_routes: bool,
    /// How long it is good for, or `never`, where it does not end by itself
    #[arg(long, value_name = "TIME", default_value = "90d")]
    expires: String,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiKeysFault {
    #[error(transparent)]
    Control(#[from] ControlFault),
    /// The file has a holder that does not answer.
    #[error("{0}; if that is the gateway, say where its socket is: --socket FILE")]
    InUse(ApiKeyFault),
    #[error(transparent)]
    Keys(#[from] ApiKeyFault),
    /// A mistyped name must not make a directory that no gateway looks at.
    #[error("there is no directory {0}; name that of `server.keys`: --keys DIR")]
    NoDirectory(PathBuf),
    /// A list must not make anything in it.
    #[error("{0} holds no API keys yet; see that it is the directory of `server.keys`: --keys DIR")]
    NoKeys(PathBuf),
    #[error("{0}")]
    Request(String),
    /// A key that is made in the old place would be good nowhere.
    #[error(
        "no gateway runs, and its API keys are where replicas share them; say where: --keys DIR"
    )]
    Shared,
}

impl ApiKeysArgs {
    /// Does it. Returns what to print.
    ///
    /// # Errors
    /// Why it was not done.
    pub(super) fn run(&self, clock: &dyn Clock) -> Result<String, ApiKeysFault> {
        let (method, target, document) = self.action.request();
        let asked = self.control.ask(method, &target, document.as_ref());
        let (done, note) = match asked {
            Err(ControlFault::NotRunning(_))
                if self.keys.is_some() || self.control.state.is_dir() =>
            {
                (self.without_gateway(clock)?, self.note())
            }
            other => (other?, String::new()),
        };
        if self.json {
            return Ok(done.to_string());
        }
        Ok(match &self.action {
            Action::Create(_) => {
                let key = done.get("key").and_then(Value::as_str).unwrap_or_default();
                let until = match cell(&done, "expires").as_str() {
                    "-" => "It does not end by itself.".to_owned(),
                    until => format!("It is good until {until}."),
                };
                let id = cell(&done, "id");
                format!("{key}\n\nAPI key {id}. {until} Keep it: it is not shown again.{note}")
            }
            Action::List => list(&done),
            Action::Disable { id } => format!("API key {id} is switched off."),
            Action::Enable { id } => format!("API key {id} is switched on."),
            Action::Revoke { id } => format!("API key {id} is revoked."),
        })
    }

    /// What somebody should know who makes a key where no gateway runs.
    fn note(&self) -> String {
        let first = "\nNo gateway runs: routes were not looked at.";
        if self.keys.is_some() {
            return first.to_owned();
        }
        let file = self.control.state.join(API_KEYS);
        format!(
            "{first} The key is in {}; with `server.keys`, the next start takes it over.",
            file.display()
        )
    }

    /// The keys, where no gateway runs. Of a file of its own only one process can have them, so that nobody's
    /// change is lost; shared ones may be changed by others meanwhile.
    fn open(&self) -> Result<ApiKeys, ApiKeysFault> {
        let own = self.control.state.join(API_KEYS);
        let streams = Arc::new(LiveStreams::new(0));
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let opened = match &self.keys {
            Some(shared) if !shared.is_dir() => {
                return Err(ApiKeysFault::NoDirectory(shared.clone()));
            }
            Some(shared) => {
                // What this machine's gateway had for itself is its own to take over: here the directory
                // could be a wrong one.
                let folder = shared.join(SHARED_API_KEYS);
                if matches!(self.action, Action::List) && !folder.is_dir() {
                    return Err(ApiKeysFault::NoKeys(shared.clone()));
                }
                if !matches!(self.action, Action::List) {
                    let there = if folder.is_dir() { &folder } else { shared };
                    keyfile::check_owner(there).map_err(ApiKeyFault::from)?;
                }
                ApiKeys::open_shared(&folder, streams, clock, entropy)
            }
            None if self.control.state.join(TAKEN_OVER_API_KEYS).exists() && !own.exists() => {
                return Err(ApiKeysFault::Shared);
            }
            None => ApiKeys::open(&own, streams, clock, entropy),
        };
        opened.map_err(|fault| match fault {
            fault @ ApiKeyFault::InUse { .. } => ApiKeysFault::InUse(fault),
            fault => fault.into(),
        })
    }

    fn without_gateway(&self, clock: &dyn Clock) -> Result<Value, ApiKeysFault> {
        let keys = self.open()?;
        let known =
            |id: &str| ApiKeyId::parse(id).ok_or_else(|| ApiKeyFault::Unknown(id.to_owned()));
        Ok(match &self.action {
            Action::Create(create) => {
                let new = create.request().check(clock.now()).map_err(ApiKeysFault::Request)?;
                let (key, text) = keys.create(new)?;
                let mut document = keys.one(key.id).as_ref().map(Listed::to_json);
                if let Some(Value::Object(members)) = &mut document {
                    members.insert("key".to_owned(), Value::from(text.expose().as_str()));
                }
                document.unwrap_or_default()
            }
            Action::List => {
                json!({ "api_keys": keys.list().iter().map(Listed::to_json).collect::<Vec<_>>() })
            }
            Action::Disable { id } => json!({ "id": keys.switch(known(id)?, true)?.id.as_str() }),
            Action::Enable { id } => json!({ "id": keys.switch(known(id)?, false)?.id.as_str() }),
            Action::Revoke { id } => json!({ "id": keys.revoke(known(id)?)?.id.as_str() }),
        })
    }
}

impl Action {
    fn request(&self) -> (&'static str, String, Option<Value>) {
        // What is no name of a key must not become another address.
        let of = |id: &str, what: &str| {
            let id = ApiKeyId::parse(id).map_or_else(|| "none".to_owned(), |id| id.to_string());
            ("POST", format!("/api-keys/{id}/{what}"), None)
        };
        match self {
            Self::Create(create) => {
                // Only types of ours, none of which can fail.
                let document = serde_json::to_value(create.request()).unwrap_or_default();
                ("POST", "/api-keys".to_owned(), Some(document))
            }
            Self::Disable { id } => of(id, "disable"),
            Self::Enable { id } => of(id, "enable"),
            Self::List => ("GET", "/api-keys".to_owned(), None),
            Self::Revoke { id } => of(id, "revoke"),
        }
    }
}

impl Create {
    fn request(&self) -> ApiKeyRequest {
        ApiKeyRequest {
            name: self.name.clone(),
            owner: self.owner.clone(),
            issuer: self.issuer.clone(),
            owner_name: self.owner_name.clone(),
            email: self.email.clone(),
            groups: self.groups.clone(),
            scopes: self.scopes.clone(),
            routes: self.routes.clone(),
            all_routes: self.all_routes,
            expires: self.expires.clone(),
        }
    }
}

fn list(document: &Value) -> String {
    let head = ["ID", "NAME", "STATE", "OWNER", "ROUTES", "SCOPES", "EXPIRES", "LAST USED"];
    let names = ["id", "name", "state", "owner", "routes", "scopes", "expires", "last_used"];
    let keys = document.get("api_keys").and_then(Value::as_array);
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for key in keys.into_iter().flatten() {
        rows.push(names.iter().map(|name| cell(key, name)).collect());
    }
    table(&rows)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::base::Entropy;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        keys: ApiKeysArgs,
    }

    fn run(state: &std::path::Path, words: &[&str]) -> Result<String, String> {
        let line = [&["api-keys"], words, &["--state", state.to_str().unwrap()]].concat();
        let line = Line::try_parse_from(line).map_err(|fault| fault.to_string())?;
        line.keys.run(&SystemClock).map_err(|fault| fault.to_string())
    }

    #[test]
    fn without_a_gateway_the_file_is_changed() {
        let entropy: &dyn Entropy = &SystemEntropy;
        let state = std::env::temp_dir().join(format!("api-keys-cli-{}", entropy.token::<9>()));
        let fault = run(&state, &["list"]).unwrap_err();
        assert!(fault.contains("no gateway runs") && fault.contains("--state"), "{fault}");
        std::fs::create_dir_all(&state).unwrap();
        let create = ["create", "ci", "--owner", "ci-bot"];
        let fault = run(&state, &create).unwrap_err();
        assert!(fault.contains("opens nothing"), "{fault}");
        let told = run(&state, &[&create[..], &["--route", "api"]].concat()).unwrap();
        assert!(told.starts_with("pck_") && told.contains("not shown again"), "{told}");
        assert!(told.contains(state.join(API_KEYS).to_str().unwrap()), "where it is: {told}");
        let id = told.get(4..16).unwrap();
        let listed = run(&state, &["list"]).unwrap();
        assert!(listed.contains(id) && listed.contains("active"), "{listed}");
        assert!(!listed.contains(told.get(17..60).unwrap()), "the secret is shown once");
        run(&state, &["disable", id]).unwrap();
        assert!(run(&state, &["list"]).unwrap().contains("disabled"));
        run(&state, &["enable", id]).unwrap();
        run(&state, &["revoke", id]).unwrap();
        assert!(run(&state, &["list", "--json"]).unwrap().contains("\"state\":\"revoked\""));
        assert!(run(&state, &["enable", id]).unwrap_err().contains("cannot be undone"));
        assert!(run(&state, &["revoke", "nonsense"]).unwrap_err().contains("api-keys list"));
        std::fs::remove_dir_all(state).unwrap();
    }

    #[test]
    fn without_a_gateway_those_that_replicas_share_are_changed() {
        let entropy: &dyn Entropy = &SystemEntropy;
        let folder = std::env::temp_dir().join(format!("api-keys-cli-{}", entropy.token::<9>()));
        let (state, shared) = (folder.join("state"), folder.join("shared"));
        let at = shared.to_str().unwrap().to_owned();
        let with = |words: &[&str]| run(&state, &[words, &["--keys", &at]].concat());
        let create = ["create", "ci", "--owner", "ci-bot", "--all-routes"];
        let fault = with(&create).unwrap_err();
        assert!(fault.contains("there is no directory") && !shared.exists(), "{fault}");
        std::fs::create_dir_all(&state).unwrap();
        std::fs::create_dir_all(&shared).unwrap();
        let before = run(&state, &create).unwrap();
        let fault = with(&["list"]).unwrap_err();
        assert!(fault.contains("holds no API keys yet"), "{fault}");
        assert_eq!(std::fs::read_dir(&shared).unwrap().count(), 0, "looking makes nothing");
        if std::os::unix::fs::chown(&shared, Some(4_711), None).is_ok() {
            let fault = with(&create).unwrap_err();
            assert!(fault.contains("sudo -u '#4711'"), "{fault}");
            assert_eq!(std::fs::read_dir(&shared).unwrap().count(), 0, "nothing of root's is made");
            let ours = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&state).unwrap());
            std::os::unix::fs::chown(&shared, Some(ours), None).unwrap();
        }
        let told = with(&create).unwrap();
        assert!(told.starts_with("pck_"), "{told}");
        with(&["revoke", told.get(4..16).unwrap()]).unwrap();
        let listed = with(&["list"]).unwrap();
        assert!(listed.contains("revoked"), "{listed}");
        let own = before.get(4..16).unwrap();
        assert!(!listed.contains(own), "the directory could be a wrong one");
        assert!(run(&state, &["list"]).unwrap().contains(own));
        std::fs::rename(state.join(API_KEYS), state.join(TAKEN_OVER_API_KEYS)).unwrap();
        for words in [&["list"][..], &create] {
            let fault = run(&state, words).unwrap_err();
            assert!(fault.contains("--keys DIR"), "{fault}");
        }
        assert!(!state.join(API_KEYS).exists(), "no key is made where nobody looks for it");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
