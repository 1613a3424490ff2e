//! Directory sections → the desk where passwords are judged.

use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError};

use tokio::sync::Semaphore;

use crate::app::build::BuildFault;
use crate::app::lasting::Lasting;
use crate::authn::password::{PasswordDesk, PasswordLimits};
use crate::authn::{Allowance, Throttle};
use crate::base::{ProviderId, SystemEntropy};
use crate::config::{Checked, Config, Directory as Section};
use crate::directory::{Directory, FileDirectory, Members};

/// The counters of tries, in the state directory.
const TRIES: &str = "password-tries.redb";

/// Looks for files that cannot be used.
pub(super) fn check(config: &Checked<Config>) -> Result<(), BuildFault> {
    for (id, Section::File(file)) in &config.directories {
        Members::read(&file.path).map_err(|cause| fault(id, cause.to_string()))?;
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
    let turns = Arc::new(Semaphore::new(threads(password.hash_threads)));
    let mut directories: Vec<(ProviderId, Arc<dyn Directory>)> = Vec::new();
    for (id, Section::File(file)) in &config.directories {
        let issuer = file.issuer.clone().unwrap_or_else(|| format!("directory:{id}"));
        let (turns, entropy) = (Arc::clone(&turns), Arc::new(SystemEntropy));
        let directory = FileDirectory::new(&file.path, issuer, turns, entropy);
        directory.look().map_err(|cause| fault(id, cause.to_string()))?;
        directories.push((id.clone(), Arc::new(directory)));
    }
    let allowance =
        |tries: NonZeroU32| Allowance { tries: tries.get(), within: password.tries_within.std() };
    let limits = PasswordLimits {
        account: allowance(password.account_tries),
        address: allowance(password.address_tries),
        at_once: usize::try_from(password.at_once.get()).unwrap_or(usize::MAX),
    };
    let desk = PasswordDesk::new(directories, throttle(lasting)?, limits);
    Ok(Some(Arc::new(desk)))
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
