//! A directory as a test wants it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use crate::authn::password::desk::{PasswordDesk, PasswordLimits};
use crate::authn::throttle::{Allowance, Throttle};
use crate::authn::tries::Tries;
use crate::base::{Entropy, ManualClock, Secret, SystemEntropy, Timestamp};
use crate::directory::{AccountKey, AccountName, Answer, Directory};
use crate::identity::Principal;

/// Knows `ann` and `eve`, who is disabled in `staff`; everybody has the password `<own id>-password`.
#[derive(Debug)]
pub(super) struct Fake {
    id: &'static str,
    pub(super) down: AtomicBool,
    pub(super) asked: AtomicUsize,
    pub(super) seen: Mutex<Vec<String>>,
    /// Each question takes one and keeps it.
    pub(super) gate: Semaphore,
}

impl Fake {
    pub(super) fn new(id: &'static str) -> Arc<Self> {
        let gate = Semaphore::new(1_000_000);
        Arc::new(Self {
            id,
            down: AtomicBool::default(),
            asked: AtomicUsize::default(),
            seen: Mutex::default(),
            gate,
        })
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Directory for Fake {
    async fn check(&self, name: &AccountName, password: &Secret<String>) -> Answer {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.seen.lock().unwrap().push(name.folded().to_owned());
        self.gate.acquire().await.unwrap().forget();
        if self.down.load(Ordering::SeqCst) {
            return Answer::Unavailable("no answer".to_owned());
        }
        let (known, account) = match name.folded() {
            "ann" | "eve" => (true, name.folded()),
            // One account with three names; `bob` is known to guests only.
            "bob" | "bob@corp.test" | "robert" if self.id == "guests" => (true, "cn=bob"),
            // Somebody else than `ann` of staff, whatever guests calls them.
            "ann@evil.test" if self.id == "guests" => (true, "ann"),
            _ => (false, ""),
        };
        let right = *password.expose() == format!("{}-password", self.id);
        let key = AccountKey::new(account);
        match (known, account, right) {
            (false, ..) => Answer::Refuse,
            (true, "eve", _) if self.id == "staff" => Answer::Disabled(key),
            (true, _, false) => Answer::Mistaken(key),
            (true, account, true) => {
                Answer::Accept(key, Box::new(Principal::new(self.id, account)))
            }
        }
    }
}

/// A desk before `staff` and `guests`, with little patience.
pub(super) struct Lab {
    pub(super) staff: Arc<Fake>,
    pub(super) guests: Arc<Fake>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) desk: Arc<PasswordDesk>,
    file: PathBuf,
}

impl Lab {
    pub(super) fn new() -> Self {
        Self::counting_by(|tries| tries)
    }

    /// The same, where `counting` says how tries are counted.
    pub(super) fn counting_by(counting: impl FnOnce(Tries) -> Tries) -> Self {
        let entropy: &dyn Entropy = &SystemEntropy;
        let file = std::env::temp_dir().join(format!("desk-{}.redb", entropy.token::<9>()));
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_800_000_000)));
        let throttle = Arc::new(Throttle::open(&file, clock.clone()).unwrap());
        let (staff, guests) = (Fake::new("staff"), Fake::new("guests"));
        let within = Duration::from_secs(600);
        let limits = PasswordLimits {
            account: Allowance { tries: 3, within },
            address: Allowance { tries: 6, within },
            at_once: 2,
        };
        let directories: Vec<(_, Arc<dyn Directory>)> =
            vec![("guests".into(), guests.clone()), ("staff".into(), staff.clone())];
        let desk =
            Arc::new(PasswordDesk::new(directories, counting(Tries::alone(throttle)), limits));
        Self { staff, guests, clock, desk, file }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}
