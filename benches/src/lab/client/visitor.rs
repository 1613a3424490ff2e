//! Somebody with a browser, as far as signing in needs one.

use std::collections::BTreeMap;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::lab::surroundings::HOST;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

/// A visitor of one gateway.
#[derive(Debug)]
pub(crate) struct Visitor {
    gateway: SocketAddr,
    /// Cookies by authority, then by name.
    jar: BTreeMap<String, BTreeMap<String, String>>,
}

const MOST_HOPS: usize = 12;
const PATIENCE: Duration = Duration::from_secs(10);
/// No head in the lab is longer.
const LONGEST_HEAD: usize = 64 * 1024;

impl Visitor {
    pub(crate) fn of(gateway: SocketAddr) -> Self {
        Self { gateway, jar: BTreeMap::new() }
    }

    /// Signs in at the demo provider on the way to `path`; the `Cookie` value of the session.
    pub(crate) fn sign_in(&mut self, path: &str) -> Result<String> {
        let mut url = format!("http://{HOST}{path}");
        let mut form = None;
        for _ in 0..MOST_HOPS {
            let answer = self.ask(&url, form.take())?;
            if let Some(location) = answer.field("location") {
                url = joined(&url, location)?;
            } else if answer.body.contains("name=\"request\"") {
                let request = attribute(&answer.body, "name=\"request\"", "value")?;
                form = Some(format!(
                    "request={}&login=engineer&password=engineer",
                    encoded(&unescaped(&request))
                ));
                url = joined(&url, "/login")?;
            } else if answer.status == 200 && url == format!("http://{HOST}{path}") {
                return Ok(self.cookies(HOST));
            } else {
                bail!("signing in ends at {url} with {}: {}", answer.status, answer.body);
            }
        }
        bail!("signing in goes round in circles, at last to {url}")
    }

    fn ask(&mut self, url: &str, form: Option<String>) -> Result<Answer> {
        let (authority, target) = split(url)?;
        let to = if authority == HOST { self.gateway } else { authority.parse()? };
        let cookies = self.cookies(authority);
        let mut lines = vec![
            "Accept: text/html".to_owned(),
            "Sec-Fetch-Mode: navigate".to_owned(),
            "Sec-Fetch-Dest: document".to_owned(),
        ];
        if !cookies.is_empty() {
            lines.push(format!("Cookie: {cookies}"));
        }
        let method = if form.is_some() { "POST" } else { "GET" };
        let body = form.unwrap_or_default();
        if !body.is_empty() {
            lines.push(format!("Origin: http://{authority}"));
            lines.push("Content-Type: application/x-www-form-urlencoded".to_owned());
            lines.push(format!("Content-Length: {}", body.len()));
        }
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {authority}\r\n");
        let request = format!("{head}{}\r\nConnection: close\r\n\r\n{body}", lines.join("\r\n"));
        let answer = exchange(to, &request).with_context(|| format!("no answer to {url}"))?;
        let jar = self.jar.entry(authority.to_owned()).or_default();
        answer.fields("set-cookie").for_each(|line| keep(jar, line));
        Ok(answer)
    }

    fn cookies(&self, authority: &str) -> String {
        let jar = self.jar.get(authority).into_iter().flatten();
        jar.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

impl Answer {
    fn fields<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let same = move |(name, value): (&str, &'a str)| {
            name.eq_ignore_ascii_case(wanted).then(|| value.trim())
        };
        pairs.filter_map(same)
    }

    fn field<'a>(&'a self, wanted: &'a str) -> Option<&'a str> {
        self.fields(wanted).next()
    }
}

/// One `GET` on a connection of its own, with a header field that lets the client in, or none.
pub(crate) fn get(to: SocketAddr, path: &str, credential: &str) -> Result<Answer> {
    let end = if credential.is_empty() { "" } else { "\r\n" };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{credential}{end}Connection: close\r\n\r\n"
    );
    exchange(to, &request)
}

/// Reads up to the empty line, byte by byte, so that nothing behind it is lost.
pub(crate) fn read_head(from: &mut impl Read) -> Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        from.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
        if head.len() > LONGEST_HEAD {
            bail!("an endless head");
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn exchange(to: SocketAddr, request: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let head = read_head(&mut stream)?;
    let mut body = Vec::new();
    stream.read_to_end(&mut body)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.with_context(|| format!("no status in {head:?}"))?;
    Ok(Answer { status, head, body: String::from_utf8_lossy(&body).into_owned() })
}

fn keep(jar: &mut BTreeMap<String, String>, line: &str) {
    let mut parts = line.split(';').map(str::trim);
    let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
    if parts.any(|part| part.eq_ignore_ascii_case("max-age=0")) {
        jar.remove(name);
    } else {
        jar.insert(name.to_owned(), value.to_owned());
    }
}

/// Authority and target of an `http` URL.
fn split(url: &str) -> Result<(&str, &str)> {
    let rest = url.strip_prefix("http://").with_context(|| format!("{url} is not plain HTTP"))?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, target) = rest.split_at(slash);
    Ok((authority, if target.is_empty() { "/" } else { target }))
}

fn joined(base: &str, location: &str) -> Result<String> {
    if location.starts_with('/') {
        return Ok(format!("http://{}{location}", split(base)?.0));
    }
    Ok(location.to_owned())
}

/// The attribute `name` of the tag that has `mark` in it.
fn attribute(html: &str, mark: &str, name: &str) -> Result<String> {
    let tag = html.split('<').find(|tag| tag.contains(mark));
    let after = tag.and_then(|tag| tag.split_once(&format!("{name}=\"")));
    let value = after.and_then(|(_, rest)| rest.split('"').next());
    Ok(value.with_context(|| format!("no {name} in the tag with {mark}"))?.to_owned())
}

fn unescaped(text: &str) -> String {
    let pairs = [("&#38;", "&"), ("&#x26;", "&"), ("&#x2F;", "/"), ("&#47;", "/"), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
