//! Chance as an argument: ids, handles, nonces and keys all come from here.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Where randomness comes from.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills `out` with unpredictable bytes.
    fn fill(&self, out: &mut [u8]);

    /// Fills `out` with unpredictable bytes for a name that is no secret, such as a request's id.
    /// They may have been drawn in advance and have lain in memory since: never use them for what
    /// opens a door.
    fn fill_name(&self, out: &mut [u8]) {
        self.fill(out);
    }
}

/// The operating system's generator, through aws-lc.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

/// A predictable sequence; for tests only.
#[derive(Debug, Default)]
pub struct SeededEntropy(AtomicU64);

/// Random bytes that one thread has in store, so that a name costs no system call.
struct Batch {
    bytes: [u8; BATCH],
    used: usize,
}

/// Some 128 requests' names.
const BATCH: usize = 4096;

thread_local! {
    static NAMES: RefCell<Batch> = const { RefCell::new(Batch { bytes: [0; BATCH], used: BATCH }) };
}

impl dyn Entropy + '_ {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// `N` random bytes as unpadded base64url text.
    pub fn token<const N: usize>(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes::<N>())
    }

    /// `N` random bytes for a name that is no secret, see [`Entropy::fill_name`].
    pub fn name<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill_name(&mut out);
        out
    }
}

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for chance")]
    fn fill(&self, out: &mut [u8]) {
        if aws_lc_rs::rand::fill(out).is_err() {
            // Going on would hand out guessable sessions; no request is worth that.
            std::process::abort();
        }
    }

    fn fill_name(&self, out: &mut [u8]) {
        let drawn = NAMES.try_with(|batch| batch.try_borrow_mut().map(|mut names| names.draw(out)));
        if !matches!(drawn, Ok(Ok(true))) {
            self.fill(out);
        }
    }
}

impl Batch {
    /// Moves bytes to `out`; false when it is larger than a batch. None is given out twice: what is
    /// taken is wiped here.
    fn draw(&mut self, out: &mut [u8]) -> bool {
        if out.len() > BATCH.saturating_sub(self.used) {
            SystemEntropy.fill(&mut self.bytes);
            self.used = 0;
        }
        let until = self.used.saturating_add(out.len());
        let Some(taken) = self.bytes.get_mut(self.used..until) else { return false };
        out.copy_from_slice(taken);
        taken.fill(0);
        self.used = until;
        true
    }
}

impl SeededEntropy {
    /// A sequence that depends on `seed` only.
    pub fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            // SplitMix64.
            let step = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            let mut z = step.wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            for (byte, random) in chunk.iter_mut().zip((z ^ (z >> 31)).to_le_bytes()) {
                *byte = random;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ_and_a_seed_repeats() {
        let system: &dyn Entropy = &SystemEntropy;
        assert_ne!(system.bytes::<32>(), system.bytes::<32>());
        let (one, two): (&dyn Entropy, &dyn Entropy) =
            (&SeededEntropy::new(7), &SeededEntropy::new(7));
        assert_eq!(one.bytes::<20>(), two.bytes::<20>());
        assert_ne!(one.bytes::<20>(), [0; 20]);
    }
    #[test]
    fn no_name_is_given_out_twice_whatever_the_size_and_the_thread() {
        let draw = || {
            let system: &dyn Entropy = &SystemEntropy;
            let mut names: Vec<Vec<u8>> = (0..300).map(|_| system.name::<16>().to_vec()).collect();
            names.extend((0..300).map(|_| system.name::<33>().to_vec()));
            let mut large = vec![0; BATCH + 1];
            system.fill_name(&mut large);
            names.extend(large.chunks(16).take(200).map(<[u8]>::to_vec));
            names
        };
        let other = std::thread::spawn(draw);
        let names: Vec<_> = draw().into_iter().chain(other.join().unwrap()).collect();
        let distinct: std::collections::HashSet<_> =
            names.iter().map(|name| name.first_chunk::<16>().unwrap()).collect();
        assert_eq!(distinct.len(), names.len());
    }

    #[test]
    fn what_was_drawn_is_gone_from_the_store() {
        let mut batch = Batch { bytes: [7; BATCH], used: 0 };
        let mut out = [0; 16];
        assert!(batch.draw(&mut out) && out == [7; 16]);
        assert_eq!(batch.bytes.iter().take_while(|byte| **byte == 0).count(), 16);
        assert!(!batch.draw(&mut [0; BATCH + 1]));
    }
}
