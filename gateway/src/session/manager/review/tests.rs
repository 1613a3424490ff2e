use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::base::{Clock, Entropy, ManualClock, SeededEntropy, Timestamp};
use crate::crypto::{Sealer, SealingKeys};
use crate::identity::{Principal, WayIn};
use crate::session::manager::RECORD;
use crate::session::manager::scripted::ScriptedStore;
use crate::session::{
    AtEnd, Lifetimes, LiveStreams, NewSession, Opening, ProviderTokens, Session, SessionSettings,
    Standing, StreamTicket,
};

const SOON: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3_600);

/// What all streams of a test are judged by.
#[derive(Debug, Default)]
struct Rules {
    outdated: AtomicBool,
    /// Who may not, among those who may else.
    banned: AtomicBool,
    judged: AtomicUsize,
}

#[derive(Debug)]
struct By(Arc<Rules>);

impl Standing for By {
    fn is_outdated(&self) -> bool {
        self.0.outdated.load(Ordering::SeqCst)
    }

    fn judge(&self, session: Option<&Session>) -> Judgement {
        self.0.judged.fetch_add(1, Ordering::SeqCst);
        let Some(session) = session else { return Judgement::Over };
        if self.0.banned.load(Ordering::SeqCst) || session.principal.groups.is_empty() {
            return Judgement::Over;
        }
        Judgement::GoesOn(Some(session.created.after(HOUR)))
    }
}

struct Process {
    manager: Arc<SessionManager>,
    clock: Arc<ManualClock>,
    rules: Arc<Rules>,
    reviewing: JoinHandle<()>,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.reviewing.abort();
    }
}

impl Process {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000)));
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(5));
        let keys = Arc::new(SealingKeys::in_memory(&SeededEntropy::new(6)));
        let manager = Arc::new(SessionManager::new(
            ScriptedStore::new(),
            Sealer::new(keys, Arc::clone(&entropy)),
            Arc::new(LiveStreams::new(100)),
            Arc::clone(&clock) as Arc<dyn Clock>,
            entropy,
            SessionSettings { lifetimes: Lifetimes { idle: HOUR, absolute: 2 * HOUR }, hot: 10 },
        ));
        let reviewer = Arc::clone(&manager);
        let reviewing = tokio::spawn(async move { reviewer.review().await });
        Self { manager, clock, rules: Arc::default(), reviewing }
    }

    fn new_session(&self, groups: &[&str]) -> NewSession {
        let mut who = Principal::new("https://idp.test", "ann");
        who.groups = groups.iter().map(|&group| group.into()).collect();
        NewSession {
            principal: Arc::new(who),
            signed_in_by: WayIn::Oidc,
            provider: "corp".into(),
            auth_time: self.clock.now(),
            auth_time_stated: true,
            acr: None,
            amr: Arc::new([]),
            acrs: Arc::new([]),
            tokens: ProviderTokens::default(),
        }
    }

    async fn sign_in(&self) -> Arc<Session> {
        self.manager.start(self.new_session(&["staff"]), None).await.unwrap().1
    }

    /// What a refresh does that finds other groups.
    fn renew(&self, session: &Session, groups: &[&str]) {
        let new = self.new_session(groups);
        let (key, sid) = (session.key, session.sid.to_string());
        let renewed = Session::begin(&new, key, sid, session.created, 2 * HOUR);
        self.manager.hot.insert(key, Arc::new(renewed));
        assert!(!self.manager.is_current(session.reference()));
        self.manager.live().changed(&key);
    }

    fn open(&self, key: SessionKey, at_end: AtEnd) -> StreamTicket {
        let standing: Box<dyn Standing> = Box::new(By(Arc::clone(&self.rules)));
        let opening = Opening { at_end, standing: Some(standing), ..Opening::default() };
        self.manager.live().bind(key, opening).unwrap()
    }

    async fn judged(&self, count: usize) {
        let judged = async {
            while self.rules.judged.load(Ordering::SeqCst) < count {
                tokio::task::yield_now().await;
            }
        };
        timeout(SOON, judged).await.expect("it is judged");
    }
}

#[tokio::test]
async fn a_lost_group_ends_the_streams_of_its_session_and_of_no_other() {
    let it = Process::new();
    let (ann, ben) = (it.sign_in().await, it.sign_in().await);
    assert!(it.manager.is_current(ann.reference()));
    let (mine, kept, other) = (
        it.open(ann.key, AtEnd::Close),
        it.open(ann.key, AtEnd::Keep),
        it.open(ben.key, AtEnd::Close),
    );
    it.manager.live().changed(&[9; 32]);
    it.renew(&ann, &["staff", "more"]);
    it.judged(2).await;
    assert_eq!((mine.over(), kept.over()), (None, None), "a renewal without loss is not noticed");
    it.renew(&ann, &[]);
    assert_eq!(timeout(SOON, mine.ended()).await, Ok(EndCause::Policy));
    assert_eq!(timeout(SOON, kept.ended()).await, Ok(EndCause::Policy), "whatever its route keeps");
    assert_eq!(other.over(), None);
    assert!(it.manager.is_current(ben.reference()));
}

#[tokio::test]
async fn a_session_that_is_read_anew_is_held_against_its_streams() {
    let it = Process::new();
    let ann = it.sign_in().await;
    let stream = it.open(ann.key, AtEnd::Close);
    // What another gateway wrote, and no message told of.
    let less = it.new_session(&[]);
    let other = Session::begin(&less, ann.key, ann.sid.to_string(), ann.created, 2 * HOUR);
    let record = it.manager.sealer.seal(RECORD, &ann.key, &other.to_record());
    assert!(it.manager.store.replace(ann.key, vec![], record, Vec::new()).await.unwrap());
    it.manager.hot.remove(&ann.key);
    assert!(it.manager.look_up(&ann.key).await.unwrap().is_some());
    assert_eq!(timeout(SOON, stream.ended()).await, Ok(EndCause::Policy));
}

#[tokio::test]
async fn what_must_be_asked_for_anew_is_not_current() {
    let it = Process::new();
    let ann = it.sign_in().await;
    assert!(it.manager.is_current(ann.reference()));
    it.manager.horizon.raise();
    assert!(!it.manager.is_current(ann.reference()));
}

#[tokio::test(start_paused = true)]
async fn a_judgement_may_move_the_end() {
    let it = Process::new();
    let ann = it.sign_in().await;
    let stream = it.open(ann.key, AtEnd::Close).until(Duration::from_secs(10));
    it.renew(&ann, &["staff"]);
    it.judged(1).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(stream.over(), None, "until then its time was not over");
    assert_eq!(stream.ended().await, EndCause::Expired);
}

#[tokio::test]
async fn other_rules_are_held_against_the_streams_that_they_are_for() {
    let it = Process::new();
    let ann = it.sign_in().await;
    let stream = it.open(ann.key, AtEnd::Close);
    let ordinary = it.manager.live().register(ann.key).unwrap();
    it.manager.live().rules_changed();
    tokio::task::yield_now().await;
    it.rules.outdated.store(true, Ordering::SeqCst);
    it.manager.live().rules_changed();
    it.judged(1).await;
    assert_eq!(stream.over(), None, "it may by the new rules too");
    it.rules.banned.store(true, Ordering::SeqCst);
    it.manager.live().rules_changed();
    assert_eq!(timeout(SOON, stream.ended()).await, Ok(EndCause::Policy));
    assert_eq!(ordinary.over(), None, "of one that nobody can judge");
    assert_eq!(it.rules.judged.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_stream_that_outlives_its_session_cannot_stand_by_it() {
    let it = Process::new();
    let ann = it.sign_in().await;
    let stream = it.open(ann.key, AtEnd::Keep);
    it.clock.advance(HOUR);
    it.manager.sweep().await;
    assert_eq!(stream.over(), None);
    it.manager.sweep().await;
    assert_eq!(stream.over(), None, "the next sweep does not take it for one that was forgotten");
    it.rules.outdated.store(true, Ordering::SeqCst);
    it.manager.live().rules_changed();
    assert_eq!(timeout(SOON, stream.ended()).await, Ok(EndCause::Policy));
}
