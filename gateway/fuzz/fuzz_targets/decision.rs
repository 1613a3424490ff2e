//! Requests as received, through the whole decision.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| portcullis_fuzz::decision::run(raw));
