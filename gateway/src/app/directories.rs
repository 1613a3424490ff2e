//! Directory sections → the desk where passwords are judged.

use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError};

use crate::app::build::BuildFault;
use crate::app::directory_servers;
use crate::app::lasting::Lasting;
use crate::app::providers::mapping;
use crate::authn::password::{PasswordDesk, PasswordLimits};
use crate::authn::{Allowance, Throttle, Tries};
use crate::base::{ProviderId, SystemEntropy};
use crate::config::{
    Checked, Config, Directory as Section, HttpDirectory as HttpSection, SecretSource,
};
use crate::directory::{
    Directory, FileDirectory, HashPool, HttpDirectory, HttpDirectorySettings, SqlDirectory,
};
use crate::web::{AddressPolicy, FetchLimits, HttpClient};

/// The counters of tries, in the state directory.
const TRIES: &str = "password-tries.redb";

/// Looks for what cannot be used: files, statements, filters. Asks no server.
pub(super) fn check(config: &Checked<Config>) -> Result<(), BuildFault> {
    for (id, section) in &config.directories {
        directory(id, section, &HashPool::new(1)).map_err(|cause| fault(id, cause))?;
    }
    Ok(())
}

/// The desk; `None` where there is no directory.
pub(super) fn desk(
    config: &Checked<Config>,
    lasting: &Lasting,
) -> Result<Option<Arc<PasswordDesk>>, BuildFault> {
    if config.directories.is_empty() {
        return Ok(None);
    }
    let password = &config.password;
    let pool = HashPool::new(threads(password.hash_threads));
    let mut directories: Vec<(ProviderId, Arc<dyn Directory>)> = Vec::new();
    for (id, section) in &config.directories {
        let made = directory(id, section, &pool).map_err(|cause| fault(id, cause))?;
        directories.push((id.clone(), made));
    }
    let allowance =
        |tries: NonZeroU32| Allowance { tries: tries.get(), within: password.tries_within.std() };
    let limits = PasswordLimits {
        account: allowance(password.account_tries),
        address: allowance(password.address_tries),
        at_once: usize::try_from(password.at_once.get()).unwrap_or(usize::MAX),
    };
    let desk = PasswordDesk::new(directories, tries(lasting)?, limits);
    Ok(Some(Arc::new(desk)))
}

fn directory(
    id: &ProviderId,
    section: &Section,
    pool: &HashPool,
) -> Result<Arc<dyn Directory>, String> {
    let (issuer, entropy, pool) = (section.issuer(id), Arc::new(SystemEntropy), pool.clone());
    Ok(match section {
        Section::File(file) => {
            let directory = FileDirectory::new(&file.path, issuer, pool, entropy);
            directory.look().map_err(|cause| cause.to_string())?;
            Arc::new(directory)
        }
        Section::Http(http) => Arc::new(service(issuer, http)?),
        Section::Ldap(ldap) => Arc::new(directory_servers::ldap(issuer, ldap)?),
        Section::Postgres(postgres) => {
            let table = Arc::new(directory_servers::postgres(postgres)?);
            Arc::new(SqlDirectory::new(issuer, table, pool, entropy))
        }
        Section::Sqlite(sqlite) => {
            let table = Arc::new(directory_servers::sqlite(sqlite)?);
            Arc::new(SqlDirectory::new(issuer, table, pool, entropy))
        }
    })
}

fn service(issuer: String, section: &HttpSection) -> Result<HttpDirectory, String> {
    let authority = section.ca.as_ref().map(std::fs::read).transpose();
    let authority = authority.map_err(|cause| cause.to_string())?;
    let policy = AddressPolicy::for_home(&section.url, section.insecure_http);
    let limits = FetchLimits { time: section.timeout.std(), ..FetchLimits::default() };
    let fetch = HttpClient::new(policy, limits, authority.as_deref());
    let fetch = Arc::new(fetch.map_err(|cause| cause.to_string())?);
    let settings = HttpDirectorySettings {
        url: section.url.clone(),
        issuer,
        subject: section.subject.clone(),
        claims: mapping(&section.claims),
    };
    HttpDirectory::new(settings, section.secret.as_ref().map(SecretSource::secret), fetch)
}

fn tries(lasting: &Lasting) -> Result<Tries, BuildFault> {
    let tries = Tries::alone(throttle(lasting)?);
    Ok(match &lasting.shared_tries {
        Some(shared) => tries.together(Arc::clone(shared), lasting.sealer.tagger()),
        None => tries,
    })
}

/// Opened once in a process: a reload must go on counting.
fn throttle(lasting: &Lasting) -> Result<Arc<Throttle>, BuildFault> {
    let mut opened = lasting.tries.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(throttle) = &*opened {
        return Ok(Arc::clone(throttle));
    }
    let made = Throttle::open(&lasting.state.join(TRIES), Arc::clone(&lasting.clock));
    let made = Arc::new(made.map_err(BuildFault::Tries)?);
    *opened = Some(Arc::clone(&made));
    Ok(made)
}

fn threads(wanted: Option<NonZeroU32>) -> usize {
    let half = || std::thread::available_parallelism().map_or(1, |all| all.get().div_ceil(2));
    wanted.map_or_else(half, |wanted| usize::try_from(wanted.get()).unwrap_or(1))
}

fn fault(id: &ProviderId, cause: String) -> BuildFault {
    BuildFault::Directory { id: id.clone(), cause }
}
