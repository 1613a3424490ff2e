//! An upstream that breaks the rules.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::support::http::{read_body, read_head};

/// What it does with a request, after it has sent some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Reads the next request of the connection.
    Keep,
    /// Closes.
    Close,
    /// Closes so that the other side sees a reset.
    Reset,
    /// Says nothing more.
    Hang,
}

/// It answers each request target as it was told to.
pub(super) struct Crook {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Crook {
    pub(super) async fn start(
        plan: impl Fn(&str) -> (Vec<u8>, Then) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::new(plan);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let plan = Arc::clone(&plan);
                tokio::spawn(async move { serve(stream, &*plan).await });
            }
        });
        Self { address, task }
    }
}

impl Drop for Crook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, plan: &(impl Fn(&str) -> (Vec<u8>, Then) + Sync)) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some(mut request)) = read_head(&mut stream).await {
        let (bytes, then) = plan(request.target());
        if then != Then::Reset && read_body(&mut stream, &mut request, false).await.is_err() {
            return;
        }
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
        match then {
            Then::Keep => {}
            Then::Close => return,
            Then::Reset => {
                // Otherwise the reset overtakes what was sent.
                sleep(Duration::from_millis(50)).await;
                let socket = socket2::SockRef::from(stream.get_ref());
                socket.set_linger(Some(Duration::ZERO)).unwrap();
                return;
            }
            Then::Hang => std::future::pending().await,
        }
    }
}
