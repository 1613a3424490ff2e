//! `Cookie` fields as received, one per line of the input.
#![no_main]

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use portcullis::web::cookie::{self, CookieValue};

const OURS: &str = "__Host-portcullis";

fuzz_target!(|raw: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in raw.split(|octet| *octet == b'\n').take(16) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(COOKIE, value);
        }
    }
    let _ = (cookie::find(&headers, OURS), cookie::too_many(&headers));
    let Some(left) = cookie::strip(&headers, |name| name == OURS) else {
        return;
    };
    let mut again = HeaderMap::new();
    again.insert(COOKIE, left.clone());
    assert_eq!(cookie::find(&again, OURS), CookieValue::Absent);
    assert_eq!(cookie::strip(&again, |name| name == OURS), Some(left));
});
