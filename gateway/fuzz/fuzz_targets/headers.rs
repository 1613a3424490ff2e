//! Header fields as received, one `name:value` per line; the first line is the method.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use libfuzzer_sys::fuzz_target;
use portcullis::web::forwarded::Trusted;
use portcullis::web::handshake::{self, Upgrade};
use portcullis::web::{Scheme, names, origin};

const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

fuzz_target!(|raw: &[u8]| {
    let mut lines = raw.split(|octet| *octet == b'\n');
    let method = lines
        .next()
        .and_then(|line| Method::from_bytes(line).ok())
        .unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines.take(64) {
        let colon = line
            .iter()
            .position(|octet| *octet == b':')
            .unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let name = HeaderName::from_bytes(name);
        let value = HeaderValue::from_bytes(value.get(1..).unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    for name in headers.keys() {
        let folded = name.as_str().replace(['_', '.'], "-");
        let judged = names::is_identity_header(name.as_str(), &[]);
        assert_eq!(judged, names::is_identity_header(&folded, &[]));
    }
    let nobody = Trusted::default().resolve(STRANGER, &headers);
    assert_eq!(
        (nobody.client, nobody.scheme, nobody.host),
        (STRANGER, None, None)
    );
    let everybody = Trusted::new(
        ["0.0.0.0/0", "::/0"]
            .iter()
            .filter_map(|net| net.parse().ok()),
    );
    let _ = everybody.resolve(STRANGER, &headers);
    if handshake::upgrade(&method, Version::HTTP_11, &headers) == Upgrade::WebSocket {
        assert_eq!(method, Method::GET);
        assert_eq!(headers.get_all("upgrade").iter().count(), 1);
    }
    let _ = origin::check_websocket(&headers, Scheme::Https, "app.example.com", &[]);
    let _ = origin::check_state_change(&headers, Scheme::Https, "app.example.com", &[]);
});
