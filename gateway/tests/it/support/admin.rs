//! The admin API, over its socket and by command.

use std::path::Path;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;

use crate::support::gateway::Gateway;
use crate::support::http::{Message, read_answer};

/// One exchange over the socket.
pub(crate) async fn ask(gateway: &Gateway, method: &str, target: &str, body: &str) -> Message {
    ask_at(&gateway.folder().join("state/admin.sock"), method, target, body).await
}

pub(crate) async fn ask_at(socket: &Path, method: &str, target: &str, body: &str) -> Message {
    try_at(socket, method, target, body).await.expect("the socket answers")
}

/// As [`ask_at`], of a gateway that may be killed meanwhile.
pub(crate) async fn try_at(
    socket: &Path,
    method: &str,
    target: &str,
    body: &str,
) -> std::io::Result<Message> {
    let mut stream = UnixStream::connect(socket).await?;
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    read_answer(&mut stream, method).await
}

/// Runs a command that must succeed; what it prints.
pub(crate) async fn command(gateway: &Gateway, words: &[&str]) -> String {
    let out = gateway.cli(words).await;
    let (told, fault) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr));
    assert!(out.status.success(), "{words:?}: {told}{}", fault.unwrap());
    told
}

/// Runs a command that must fail; what it says.
pub(crate) async fn refused(gateway: &Gateway, words: &[&str]) -> String {
    let out = gateway.cli(words).await;
    assert_eq!(out.status.code(), Some(1), "{words:?}");
    String::from_utf8(out.stderr).unwrap()
}

/// Makes a key for `ci-bot` with `portcullis api-keys create`; the key and its public name.
pub(crate) async fn make_key(gateway: &Gateway, words: &[&str]) -> (String, String) {
    let create = ["api-keys", "create", "ci", "--owner", "ci-bot", "--json"];
    let told = command(gateway, &[&create[..], words].concat()).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    (text("key"), text("id"))
}
