//! What an upstream saw: who each request said it came from, and who the gateway said it was.

use crate::support::forge::claims;
use crate::support::recorder::Recorder;

/// The header in which a test says whose cookie it sends.
pub(super) const EXPECTED: &str = "x-expected";

/// Compares every head that reached the upstream, of broken requests too; how many there were.
///
/// Read from the bytes: what was cut off is no request that the recorder could list.
pub(super) fn all_are_who_they_are(recorder: &Recorder) -> usize {
    let (mut heads, mut wrong) = (0, Vec::new());
    for bytes in recorder.bytes() {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let whole = text.rsplit_once("\r\n\r\n").map_or("", |(whole, _)| whole);
        for head in whole.split("\r\n\r\n") {
            let field = |name: &str| {
                let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
                let named = lines.filter(|(field, _)| field.eq_ignore_ascii_case(name));
                named.map(|(_, value)| value.to_owned()).collect::<Vec<_>>()
            };
            let (expected, tokens) = (field(EXPECTED), field("x-user-jwt"));
            if expected.is_empty() && tokens.is_empty() {
                continue;
            }
            heads += 1;
            let who: Vec<_> = tokens.iter().map(|token| subject(token)).collect();
            if expected.len() != 1 || who != expected {
                wrong.push(format!("{expected:?} was {who:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {heads}:\n{}", wrong.len(), wrong.join("\n"));
    heads
}

/// Whom a token names.
pub(super) fn subject(token: &str) -> String {
    claims(token)["sub"].as_str().unwrap_or_default().to_owned()
}
