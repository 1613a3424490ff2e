//! One run of the lab, from the first server to the last figure.

use anyhow::{Context as _, Result, bail};

use crate::lab::echo::Echo;
use crate::lab::folder::Folder;
use crate::lab::gateway::{self, Around, Gateway, Provider};
use crate::lab::load::{Plan, Row, Subject};
use crate::lab::memory;
use crate::lab::nginx::{self, BODY, Nginx};
use crate::lab::options::{Options, Scenario};
use crate::lab::progress::Progress;
use crate::lab::report::Report;
use crate::lab::stop;
use crate::lab::visitor::{Visitor, get};
use crate::lab::wrk::{Ask, Wrk};

/// Measures what the options ask for, prints it and writes it down.
///
/// # Errors
/// What could not be started, or what did not answer as it should.
pub fn run(options: &Options) -> Result<()> {
    stop::listen()?;
    let certs = Folder::new()?;
    gateway::make_certificate(certs.path())?;
    let echo = Echo::start()?;
    let backend = Nginx::backend()?;
    let provider = Provider::start()?;
    let around = Around {
        provider: provider.address,
        backend: backend.http,
        echo: echo.address,
        certs: certs.path(),
    };
    let wrk = Wrk::new(options.connections)?;
    let plan = Plan {
        wrk: &wrk,
        backend: &backend.server,
        rounds: options.rounds,
        seconds: options.seconds,
    };
    let loads: Vec<_> = [Scenario::Plain, Scenario::Minted]
        .into_iter()
        .filter(|scenario| options.wants(*scenario))
        .collect();
    let subjects = if loads.is_empty() { 0 } else { loads.len() + 1 };
    let weighs = options.wants(Scenario::Memory);
    let mut progress = Progress::new(plan.steps(subjects) + if weighs { memory::STEPS } else { 0 });
    let load =
        if loads.is_empty() { Vec::new() } else { loaded(&plan, around, &loads, &mut progress)? };
    let memory = if weighs {
        Some(memory::weigh(around, &echo, options.idle, &mut progress)?)
    } else {
        None
    };
    progress.end();
    Report::new(options, nginx::version(), load, memory).publish(&options.results)
}

/// The rows of all work under load, nginx first.
fn loaded(
    plan: &Plan<'_>,
    around: Around<'_>,
    loads: &[Scenario],
    progress: &mut Progress,
) -> Result<Vec<Row>> {
    let proxy = Nginx::proxy(around.backend, around.echo, around.certs)?;
    let gateway = Gateway::start(around)?;
    let cookie = Visitor::of(gateway.http).sign_in("/minted/x").context("nobody can sign in")?;
    check(&gateway, &proxy, &cookie)?;
    let plain = Ask { to: proxy.http, path: "/plain/x", cookie: String::new() };
    let mut subjects =
        vec![Subject { name: "nginx proxy_pass", server: &proxy.server, ask: plain.clone() }];
    for load in loads {
        let (name, ask) = match load {
            Scenario::Minted => (
                "portcullis session + EdDSA",
                Ask { path: "/minted/x", cookie: cookie.clone(), ..plain.clone() },
            ),
            Scenario::Plain | Scenario::Memory => ("portcullis plain", plain.clone()),
        };
        let ask = Ask { to: gateway.http, ..ask };
        subjects.push(Subject { name, server: &gateway.server, ask });
    }
    plan.measure(&subjects, progress)
}

/// Looks that each server does the work it is measured for: a fast refusal must not pass for speed.
fn check(gateway: &Gateway, proxy: &Nginx, cookie: &str) -> Result<()> {
    for (to, path, cookie) in [
        (proxy.http, "/plain/x", ""),
        (gateway.http, "/plain/x", ""),
        (gateway.http, "/minted/x", cookie),
    ] {
        let answer = get(to, path, cookie)?;
        if answer.status != 200 || answer.body.len() != BODY {
            bail!("{path} gives {} with {} bytes", answer.status, answer.body.len());
        }
    }
    if get(gateway.http, "/minted/x", "")?.status == 200 {
        bail!("/minted/x is open to everybody");
    }
    let token = || -> Result<String> { Ok(get(gateway.http, "/minted/token", cookie)?.body) };
    let (one, other) = (token()?, token()?);
    if one.split('.').count() != 3 || one == other {
        bail!("the backend does not get a token of its own with each request: {one} {other}");
    }
    Ok(())
}
