//! Dates in tokens.

use serde_json::Value;

use crate::base::Timestamp;

/// The year 9999. Beyond it is nonsense, and arithmetic that may overflow.
const LAST: f64 = 253_402_300_800.0;

/// A `NumericDate` (RFC 7519 section 2); `None` for every other type. A date of the wrong type must
/// not count as "no date": the token would never expire.
pub fn numeric_date(value: &Value) -> Option<Timestamp> {
    if let Some(seconds) = value.as_i64() {
        return (0..LAST as i64).contains(&seconds).then(|| Timestamp::from_secs(seconds));
    }
    let seconds = value.as_f64().filter(|seconds| (0.0..LAST).contains(seconds))?;
    Some(Timestamp::from_millis((seconds * 1000.0) as i64))
}
