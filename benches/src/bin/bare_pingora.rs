//! pingora's `HttpProxy` with an upstream and nothing else: what the gateway would cost if it did
//! nothing. With `--session` it finds a session and mints a token, as leanly as that can be done.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use benches::subject::identity::{Identity, TOKEN_HEADER};
use clap::Parser;
use pingora_core::listeners::tls::TlsSettings;
use pingora_core::server::Server;
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_http::RequestHeader;
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};

/// A proxy without a gateway.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where it speaks HTTP
    #[arg(long)]
    http: SocketAddr,
    /// Where it speaks HTTPS
    #[arg(long)]
    https: SocketAddr,
    /// The folder with `dev.pem` and `dev.key`
    #[arg(long)]
    certs: PathBuf,
    /// Where requests go
    #[arg(long)]
    backend: SocketAddr,
    /// Where `/events` and `/ws` go
    #[arg(long)]
    live: SocketAddr,
    /// The session that is let in; default: everybody is
    #[arg(long)]
    session: Option<String>,
}

struct Bare {
    backend: SocketAddr,
    live: SocketAddr,
    identity: Option<Identity>,
}

#[async_trait]
impl ProxyHttp for Bare {
    /// The token of this request.
    type CTX = Option<String>;

    fn new_ctx(&self) -> Self::CTX {
        None
    }

    async fn request_filter(
        &self,
        session: &mut Session,
        token: &mut Self::CTX,
    ) -> pingora_core::Result<bool> {
        let Some(identity) = &self.identity else { return Ok(false) };
        let cookie =
            session.req_header().headers.get("cookie").and_then(|value| value.to_str().ok());
        *token = cookie.and_then(|cookie| identity.token(cookie));
        if token.is_none() {
            session.respond_error(401).await?;
        }
        Ok(token.is_none())
    }

    async fn upstream_peer(
        &self,
        session: &mut Session,
        _: &mut Self::CTX,
    ) -> pingora_core::Result<Box<HttpPeer>> {
        let live = matches!(session.req_header().uri.path(), "/events" | "/ws");
        let to = if live { self.live } else { self.backend };
        Ok(Box::new(HttpPeer::new(to, false, String::new())))
    }

    async fn upstream_request_filter(
        &self,
        _: &mut Session,
        request: &mut RequestHeader,
        token: &mut Self::CTX,
    ) -> pingora_core::Result<()> {
        token.take().map_or(Ok(()), |token| request.insert_header(TOKEN_HEADER, token))
    }
}

fn main() -> Result<()> {
    let Arguments { http, https, certs, backend, live, session } = Arguments::parse();
    let conf = ServerConf {
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(Duration::from_secs(1).as_secs()),
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let identity = session.as_deref().map(Identity::new).transpose()?;
    let mut service = http_proxy_service(&server.configuration, Bare { backend, live, identity });
    service.add_tcp(&http.to_string());
    let file = |name| certs.join(name).into_os_string().into_string().ok();
    let (chain, key) = file("dev.pem").zip(file("dev.key")).context("a path that is no text")?;
    let mut tls = TlsSettings::intermediate(&chain, &key)?;
    tls.enable_h2();
    service.add_tls_with_settings(&https.to_string(), None, tls);
    server.add_service(service);
    server.run_forever()
}
