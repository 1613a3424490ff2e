//! Where names and passwords are judged, whichever way they came.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::authn::authenticator::{RejectReason, Unavailable};
use crate::authn::throttle::{Allowance, Counted, Held, Throttle};
use crate::base::{ProviderId, Secret};
use crate::directory::{AccountName, Answer, Directory};
use crate::identity::Principal;

/// All directories, and how often they may be asked.
#[derive(Debug)]
pub struct PasswordDesk {
    directories: Vec<(ProviderId, Arc<dyn Directory>)>,
    throttle: Arc<Throttle>,
    limits: PasswordLimits,
    room: Semaphore,
}

/// How much is allowed.
#[derive(Clone, Copy, Debug)]
pub struct PasswordLimits {
    /// Failed tries of one account, from wherever.
    pub account: Allowance,
    /// Failed tries of one address, for whichever account.
    pub address: Allowance,
    /// Logins that are judged or wait for it.
    pub at_once: usize,
}

/// What is said of a name and a password.
#[derive(Debug)]
pub enum Said {
    /// Good, says this directory.
    Accept(ProviderId, Arc<Principal>),
    /// Not good; the reason is for the log, and never for who tried.
    Reject(RejectReason),
    /// Not looked at: too many tries. When the next one is.
    TooMany(Duration),
    /// Nobody can say just now.
    Unavailable(Unavailable),
}

/// In bytes. More is no password, and hashing it would be work for nothing.
const LONGEST: usize = 1024;

impl PasswordDesk {
    /// A desk before these directories.
    pub fn new(
        directories: Vec<(ProviderId, Arc<dyn Directory>)>,
        throttle: Arc<Throttle>,
        limits: PasswordLimits,
    ) -> Self {
        Self { directories, throttle, room: Semaphore::new(limits.at_once), limits }
    }

    /// Whether a name is that of a directory.
    pub fn has(&self, id: &ProviderId) -> bool {
        self.directories.iter().any(|(own, _)| own == id)
    }

    /// All directories, in the order of their names.
    pub fn ids(&self) -> impl Iterator<Item = &ProviderId> {
        self.directories.iter().map(|(id, _)| id)
    }

    /// Judges a name and a password by the directories of `among`, in that order. The first one that
    /// accepts decides; an account that one of them has switched off is off in those behind it.
    ///
    /// Unless somebody is accepted every directory is asked, so that the time tells nobody which of
    /// them knows a name. A directory that cannot be asked ends it: the ones behind must not let in
    /// whom it would have refused.
    pub async fn judge(
        &self,
        among: &[ProviderId],
        client: IpAddr,
        name: &str,
        password: &Secret<String>,
    ) -> Said {
        let Some(name) = AccountName::parse(name) else {
            return Said::Reject(RejectReason::Malformed);
        };
        if password.expose().is_empty() || password.expose().len() > LONGEST {
            return Said::Reject(RejectReason::Malformed);
        }
        // No queue: whoever is not let into the room may ask again, and nobody holds memory meanwhile.
        let Ok(_room) = self.room.try_acquire() else {
            return unavailable("the check of passwords", "too many logins at once".to_owned());
        };
        let counted = [
            (Counted::account(name.folded()), self.limits.account),
            (Counted::address(client), self.limits.address),
        ];
        // Taken before, and given back after: tries at the same moment are counted too.
        match self.counter(move |throttle| throttle.take(&counted)).await {
            Ok(()) => {}
            Err(Held::TooMany(wait)) => return Said::TooMany(wait),
            Err(Held::Broken(cause)) => return unavailable("the counter of tries", cause),
        }
        let said = self.ask(among, &name, password).await;
        let [(account, _), address] = counted;
        let settled = match said {
            Said::Accept(..) => {
                let settle = move |throttle: &Throttle| {
                    // The address keeps its other tries: an account of one's own resets nothing.
                    throttle.forget(account).and_then(|()| throttle.give_back(&[address]))
                };
                self.counter(move |it| settle(it).map_err(Held::Broken)).await
            }
            Said::Unavailable(_) => {
                self.counter(move |it| it.give_back(&counted).map_err(Held::Broken)).await
            }
            Said::Reject(_) | Said::TooMany(_) => Ok(()),
        };
        if let Err(fault) = settled {
            tracing::warn!(?fault, "a try that counts as none could not be given back");
        }
        said
    }

    async fn ask(
        &self,
        among: &[ProviderId],
        name: &AccountName,
        password: &Secret<String>,
    ) -> Said {
        let (mut disabled, mut accepted) = (false, None);
        for id in among {
            let Some((id, directory)) = self.directories.iter().find(|(own, _)| own == id) else {
                continue;
            };
            match directory.check(name, password).await {
                Answer::Refuse => {}
                Answer::Disabled => disabled = true,
                Answer::Accept(principal) if disabled => drop(principal),
                Answer::Accept(principal) => {
                    accepted = Some((id.clone(), Arc::from(principal)));
                    break;
                }
                Answer::Unavailable(cause) => {
                    return unavailable("a directory", format!("`{id}`: {cause}"));
                }
            }
        }
        match accepted {
            Some((id, principal)) => Said::Accept(id, principal),
            None if disabled => Said::Reject(RejectReason::Disabled),
            None => Said::Reject(RejectReason::Unknown),
        }
    }

    async fn counter<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Throttle) -> Result<T, Held> + Send + 'static,
    ) -> Result<T, Held> {
        let throttle = Arc::clone(&self.throttle);
        let done = tokio::task::spawn_blocking(move || work(&throttle)).await;
        done.unwrap_or_else(|cause| Err(Held::Broken(cause.to_string())))
    }
}

fn unavailable(dependency: &'static str, cause: String) -> Said {
    Said::Unavailable(Unavailable { dependency, cause: cause.into() })
}

#[cfg(test)]
mod tests;
