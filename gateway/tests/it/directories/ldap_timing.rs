//! THREATS K1: who has an account must not be told by the time that a refusal takes.

use std::time::Duration;

use portcullis::directory::LdapDirectory;
use tokio::time::Instant;

use crate::directories::ldap::{ENTRIES, check, directory, settings};
use crate::support::slapd::Slapd;

const ROUNDS: usize = 15;

/// The server hashes the password of `slow` for a while, and of a stranger not at all. What it is
/// asked must be the same for both, which its log tells; the rest of the time is waited for.
#[tokio::test]
async fn an_unknown_name_asks_as_much_and_takes_as_long_as_a_known_one() {
    let slapd = Slapd::start(ENTRIES).await;
    let directory = directory(settings(&slapd, slapd.address.port()));
    let asked = || {
        let log = slapd.log();
        ["method=128", "SRCH base="].map(|word| log.matches(word).count())
    };
    check(&directory, "slow", "wrong").await;
    let mut medians = Vec::new();
    for _ in 0..3 {
        let [known, unknown] = compared(&directory, asked).await;
        eprintln!("ldap: known {known:?}, unknown {unknown:?}");
        assert!(known > Duration::from_millis(20), "the server does not hash: {known:?}");
        if unknown < known * 2 && known < unknown * 2 {
            return;
        }
        // A machine with other things to do is measured again.
        medians.push([known, unknown]);
    }
    panic!("known and unknown: {medians:?}");
}

/// The median times of a known and an unknown name. What the server is asked is asserted.
async fn compared(directory: &LdapDirectory, asked: impl Fn() -> [usize; 2]) -> [Duration; 2] {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let mut counts = Vec::new();
        for name in ["slow".to_owned(), format!("stranger{round}")] {
            let before = asked();
            let began = Instant::now();
            check(directory, &name, "wrong").await;
            let took = began.elapsed();
            if name == "slow" {
                known.push(took)
            } else {
                unknown.push(took)
            }
            let after = settled(&asked, before.map(|it| it + 2)).await;
            counts.push([after[0] - before[0], after[1] - before[1]]);
        }
        assert_eq!(counts, [[2, 2]; 2], "binds and searches of a known and an unknown name");
    }
    [median(known), median(unknown)]
}

/// The log is written behind the answers.
async fn settled(asked: impl Fn() -> [usize; 2], wanted: [usize; 2]) -> [usize; 2] {
    for _ in 0..3_000 {
        if asked() == wanted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    asked()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
