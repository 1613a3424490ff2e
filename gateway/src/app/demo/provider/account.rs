//! The demo's people.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde_json::{Value, json};

/// Somebody who can sign in; the password is the name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) login: &'static str,
    pub(super) name: &'static str,
    pub(super) job: &'static str,
    subject: &'static str,
    groups: &'static [&'static str],
}

pub(super) static ACCOUNTS: [Account; 2] = [
    Account {
        login: "engineer",
        name: "Erin Engineer",
        job: "Engineering, administrator",
        subject: "demo-0001",
        groups: &["engineering", "admin"],
    },
    Account {
        login: "sales",
        name: "Sam Sales",
        job: "Sales",
        subject: "demo-0002",
        groups: &["sales"],
    },
];

impl Account {
    /// Whoever has that name and password.
    pub(super) fn check(login: &str, password: &str) -> Option<&'static Self> {
        ACCOUNTS.iter().find(|account| {
            account.login == login
                && verify_slices_are_equal(account.login.as_bytes(), password.as_bytes()).is_ok()
        })
    }

    /// What the provider says of the person.
    pub(super) fn claims(&self) -> Value {
        json!({
            "sub": self.subject,
            "name": self.name,
            "preferred_username": self.login,
            "email": format!("{}@example.com", self.login),
            "email_verified": true,
            "groups": self.groups,
        })
    }
}
