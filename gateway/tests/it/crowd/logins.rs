use std::collections::HashSet;

use futures::{StreamExt as _, stream};
use tokio::time::Instant;

use crate::crowd::seen::{EXPECTED, all_are_who_they_are, subject};
use crate::support::browser::{Browser, Kind};
use crate::support::forge::claims;
use crate::support::lab::{Lab, SITE};

const LOGINS: usize = 1_000;
const USERS: usize = 50;
/// Connections of the test at one moment; all logins are under way all the same.
const AT_ONCE: usize = 200;

/// One browser on its way in.
struct Visitor {
    user: String,
    browser: Browser,
    /// Where it goes next.
    next: String,
}

impl Visitor {
    /// One redirect further.
    async fn step(mut self) -> Self {
        let answer = self.browser.get(Kind::Navigate, &self.next).await;
        let next = answer.header("location");
        let next = next.unwrap_or_else(|| panic!("{}: {}", self.user, answer.text())).to_owned();
        Self { next, ..self }
    }
}

/// Everybody takes a step before anybody takes the next: a thousand logins have begun before one ends.
async fn all_step(visitors: Vec<Visitor>) -> Vec<Visitor> {
    stream::iter(visitors).map(Visitor::step).buffer_unordered(AT_ONCE).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_logins_at_once_are_each_their_own() {
    let (lab, begun) = (Lab::start().await, Instant::now());
    let mut visitors: Vec<_> = (0..LOGINS)
        .map(|number| {
            let (user, mut browser) = (format!("user-{}", number % USERS), lab.browser());
            lab.provider.remember(&mut browser, &user);
            Visitor { user, browser, next: format!("{SITE}/.portcullis/login/test") }
        })
        .collect();
    // To the provider, back to us with a code, and from there to where it began.
    for _ in 0..3 {
        visitors = all_step(visitors).await;
    }
    println!("{LOGINS} logins by {USERS} people took {:?}", begun.elapsed());
    assert_eq!(lab.provider.counts().token as usize, LOGINS);
    let sessions: HashSet<String> = stream::iter(visitors)
        .map(|mut visitor| async move {
            let expected = format!("sub-{}", visitor.user);
            let (url, fields) = (format!("{SITE}/home"), [(EXPECTED, expected.as_str())]);
            let answer = visitor.browser.fetch("GET", &url, &fields, "").await;
            assert_eq!(answer.status(), 200, "{}", answer.text());
            let echo = answer.json();
            let token = echo["headers"].as_array().unwrap().iter().find(|field| {
                field[0].as_str().is_some_and(|name| name.eq_ignore_ascii_case("x-user-jwt"))
            });
            let token = token.expect("a token")[1].as_str().unwrap();
            assert_eq!(subject(token), expected, "the answer of somebody else");
            claims(token)["sid"].as_str().unwrap().to_owned()
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert_eq!(sessions.len(), LOGINS, "no two browsers share a session");
    assert_eq!(all_are_who_they_are(&lab.recorder), LOGINS);
    println!("all of it took {:?}", begun.elapsed());
}
