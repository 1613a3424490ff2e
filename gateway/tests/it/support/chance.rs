//! Chance that can be had again: what it begins with is printed.

use portcullis::base::{Entropy, SeededEntropy, SystemEntropy};

/// Names a seed to have the same chances again.
const SEED: &str = "PORTCULLIS_TEST_SEED";

/// A sequence of chances.
pub(crate) struct Chance(SeededEntropy);

impl Chance {
    /// The seed of a test: a new one, or the one that was asked for.
    pub(crate) fn seed() -> u64 {
        let asked = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let system: &dyn Entropy = &SystemEntropy;
        let seed = asked.unwrap_or_else(|| u64::from_le_bytes(system.bytes()));
        println!("{SEED}={seed}");
        seed
    }

    pub(crate) fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// A number below `end`.
    pub(crate) fn below(&self, end: usize) -> usize {
        let chance: &dyn Entropy = &self.0;
        let number = u64::from_le_bytes(chance.bytes());
        usize::try_from(number % u64::try_from(end).unwrap()).unwrap()
    }
}
