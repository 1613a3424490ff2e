//! A sign-in at one gateway in the moment in which another one ends all sessions of that person.

use std::sync::Barrier;
use std::sync::atomic::AtomicBool;

use super::replicas::{House, person};
use super::*;
use crate::session::{NewSession, SessionManager, Whose};

const ISSUER: &str = "https://idp.test";

/// Chance that has whoever draws wait: a sign-in draws its handle after it began, and before it is
/// written.
#[derive(Debug)]
struct Held {
    holds: AtomicBool,
    reached: Barrier,
    released: Barrier,
}

impl Entropy for Held {
    fn fill(&self, out: &mut [u8]) {
        if self.holds.swap(false, Ordering::SeqCst) {
            self.reached.wait();
            self.released.wait();
        }
        SystemEntropy.fill(out);
    }
}

struct World {
    server: Server,
    held: Arc<Held>,
    one: Arc<SessionManager>,
    two: Arc<SessionManager>,
}

impl World {
    async fn new() -> Self {
        let server = Server::start("");
        let house = House::over(&server);
        let held = Arc::new(Held {
            holds: AtomicBool::new(false),
            reached: Barrier::new(2),
            released: Barrier::new(2),
        });
        let one = house.gateway_drawing(Arc::clone(&held) as Arc<dyn Entropy>).await;
        let two = house.gateway_drawing(Arc::new(SystemEntropy)).await;
        Self { server, held, one, two }
    }

    /// Whether somebody is in who signs in at one gateway while something happens at the other.
    async fn comes_in(
        &self,
        new: NewSession,
        meanwhile: impl AsyncFnOnce(&SessionManager),
    ) -> bool {
        self.held.holds.store(true, Ordering::SeqCst);
        let at = Arc::clone(&self.one);
        let start = tokio::spawn(async move { at.start(new, None).await.unwrap() });
        self.held.reached.wait();
        meanwhile(&self.two).await;
        self.held.released.wait();
        let (handle, _) = start.await.unwrap();
        let found = [self.one.find(&handle).await.unwrap(), self.two.find(&handle).await.unwrap()];
        assert_eq!(found[0].is_some(), found[1].is_some(), "at both or at none");
        let told = self.one.sweep().await.ended;
        let is_told = told.iter().any(|ended| ended.key == handle.key());
        assert_eq!(is_told, found[0].is_none(), "{told:?}");
        found[0].is_some()
    }
}

fn ann() -> NewSession {
    let mut new = person("ann");
    new.tokens.provider_sub = Some("1007".to_owned());
    new.tokens.provider_sid = Some("s1".to_owned());
    new
}

fn at_the_provider(sid: Option<&str>, sub: Option<&str>) -> Whose {
    Whose {
        issuer: Some(ISSUER.to_owned()),
        provider_sid: sid.map(str::to_owned),
        provider_subject: sub.map(str::to_owned),
        ..Whose::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_is_being_written_does_not_outlive_the_end_of_all_at_another_gateway() {
    let world = World::new().await;
    let everywhere = async |two: &SessionManager| {
        let ended = two.end_all_of(ISSUER, "ann", EndCause::Logout).await.unwrap();
        assert_eq!(ended, 0, "none was there yet");
    };
    assert!(!world.comes_in(ann(), everywhere).await);
    for whose in [
        Whose::of(ISSUER, "ann"),
        at_the_provider(Some("s1"), None),
        at_the_provider(None, Some("1007")),
        Whose { provider: Some("corp".into()), ..Whose::default() },
        Whose::default(),
    ] {
        let end = async |two: &SessionManager| {
            let ends = two.end_those(&whose, EndCause::Backchannel).await;
            assert!(ends.ended.is_empty() && ends.fault.is_none(), "{ends:?}");
        };
        assert!(!world.comes_in(ann(), end).await, "{whose:?}");
        assert!(world.server.command("KEYS test-*:session:*").iter().all(|key| !key.contains(':')));
    }
    assert!(world.comes_in(ann(), async |_| {}).await, "who begins later is in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_is_kept_out_and_strangers_fill_no_store() {
    let world = World::new().await;
    for whose in [
        Whose::of(ISSUER, "bob"),
        at_the_provider(Some("s2"), None),
        at_the_provider(None, Some("1008")),
        Whose { sid: Some("of one session".to_owned()), ..Whose::default() },
    ] {
        let end = async |two: &SessionManager| {
            assert!(two.end_those(&whose, EndCause::Revoked).await.fault.is_none());
        };
        assert!(world.comes_in(ann(), end).await, "{whose:?}");
    }
    let bars = || world.server.command("KEYS test-*:barred:*").len();
    let before = bars();
    for n in 0..20 {
        let meant = at_the_provider(Some(&n.to_string()), None).indexed().unwrap();
        world.two.end_indexed(&meant, EndCause::Frontchannel).await;
    }
    assert_eq!(bars(), before, "nothing is proven of who says it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_still_ends_all_sessions_of_a_person() {
    let World { server, one, two, .. } = World::new().await;
    let (handle, _) = one.start(ann(), None).await.unwrap();
    server.command("CONFIG SET maxmemory-policy noeviction");
    server.command("CONFIG SET maxmemory 1mb");
    assert!(one.start(ann(), None).await.is_err(), "it takes nobody in");
    // It may take somebody in again before whoever asks does so once more.
    let ended = two.end_all_of(ISSUER, "ann", EndCause::Logout).await;
    assert!(ended.is_err(), "a sign-in elsewhere was not kept out: {ended:?}");
    assert!(two.find(&handle).await.unwrap().is_none());
    let ends = two.end_those(&at_the_provider(Some("s1"), None), EndCause::Backchannel).await;
    assert!(ends.fault.is_some());
    server.command("CONFIG SET maxmemory 0");
    assert_eq!(two.end_all_of(ISSUER, "ann", EndCause::Logout).await.unwrap(), 0);
}
