//! The connection to the server, and what stands before it: a queue with an end, a deadline for
//! each command, and a breaker that fails commands at once while there is no connection.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisError, RedisResult, ScriptInvocation, ServerErrorKind};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::{Instant, timeout};

use crate::base::Entropy;
use crate::session::horizon::Horizon;
use crate::session::redis::lately::Lately;
use crate::session::redis::names::{Names, changed, ended};
use crate::session::redis::settings::RedisSettings;
use crate::session::shared::{Breaker, Elsewhere, Vitals};
use crate::session::store::StoreError;

/// The one connection that commands go by. It is replaced by `keeper` alone, so that a server that
/// is down costs one attempt at a time, whatever the load.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) settings: RedisSettings,
    pub(super) names: Names,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) ears: Arc<Ears>,
    /// How many sessions there are, as of the last answer.
    pub(super) count: AtomicUsize,
    /// Fires when there is a connection again.
    pub(super) found: Notify,
    live: ArcSwapOption<Live>,
    last_heard: Mutex<Option<Instant>>,
    probing: AtomicBool,
    fault: Mutex<String>,
    room: Semaphore,
    counted: Counted,
}

/// What hears of ends and changes. The connection's own task calls it, before it hands on any later answer.
#[derive(Debug)]
pub(super) struct Ears {
    pub(super) horizon: Arc<Horizon>,
    pub(super) lately: Lately,
    /// Fires when the connection was given up, or broke.
    pub(super) stirred: Notify,
    /// By which this gateway knows its own changes.
    pub(super) own: String,
    news: mpsc::Sender<Elsewhere>,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) connection: MultiplexedConnection,
    pub(super) place: String,
}

#[derive(Debug, Default)]
struct Counted {
    commands: AtomicU64,
    connections: AtomicU64,
    timeouts: AtomicU64,
    refused: AtomicU64,
    unsent: AtomicU64,
}

/// News that wait to be heard. When there are more, everything in memory is asked for anew instead.
const NEWS: usize = 65_536;

impl Link {
    pub(super) fn new(
        settings: RedisSettings,
        entropy: Arc<dyn Entropy>,
    ) -> (Self, mpsc::Receiver<Elsewhere>) {
        let (news, heard) = mpsc::channel(NEWS);
        let horizon = Arc::new(Horizon::default());
        // Until there is a connection nothing can have been heard of.
        horizon.shut();
        let link = Self {
            names: Names::new(&settings.prefix),
            ears: Arc::new(Ears {
                horizon,
                lately: Lately::default(),
                stirred: Notify::new(),
                own: entropy.token::<12>(),
                news,
            }),
            entropy,
            count: AtomicUsize::new(0),
            found: Notify::new(),
            live: ArcSwapOption::empty(),
            last_heard: Mutex::default(),
            probing: AtomicBool::new(false),
            fault: Mutex::new("not asked yet".to_owned()),
            room: Semaphore::new(settings.in_flight),
            counted: Counted::default(),
            settings,
        };
        (link, heard)
    }

    /// Runs a script.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        doing: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        self.ask(doing, async |mut connection: MultiplexedConnection| {
            script.invoke_async(&mut connection).await
        })
        .await
    }

    /// Asks the server, if it can be asked now.
    pub(super) async fn ask<T>(
        &self,
        doing: &'static str,
        question: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, StoreError> {
        let Ok(_room) = self.room.try_acquire() else {
            self.counted.unsent.fetch_add(1, Ordering::Relaxed);
            let detail = format!("{} commands are under way already", self.settings.in_flight);
            return Err(StoreError::Io { doing, detail });
        };
        self.send(doing, question).await
    }

    /// The same past the queue's end, for the keeper.
    pub(super) async fn send<T>(
        &self,
        doing: &'static str,
        question: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, StoreError> {
        let Some(live) = self.live.load_full() else {
            self.counted.unsent.fetch_add(1, Ordering::Relaxed);
            return Err(self.unreachable());
        };
        self.counted.commands.fetch_add(1, Ordering::Relaxed);
        let limit = self.settings.command_timeout;
        match timeout(limit, question(live.connection.clone())).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(fault)) => {
                self.counted.refused.fetch_add(1, Ordering::Relaxed);
                if ends_connection(&fault) {
                    self.lose(&live, fault.to_string());
                }
                Err(StoreError::Io { doing, detail: fault.to_string() })
            }
            Err(_) => {
                self.counted.timeouts.fetch_add(1, Ordering::Relaxed);
                let detail = format!("no answer within {limit:?}");
                self.lose(&live, detail.clone());
                Err(StoreError::Io { doing, detail })
            }
        }
    }

    /// Gives a connection up, unless it was given up before.
    fn lose(&self, live: &Arc<Live>, why: String) {
        let was = self.live.compare_and_swap(&Some(Arc::clone(live)), None);
        if was.as_ref().is_some_and(|was| Arc::ptr_eq(was, live)) {
            self.note(why);
            self.ears.stirred.notify_one();
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.live.load().is_some()
    }

    /// A new connection is there.
    pub(super) fn restore(&self, live: Live) {
        self.counted.connections.fetch_add(1, Ordering::Relaxed);
        self.probing.store(false, Ordering::Relaxed);
        self.live.store(Some(Arc::new(live)));
        self.found.notify_waiters();
    }

    /// Notes that what was sent at `sent` was answered.
    pub(super) fn heard(&self, sent: Instant) {
        *self.last_heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(sent);
    }

    /// How long ago the last question was sent that was answered.
    pub(super) fn silent_for(&self) -> Option<Duration> {
        self.last_heard.lock().unwrap_or_else(PoisonError::into_inner).map(|sent| sent.elapsed())
    }

    pub(super) fn probe(&self, probing: bool) {
        self.probing.store(probing, Ordering::Relaxed);
    }

    pub(super) fn note(&self, why: String) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Why nobody can ask now.
    pub(super) fn unreachable(&self) -> StoreError {
        let named: Vec<_> = self.settings.servers.iter().map(ToString::to_string).collect();
        let detail = self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        StoreError::Unreachable { place: format!("redis {}", named.join(", ")), detail }
    }

    pub(super) fn vitals(&self) -> Vitals {
        let breaker = if self.is_live() {
            Breaker::Closed
        } else if self.probing.load(Ordering::Relaxed) {
            Breaker::HalfOpen
        } else {
            Breaker::Open
        };
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Vitals {
            breaker,
            commands: read(&self.counted.commands),
            connections: read(&self.counted.connections),
            timeouts: read(&self.counted.timeouts),
            refused: read(&self.counted.refused),
            unsent: read(&self.counted.unsent),
        }
    }
}

impl Ears {
    /// Hears of an end.
    pub(super) fn hear_end(&self, message: &[u8]) {
        let Some(gone) = ended(message) else { return };
        self.lately.add(gone.key);
        self.pass_on(Elsewhere::Ended(gone));
    }

    /// Hears of a change.
    pub(super) fn hear_change(&self, message: &[u8]) {
        if let Some(key) = changed(message, &self.own) {
            self.pass_on(Elsewhere::Changed(key));
        }
    }

    fn pass_on(&self, news: Elsewhere) {
        if self.news.try_send(news).is_err() {
            // Nobody listens fast enough: whoever comes next is asked for anew.
            self.horizon.raise();
        }
    }
}

/// What a connection cannot recover from: it is broken, or leads to a server that is no primary,
/// or no longer takes us for who we are.
fn ends_connection(fault: &RedisError) -> bool {
    if fault.is_unrecoverable_error() || fault.is_io_error() || fault.is_timeout() {
        return true;
    }
    matches!(fault.code(), Some("NOAUTH" | "WRONGPASS" | "UNBLOCKED"))
        || [
            ServerErrorKind::ReadOnly,
            ServerErrorKind::BusyLoading,
            ServerErrorKind::MasterDown,
            ServerErrorKind::ClusterDown,
        ]
        .into_iter()
        .any(|kind| fault.kind() == redis::ErrorKind::Server(kind))
}
