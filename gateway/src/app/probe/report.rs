//! What a probe found.

use std::fmt;

use serde::Serialize;

/// What an application did with each token.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The address that was asked.
    pub url: String,
    /// The route whose tokens were sent.
    pub route: String,
    /// One for each kind of token.
    pub findings: Vec<Finding>,
}

/// What it did with one kind of token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    pub token: &'static str,
    /// Whether it must be taken.
    pub must_be_taken: bool,
    /// What became of it.
    pub got: Got,
    /// The status of the answer; none where there was no answer.
    pub status: Option<u16>,
}

/// What an application made of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Got {
    /// It answered as to somebody.
    Accepted,
    /// It said no, or led to a login.
    Refused,
    /// Its answer says neither; why.
    Unclear(String),
}

impl Finding {
    /// Whether the application did what it should.
    pub fn is_right(&self) -> bool {
        self.got == if self.must_be_taken { Got::Accepted } else { Got::Refused }
    }
}

impl Report {
    /// Whether the application did what it should with all of them.
    pub fn is_right(&self) -> bool {
        self.findings.iter().all(Finding::is_right)
    }

    /// What to do, where the findings tell.
    fn advice(&self) -> &'static str {
        let open = |it: &&Finding| it.token == "nothing" && it.got == Got::Accepted;
        let shut = |it: &&Finding| it.must_be_taken && it.got != Got::Accepted;
        let vague = |it: &&Finding| it.must_be_taken && matches!(it.got, Got::Unclear(_));
        if self.findings.iter().all(|it| it.status.is_none()) {
            "Nobody answered. Is the app running at this address?"
        } else if self.findings.iter().any(|it| open(&it)) {
            "This address answers without a token. Choose one that needs a person, or let the app check \
             each request."
        } else if self.findings.iter().any(|it| vague(&it)) {
            "To the gateway's own token the app says neither yes nor no. Choose an address that answers 200 to \
             somebody who is signed in."
        } else if self.findings.iter().any(|it| shut(&it)) {
            "The app does not take the gateway's own token: compare issuer, audience, algorithm, header \
             and keys on both sides."
        } else if self.is_right() {
            "The app verifies its tokens."
        } else {
            "Whoever reaches the app past the gateway can be anybody. Let its library check signature, \
             algorithm, aud, exp and nbf."
        }
    }
}

/// A table, and what to do.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, with tokens of the route `{}`\n", self.url, self.route)?;
        writeln!(f, "{:<28} {:<10} {:<10} STATUS", "TOKEN", "SHOULD BE", "WAS")?;
        for finding in &self.findings {
            let should = if finding.must_be_taken { "accepted" } else { "refused" };
            let (was, why) = match &finding.got {
                Got::Accepted => ("accepted", ""),
                Got::Refused => ("refused", ""),
                Got::Unclear(why) => ("unclear", why.as_str()),
            };
            let status = finding.status.map_or("-".to_owned(), |status| status.to_string());
            let mark = if finding.is_right() { "" } else { "  WRONG" };
            writeln!(f, "{:<28} {should:<10} {was:<10} {status}{mark} {why}", finding.token)?;
        }
        write!(f, "\n{}", self.advice())
    }
}
