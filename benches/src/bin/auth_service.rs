//! Answers whether a session is good, and with what token: what other proxies ask.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use benches::subject::identity::{Identity, TOKEN_HEADER};
use benches::subject::serve::{Heads, field, on_each_core};
use clap::Parser;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// An authentication service for `auth_request`, `ext_authz` and `forward_auth`.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where it listens
    #[arg(long)]
    listen: SocketAddr,
    /// The session that is good
    #[arg(long)]
    session: String,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    on_each_core(arguments.listen, &Arc::new(Identity::new(&arguments.session)?), serve)
}

async fn serve(mut client: TcpStream, identity: Arc<Identity>) -> Result<()> {
    let mut heads = Heads::default();
    while let Some(length) = heads.next(&mut client).await? {
        let head = heads.bytes().get(..length).unwrap_or_default();
        let token = field(head, "cookie").and_then(|cookie| identity.token(cookie));
        let answer = token.map_or_else(
            || "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_owned(),
            |token| {
                format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{TOKEN_HEADER}: {token}\r\n\r\n")
            },
        );
        client.write_all(answer.as_bytes()).await?;
        heads.consume(length);
    }
    Ok(())
}
