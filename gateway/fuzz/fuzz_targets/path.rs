//! Paths and queries as received.
#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use portcullis::route::{Found, Pattern, Table};
use portcullis::web::{CanonicalPath, query_fault};

fuzz_target!(|raw: &str| {
    let _ = query_fault(raw);
    let Ok(path) = CanonicalPath::parse(raw) else {
        return;
    };
    let again = CanonicalPath::parse(path.as_str()).expect("canonical text is accepted");
    assert_eq!(again.as_str(), path.as_str());
    assert!(
        !path
            .as_str()
            .split('/')
            .any(|segment| segment == ".." || segment == ".")
    );
    let pattern = Pattern::parse("*", "/*", None).expect("a pattern for everything");
    let table = Table::build(vec![(pattern, ())]).expect("one pattern has no tie");
    assert_eq!(
        table.find("a.example", path.as_str(), &Method::GET),
        Found::Route(&())
    );
});
