//! The users file: people and what is known of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::Secret;
use crate::crypto::keyfile::{self, KeyfileFault, Lock, Stamp};
use crate::directory::{AccountName, HashFault, PasswordHash};
use crate::identity::{Email, Principal};

/// All people of one file, by the one spelling of their names.
#[derive(Clone, Debug, Default)]
pub struct Members(BTreeMap<String, Member>);

/// One person.
#[derive(Clone, Debug)]
pub struct Member {
    /// The name as the file has it: the principal's subject.
    pub name: String,
    /// What the password is held against.
    pub password: PasswordHash,
    /// What else is known.
    pub facts: Facts,
}

/// What a users file says of one person beside the password.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The e-mail address; counts as verified, since whoever keeps the file vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the account is switched off.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Further claims, for the identity token.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub claims: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    password: String,
    #[serde(flatten)]
    facts: Facts,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    #[serde(default)]
    users: BTreeMap<String, Row>,
}

/// Why a users file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MembersFault {
    /// A hash that is not taken.
    #[error("{}: user `{user}`: {cause}", path.display())]
    Hash {
        /// Which file.
        path: PathBuf,
        /// Whose.
        user: String,
        /// Why not.
        cause: HashFault,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    Keyfile(#[from] KeyfileFault),
    /// There is no such file.
    #[error("{} is not there; make it with: portcullis users add NAME --file {}", path.display(), path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// A name that is none, or that two people have.
    #[error("{}: user `{user}`: {why}", path.display())]
    Name {
        /// Which file.
        path: PathBuf,
        /// Whose.
        user: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Not what a users file looks like.
    #[error("{}: {cause}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
}

impl Members {
    /// Reads a users file: TOML where its name ends in `.toml`, else lines as `htpasswd -B` writes them.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(path: &Path) -> Result<(Self, Stamp), MembersFault> {
        let found = keyfile::read_stamped(path)?;
        let (bytes, stamp) =
            found.ok_or_else(|| MembersFault::Missing { path: path.to_owned() })?;
        let syntax = |cause: String| MembersFault::Syntax { path: path.to_owned(), cause };
        let text =
            std::str::from_utf8(bytes.expose()).map_err(|cause| syntax(cause.to_string()))?;
        let mut members = Self::default();
        if is_toml(path) {
            // Its messages show lines of the file, and so hashes: only their first line is told.
            let sheet: Sheet =
                toml::from_str(text).map_err(|cause| syntax(cause.message().to_owned()))?;
            for (name, row) in sheet.users {
                members.take(path, &name, &row.password, row.facts)?;
            }
        } else {
            for (index, line) in text.lines().enumerate() {
                let line = line.trim();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let (name, hash) = line
                    .split_once(':')
                    .ok_or_else(|| syntax(format!("line {} is not `name:hash`", index + 1)))?;
                members.take(path, name, hash, Facts::default())?;
            }
        }
        Ok((members, stamp))
    }

    fn take(
        &mut self,
        path: &Path,
        user: &str,
        hash: &str,
        facts: Facts,
    ) -> Result<(), MembersFault> {
        let path = || path.to_owned();
        let wrong = |why| MembersFault::Name { path: path(), user: user.to_owned(), why };
        let name = AccountName::parse(user).ok_or_else(|| wrong("this cannot be a name"))?;
        let password = PasswordHash::parse(hash).map_err(|cause| MembersFault::Hash {
            path: path(),
            user: user.to_owned(),
            cause,
        })?;
        let member = Member { name: user.to_owned(), password, facts };
        match self.0.insert(name.folded().to_owned(), member) {
            None => Ok(()),
            Some(_) => Err(wrong("another spelling of this name is there too; keep one")),
        }
    }

    /// Waits for the sole right to change a file.
    ///
    /// # Errors
    /// When its lock cannot be had.
    pub fn lock(path: &Path) -> Result<Lock, MembersFault> {
        Ok(keyfile::lock(path)?)
    }

    /// Writes a TOML file, for its owner only; the old one stays whole until the new one is there.
    ///
    /// # Errors
    /// When it cannot be written; an `htpasswd` file never is, since other programs read it.
    pub fn write(&self, path: &Path) -> Result<(), MembersFault> {
        let syntax = |cause: String| MembersFault::Syntax { path: path.to_owned(), cause };
        if !is_toml(path) {
            let cause = "an htpasswd file is only read; move it with: portcullis users import";
            return Err(syntax(cause.to_owned()));
        }
        let row = |member: &Member| Row {
            password: member.password.to_text(),
            facts: member.facts.clone(),
        };
        let users = self.0.values().map(|member| (member.name.clone(), row(member))).collect();
        let text = toml::to_string_pretty(&Sheet { users }).map_err(|it| syntax(it.to_string()))?;
        let text = Secret::new(format!("# Kept by `portcullis users`.\n\n{text}"));
        Ok(keyfile::write_atomic(path, text.expose().as_bytes())?)
    }

    /// The person of a name.
    pub fn get(&self, name: &AccountName) -> Option<&Member> {
        self.0.get(name.folded())
    }

    /// The person of a name, to change.
    pub fn get_mut(&mut self, name: &AccountName) -> Option<&mut Member> {
        self.0.get_mut(name.folded())
    }

    /// Adds a person; false where there is one of that name.
    pub fn add(&mut self, name: &AccountName, member: Member) -> bool {
        if self.0.contains_key(name.folded()) {
            return false;
        }
        self.0.insert(name.folded().to_owned(), member);
        true
    }

    /// Everybody, in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.0.values()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The person at a place.
    pub(super) fn nth(&self, place: usize) -> Option<&Member> {
        self.0.values().nth(place)
    }
}

impl Member {
    /// Who it is, as `issuer` vouches for it.
    pub fn principal(&self, issuer: &str) -> Principal {
        let mut who = Principal::new(issuer, &self.name);
        who.name.clone_from(&self.facts.display_name);
        who.preferred_username = Some(self.name.clone());
        let email = self.facts.email.clone();
        who.email = email.map(|address| Email { address, verified: true });
        who.groups.clone_from(&self.facts.groups);
        who.roles.clone_from(&self.facts.roles);
        who.claims.clone_from(&self.facts.claims);
        who
    }
}

/// Whether a file is ours to write.
pub(super) fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "toml")
}
