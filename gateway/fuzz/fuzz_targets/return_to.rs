//! Return targets as received.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::web::ReturnTo;

fuzz_target!(|raw: &str| {
    if let Some(target) = ReturnTo::parse(raw) {
        let text = target.as_str();
        assert!(text.starts_with('/') && !text.starts_with("//"));
        assert!(
            text.bytes()
                .all(|octet| octet.is_ascii_graphic() && octet != b'#')
        );
        assert!(!text.split('?').next().unwrap_or_default().contains('\\'));
        assert_eq!(ReturnTo::parse(text), Some(target.clone()));
    }
});
