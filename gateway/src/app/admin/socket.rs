//! The socket in the state directory.

use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::UnixListener;

/// The socket, bound; its file is removed when this is dropped.
pub(in crate::app) struct AdminSocket {
    pub(in crate::app) listener: UnixListener,
    /// The user whose it is: the gateway's own.
    pub(in crate::app) owner: u32,
    pub(in crate::app) file: SocketFile,
}

/// The socket's file.
pub(in crate::app) struct SocketFile(PathBuf);

/// The socket cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on the socket {path} (`server.admin.socket`): {cause}")]
pub struct SocketFault {
    path: PathBuf,
    cause: io::Error,
}

/// Who is at the other end of a connection, as the system says.
#[derive(Clone, Copy, Debug)]
pub(in crate::app) struct Peer {
    pub(in crate::app) uid: Option<u32>,
}

impl AdminSocket {
    /// Binds the socket (mode 0600). One that a killed gateway left behind is replaced.
    pub(in crate::app) fn bind(path: &Path) -> Result<Self, SocketFault> {
        let bind = || {
            remove_old(path)?;
            let listener = UnixListener::bind(path)?;
            let file = SocketFile(path.to_owned());
            // Until here another user may have connected, where the directory lets one: whose a
            // connection is is looked at for each.
            std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
            let owner = std::fs::symlink_metadata(path)?.uid();
            Ok(Self { listener, owner, file })
        };
        bind().map_err(|cause| SocketFault { path: path.to_owned(), cause })
    }
}

/// Only a socket that nobody answers on goes.
fn remove_old(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(fault) if fault.kind() == ErrorKind::NotFound => return Ok(()),
        Err(fault) => return Err(fault),
        Ok(there) if !there.file_type().is_socket() => {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "there is a file of that name"));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another gateway answers on it")),
        Err(_) => std::fs::remove_file(path),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self { uid: stream.io().peer_cred().ok().map(|peer| peer.uid()) }
    }
}
