//! Lines as syslog messages (RFC 5424), by datagram or by a stream with octet counting (RFC 6587).

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

/// Where syslog listens.
#[derive(Clone, Debug)]
pub enum SyslogPlace {
    /// A TCP address; each message is preceded by its length.
    Tcp(SocketAddr),
    /// A UDP address, one message a datagram.
    Udp(SocketAddr),
    /// A datagram socket of this machine, such as `/dev/log`.
    Unix(PathBuf),
}

/// Sends each line of a batch as a message. What stands in a line is the message already.
#[derive(Debug)]
pub(super) struct Syslog {
    place: SyslogPlace,
    open: Option<Open>,
}

#[derive(Debug)]
enum Open {
    Tcp(TcpStream),
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

/// A server that takes nothing holds up only its own thread, and only so long for each batch.
const PATIENCE: Duration = Duration::from_secs(1);

impl Syslog {
    /// Connects with the first line: a server that starts later than the gateway is no fault.
    pub(super) const fn to(place: SyslogPlace) -> Self {
        Self { place, open: None }
    }

    fn connect(&self) -> std::io::Result<Open> {
        match &self.place {
            SyslogPlace::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, PATIENCE)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Ok(Open::Tcp(stream))
            }
            SyslogPlace::Udp(address) => {
                let any: IpAddr = match address {
                    SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                let socket = UdpSocket::bind((any, 0))?;
                socket.set_write_timeout(Some(PATIENCE))?;
                socket.connect(address)?;
                Ok(Open::Udp(socket))
            }
            SyslogPlace::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.set_write_timeout(Some(PATIENCE))?;
                socket.connect(path)?;
                Ok(Open::Unix(socket))
            }
        }
    }
}

impl Open {
    fn send(&mut self, message: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Tcp(stream) => {
                let mut framed = format!("{} ", message.len()).into_bytes();
                framed.extend_from_slice(message);
                stream.write_all(&framed)
            }
            Self::Udp(socket) => socket.send(message).map(drop),
            Self::Unix(socket) => socket.send(message).map(drop),
        }
    }
}

impl Write for Syslog {
    fn write(&mut self, batch: &[u8]) -> std::io::Result<usize> {
        let lines = batch.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        // Taken: after a failure the connection is not used again, half a message may be in it.
        let kept = self.open.take();
        let mut is_kept = kept.is_some();
        let mut open = match kept {
            Some(open) => open,
            None => self.connect()?,
        };
        for line in lines {
            let sent = open.send(line);
            if sent.is_err() && is_kept {
                // The server may have been started again since.
                open = self.connect()?;
                open.send(line)?;
            } else {
                sent?;
            }
            is_kept = false;
        }
        self.open = Some(open);
        Ok(batch.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn each_line_is_a_message_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let unix = UnixDatagram::bind(&path).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut buffer = [0; 100];

        Syslog::to(SyslogPlace::Unix(path)).write_all(b"<86>1 one\n<86>1 two\n").unwrap();
        for expected in [b"<86>1 one", b"<86>1 two"] {
            let got = unix.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..got], expected);
        }
        let at = SyslogPlace::Udp(udp.local_addr().unwrap());
        Syslog::to(at).write_all(b"<86>1 one\n<86>1 two\n").unwrap();
        for expected in [b"<86>1 one", b"<86>1 two"] {
            let got = udp.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..got], expected);
        }
    }

    #[test]
    fn a_stream_counts_octets_and_is_connected_again() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut syslog = Syslog::to(SyslogPlace::Tcp(server.local_addr().unwrap()));
        syslog.write_all(b"<86>1 one\n<86>1 two\n").unwrap();
        let (mut stream, _) = server.accept().unwrap();
        let mut got = [0; 22];
        stream.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"9 <86>1 one9 <86>1 two");
        drop(stream);
        // The system notices with the first line at the earliest; a later one finds the server again.
        let found_again = (0..100_000).any(|_| {
            let _ = syslog.write_all(b"<86>1 one\n");
            std::thread::yield_now();
            server.set_nonblocking(true).unwrap();
            server.accept().is_ok()
        });
        assert!(found_again);
    }

    #[test]
    fn a_server_that_is_not_there_is_an_error_and_may_come_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut syslog = Syslog::to(SyslogPlace::Unix(path.clone()));
        assert!(syslog.write_all(b"<86>1 lost\n").is_err());
        let first = UnixDatagram::bind(&path).unwrap();
        syslog.write_all(b"<86>1 one\n").unwrap();
        drop(first);
        std::fs::remove_file(&path).unwrap();
        let second = UnixDatagram::bind(&path).unwrap();
        syslog.write_all(b"<86>1 two\n").unwrap();
        let mut buffer = [0; 20];
        let got = second.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..got], b"<86>1 two");
    }
}
