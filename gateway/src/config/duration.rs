//! A length of time as an operator writes it: `"90s"`, `"1h30m"`.

use std::fmt;
use std::str::FromStr;

use crate::config::text::text_setting;

/// The longest time a setting can hold: ten years. Far beyond any use, and small enough that adding
/// it to a point in time never overflows.
const LONGEST_MILLIS: u64 = 3_650 * 86_400_000;

/// The units, longest first, in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A length of time: whole numbers with a unit (`ms`, `s`, `m`, `h`, `d`), which may be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    millis: u64,
}

text_setting!(Duration, "duration", "30s", "^([0-9]+(ms|s|m|h|d))+$");

impl Duration {
    /// From whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self { millis: secs.saturating_mul(1_000) }
    }

    /// The same length for the standard library.
    pub const fn std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.millis)
    }

    /// Whether there is no time in it.
    pub const fn is_zero(self) -> bool {
        self.millis == 0
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut millis: u64 = 0;
        let mut rest = text;
        while !rest.is_empty() {
            let (number, unit, after) = split(rest).ok_or_else(|| odd(text))?;
            let count: u64 = number.parse().map_err(|_| odd(text))?;
            let part = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| odd(text))?;
            millis = count
                .checked_mul(part.1)
                .and_then(|added| millis.checked_add(added))
                .filter(|sum| *sum <= LONGEST_MILLIS)
                .ok_or_else(|| format!("`{text}` is longer than ten years"))?;
            rest = after;
        }
        if text.is_empty() { Err(odd(text)) } else { Ok(Self { millis }) }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |size: u64| self.millis >= size && self.millis.is_multiple_of(size);
        let (name, size) = UNITS.into_iter().find(|(_, size)| fits(*size)).unwrap_or(("s", 1_000));
        write!(f, "{}{name}", self.millis / size)
    }
}

/// The leading number, its unit, and what follows.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, rest) = text.split_at_checked(digits)?;
    let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, after) = rest.split_at_checked(letters)?;
    Some((number, unit, after))
}

fn odd(text: &str) -> String {
    format!(
        "`{text}` is not a duration\n\
         help: write whole numbers with a unit (ms, s, m, h, d), such as \"30s\" or \"1h30m\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for (text, millis, shown) in [
            ("250ms", 250, "250ms"),
            ("90s", 90_000, "90s"),
            ("1h30m", 5_400_000, "90m"),
            ("30d", 2_592_000_000, "30d"),
            ("0s", 0, "0s"),
        ] {
            let read: Duration = text.parse().unwrap();
            assert_eq!((read.millis, read.to_string().as_str()), (millis, shown));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "5", "s", "5 s", "-5s", "1.5h", "5w", "5S", "99999999999999999999s", "9999d"]
        {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn showing_and_reading_agree(millis in 0..=LONGEST_MILLIS) {
            let duration = Duration { millis };
            proptest::prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }
    }
}
