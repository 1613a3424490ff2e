//! Keeps the connection: makes it, watches it, makes it anew.
//!
//! Answers and messages come on one connection, in the order in which the server wrote them. So an
//! answer proves that every message before it has been heard, and while the connection lives
//! nothing is missed. When it breaks, what memory holds counts for `max_staleness` after the last
//! answer; when there is a new one, everything is asked for anew at its next use.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::time::{Instant, sleep};

use crate::session::redis::link::Link;
use crate::session::redis::reach::{epoch, reach};

/// How often the server is asked whether it is there.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How often it is looked whether memory has become too old.
const TICK: Duration = Duration::from_millis(100);
/// Pauses between attempts: the first is short, since most breaks are a restart or a failover.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);
/// A connection that lived so long was a good one: the next pause is a short one again.
const GOOD: Duration = Duration::from_secs(5);

/// Keeps the link until it is dropped.
pub(super) async fn keep(link: Arc<Link>) {
    tokio::join!(connect(&link), shut_when_stale(&link));
}

async fn connect(link: &Link) {
    let mut pause = FIRST_PAUSE;
    let mut told = String::new();
    loop {
        link.probe(true);
        let reached = reach(link).await;
        link.probe(false);
        match reached {
            Ok((live, epoch)) => {
                let since = Instant::now();
                tracing::info!(place = live.place, "the session store is connected");
                // First the horizon: what the new connection reads must count.
                link.heard(since);
                link.ears.horizon.raise();
                link.restore(live);
                watch(link, epoch).await;
                told = link.unreachable().to_string();
                tracing::warn!(fault = told, "the connection to the session store is lost");
                if since.elapsed() > GOOD {
                    pause = FIRST_PAUSE;
                }
            }
            Err(fault) => {
                link.note(fault);
                let fault = link.unreachable().to_string();
                // The same fault at each attempt says no more than once.
                if fault != told {
                    tracing::warn!(fault, "the session store cannot be reached");
                    told = fault;
                }
            }
        }
        // Between half of it and all of it: gateways that lost one server do not come back as one.
        let [chance] = link.entropy.bytes::<1>();
        sleep(pause / 2 + pause * u32::from(chance) / 512).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

/// Watches the connection until it is given up.
async fn watch(link: &Link, mut known: Vec<u8>) {
    while link.is_live() {
        tokio::select! {
            () = link.ears.stirred.notified() => {}
            () = sleep(HEARTBEAT) => {}
        }
        let sent = Instant::now();
        let (name, index) = (&link.names.epoch, &link.names.over);
        let ask = async |mut connection: MultiplexedConnection| {
            let mut pipe = redis::pipe();
            let answers: RedisResult<(Option<Vec<u8>>, usize)> =
                pipe.get(name).cmd("ZCARD").arg(index).query_async(&mut connection).await;
            answers
        };
        let Ok((found, count)) = link.send("answer", ask).await else { continue };
        link.heard(sent);
        link.count.store(count, Ordering::Relaxed);
        link.ears.horizon.open();
        if found.as_ref() != Some(&known) {
            tracing::warn!("the session store has lost its data: it was flushed or restored");
            if let Ok(new) = link.send("write", async |it| epoch(link, it).await).await {
                known = new;
            }
            link.ears.horizon.raise();
        }
    }
}

/// What memory holds counts for so long after the last answer.
async fn shut_when_stale(link: &Link) {
    loop {
        sleep(TICK).await;
        if link.silent_for().is_none_or(|silent| silent > link.settings.max_staleness) {
            link.ears.horizon.shut();
        }
    }
}
