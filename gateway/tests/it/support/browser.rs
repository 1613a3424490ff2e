//! A browser as far as a gateway can tell: cookies, redirects, forms and Sec-Fetch headers.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use url::Url;
use url::form_urlencoded::Serializer;

use crate::support::http::Message;
use crate::support::raw::Raw;

const MOST_REDIRECTS: usize = 12;

/// One browser profile.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    places: HashMap<String, Place>,
    jar: Vec<Cookie>,
}

/// Where a name really is.
#[derive(Clone)]
struct Place {
    address: SocketAddr,
    tls: Option<Arc<rustls::ClientConfig>>,
}

/// A cookie as it was set.
#[derive(Clone, Debug)]
pub(crate) struct Cookie {
    pub(crate) host: String,
    pub(crate) name: String,
    pub(crate) value: String,
    /// Its attributes in lower case, as `name` or `name=value`.
    pub(crate) attributes: Vec<String>,
}

/// Where a navigation ended, and by which way.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) answer: Message,
    /// Every URL asked for, the first one included.
    pub(crate) hops: Vec<Url>,
}

/// What kind of request a browser makes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Navigate,
    Fetch,
    EventSource,
    Iframe,
}

impl Browser {
    /// Resolves `authority` (host, or host:port) to an address; over TLS where `tls` is given.
    pub(crate) fn resolve(
        &mut self,
        scheme: &str,
        authority: &str,
        address: SocketAddr,
        tls: Option<Arc<rustls::ClientConfig>>,
    ) {
        self.places.insert(format!("{scheme}://{authority}"), Place { address, tls });
    }

    /// Types `url` into the address bar and follows redirects.
    pub(crate) async fn navigate(&mut self, url: &str) -> Page {
        let url = Url::parse(url).expect("a URL");
        let answer = self.ask(Kind::Navigate, "GET", &url, &[], "").await;
        self.follow(url, answer).await
    }

    /// Submits a form and follows redirects.
    pub(crate) async fn submit(&mut self, url: &Url, fields: &[(String, String)]) -> Page {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let origin = url.origin().ascii_serialization();
        let headers =
            [("Content-Type", "application/x-www-form-urlencoded"), ("Origin", origin.as_str())];
        let answer = self.ask(Kind::Navigate, "POST", url, &headers, &body).await;
        self.follow(url.clone(), answer).await
    }

    /// One request of `kind`, no redirect followed.
    pub(crate) async fn get(&mut self, kind: Kind, url: &str) -> Message {
        self.ask(kind, "GET", &Url::parse(url).expect("a URL"), &[], "").await
    }

    /// One request of a script, no redirect followed.
    pub(crate) async fn fetch(
        &mut self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Message {
        self.ask(Kind::Fetch, method, &Url::parse(url).expect("a URL"), headers, body).await
    }

    /// The `Cookie` value for `url`; empty where there is none.
    pub(crate) fn cookie_header(&self, url: &Url) -> String {
        let sent = self.jar.iter().filter(|cookie| cookie.goes_to(url));
        sent.map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// The cookies of `host`.
    pub(crate) fn cookies(&self, host: &str) -> Vec<&Cookie> {
        self.jar.iter().filter(|cookie| cookie.host == host).collect()
    }

    /// Plants a cookie, as an attacker on a sister site or a test would.
    pub(crate) fn plant(&mut self, host: &str, name: &str, value: &str) {
        self.jar.retain(|cookie| cookie.host != host || cookie.name != name);
        let (host, name, value) = (host.to_owned(), name.to_owned(), value.to_owned());
        self.jar.push(Cookie { host, name, value, attributes: vec!["path=/".to_owned()] });
    }

    /// Loses a cookie, as a browser that blocks it would.
    pub(crate) fn lose(&mut self, host: &str, name: &str) {
        self.jar.retain(|cookie| cookie.host != host || cookie.name != name);
    }

    async fn follow(&mut self, mut url: Url, mut answer: Message) -> Page {
        let mut hops = vec![url.clone()];
        while let Some(location) = onward(&answer) {
            assert!(hops.len() < MOST_REDIRECTS, "too many redirects: {hops:#?}");
            url = url.join(&location).expect("a Location that is a URL");
            hops.push(url.clone());
            answer = self.ask(Kind::Navigate, "GET", &url, &[], "").await;
        }
        Page { url, answer, hops }
    }

    async fn ask(
        &mut self,
        kind: Kind,
        method: &str,
        url: &Url,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Message {
        let request = self.request(kind, method, url, headers, body);
        let mut connection = self.connect(url).await;
        connection.send(request).await;
        let answer = match kind {
            // An event stream does not end: its head is the answer.
            Kind::EventSource => connection.answer_to("HEAD").await,
            _ => connection.answer_to(method).await,
        };
        let answer = answer.unwrap_or_else(|e| panic!("no answer to {method} {url}: {e}"));
        self.keep_cookies(url, &answer);
        answer
    }

    fn request(
        &self,
        kind: Kind,
        method: &str,
        url: &Url,
        headers: &[(&str, &str)],
        body: &str,
    ) -> String {
        let target =
            url.query().map_or_else(|| url.path().to_owned(), |q| format!("{}?{q}", url.path()));
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", authority(url));
        let cookies = self.cookie_header(url);
        if !cookies.is_empty() {
            request.push_str(&format!("Cookie: {cookies}\r\n"));
        }
        for (name, value) in kind.headers().iter().chain(headers) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if method != "GET" && method != "HEAD" {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request + "Connection: close\r\n\r\n" + body
    }

    async fn connect(&self, url: &Url) -> Raw {
        let name = format!("{}://{}", url.scheme(), authority(url));
        let Some(place) = self.places.get(&name) else {
            let address = url.socket_addrs(|| None).ok().and_then(|mut found| found.pop());
            return Raw::connect(address.expect("an address")).await;
        };
        match &place.tls {
            Some(tls) => Raw::connect_tls(place.address, url.host_str().unwrap(), Arc::clone(tls))
                .await
                .expect("a TLS handshake"),
            None => Raw::connect(place.address).await,
        }
    }

    fn keep_cookies(&mut self, url: &Url, answer: &Message) {
        for line in answer.headers.all("set-cookie") {
            let Some(cookie) = Cookie::parse(url, line) else {
                continue;
            };
            self.jar.retain(|old| old.host != cookie.host || old.name != cookie.name);
            if !cookie.is_deletion() {
                self.jar.push(cookie);
            }
        }
    }
}

impl Cookie {
    pub(crate) fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|found| found == attribute)
    }

    fn parse(url: &Url, line: &str) -> Option<Self> {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let attributes = parts.map(attribute_of).collect();
        let host = url.host_str()?.to_owned();
        Some(Self { host, name: name.to_owned(), value: value.to_owned(), attributes })
    }

    fn is_deletion(&self) -> bool {
        self.has("max-age=0")
            || self.attributes.iter().any(|a| a.starts_with("expires=thu, 01 jan 1970"))
    }

    fn goes_to(&self, url: &Url) -> bool {
        let path = self.attributes.iter().find_map(|a| a.strip_prefix("path=")).unwrap_or("/");
        let inside = url.path() == path
            || url
                .path()
                .strip_prefix(path)
                .is_some_and(|rest| path.ends_with('/') || rest.starts_with('/'));
        url.host_str() == Some(&self.host)
            && inside
            && (url.scheme() == "https" || !self.has("secure"))
    }
}

impl Kind {
    fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Navigate => &[
                ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
                ("Sec-Fetch-Mode", "navigate"),
                ("Sec-Fetch-Dest", "document"),
                ("Sec-Fetch-User", "?1"),
            ],
            Self::Fetch => &[
                ("Accept", "*/*"),
                ("Sec-Fetch-Mode", "cors"),
                ("Sec-Fetch-Dest", "empty"),
                ("Sec-Fetch-Site", "same-origin"),
            ],
            Self::EventSource => &[
                ("Accept", "text/event-stream"),
                ("Sec-Fetch-Mode", "cors"),
                ("Sec-Fetch-Dest", "empty"),
                ("Sec-Fetch-Site", "same-origin"),
            ],
            Self::Iframe => &[
                ("Accept", "text/html,*/*;q=0.8"),
                ("Sec-Fetch-Mode", "navigate"),
                ("Sec-Fetch-Dest", "iframe"),
                ("Sec-Fetch-Site", "cross-site"),
            ],
        }
    }
}

/// Where an answer sends a browser by itself: a redirect, or a page that says so in its head.
fn onward(answer: &Message) -> Option<String> {
    if (300..=399).contains(&answer.status()) {
        return answer.header("location").map(str::to_owned);
    }
    let html = answer.text();
    let meta = html.split_once("http-equiv=\"refresh\"")?.1.split('>').next()?;
    let content = attribute(meta, "content")?;
    content.split_once("url=").map(|(_, url)| url.to_owned())
}

/// Lower case, but for a path, which has none.
fn attribute_of(text: &str) -> String {
    match text.split_once('=') {
        Some((name, path)) if name.eq_ignore_ascii_case("path") => format!("path={path}"),
        _ => text.to_ascii_lowercase(),
    }
}

/// Host and port as a browser writes them: no port where it is the scheme's own.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The first form of a page: where it goes, and its fields with their preset values.
pub(crate) fn form(page: &Page) -> Option<(Url, Vec<(String, String)>)> {
    let html = page.answer.text();
    let form = html.split_once("<form")?.1.split("</form>").next()?.to_owned();
    let action = attribute(form.split('>').next()?, "action").unwrap_or_default();
    let fields = form.split("<input").skip(1).filter_map(|input| {
        let input = input.split('>').next()?;
        Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()))
    });
    let fields = fields.collect();
    Some((page.url.join(&action).ok()?, fields))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
    Some(
        value
            .replace("&amp;", "&")
            .replace("&#38;", "&")
            .replace("&#x2F;", "/")
            .replace("&#47;", "/")
            .replace("&quot;", "\""),
    )
}
