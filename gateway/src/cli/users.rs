//! `portcullis users`: the people of a users file.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::process::Command;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::base::{Entropy, Secret};
use crate::cli::control::Control;
use crate::cli::sessions::ended;
use crate::directory::{
    AccountName, Facts, HashFault, Member, Members, MembersFault, PasswordHash,
};

/// What to do with people.
#[derive(Debug, Args)]
pub(super) struct UsersArgs {
    /// The users file: `path` of a `[directories.<id>]`; its name ends in `.toml`
    #[arg(long, short, value_name = "FILE", default_value = "users.toml", global = true)]
    file: PathBuf,
    /// Where the running gateway is that reads the file
    #[command(flatten)]
    control: Control,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a person, and make the file if there is none. The password is read from standard input
    Add(AddArgs),
    /// Switch an account off: nobody can sign in with it, its sessions end, and its API keys are switched
    /// off, where a gateway runs
    Disable { name: String },
    /// Switch an account on again
    Enable { name: String },
    /// Take over the people of an htpasswd file (`htpasswd -B`); hashes are renewed at login
    Import { htpasswd: PathBuf },
    /// Show everybody
    List,
    /// Set a new password, read from standard input. The account's sessions end, where a gateway runs
    Passwd {
        name: String,
        /// Make a password and print it
        #[arg(long)]
        generate: bool,
    },
}

#[derive(Debug, Args)]
struct AddArgs {
    name: String,
    /// The name to show
    #[arg(long)]
    display_name: Option<String>,
    /// The e-mail address; counts as verified
    #[arg(long)]
    email: Option<String>,
    /// A group; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// A role; may be given several times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// A further claim of the identity token; may be given several times
    #[arg(long = "claim", value_name = "NAME=VALUE")]
    claims: Vec<String>,
    /// Make a password and print it
    #[arg(long)]
    generate: bool,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum UsersFault {
    #[error("`{0}` is not NAME=VALUE")]
    Claim(String),
    #[error(transparent)]
    Hash(#[from] HashFault),
    #[error("the password cannot be read: {0}")]
    Input(#[from] io::Error),
    #[error(transparent)]
    Members(#[from] MembersFault),
    #[error("`{0}` cannot be a name: use letters, digits and punctuation, at most 256 bytes")]
    Name(String),
    #[error("the two passwords differ")]
    Repeated,
    #[error(
        "people of a server are kept by their own server; this command keeps users files \
         (kind = \"file\")"
    )]
    Server,
    #[error(
        "a password has at least {SHORTEST} characters and at most 1024 bytes; --generate makes one"
    )]
    Short,
    #[error(
        "{} is an SQLite database: its people are kept with SQL; this command keeps users files \
         (kind = \"file\")",
        .0.display()
    )]
    Table(PathBuf),
    #[error("there is a user `{0}` already; see: portcullis users passwd")]
    Taken(String),
    #[error("there is no user `{0}`; see: portcullis users list")]
    Unknown(String),
}

/// NIST SP 800-63B section 3.1.1.2: where nothing but the password is asked for.
const SHORTEST: usize = 15;
const LONGEST: usize = 1024;
/// How each SQLite file begins.
const SQLITE: &[u8; 16] = b"SQLite format 3\0";

impl UsersArgs {
    /// Carries the command out. Returns what to print.
    ///
    /// # Errors
    /// Why it was not done; the file is then as it was.
    pub(super) fn run(&self, entropy: &dyn Entropy) -> Result<String, UsersFault> {
        self.is_ours()?;
        match &self.action {
            Action::Add(add) => self.add(add, entropy),
            Action::Disable { name } => self.switch(name, true),
            Action::Enable { name } => self.switch(name, false),
            Action::Import { htpasswd } => self.import(htpasswd),
            Action::List => Ok(table(&Members::read(&self.file)?.0)),
            Action::Passwd { name, generate } => {
                let account = account(name)?;
                let (password, told) = password(*generate, entropy)?;
                let hash = PasswordHash::make(&password, entropy)?;
                self.change(name, &account, |member| member.password = hash)?;
                let ended = self.end_sessions(&account, false);
                Ok(format!("`{name}` has a new password. {ended}{told}"))
            }
        }
    }

    /// People may be elsewhere than in a users file, and whoever keeps the gateway may not know.
    fn is_ours(&self) -> Result<(), UsersFault> {
        if self.file.to_string_lossy().contains("://") {
            return Err(UsersFault::Server);
        }
        let mut start = [0; SQLITE.len()];
        let read = File::open(&self.file).and_then(|mut file| file.read_exact(&mut start));
        if read.is_ok() && start == *SQLITE {
            return Err(UsersFault::Table(self.file.clone()));
        }
        Ok(())
    }

    fn add(&self, add: &AddArgs, entropy: &dyn Entropy) -> Result<String, UsersFault> {
        let name = account(&add.name)?;
        let mut facts = Facts {
            display_name: add.display_name.clone(),
            email: add.email.clone(),
            groups: add.groups.clone(),
            roles: add.roles.clone(),
            ..Facts::default()
        };
        for claim in &add.claims {
            let (name, value) = claim.split_once('=').ok_or(UsersFault::Claim(claim.clone()))?;
            facts.claims.insert(name.to_owned(), value.into());
        }
        if self.file.exists() && Members::read(&self.file)?.0.get(&name).is_some() {
            return Err(UsersFault::Taken(add.name.clone()));
        }
        let (password, told) = password(add.generate, entropy)?;
        let hash = PasswordHash::make(&password, entropy)?;
        let _lock = Members::lock(&self.file)?;
        let mut members = self.members()?;
        let member = Member { name: name.typed().to_owned(), password: hash, facts };
        if !members.add(&name, member) {
            return Err(UsersFault::Taken(add.name.clone()));
        }
        members.write(&self.file)?;
        Ok(format!("`{}` can sign in.{told}", name.typed()))
    }

    fn import(&self, htpasswd: &std::path::Path) -> Result<String, UsersFault> {
        let (others, _) = Members::read(htpasswd)?;
        let _lock = Members::lock(&self.file)?;
        let mut members = self.members()?;
        for member in others.iter() {
            if !members.add(&account(&member.name)?, member.clone()) {
                return Err(UsersFault::Taken(member.name.clone()));
            }
        }
        members.write(&self.file)?;
        Ok(format!("{} users were taken over.", others.iter().len()))
    }

    fn switch(&self, name: &str, off: bool) -> Result<String, UsersFault> {
        self.change(name, &account(name)?, |member| member.facts.disabled = off)?;
        if !off {
            return Ok(format!("`{name}` can sign in again."));
        }
        let ended = self.end_sessions(&account(name)?, true);
        Ok(format!("`{name}` cannot sign in any more. {ended}"))
    }

    /// Asks the running gateway to end what an account has opened; what to tell of it. The file is
    /// changed before, so that nobody signs in anew meanwhile.
    fn end_sessions(&self, account: &AccountName, keys_too: bool) -> String {
        let members = Members::read(&self.file).map(|(members, _)| members);
        let member = members.ok().and_then(|members| members.get(account).cloned());
        let (Some(member), Ok(file)) = (member, std::path::absolute(&self.file)) else {
            return "Its sessions go on.".to_owned();
        };
        let wanted = json!({
            "users_file": file,
            "subject": member.name,
            "disable_api_keys": keys_too,
        });
        match self.control.ask("POST", "/sessions/revoke", Some(&wanted)) {
            Ok(done) => ended(&done),
            Err(fault) => format!("Sessions that began before go on: {fault}."),
        }
    }

    fn change(
        &self,
        name: &str,
        account: &AccountName,
        change: impl FnOnce(&mut Member),
    ) -> Result<(), UsersFault> {
        let _lock = Members::lock(&self.file)?;
        let (mut members, _) = Members::read(&self.file)?;
        let unknown = || UsersFault::Unknown(name.to_owned());
        change(members.get_mut(account).ok_or_else(unknown)?);
        Ok(members.write(&self.file)?)
    }

    /// Nobody where there is no file yet.
    fn members(&self) -> Result<Members, UsersFault> {
        match Members::read(&self.file) {
            Ok((members, _)) => Ok(members),
            Err(MembersFault::Missing { .. }) => Ok(Members::default()),
            Err(fault) => Err(fault.into()),
        }
    }
}

fn account(name: &str) -> Result<AccountName, UsersFault> {
    // In HTTP Basic a colon ends the name.
    let parsed = AccountName::parse(name).filter(|_| !name.contains(':'));
    parsed.ok_or_else(|| UsersFault::Name(name.to_owned()))
}

/// The password, and what to tell of it.
fn password(generate: bool, entropy: &dyn Entropy) -> Result<(Secret<String>, String), UsersFault> {
    if generate {
        let made = entropy.token::<18>();
        let told = format!("\nPassword: {made}");
        return Ok((Secret::new(made), told));
    }
    let typed = if io::stdin().is_terminal() { ask()? } else { line()? };
    let long = typed.expose().chars().count() >= SHORTEST && typed.expose().len() <= LONGEST;
    if long { Ok((typed, String::new())) } else { Err(UsersFault::Short) }
}

fn line() -> Result<Secret<String>, UsersFault> {
    let mut text = String::with_capacity(2 * LONGEST);
    let most = u64::try_from(2 * LONGEST).unwrap_or(u64::MAX);
    io::stdin().lock().take(most).read_line(&mut text)?;
    let text = Secret::new(text);
    Ok(Secret::from(text.expose().trim_end_matches(['\r', '\n'])))
}

/// Twice, without showing it.
fn ask() -> Result<Secret<String>, UsersFault> {
    let echo = |word: &str| Command::new("stty").arg(word).status().map(|_| ());
    eprint!("Password: ");
    echo("-echo")?;
    let both = line().and_then(|first| {
        eprint!("\nAgain: ");
        Ok((first, line()?))
    });
    echo("echo")?;
    eprintln!();
    let (first, second) = both?;
    if first.expose() == second.expose() { Ok(first) } else { Err(UsersFault::Repeated) }
}

fn table(members: &Members) -> String {
    let mut out = String::new();
    let width = members.iter().map(|it| it.name.chars().count()).max().unwrap_or(0).max(4);
    let mut row = |name: &str, state: &str, hash: &str, roles: &str, email: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name:<width$} {state:<8} {hash:<9} {roles:<24} {email}");
    };
    row("NAME", "STATE", "HASH", "ROLES", "E-MAIL");
    for member in members.iter() {
        let state = if member.facts.disabled { "disabled" } else { "active" };
        let hash = if member.password.is_old() { "old" } else { "argon2id" };
        let email = member.facts.email.as_deref().unwrap_or_default();
        row(&member.name, state, hash, &member.facts.roles.join(","), email);
    }
    out
}

#[cfg(test)]
mod tests;
