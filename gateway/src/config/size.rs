//! A number of bytes as an operator writes it: `"32KiB"`.

use std::fmt;
use std::str::FromStr;

use crate::config::text::text_setting;

/// The units, largest first.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A number of bytes: a whole number with `B`, `KiB`, `MiB` or `GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

text_setting!(ByteSize, "size", "100MiB", "^[0-9]+(B|KiB|MiB|GiB)$");

impl ByteSize {
    /// So many KiB.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// So many MiB.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes, for lengths in memory.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let read = || {
            let (number, unit) = text.split_at_checked(digits)?;
            let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
            number.parse::<u64>().ok()?.checked_mul(*size)
        };
        read().map(Self).ok_or_else(|| {
            format!(
                "`{text}` is not a size\n\
                 help: write a whole number with B, KiB, MiB or GiB, such as \"100MiB\""
            )
        })
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |size: u64| self.0 >= size && self.0.is_multiple_of(size);
        let (name, size) = UNITS.into_iter().find(|(_, size)| fits(*size)).unwrap_or(("B", 1));
        write!(f, "{}{name}", self.0 / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for (text, bytes) in [("32KiB", 32_768), ("100MiB", 104_857_600), ("7B", 7), ("0B", 0)] {
            let read: ByteSize = text.parse().unwrap();
            assert_eq!((read.bytes(), read.to_string().as_str()), (bytes, text));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "5", "KiB", "5kb", "5 MiB", "1.5MiB", "-1B", "99999999999GiB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
