//! Where names and passwords are judged, whichever way they came.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::authn::authenticator::{RejectReason, Unavailable};
use crate::authn::throttle::{Allowance, Counted, Held};
use crate::authn::tries::{Ledger, Tries};
use crate::base::{ProviderId, Secret};
use crate::directory::{AccountKey, AccountName, Answer, Directory};
use crate::identity::Principal;

/// All directories, and how often they may be asked.
#[derive(Debug)]
pub struct PasswordDesk {
    directories: Vec<(ProviderId, Arc<dyn Directory>)>,
    tries: Tries,
    limits: PasswordLimits,
    room: Semaphore,
}

/// What all directories say together.
struct Verdict {
    /// The counter of the account that one of them knows.
    own: Option<Counted>,
    /// Whether one of them judged. If none did, it was no try.
    answered: bool,
    said: Said,
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
        tries: Tries,
        limits: PasswordLimits,
    ) -> Self {
        Self { directories, tries, room: Semaphore::new(limits.at_once), limits }
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
    /// knows the name decides: somebody of the same name behind it is somebody else, who must not
    /// come in by a name that is taken.
    ///
    /// Unless somebody is accepted every directory is asked, so that the time tells nobody which of
    /// them knows a name. A directory that cannot be asked ends it: it might have known the name.
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
        let ledger = match self.tries.take(&counted).await {
            Ok(ledger) => ledger,
            Err(held) => return withheld(held),
        };
        let verdict = self.ask(among, &name, password).await;
        let [(typed, allowance), address] = counted;
        // Were it given back after a directory answered, a wrong password there would cost nothing
        // while one behind it is down, and the right one would be let in.
        if !verdict.answered {
            self.tries.settle(ledger, &counted, &[]).await;
            return verdict.said;
        }
        // The account's own counter, whichever of its names was typed. It cannot be looked at before
        // the directory was asked; so its answer is withheld instead.
        let bare = name.without_domain().map(Counted::account);
        let stranger = Counted::stranger(name.folded());
        let bare_taken = match self.count(verdict.own, stranger, bare, allowance).await {
            Ok(taken) => taken,
            Err(held) => return withheld(held),
        };
        if let Said::Accept(..) = verdict.said {
            let forgotten: Vec<_> = [typed, stranger].into_iter().chain(verdict.own).collect();
            // The address keeps its other tries, and so does the name without its domain: it may be
            // somebody else's, and an account of one's own resets nothing of theirs.
            let bare = bare.filter(|_| bare_taken == Some(ledger)).map(|bare| (bare, allowance));
            let given_back: Vec<_> = [address].into_iter().chain(bare).collect();
            self.tries.settle(ledger, &given_back, &forgotten).await;
        }
        verdict.said
    }

    /// What the directories say, and whose account it is that one of them knows.
    async fn ask(
        &self,
        among: &[ProviderId],
        name: &AccountName,
        password: &Secret<String>,
    ) -> Verdict {
        let mut decided = None;
        let mut answered = false;
        for id in among {
            let Some((id, directory)) = self.directories.iter().find(|(own, _)| own == id) else {
                continue;
            };
            let own = |account: &AccountKey| Counted::account_of(id, account.as_str());
            match directory.check(name, password).await {
                Answer::Refuse => {}
                Answer::Disabled(account) => {
                    decided.get_or_insert((own(&account), RejectReason::Disabled));
                }
                Answer::Mistaken(account) => {
                    decided.get_or_insert((own(&account), RejectReason::Unknown));
                }
                Answer::Accept(account, principal) => {
                    if decided.is_none() {
                        let said = Said::Accept(id.clone(), Arc::from(principal));
                        return Verdict { own: Some(own(&account)), answered: true, said };
                    }
                }
                Answer::Unavailable(cause) => {
                    let said = unavailable("a directory", format!("`{id}`: {cause}"));
                    return Verdict { own: decided.map(|(own, _)| own), answered, said };
                }
            }
            answered = true;
        }
        let (own, reason) = decided.unzip();
        let said = Said::Reject(reason.unwrap_or(RejectReason::Unknown));
        Verdict { own, answered: true, said }
    }

    /// Takes a try of an account by what its directory calls it, and one of its name without a domain;
    /// where the latter was taken, if it was.
    ///
    /// The latter holds strangers only. So a name that nobody has runs out of tries over all its forms
    /// as an account does, and the answers tell the two no more apart; and `info` of one domain takes no
    /// tries from `info` of another. A name that nobody has takes one of `stranger` instead of an
    /// account's: as many questions to the counters take as long.
    async fn count(
        &self,
        own: Option<Counted>,
        stranger: Counted,
        bare: Option<Counted>,
        allowance: Allowance,
    ) -> Result<Option<Ledger>, Held> {
        let of_bare = match bare {
            Some(bare) => self.tries.take(&[(bare, allowance)]).await.map(Some),
            None => Ok(None),
        };
        self.tries.take(&[(own.unwrap_or(stranger), allowance)]).await?;
        match of_bare {
            Err(Held::TooMany(_)) if own.is_some() => Ok(None),
            taken => taken,
        }
    }
}

fn withheld(held: Held) -> Said {
    match held {
        Held::TooMany(wait) => Said::TooMany(wait),
        Held::Broken(cause) => unavailable("the counter of tries", cause),
    }
}

fn unavailable(dependency: &'static str, cause: String) -> Said {
    Said::Unavailable(Unavailable { dependency, cause: cause.into() })
}

#[cfg(test)]
mod tests;
