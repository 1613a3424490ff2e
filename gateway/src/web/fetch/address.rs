//! Which addresses may be called: a guard against documents that point a gateway inwards.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// What one client may call.
///
/// The operator names a *home* (an issuer, say) and with it the kind of network it lives in. A
/// document fetched from there may name further hosts; those must be no closer to the gateway than
/// the home is. Otherwise whoever controls the document reaches the cloud's metadata service or the
/// gateway's own admin port.
#[derive(Clone, Debug)]
pub struct AddressPolicy {
    home: Option<String>,
    insecure_http: bool,
    /// Plain HTTP to any host.
    anywhere: bool,
}

/// How close to the gateway an address is; a later one is closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// The internet.
    Public,
    /// Somebody's own network.
    Private,
    /// This machine.
    Loopback,
    /// Link-local (cloud metadata lives there), multicast, unspecified, reserved.
    Never,
}

impl AddressPolicy {
    /// For calls to `home` and to the hosts its documents name. `insecure_http` allows plain HTTP,
    /// to loopback hosts only.
    pub fn for_home(home: &Url, insecure_http: bool) -> Self {
        Self { home: home.host_str().map(bare), insecure_http, anywhere: false }
    }

    /// For calls to public addresses by https only.
    pub const fn public_only() -> Self {
        Self { home: None, insecure_http: false, anywhere: false }
    }

    /// For calls to an address that the operator has just typed in, also by plain HTTP on a network of
    /// their own.
    pub fn anywhere(home: &Url) -> Self {
        Self { home: home.host_str().map(bare), insecure_http: true, anywhere: true }
    }

    /// The home's host: a name, or an address without brackets.
    pub(super) fn home(&self) -> Option<&str> {
        self.home.as_deref()
    }

    /// Whether `host` is the home.
    pub(super) fn is_home(&self, host: &str) -> bool {
        self.home.as_deref().is_some_and(|home| home.eq_ignore_ascii_case(host))
    }

    /// Whether `url` has an allowed scheme, and no user name in it.
    pub fn allows_scheme(&self, url: &Url) -> bool {
        let scheme = match url.scheme() {
            "https" => true,
            "http" => self.insecure_http && (self.anywhere || is_loopback_host(url)),
            _ => false,
        };
        scheme && url.has_host() && url.username().is_empty() && url.password().is_none()
    }

    /// Whether `address` may be called for a host other than the home, which is at `home_reach`.
    pub(super) fn allows(address: IpAddr, home_reach: Reach) -> bool {
        let reach = Reach::of(address);
        reach != Reach::Never && (reach == Reach::Public || reach <= home_reach)
    }
}

impl Reach {
    /// Classifies an address.
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, c, _] = address.octets();
        let shared = a == 100 && (64..128).contains(&b); // carrier-grade NAT, RFC 6598
        let benchmark = a == 198 && (b == 18 || b == 19);
        let protocol = a == 192 && b == 0 && c == 0;
        if address.is_loopback() {
            Self::Loopback
        } else if address.is_private() || shared || benchmark || protocol {
            Self::Private
        } else if a == 0 || a >= 224 || address.is_link_local() || address.is_documentation() {
            Self::Never
        } else {
            Self::Public
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        // Addresses that carry an IPv4 address are as close as the one they carry.
        if let Some(inner) = carried_v4(address) {
            return Self::of_v4(inner);
        }
        if address.is_loopback() {
            Self::Loopback
        } else if address.is_unique_local() {
            Self::Private
        } else if address.segments().first().is_some_and(|first| first & 0xe000 == 0x2000) {
            Self::Public
        } else {
            Self::Never
        }
    }
}

/// IPv4-mapped, NAT64 and 6to4 addresses.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(join(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(join(high, low)),
        [0x2002, high, low, ..] => Some(join(high, low)),
        _ => None,
    }
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

/// `localhost`, `127.0.0.0/8` or `::1`. Other names that resolve to loopback do not count: DNS is
/// somebody else's word.
pub fn is_loopback_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(address: &str) -> Reach {
        Reach::of(address.parse().unwrap())
    }

    #[test]
    fn addresses_are_classified_by_how_close_they_are() {
        for (address, expected) in [
            ("93.184.216.34", Reach::Public),
            ("2606:4700::1", Reach::Public),
            ("10.1.2.3", Reach::Private),
            ("172.31.0.1", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("fd00::1", Reach::Private),
            ("127.8.8.8", Reach::Loopback),
            ("::1", Reach::Loopback),
            ("::ffff:127.0.0.1", Reach::Loopback),
            ("64:ff9b::7f00:1", Reach::Loopback),
            ("2002:7f00:1::", Reach::Loopback),
            ("169.254.169.254", Reach::Never),
            ("::ffff:169.254.169.254", Reach::Never),
            ("fe80::1", Reach::Never),
            ("0.0.0.0", Reach::Never),
            ("::", Reach::Never),
            ("255.255.255.255", Reach::Never),
            ("ff02::1", Reach::Never),
        ] {
            assert_eq!(reach(address), expected, "{address}");
        }
    }

    #[test]
    fn a_document_may_not_name_a_host_closer_than_its_home() {
        let loopback = "127.0.0.1".parse().unwrap();
        let private = "10.0.0.1".parse().unwrap();
        let metadata = "169.254.169.254".parse().unwrap();
        assert!(!AddressPolicy::allows(loopback, Reach::Public));
        assert!(!AddressPolicy::allows(private, Reach::Public));
        assert!(AddressPolicy::allows(private, Reach::Private));
        assert!(!AddressPolicy::allows(loopback, Reach::Private));
        assert!(AddressPolicy::allows(loopback, Reach::Loopback));
        assert!(!AddressPolicy::allows(metadata, Reach::Loopback));
    }

    #[test]
    fn plain_http_goes_to_loopback_only_and_only_when_configured() {
        let home = Url::parse("https://id.corp.test").unwrap();
        let strict = AddressPolicy::for_home(&home, false);
        let lax = AddressPolicy::for_home(&home, true);
        let url = |text: &str| Url::parse(text).unwrap();
        assert!(strict.allows_scheme(&url("https://id.corp.test/keys")));
        assert!(!strict.allows_scheme(&url("http://127.0.0.1/keys")));
        assert!(lax.allows_scheme(&url("http://127.0.0.1:9/keys")));
        assert!(lax.allows_scheme(&url("http://[::1]/keys")));
        for refused in ["http://id.corp.test/", "ftp://localhost/", "file:///etc/passwd"] {
            assert!(!lax.allows_scheme(&url(refused)), "{refused}");
        }
        assert!(!lax.allows_scheme(&url("https://user:pass@id.corp.test/")));
    }
}
