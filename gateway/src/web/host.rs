//! The grammar of `Host`: what routing, redirects and `Origin` checks may rely on.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest name; DNS knows no longer one.
const MAX_NAME: usize = 255;

/// The longest label of a name (RFC 1035).
const MAX_LABEL: usize = 63;

/// A host and an optional port, in one spelling: lower case, no trailing dot, IPv6 shortened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    authority: String,
    /// How much of it is the name.
    name_bytes: usize,
    port: Option<u16>,
}

/// Why a host is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// An IPv6 literal that is none, a number that is no IPv4 address (`127.1`, `0x7f000001`).
    #[error("host is a malformed address")]
    BadAddress,
    /// An octet outside letters, digits, `-`, `_` and `.`; `/`, `,`, `%` and spaces among them.
    #[error("host has an octet that no host name has")]
    BadOctet,
    /// Not a number from 1 to 65535 without leading zeros.
    #[error("host has a bad port")]
    BadPort,
    /// No name, or an empty label in it.
    #[error("host has an empty name or label")]
    Empty,
    /// Longer than DNS allows.
    #[error("host is too long")]
    TooLong,
    /// `user@host`: two readers disagree on where the host begins.
    #[error("host has user information")]
    UserInfo,
}

impl Host {
    /// Reads the value of `Host` or `:authority`.
    ///
    /// # Errors
    ///
    /// The first rule that the value breaks.
    pub fn parse(raw: &str) -> Result<Self, HostFault> {
        Self::parse_plain(raw).map_or_else(|| Self::parse_odd(raw), Ok)
    }

    /// A name in lower case as nearly every client writes it, in one pass. `None` for all else, be
    /// it good or bad.
    fn parse_plain(raw: &str) -> Option<Self> {
        let (mut end, mut label, mut last) = (raw.len(), 0, 0);
        for (at, octet) in raw.bytes().enumerate() {
            match octet {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => label += 1,
                b'.' if (1..=MAX_LABEL).contains(&label) => (label, last) = (0, at + 1),
                b':' => {
                    end = at;
                    break;
                }
                _ => return None,
            }
        }
        let address = raw.as_bytes().get(last)?.is_ascii_digit();
        if !(1..=MAX_LABEL).contains(&label) || end > MAX_NAME || address {
            return None;
        }
        let port = match raw.get(end + 1..) {
            Some(digits) => Some(port_number(digits)?),
            None => None,
        };
        Some(Self { authority: raw.to_owned(), name_bytes: end, port })
    }

    /// The rules one by one.
    fn parse_odd(raw: &str) -> Result<Self, HostFault> {
        if raw.contains('@') {
            return Err(HostFault::UserInfo);
        }
        let (name, port) = split_port(raw)?;
        if name.len() > MAX_NAME {
            return Err(HostFault::TooLong);
        }
        let mut authority = match name.strip_prefix('[') {
            Some(literal) => ipv6(literal)?,
            None => reg_name(name, raw.len())?,
        };
        let name_bytes = authority.len();
        if port.is_some() {
            // The digits as written: there is one spelling of a number without leading zeros.
            authority.push(':');
            authority.push_str(raw.rsplit(':').next().unwrap_or_default());
        }
        Ok(Self { authority, name_bytes, port })
    }

    /// The name without port; an IPv6 address is in brackets.
    pub fn name(&self) -> &str {
        self.authority.get(..self.name_bytes).unwrap_or_default()
    }

    /// The port, when one was written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The name, and the port when one was written.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

fn split_port(raw: &str) -> Result<(&str, Option<u16>), HostFault> {
    // The colons of an IPv6 literal are before its bracket.
    let colon = match raw.rfind(']') {
        Some(_) => raw.rsplit_once("]:").map(|(name, port)| (name.len() + 1, port)),
        None => raw.split_once(':').map(|(name, port)| (name.len(), port)),
    };
    let Some((end, port)) = colon else {
        return Ok((raw, None));
    };
    let number = port_number(port).ok_or(HostFault::BadPort)?;
    Ok((raw.get(..end).unwrap_or_default(), Some(number)))
}

/// A number from 1 to 65535 without sign and leading zeros.
fn port_number(digits: &str) -> Option<u16> {
    let canonical = digits.bytes().all(|octet| octet.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| canonical)
}

fn ipv6(literal: &str) -> Result<String, HostFault> {
    let address: Ipv6Addr = literal
        .strip_suffix(']')
        .and_then(|address| address.parse().ok())
        .ok_or(HostFault::BadAddress)?;
    Ok(format!("[{address}]"))
}

/// A name in lower case, in a string with room for `room` bytes.
fn reg_name(name: &str, room: usize) -> Result<String, HostFault> {
    let name = name.strip_suffix('.').unwrap_or(name);
    for label in name.split('.') {
        match label.len() {
            0 => return Err(HostFault::Empty),
            1..=MAX_LABEL => {}
            _ => return Err(HostFault::TooLong),
        }
        let legal = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
        if !label.bytes().all(legal) {
            return Err(HostFault::BadOctet);
        }
    }
    // Browsers and resolvers read a name that ends in a number as an address: all of it, or none.
    let last = name.rsplit('.').next().unwrap_or_default();
    let number = last.starts_with(|first: char| first.is_ascii_digit());
    if number && is_number(last) && name.parse::<Ipv4Addr>().is_err() {
        return Err(HostFault::BadAddress);
    }
    let mut lower = String::with_capacity(room);
    lower.push_str(name);
    lower.make_ascii_lowercase();
    Ok(lower)
}

fn is_number(label: &str) -> bool {
    label.bytes().all(|octet| octet.is_ascii_digit())
        || label.strip_prefix("0x").or(label.strip_prefix("0X")).is_some_and(is_hex)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_host_has_one_spelling() {
        for raw in ["app.example.com", "APP.Example.com", "app.example.com."] {
            let host = Host::parse(raw).unwrap();
            assert_eq!((host.name(), host.port()), ("app.example.com", None));
        }
        let host = Host::parse("App.Example.Com.:8443").unwrap();
        assert_eq!((host.name(), host.port()), ("app.example.com", Some(8443)));
        assert_eq!(host.authority(), "app.example.com:8443");
        let host = Host::parse("[2001:DB8:0::1]:443").unwrap();
        assert_eq!((host.name(), host.authority()), ("[2001:db8::1]", "[2001:db8::1]:443"));
        for plain in ["localhost", "127.0.0.1", "a_b.c-d", "x1", "1.example", "[::1]"] {
            assert_eq!(Host::parse(plain).unwrap().name(), plain);
        }
    }

    #[test]
    fn each_rule_has_its_fault() {
        use HostFault as F;
        let cases = [
            ("", F::Empty),
            (".", F::Empty),
            ("a..b", F::Empty),
            (".a", F::Empty),
            ("a..", F::Empty),
            (":80", F::Empty),
            ("user@host", F::UserInfo),
            ("a/b", F::BadOctet),
            ("a,b", F::BadOctet),
            ("a b", F::BadOctet),
            ("a%2e", F::BadOctet),
            ("a\\b", F::BadOctet),
            ("a#b", F::BadOctet),
            ("\u{212a}.example", F::BadOctet),
            ("a]", F::BadOctet),
            ("a:", F::BadPort),
            ("a:0", F::BadPort),
            ("a:080", F::BadPort),
            ("a:65536", F::BadPort),
            ("a:+80", F::BadPort),
            ("a:80:80", F::BadPort),
            ("::1", F::BadPort),
            ("[::1", F::BadPort),
            ("[::1]x", F::BadAddress),
            ("[fe80::1%25eth0]", F::BadAddress),
            ("[v1.a]", F::BadAddress),
            ("127.1", F::BadAddress),
            ("2130706433", F::BadAddress),
            ("0x7f000001", F::BadAddress),
            ("1.2.3.256", F::BadAddress),
            ("0127.0.0.1", F::BadAddress),
        ];
        for (raw, fault) in cases {
            assert_eq!(Host::parse(raw), Err(fault), "{raw}");
        }
        assert_eq!(Host::parse(&"a".repeat(64)), Err(F::TooLong));
        assert_eq!(Host::parse(&"a.".repeat(128)), Err(F::TooLong));
    }

    proptest! {
        #[test]
        fn the_short_way_says_what_the_rules_say(
            raw in "([a-z0-9_-]{0,3}|[a-z]{62,64})?(\\.[a-zA-Z0-9_-]{0,2}){0,3}(:[0-9]{0,6})?|\\PC{0,12}"
        ) {
            prop_assert_eq!(Host::parse(&raw), Host::parse_odd(&raw));
        }

        #[test]
        fn what_is_accepted_parses_to_itself(raw in "[a-zA-Z0-9_.:\\[\\]@%/-]{0,24}|\\PC{0,12}") {
            if let Ok(host) = Host::parse(&raw) {
                prop_assert_eq!(Host::parse(host.authority()), Ok(host.clone()));
                prop_assert!(!host.name().ends_with('.'));
            }
        }
    }
}
