//! `Host` and `:authority` as received.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::web::Host;

fuzz_target!(|raw: &str| {
    if let Ok(host) = Host::parse(raw) {
        assert_eq!(Host::parse(host.authority()), Ok(host.clone()));
        assert!(host.name().bytes().all(|octet| octet.is_ascii_graphic()));
        assert!(!host.name().bytes().any(|octet| octet.is_ascii_uppercase()));
    }
});
