//! The least that a proxy on tokio can do: reads a head, forwards the bytes over a kept connection,
//! reads the answer's head for its length, forwards that. No policy, no limits, no errors.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use benches::subject::identity::{Identity, TOKEN_HEADER};
use benches::subject::serve::{Heads, field, on_each_core};
use clap::Parser;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// A proxy that does nothing.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where it listens
    #[arg(long)]
    http: SocketAddr,
    /// Where requests go
    #[arg(long)]
    backend: SocketAddr,
    /// The session that is let in; default: everybody is
    #[arg(long)]
    session: Option<String>,
}

struct Floor {
    backend: SocketAddr,
    identity: Option<Identity>,
}

fn main() -> Result<()> {
    let Arguments { http, backend, session } = Arguments::parse();
    let identity = session.as_deref().map(Identity::new).transpose()?;
    on_each_core(http, &Arc::new(Floor { backend, identity }), serve)
}

async fn serve(mut client: TcpStream, floor: Arc<Floor>) -> Result<()> {
    let mut upstream = TcpStream::connect(floor.backend).await?;
    upstream.set_nodelay(true)?;
    let (mut asked, mut answered) = (Heads::default(), Heads::default());
    while let Some(length) = asked.next(&mut client).await? {
        let head = asked.bytes().get(..length).unwrap_or_default();
        match &floor.identity {
            None => upstream.write_all(head).await?,
            Some(identity) => {
                let token = field(head, "cookie").and_then(|cookie| identity.token(cookie));
                let Some(token) = token else {
                    let no = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
                    client.write_all(no.as_bytes()).await?;
                    return Ok(());
                };
                let mut told = head.get(..length.saturating_sub(2)).unwrap_or_default().to_vec();
                told.extend_from_slice(format!("{TOKEN_HEADER}: {token}\r\n\r\n").as_bytes());
                upstream.write_all(&told).await?;
            }
        }
        let last = field(head, "connection").is_some_and(|value| value == "close");
        asked.consume(length);
        answer(&mut upstream, &mut client, &mut answered).await?;
        if last {
            break;
        }
    }
    Ok(())
}

async fn answer(from: &mut TcpStream, to: &mut TcpStream, heads: &mut Heads) -> Result<()> {
    let Some(length) = heads.next(from).await? else { bail!("the backend has gone") };
    let head = heads.bytes().get(..length).unwrap_or_default();
    let body: usize = field(head, "content-length").context("no length")?.parse()?;
    let whole = length.saturating_add(body);
    while heads.bytes().len() < whole {
        if !heads.more(from).await? {
            bail!("the backend has gone");
        }
    }
    to.write_all(heads.bytes().get(..whole).unwrap_or_default()).await?;
    heads.consume(whole);
    Ok(())
}
