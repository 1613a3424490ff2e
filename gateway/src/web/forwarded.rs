//! Who is at the other end, when hops before us say so: only as far as those hops are trusted.

use std::net::{IpAddr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::{IpNet, Ipv4Net};

use crate::web::host::Host;
use crate::web::request::Scheme;

/// A chain of more hops than this is not walked to its end.
const MAX_HOPS: usize = 32;

static FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The networks whose word about a client counts. An empty list trusts nobody, and an address is
/// not trusted for being private.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trusted(Vec<IpNet>);

/// What is known of the client's end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAddr {
    /// The peer, or the right-most hop that no trusted proxy vouches for.
    pub client: IpAddr,
    /// The scheme that a trusted hop was reached by; `None` when it does not say.
    pub scheme: Option<Scheme>,
    /// The authority that a trusted hop was asked for; `None` when it does not say.
    pub host: Option<String>,
}

/// What an upstream is told of the client: ours alone, nothing of what the client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// `X-Forwarded-For`.
    pub forwarded_for: String,
    /// `X-Forwarded-Proto`.
    pub proto: &'static str,
    /// `X-Forwarded-Host`.
    pub host: &'a str,
    /// `Forwarded` (RFC 7239).
    pub forwarded: String,
}

impl Trusted {
    /// Trusts these networks. One written as IPv4-mapped IPv6 is the IPv4 network.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().map(fold_net).collect())
    }

    /// Whether an address is in one of the networks.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Finds the client: from `peer` leftwards through `X-Forwarded-For`, or `Forwarded` where that
    /// is absent, as long as each hop is trusted. An entry that is no address ends the walk, since
    /// what is left of it is somebody's invention.
    pub fn resolve(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddr {
        let peer = peer.to_canonical();
        if self.0.is_empty() || !self.contains(peer) {
            return ClientAddr { client: peer, scheme: None, host: None };
        }
        if headers.contains_key(&FOR) {
            let (client, hops) = self.walk(peer, items(headers, &FOR).map(address));
            ClientAddr { client, scheme: scheme_at(headers, hops), host: named_host(headers) }
        } else if headers.contains_key(FORWARDED) {
            self.resolve_standard(peer, headers)
        } else {
            ClientAddr { client: peer, scheme: scheme_at(headers, 1), host: named_host(headers) }
        }
    }

    fn resolve_standard(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddr {
        let hop = |element| parameter(element, "for").and_then(address);
        let (client, hops) = self.walk(peer, items(headers, &FORWARDED).map(hop));
        // The element that names the client was written by the hop that the client spoke to.
        let element = items(headers, &FORWARDED).nth(hops.saturating_sub(1));
        let said = |name| element.and_then(|element| parameter(element, name));
        ClientAddr {
            client,
            scheme: said("proto").and_then(scheme),
            host: said("host").and_then(authority),
        }
    }

    /// The client, and how many entries from the right were believed (at least one is looked at).
    fn walk(&self, peer: IpAddr, hops: impl Iterator<Item = Option<IpAddr>>) -> (IpAddr, usize) {
        let (mut client, mut believed) = (peer, 0);
        for hop in hops.take(MAX_HOPS) {
            let Some(hop) = hop else { break };
            client = hop;
            believed += 1;
            if !self.contains(hop) {
                break;
            }
        }
        (client, believed.max(1))
    }
}

/// What to tell an upstream. `host` is the authority that the client asked for, already proven.
pub fn outgoing(client: IpAddr, scheme: Scheme, host: &str) -> Outgoing<'_> {
    let client = client.to_canonical();
    let forwarded_for = client.to_string();
    let (open, close) = match client {
        IpAddr::V4(_) => ("", ""),
        IpAddr::V6(_) => ("\"[", "]\""),
    };
    let proto = scheme.as_str();
    let forwarded =
        ["for=", open, &forwarded_for, close, ";host=\"", host, "\";proto=", proto].concat();
    Outgoing { forwarded_for, proto, host, forwarded }
}

impl Outgoing<'_> {
    /// The header fields to set, each in place of whatever was there.
    pub fn fields(&self) -> [(HeaderName, &str); 4] {
        [
            (FOR.clone(), &self.forwarded_for),
            (PROTO.clone(), self.proto),
            (HOST.clone(), self.host),
            (FORWARDED, &self.forwarded),
        ]
    }
}

fn fold_net(network: IpNet) -> IpNet {
    if let IpNet::V6(mapped) = network
        && let Some(address) = mapped.addr().to_ipv4_mapped()
        && let Some(length) = mapped.prefix_len().checked_sub(96)
        && let Ok(folded) = Ipv4Net::new(address, length)
    {
        return IpNet::V4(folded);
    }
    network
}

/// The comma-separated items of a field from the right, through all its lines. A quoted comma does
/// not occur in what we read; where one does, the pieces are no addresses and end the walk.
fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let line = |value: &'a HeaderValue| value.to_str().unwrap_or("?");
    headers.get_all(name).iter().rev().map(line).flat_map(|line| line.rsplit(',')).map(str::trim)
}

/// `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || text.parse().ok().map(|socket: SocketAddr| socket.ip());
    let address = text.parse().ok().or_else(bracketed).or_else(with_port)?;
    Some(address.to_canonical())
}

/// One parameter of an element of `Forwarded`; `None` when it is absent or there twice.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let mut values = element.split(';').filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    });
    let value = values.next().filter(|_| values.next().is_none())?;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

/// The scheme that the client used. A single word is the trusted hop's own; a list is read at the
/// place of the client in `X-Forwarded-For`, since a client may have written what is left of it.
fn scheme_at(headers: &HeaderMap, hops: usize) -> Option<Scheme> {
    let count = items(headers, &PROTO).take(MAX_HOPS).count();
    match count {
        1 => items(headers, &PROTO).next().and_then(scheme),
        _ if count == items(headers, &FOR).take(MAX_HOPS).count() => {
            items(headers, &PROTO).nth(hops.saturating_sub(1)).and_then(scheme)
        }
        _ => None,
    }
}

fn scheme(text: &str) -> Option<Scheme> {
    if text.eq_ignore_ascii_case("https") || text.eq_ignore_ascii_case("wss") {
        return Some(Scheme::Https);
    }
    let plain = text.eq_ignore_ascii_case("http") || text.eq_ignore_ascii_case("ws");
    plain.then_some(Scheme::Http)
}

fn named_host(headers: &HeaderMap) -> Option<String> {
    let mut names = items(headers, &HOST);
    names.next().filter(|_| names.next().is_none()).and_then(authority)
}

fn authority(text: &str) -> Option<String> {
    Host::parse(text).ok().map(|host| host.authority().to_owned())
}

#[cfg(test)]
mod tests;
