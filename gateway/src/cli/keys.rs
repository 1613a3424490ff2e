//! `portcullis keys`: the keys that sign identity tokens.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Timestamp as Date;

use crate::base::{Clock, Timestamp};
use crate::cli::link_keys::{LinkKeysFault, generate};
use crate::crypto::Algorithm;
use crate::token::{Keyring, KeyringFault, Ring, RingKey, Rotated, Rotation};

/// What to do with the signing keys.
#[derive(Debug, Args)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the first key. Refuses where there are keys already.
    Generate(Generate),
    /// Show the keys: active, next and retired.
    List(Options),
    /// Publish a new key and let it take over once applications can have seen it. A running
    /// gateway takes it up within a second.
    Rotate(Options),
}

#[derive(Debug, Args)]
struct Options {
    /// The gateway's state directory: `[server] state` of its configuration.
    #[arg(long, value_name = "DIR", default_value = "state")]
    state: PathBuf,
    /// What a new key signs with: `EdDSA`, ES256 or RS256. `rotate` keeps that of the newest key.
    #[arg(long)]
    algorithm: Option<Algorithm>,
    /// How many seconds a key is published before it signs; as long as applications keep the key
    /// set.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    publish_before: u64,
}

#[derive(Debug, Args)]
struct Generate {
    #[command(flatten)]
    options: Options,
    /// Makes a pair for signed links instead: NAME.key for whoever signs them, NAME.pub for the
    /// gateway's configuration.
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        default_missing_value = "link",
        conflicts_with_all = ["state", "algorithm", "publish_before"]
    )]
    ed25519: Option<PathBuf>,
}

/// Why a command on keys failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeysFault {
    /// On those that sign tokens.
    #[error(transparent)]
    Keyring(#[from] KeyringFault),
    /// On those that sign links.
    #[error(transparent)]
    Link(#[from] LinkKeysFault),
}

impl KeysArgs {
    /// Carries the command out. Returns what to print.
    ///
    /// # Errors
    /// When the keys cannot be read, made or written; the message says what to do.
    pub(super) fn run(&self, clock: &dyn Clock) -> Result<String, KeysFault> {
        let now = clock.now();
        match &self.action {
            Action::Generate(Generate { ed25519: Some(name), .. }) => Ok(generate(name)?),
            Action::Generate(Generate { options, .. }) => {
                let algorithm = options.algorithm.unwrap_or_default();
                let keyring = Keyring::create(&options.state, options.rotation(algorithm), now)?;
                Ok(format!("Made the first signing key.\n\n{}", table(&keyring.ring(), now)))
            }
            Action::List(options) => {
                let keyring = options.load()?;
                Ok(table(&keyring.ring(), now))
            }
            Action::Rotate(options) => {
                let keyring = options.load()?;
                let heading = match keyring.rotate(now)? {
                    Rotated::Now(id) => format!("Key {id} signs from now on."),
                    Rotated::Scheduled(id, from) => {
                        format!("Key {id} is published and signs from {} on.", date(from))
                    }
                };
                Ok(format!("{heading}\n\n{}", table(&keyring.ring(), now)))
            }
        }
    }
}

impl Options {
    fn load(&self) -> Result<Keyring, KeyringFault> {
        let keyring = Keyring::load(&self.state, self.rotation(Algorithm::default()))?;
        // A rotation is not a change of algorithm unless one is asked for, here or by the gateway.
        let ring = keyring.ring();
        let (latest, _) = ring.next.as_ref().unwrap_or(&ring.active);
        let algorithm = self.algorithm.unwrap_or(latest.key.algorithm());
        Keyring::load(&self.state, self.rotation(algorithm))
    }

    /// The gateway rotates by its own configuration; from here it is by hand only, so that no key
    /// grows old, and a retired key stays published for generous times.
    fn rotation(&self, algorithm: Algorithm) -> Rotation {
        Rotation {
            algorithm,
            rotate_after: Duration::MAX,
            publish_before: Duration::from_secs(self.publish_before),
            overlap: Duration::from_secs(self.publish_before),
            token_lifetime: Duration::from_secs(3600),
        }
    }
}

fn table(ring: &Ring, now: Timestamp) -> String {
    let mut out = String::new();
    let mut row = |state: &str, algorithm: &str, kid: &str, published: &str, turn: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{state:<8} {algorithm:<9} {kid:<43} {published:<20} {turn}");
    };
    row("STATE", "ALGORITHM", "KEY ID", "PUBLISHED", "");
    let mut key = |state: &str, (key, turn): &(RingKey, Timestamp), word: &str| {
        let algorithm = key.key.algorithm();
        let turn = format!("{word} {}", date(*turn));
        row(state, algorithm.as_str(), key.key.id().as_str(), &date(key.published), &turn);
    };
    key("active", &ring.active, "signs since");
    if let Some(next) = &ring.next {
        let late = next.1 <= now;
        key("next", next, if late { "due since" } else { "signs from" });
    }
    for retired in &ring.retired {
        key("retired", retired, "published until");
    }
    out
}

fn date(time: Timestamp) -> String {
    Date::from_second(time.as_secs()).map_or_else(|_| "never".to_owned(), |date| date.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::base::{Entropy, ManualClock, SystemEntropy};

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        keys: KeysArgs,
    }

    struct Fixture {
        state: PathBuf,
        clock: ManualClock,
    }

    impl Fixture {
        fn new() -> Self {
            let entropy: &dyn Entropy = &SystemEntropy;
            let state = std::env::temp_dir().join(format!("keys-{}", entropy.token::<9>()));
            Self { state, clock: ManualClock::at(Timestamp::from_secs(1_800_000_000)) }
        }

        fn run(&self, words: &[&str]) -> Result<String, String> {
            let state = self.state.to_str().unwrap();
            let line = [&["keys"], words, &["--state", state]].concat();
            let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
            line.keys.run(&self.clock).map_err(|error| error.to_string())
        }
    }

    impl Drop for Fixture {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.state);
        }
    }

    #[test]
    fn a_key_is_made_listed_and_rotated() {
        let fixture = Fixture::new();
        let made = fixture.run(&["generate", "--algorithm", "ES256"]).unwrap();
        assert!(made.contains("active   ES256"), "{made}");
        let rotated = fixture.run(&["rotate"]).unwrap();
        assert!(rotated.contains("signs from 2027-01-15T09:00:00Z"), "{rotated}");
        assert!(rotated.contains("next     ES256"), "{rotated}");
        fixture.clock.advance(Duration::from_secs(3600));
        let due = fixture.run(&["list"]).unwrap();
        assert!(due.contains("due since"), "{due}");
        let taken = fixture.run(&["rotate"]).unwrap();
        assert!(taken.contains("retired  ES256"), "{taken}");
    }

    #[test]
    fn another_algorithm_is_rotated_to_when_asked_for() {
        let fixture = Fixture::new();
        fixture.run(&["generate"]).unwrap();
        let rotated = fixture.run(&["rotate", "--algorithm", "RS256"]).unwrap();
        assert!(
            rotated.contains("active   EdDSA") && rotated.contains("next     RS256"),
            "{rotated}"
        );
    }

    #[test]
    fn what_cannot_be_done_is_said_with_what_to_do() {
        let fixture = Fixture::new();
        assert!(fixture.run(&["list"]).unwrap_err().contains("keys generate"));
        assert!(fixture.run(&["rotate"]).unwrap_err().contains("keys generate"));
        let shared = fixture.run(&["generate", "--algorithm", "HS256"]).unwrap_err();
        assert!(shared.contains("shared secret"), "{shared}");
        assert!(fixture.run(&["generate", "--algorithm", "none"]).is_err());
        fixture.run(&["generate"]).unwrap();
        assert!(fixture.run(&["generate"]).unwrap_err().contains("keys rotate"));
    }
}
