//! Memory: of the idle gateway, and of what keeps a connection open and says nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::lab::connections::{self, Idle};
use crate::lab::echo::Echo;
use crate::lab::gateway::{Around, Gateway};
use crate::lab::nginx::Nginx;
use crate::lab::pause::pause;
use crate::lab::process::{Memory, Server};
use crate::lab::progress::Progress;
use crate::lab::visitor::Visitor;

/// All figures of memory.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Weights {
    /// Of each server before its first request.
    pub(super) idle: Vec<Idling>,
    /// Of each kind of connection.
    pub(super) each: Vec<Weight>,
}

/// An idle server.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Idling {
    pub(super) server: &'static str,
    pub(super) rss_mib: f64,
    pub(super) pss_mib: f64,
}

/// What one more idle connection costs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Weight {
    pub(super) server: &'static str,
    pub(super) kind: Kind,
    pub(super) connections: u32,
    pub(super) rss_kib: f64,
    pub(super) pss_kib: f64,
}

/// A kind of connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Plain,
    Tls,
    WebSocket,
}

/// How many steps of progress [`weigh`] makes.
pub(super) const STEPS: usize = 2 * KINDS.len();

const KINDS: [Kind; 3] = [Kind::Plain, Kind::Tls, Kind::WebSocket];
/// Opened and closed before the first look, so that what every server grows once is not counted.
const FIRST: u32 = 50;
/// How long memory is left to settle.
const SETTLES: Duration = Duration::from_secs(2);

/// Weighs both servers, each kind of connection with a fresh one: freed memory is not given back,
/// and would hide what the next kind takes.
pub(super) fn weigh(
    around: Around<'_>,
    echo: &Echo,
    count: u32,
    progress: &mut Progress,
) -> Result<Weights> {
    let mut weights = Weights { idle: Vec::new(), each: Vec::new() };
    for kind in KINDS {
        progress.step(&format!("nginx: memory, {}", kind.word()))?;
        let nginx = Nginx::proxy(around.backend, echo.address, around.certs)?;
        let subject = Subject::new("nginx", &nginx.server, (nginx.http, nginx.https), around.certs);
        weights.note(&subject, kind, count)?;
        echo.clear();

        progress.step(&format!("portcullis: memory, {}", kind.word()))?;
        let gateway = Gateway::start(around)?;
        let at = (gateway.http, gateway.https);
        let subject = Subject::new("portcullis", &gateway.server, at, around.certs);
        weights.note(&subject, kind, count)?;
        echo.clear();
    }
    Ok(weights)
}

struct Subject<'a> {
    name: &'static str,
    server: &'a Server,
    http: SocketAddr,
    https: SocketAddr,
    certs: &'a Path,
}

impl Weights {
    fn note(&mut self, subject: &Subject<'_>, kind: Kind, count: u32) -> Result<()> {
        if kind == Kind::Plain {
            pause(SETTLES);
            let memory = subject.server.memory()?;
            let (rss_mib, pss_mib) = (memory.rss / 1024.0, memory.pss / 1024.0);
            self.idle.push(Idling { server: subject.name, rss_mib, pss_mib });
        }
        let weight = subject.weigh(kind, count);
        self.each.push(weight.with_context(|| format!("{}, {}", subject.name, kind.word()))?);
        Ok(())
    }
}

impl<'a> Subject<'a> {
    const fn new(
        name: &'static str,
        server: &'a Server,
        (http, https): (SocketAddr, SocketAddr),
        certs: &'a Path,
    ) -> Self {
        Self { name, server, http, https, certs }
    }

    fn weigh(&self, kind: Kind, count: u32) -> Result<Weight> {
        let mut cookie = String::new();
        if kind == Kind::WebSocket && self.name == "portcullis" {
            cookie = Visitor::of(self.http).sign_in("/minted/x")?;
        }
        drop(self.open(kind, FIRST, &cookie)?);
        let before = self.settled()?;
        let open = self.open(kind, count, &cookie)?;
        let after = self.settled()?;
        drop(open);
        let each = |before: f64, after: f64| (after - before) / f64::from(count);
        Ok(Weight {
            server: self.name,
            kind,
            connections: count,
            rss_kib: each(before.rss, after.rss),
            pss_kib: each(before.pss, after.pss),
        })
    }

    fn settled(&self) -> Result<Memory> {
        pause(SETTLES);
        self.server.memory()
    }

    fn open(&self, kind: Kind, count: u32, cookie: &str) -> Result<Vec<Idle>> {
        let trust = connections::trust(self.certs)?;
        let one = |_| match kind {
            Kind::Plain => connections::plain(self.http, "/plain/x"),
            Kind::Tls => connections::tls(self.https, "/plain/x", &trust),
            Kind::WebSocket => connections::websocket(self.http, cookie),
        };
        (0..count).map(one).collect()
    }
}

impl Kind {
    /// As it is called in tables.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "TLS",
            Self::WebSocket => "WebSocket",
        }
    }
}
