//! The running gateway, asked over its socket.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::config::ADMIN_SOCKET;

/// Where the gateway is.
#[derive(Clone, Debug, Args)]
pub(super) struct Control {
    /// The gateway's state directory: `[server] state` of its configuration
    #[arg(long, value_name = "DIR", default_value = "state", global = true)]
    pub(super) state: PathBuf,
    /// The gateway's socket, where `server.admin.socket` names another one than that in the state directory
    #[arg(long, value_name = "FILE", global = true)]
    socket: Option<PathBuf>,
}

/// Why the gateway did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum ControlFault {
    /// The socket is there, and it does not go well.
    #[error("the gateway at {path} does not answer: {cause}")]
    Io {
        /// The socket.
        path: PathBuf,
        /// What happened.
        cause: io::Error,
    },
    /// Nobody is there.
    #[error(
        "no gateway runs at {0}; start it, or say where it is: --state DIR, as `server.state` of its \
         configuration, or --socket FILE"
    )]
    NotRunning(PathBuf),
    /// It is not the gateway's.
    #[error("{0} belongs to another user than the directory it is in, and is not asked")]
    NotTheirs(PathBuf),
    /// It said no, and why.
    #[error("{message}")]
    Refused {
        /// The stable word for it.
        code: String,
        /// Why, with the remedy.
        message: String,
    },
}

/// A revocation of a million sessions takes a while.
const PATIENCE: Duration = Duration::from_secs(120);
const LARGEST_ANSWER: u64 = 256 << 20;

impl Control {
    /// One exchange; the document of the answer.
    ///
    /// # Errors
    /// Nobody is there, or it was refused.
    pub(super) fn ask(
        &self,
        method: &str,
        target: &str,
        document: Option<&Value>,
    ) -> Result<Value, ControlFault> {
        let path = self.path();
        let io = |cause| ControlFault::Io { path: path.clone(), cause };
        check(&path)?;
        let mut stream = match UnixStream::connect(&path) {
            Ok(stream) => stream,
            // One that a killed gateway left behind.
            Err(cause) if cause.kind() == ErrorKind::ConnectionRefused => {
                return Err(ControlFault::NotRunning(path));
            }
            Err(cause) => return Err(io(cause)),
        };
        stream.set_read_timeout(Some(PATIENCE)).map_err(io)?;
        let body = document.map(Value::to_string).unwrap_or_default();
        let kind = if document.is_some() { "Content-Type: application/json\r\n" } else { "" };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\n{kind}Content-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).map_err(io)?;
        let mut answer = Vec::new();
        stream.take(LARGEST_ANSWER).read_to_end(&mut answer).map_err(io)?;
        let odd = || io(io::Error::new(ErrorKind::InvalidData, "its answer cannot be read"));
        let (good, document) = read(&answer).ok_or_else(odd)?;
        if good {
            return Ok(document);
        }
        let text = |name: &str| document.get(name).and_then(Value::as_str).map(str::to_owned);
        let message = text("message").ok_or_else(odd)?;
        Err(ControlFault::Refused { code: text("error").unwrap_or_default(), message })
    }

    fn path(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(|| self.state.join(ADMIN_SOCKET))
    }
}

/// Whoever can write into a shared directory could lay a socket of their own there.
fn check(path: &Path) -> Result<(), ControlFault> {
    let nobody = || ControlFault::NotRunning(path.to_owned());
    let there = std::fs::symlink_metadata(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => nobody(),
        _ => ControlFault::Io { path: path.to_owned(), cause },
    })?;
    if !there.file_type().is_socket() {
        return Err(nobody());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = std::fs::metadata(folder.unwrap_or(Path::new(".")));
    let folder = folder.map_err(|cause| ControlFault::Io { path: path.to_owned(), cause })?;
    let ours = there.uid() == folder.uid() || there.uid() == 0;
    if ours { Ok(()) } else { Err(ControlFault::NotTheirs(path.to_owned())) }
}

/// Whether an answer is good, and its document. Our own server gives lengths and no chunks.
fn read(answer: &[u8]) -> Option<(bool, Value)> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
    Some(((200..300).contains(&status), serde_json::from_str(body).ok()?))
}

/// Rows in columns, each as wide as it must be.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A member as a person reads it, without characters that would move the cursor.
pub(super) fn cell(document: &Value, name: &str) -> String {
    let text = match document.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
            if items.is_empty() { "-".to_owned() } else { items.join(",") }
        }
        Some(other) => other.to_string(),
    };
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(state: &Path) -> Control {
        Control { state: state.to_owned(), socket: None }
    }

    #[test]
    fn where_nobody_is_it_is_said_with_the_remedy() {
        let fault = at(Path::new("/nonexistent")).ask("GET", "/sessions", None).unwrap_err();
        assert!(matches!(fault, ControlFault::NotRunning(_)));
        assert!(fault.to_string().contains("--state DIR"), "{fault}");
        let folder = std::env::temp_dir().join(format!("control-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let socket = folder.join(ADMIN_SOCKET);
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        let fault = at(&folder).ask("GET", "/sessions", None).unwrap_err();
        assert!(matches!(fault, ControlFault::NotRunning(_)), "left behind: {fault}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_answer_is_read_and_shown_without_tricks() {
        let (good, document) =
            read(b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n{\"error\":1}").unwrap();
        assert!(!good && document == json!({ "error": 1 }));
        assert!(read(b"HTTP/1.1 200 OK\r\n\r\nno json").is_none());
        let shown = cell(&json!({ "name": "a\u{1b}[2Jb" }), "name");
        assert_eq!(shown, "a?[2Jb");
        let rows = [vec!["ID".to_owned(), "N".to_owned()], vec!["x".to_owned(), "long".to_owned()]];
        assert_eq!(table(&rows), "ID  N\nx   long");
    }
}
