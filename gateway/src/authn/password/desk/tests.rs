use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::authn::password::fake::Lab;
use crate::base::SystemEntropy;
use crate::crypto::{SealingKeys, Tagger};
use crate::session::{SharedTries, StoreError, Tried};

async fn from(lab: &Lab, address: &str, name: &str, password: &str) -> Said {
    let among = ["staff".into(), "guests".into()];
    lab.desk.judge(&among, address.parse().unwrap(), name, &Secret::from(password)).await
}

async fn judge(lab: &Lab, name: &str, password: &str) -> Said {
    from(lab, "192.0.2.1", name, password).await
}

#[tokio::test]
async fn the_first_directory_that_knows_the_name_decides() {
    let lab = Lab::new();
    for (name, id) in [("ann", "staff"), ("bob", "guests")] {
        let password = format!("{id}-password");
        let Said::Accept(directory, who) = judge(&lab, name, &password).await else { panic!() };
        assert_eq!((directory.as_str(), who.issuer.as_str()), (id, id));
    }
    assert_eq!((lab.staff.asked(), lab.guests.asked()), (2, 1));
    let said = judge(&lab, "ann", "guests-password").await;
    assert!(matches!(said, Said::Reject(RejectReason::Unknown)), "her name is taken: {said:?}");
    assert_eq!(lab.guests.asked(), 2, "and the time does not tell");
    let (address, password) = ([192, 0, 2, 1].into(), Secret::from("staff-password"));
    let said = lab.desk.judge(&["guests".into()], address, "ann", &password).await;
    assert!(matches!(said, Said::Reject(RejectReason::Unknown)), "staff is not asked: {said:?}");
    let said = lab.desk.judge(&[], address, "ann", &password).await;
    assert!(matches!(said, Said::Reject(_)), "nobody lets nobody in");
}

#[tokio::test]
async fn a_known_and_an_unknown_name_ask_the_same_directories() {
    let lab = Lab::new();
    for name in ["ann", "nobody"] {
        let said = judge(&lab, name, "wrong").await;
        assert!(matches!(said, Said::Reject(RejectReason::Unknown)), "{said:?}");
    }
    assert_eq!((lab.staff.asked(), lab.guests.asked()), (2, 2));
}

#[tokio::test]
async fn switched_off_in_one_is_off_in_those_behind_it() {
    let lab = Lab::new();
    for password in ["guests-password", "staff-password", "wrong"] {
        let said = judge(&lab, "eve", password).await;
        assert!(matches!(said, Said::Reject(RejectReason::Disabled)), "{said:?}");
    }
    assert_eq!(lab.guests.asked(), 3, "and takes the time of any other name");
}

#[tokio::test]
async fn a_directory_that_is_down_is_no_refusal_and_no_try() {
    let lab = Lab::new();
    lab.staff.down.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        let said = judge(&lab, "ann", "guests-password").await;
        assert!(matches!(said, Said::Unavailable(_)), "{said:?}");
    }
    assert_eq!(lab.guests.asked(), 0, "the ones behind must not let in whom it would refuse");
    lab.guests.down.store(true, Ordering::SeqCst);
    lab.staff.down.store(false, Ordering::SeqCst);
    for name in ["ann", "nobody"] {
        let said = judge(&lab, name, "wrong").await;
        assert!(matches!(said, Said::Unavailable(_)), "known or not, one answer: {said:?}");
    }
    lab.staff.down.store(false, Ordering::SeqCst);
    assert!(matches!(judge(&lab, "ann", "staff-password").await, Said::Accept(..)));
}

/// Else whoever makes a later directory fail guesses at the ones before it without an end.
#[tokio::test]
async fn a_wrong_password_is_a_try_whatever_the_directories_behind_say() {
    for name in ["ann", "nobody"] {
        let lab = Lab::new();
        lab.guests.down.store(true, Ordering::SeqCst);
        for number in 0..3 {
            let said = from(&lab, &format!("192.0.2.{number}"), name, "wrong").await;
            assert!(matches!(said, Said::Unavailable(_)), "{said:?}");
        }
        let said = from(&lab, "192.0.2.9", name, "staff-password").await;
        assert!(matches!(said, Said::TooMany(_)), "{name}: {said:?}");
    }
    // By the account's own counter too: each of its names would else have tries of its own.
    let lab = Lab::new();
    lab.staff.down.store(true, Ordering::SeqCst);
    let among = ["guests".into(), "staff".into()];
    let mut said = Vec::new();
    for (number, name) in ["bob", "bob@corp.test", "robert", "robert"].into_iter().enumerate() {
        let address = format!("192.0.2.{number}").parse().unwrap();
        let judged = lab.desk.judge(&among, address, name, &Secret::from("wrong")).await;
        said.push(matches!(judged, Said::TooMany(_)));
    }
    assert_eq!(said, [false, false, false, true]);
}

/// THREATS K2: `ann@evil.test` is the attacker's own account, which guests calls `ann`.
#[tokio::test]
async fn a_login_clears_no_tries_of_somebody_of_a_like_name() {
    let lab = Lab::new();
    for number in 0..3 {
        let said = from(&lab, &format!("192.0.2.{number}"), "ann", "wrong").await;
        assert!(matches!(said, Said::Reject(_)), "{said:?}");
        let said = judge(&lab, "ann@evil.test", "guests-password").await;
        assert!(matches!(said, Said::Accept(..)), "and takes none: {said:?}");
    }
    let said = from(&lab, "192.0.2.9", "ann", "staff-password").await;
    assert!(matches!(said, Said::TooMany(_)), "{said:?}");
    // Nor does somebody whom another directory knows by the very name.
    let lab = Lab::new();
    for number in 0..3 {
        let said = from(&lab, &format!("192.0.2.{number}"), "ann", "wrong").await;
        assert!(matches!(said, Said::Reject(_)), "{said:?}");
        let (address, password) = ([192, 0, 2, 1].into(), Secret::from("guests-password"));
        let said = lab.desk.judge(&["guests".into()], address, "ann", &password).await;
        assert!(matches!(said, Said::Accept(..)), "{said:?}");
    }
    let said = from(&lab, "192.0.2.9", "ann", "staff-password").await;
    assert!(matches!(said, Said::TooMany(_)), "{said:?}");
}

/// Counts the questions, and always has a try.
#[derive(Debug, Default)]
struct Questions(AtomicUsize);

#[async_trait]
impl SharedTries for Questions {
    async fn take(&self, _: &[Tried]) -> Result<Option<Duration>, StoreError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(None)
    }

    async fn settle(&self, _: &[Tried], _: &[[u8; 32]]) -> Result<(), StoreError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Each is a journey to another machine, or a write to the disk: the time would tell.
#[tokio::test]
async fn a_known_and_an_unknown_name_ask_the_counters_as_often() {
    let asked = Arc::new(Questions::default());
    let tagger = Tagger::new(Arc::new(SealingKeys::in_memory(&SystemEntropy)));
    let lab = Lab::counting_by(|tries| tries.together(Arc::<Questions>::clone(&asked), tagger));
    for [known, unknown] in [["ann", "nob"], ["robert", "nob"], ["bob@corp.test", "nob@corp.test"]]
    {
        let mut counts = Vec::new();
        for name in [known, unknown] {
            assert!(matches!(judge(&lab, name, "wrong").await, Said::Reject(_)));
            counts.push(asked.0.swap(0, Ordering::SeqCst));
        }
        assert_eq!(counts[0], counts[1], "{known} and {unknown}");
    }
}

/// THREATS K2.
#[tokio::test]
async fn all_spellings_of_a_name_share_one_counter() {
    let lab = Lab::new();
    for (number, name) in ["ann", "ANN", " ａｎｎ "].iter().enumerate() {
        let said = from(&lab, &format!("192.0.2.{number}"), name, "wrong").await;
        assert!(matches!(said, Said::Reject(_)), "{name}: {said:?}");
    }
    for name in ["ann", "Ann", "a\u{200b}nn", "ann\u{a0}", "Ａnn", "a\u{ad}nn"] {
        let said = from(&lab, "192.0.2.9", name, "staff-password").await;
        assert!(matches!(said, Said::TooMany(_)), "{name}: {said:?}");
    }
    let seen = lab.staff.seen.lock().unwrap().clone();
    assert_eq!(seen, ["ann"; 3], "and each directory sees one name");
}

/// THREATS K2: a login name, an e-mail address and a domain form are one account, if its directory
/// says so; the password that is right is withheld too.
#[tokio::test]
async fn all_names_of_an_account_share_its_counter() {
    let lab = Lab::new();
    for name in ["bob", "BOB@corp.test", "robert"] {
        let said = judge(&lab, name, "wrong").await;
        assert!(matches!(said, Said::Reject(_)), "{name}: {said:?}");
    }
    for name in ["bob", "bob@corp.test", "Robert"] {
        let said = from(&lab, "192.0.2.9", name, "guests-password").await;
        assert!(matches!(said, Said::TooMany(_)), "{name}: {said:?}");
    }
    lab.clock.advance(Duration::from_secs(600));
    let said = from(&lab, "192.0.2.9", "robert", "guests-password").await;
    assert!(matches!(said, Said::Accept(..)), "{said:?}");
    for name in ["bob", "robert", "robert"] {
        let said = from(&lab, "192.0.2.9", name, "wrong").await;
        assert!(matches!(said, Said::Reject(_)), "a login clears it: {name}: {said:?}");
    }
}

/// Else counting would tell who has an account: its tries end over all forms of its name.
#[tokio::test]
async fn a_name_that_nobody_has_runs_out_of_tries_as_an_account_does() {
    for forms in [
        ["bob", "bob@corp.test", "bob", "bob@corp.test", "bob"],
        ["nob", "nob@corp.test", "nob", "nob@corp.test", "nob"],
    ] {
        let lab = Lab::new();
        let mut said = Vec::new();
        for (number, form) in forms.iter().enumerate() {
            let address = format!("198.51.100.{number}");
            said.push(matches!(from(&lab, &address, form, "wrong").await, Said::TooMany(_)));
        }
        assert_eq!(said, [false, false, false, true, true], "{forms:?}");
    }
}

/// THREATS K3.
#[tokio::test]
async fn a_thousand_tries_are_three_and_then_one_at_a_time() {
    let lab = Lab::new();
    for number in 0..1_000 {
        from(&lab, &format!("192.0.{}.{}", number / 250, number % 250), "ann", "wrong").await;
    }
    assert_eq!(lab.staff.asked(), 3);
    lab.clock.advance(Duration::from_secs(200));
    assert!(matches!(judge(&lab, "ann", "staff-password").await, Said::Accept(..)));
    assert!(matches!(judge(&lab, "ann", "wrong").await, Said::Reject(_)), "success clears it");
}

#[tokio::test]
async fn an_address_has_its_own_counter_and_an_own_account_does_not_reset_it() {
    let lab = Lab::new();
    for number in 0..5 {
        assert!(matches!(judge(&lab, &format!("user{number}"), "x").await, Said::Reject(_)));
        assert!(matches!(judge(&lab, "ann", "staff-password").await, Said::Accept(..)));
    }
    assert!(matches!(judge(&lab, "user5", "x").await, Said::Reject(_)));
    assert!(matches!(judge(&lab, "user6", "x").await, Said::TooMany(_)));
    assert!(matches!(judge(&lab, "ann", "staff-password").await, Said::TooMany(_)));
    let elsewhere = from(&lab, "198.51.100.7", "user6", "x").await;
    assert!(matches!(elsewhere, Said::Reject(_)), "{elsewhere:?}");
}

/// THREATS K4.
#[tokio::test]
async fn a_full_room_is_503_and_costs_nobody_a_try() {
    let lab = Lab::new();
    lab.staff.gate.forget_permits(usize::MAX >> 4);
    let mut waiting = Vec::new();
    for name in ["bob", "carl"] {
        let desk = Arc::clone(&lab.desk);
        waiting.push(tokio::spawn(async move {
            desk.judge(&["staff".into()], [192, 0, 2, 1].into(), name, &Secret::from("x")).await
        }));
    }
    while lab.staff.asked() < 2 {
        tokio::task::yield_now().await;
    }
    for _ in 0..500 {
        assert!(matches!(judge(&lab, "ann", "staff-password").await, Said::Unavailable(_)));
    }
    lab.staff.gate.add_permits(1_000);
    for one in waiting {
        assert!(matches!(one.await.unwrap(), Said::Reject(_)));
    }
    assert!(matches!(judge(&lab, "ann", "staff-password").await, Said::Accept(..)));
}

#[tokio::test]
async fn what_cannot_be_a_password_asks_nobody() {
    let lab = Lab::new();
    for (name, password) in [("ann", ""), ("ann", &*"x".repeat(1_025)), ("", "x"), ("a\0", "x")] {
        let said = judge(&lab, name, password).await;
        assert!(matches!(said, Said::Reject(RejectReason::Malformed)), "{said:?}");
    }
    assert_eq!(lab.staff.asked(), 0);
}
