//! HTTP/1.1 messages as bytes: strict enough to notice what a lenient client would forgive.

use std::io;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};

/// No message of a test is larger.
const LARGEST: usize = 64 * 1024 * 1024;

/// Header fields in the order and spelling in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(pub(crate) Vec<(String, String)>);

/// One message: start line, fields, body, trailers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// `GET / HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub(crate) start: String,
    pub(crate) headers: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Fields,
}

impl Fields {
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |(field, _): &&(String, String)| field.eq_ignore_ascii_case(name);
        self.0.iter().filter(same).map(|(_, value)| value.as_str())
    }

    /// Whether a comma-separated field names `token`.
    pub(crate) fn lists(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(','))
            .any(|t| t.trim().eq_ignore_ascii_case(token))
    }

    fn parse(lines: &str) -> io::Result<Self> {
        let lines = lines.split("\r\n").filter(|line| !line.is_empty());
        let pairs = lines.map(|line| {
            let (name, value) =
                line.split_once(':').ok_or_else(|| bad("a field without a colon"))?;
            Ok((name.to_owned(), value.trim().to_owned()))
        });
        Ok(Self(pairs.collect::<io::Result<_>>()?))
    }
}

impl Message {
    /// The status code of an answer; 0 where this is not one.
    pub(crate) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
    }

    pub(crate) fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.first(name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` where it is not.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether the sender asks for a WebSocket.
    pub(crate) fn is_websocket(&self) -> bool {
        self.headers.lists("upgrade", "websocket")
    }
}

/// Reads a head: start line and fields, up to and with the empty line. `None` at a clean end.
pub(crate) async fn read_head(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Message>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match from.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof && head.is_empty() => {
                return Ok(None);
            }
            Err(e) => return Err(e),
        }
        if head.len() > LARGEST {
            return Err(bad("an endless head"));
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let (start, fields) = head.split_once("\r\n").ok_or_else(|| bad("no start line"))?;
    let headers = Fields::parse(fields)?;
    Ok(Some(Message { start: start.to_owned(), headers, ..Message::default() }))
}

/// Reads one answer to a request of `method`. Interim answers (1xx except 101) are skipped.
pub(crate) async fn read_answer(
    from: &mut (impl AsyncRead + Unpin),
    method: &str,
) -> io::Result<Message> {
    loop {
        let mut answer = read_head(from).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = answer.status();
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let bodyless = method == "HEAD" || status == 101 || status == 204 || status == 304;
        if !bodyless {
            read_body(from, &mut answer, true).await?;
        }
        return Ok(answer);
    }
}

/// Reads the body that the head in `message` announces.
pub(crate) async fn read_body(
    from: &mut (impl AsyncRead + Unpin),
    message: &mut Message,
    ends_with_connection: bool,
) -> io::Result<()> {
    if message.headers.lists("transfer-encoding", "chunked") {
        return read_chunks(from, message).await;
    }
    match message.header("content-length") {
        Some(length) => {
            let length: usize = length.parse().map_err(|_| bad("a bad Content-Length"))?;
            message.body = exactly(from, length).await?;
        }
        None if ends_with_connection => {
            from.read_to_end(&mut message.body).await?;
        }
        None => {}
    }
    Ok(())
}

/// Reads one chunk; `None` at the last. Lets a test see when each one came.
pub(crate) async fn read_chunk(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let line = read_line(from).await?;
    let size = line.split(';').next().unwrap_or_default().trim();
    let size = usize::from_str_radix(size, 16).map_err(|_| bad("a bad chunk size"))?;
    if size == 0 {
        return Ok(None);
    }
    let chunk = exactly(from, size).await?;
    if exactly(from, 2).await? != b"\r\n" {
        return Err(bad("a chunk without its end"));
    }
    Ok(Some(chunk))
}

async fn read_chunks(from: &mut (impl AsyncRead + Unpin), message: &mut Message) -> io::Result<()> {
    while let Some(chunk) = read_chunk(from).await? {
        message.body.extend(chunk);
    }
    let mut trailers = String::new();
    loop {
        let line = read_line(from).await?;
        if line.is_empty() {
            message.trailers = Fields::parse(&trailers)?;
            return Ok(());
        }
        trailers.push_str(&line);
        trailers.push_str("\r\n");
    }
}

async fn read_line(from: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(from.read_u8().await?);
        if line.len() > LARGEST {
            return Err(bad("an endless line"));
        }
    }
    line.truncate(line.len().saturating_sub(2));
    Ok(String::from_utf8_lossy(&line).into_owned())
}

async fn exactly(from: &mut (impl AsyncRead + Unpin), length: usize) -> io::Result<Vec<u8>> {
    if length > LARGEST {
        return Err(bad("an endless body"));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
