//! The claims, written straight into one buffer: nothing is built up first, since this runs for
//! every request.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::base::Timestamp;
use crate::identity::{Permit, Principal};
use crate::token::plan::{RequestFacts, TokenPlan};

/// The claims that we write, as discovery lists them.
pub(super) const WRITTEN: &[&str] = &[
    "iss",
    "aud",
    "sub",
    "iat",
    "nbf",
    "exp",
    "jti",
    "txn",
    "sid",
    "auth_time",
    "acr",
    "amr",
    "auth_method",
    "idp",
    "email",
    "email_verified",
    "name",
    "preferred_username",
    "groups",
    "groups_truncated",
    "roles",
    "req_wl",
    "rctx",
    "tctx",
    "user",
    "display_name",
];

/// Further names that verifiers give a meaning to.
const MEANT: &[&str] =
    &["scope", "act", "may_act", "cnf", "client_id", "azp", "nonce", "at_hash", "c_hash", "events"];

/// A longer path is named by its hash: a client must not be able to swell the token.
const MAX_PATH_BYTES: usize = 512;

/// Whether a provider's extra claim can never take this name: an attacker who can edit a profile
/// field must not become `sub`.
pub(super) fn is_reserved(name: &str) -> bool {
    WRITTEN.contains(&name) || MEANT.contains(&name)
}

#[cfg(test)]
pub(super) fn reserved() -> impl Iterator<Item = &'static str> {
    WRITTEN.iter().chain(MEANT).copied()
}

/// Everything that a token is made of.
#[derive(Debug)]
pub(super) struct Claims<'a> {
    pub(super) issuer: &'a str,
    pub(super) permit: &'a Permit,
    pub(super) plan: &'a TokenPlan,
    pub(super) facts: &'a RequestFacts<'a>,
    pub(super) since: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) jti: &'a str,
}

/// A JSON object being written.
struct Writer<'a> {
    out: Vec<u8>,
    plan: &'a TokenPlan,
    sizes: Option<&'a mut Vec<(String, usize)>>,
}

#[derive(Serialize)]
struct RequesterContext<'a> {
    req_ip: std::net::IpAddr,
    transport: &'a str,
}

#[derive(Serialize)]
struct TransactionContext<'a> {
    route: &'a str,
    host: &'a str,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_sha256: Option<String>,
}

impl Claims<'_> {
    /// The JSON object.
    pub(super) fn write(&self) -> serde_json::Result<Vec<u8>> {
        self.write_to(None)
    }

    /// How many bytes each claim takes, largest first: what to tell who has too many.
    pub(super) fn sizes(&self) -> Vec<(String, usize)> {
        let mut sizes = Vec::new();
        // The same claims have just been written once.
        let _ = self.write_to(Some(&mut sizes));
        sizes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        sizes
    }

    fn write_to(&self, sizes: Option<&mut Vec<(String, usize)>>) -> serde_json::Result<Vec<u8>> {
        let out = Vec::with_capacity(1024);
        let mut to = Writer { out, plan: self.plan, sizes };
        self.token(&mut to)?;
        self.person(&mut to)?;
        self.session(&mut to)?;
        self.request(&mut to)?;
        if self.plan.aliases {
            self.aliases(&mut to)?;
        }
        self.extras(&mut to)?;
        to.out.push(b'}');
        Ok(to.out)
    }

    fn token(&self, to: &mut Writer<'_>) -> serde_json::Result<()> {
        let authenticated = self.permit.authenticated();
        let since = self.since.as_secs();
        // A session is a memory of a sign-in: what counts is how the person proved it.
        let method = authenticated.session().map_or(authenticated.way_in(), |s| s.signed_in_by);
        to.always("iss", self.issuer)?;
        if !self.plan.without_audience {
            to.always("aud", &self.plan.audience)?;
        }
        to.always("sub", &authenticated.principal().subject)?;
        to.always("iat", &since)?;
        to.always("nbf", &since)?;
        to.always("exp", &self.expires.as_secs())?;
        to.always("jti", self.jti)?;
        to.always("txn", self.facts.id.as_str())?;
        to.always("auth_method", method.as_str())?;
        to.wanted("req_wl", self.issuer)
    }

    fn person(&self, to: &mut Writer<'_>) -> serde_json::Result<()> {
        let who = self.principal();
        to.filled("idp", &who.issuer)?;
        if let Some(email) = &who.email {
            to.wanted("email", &email.address)?;
            // Never the address alone: who wants it gets what the provider said of it.
            if to.plan.wants("email") || to.plan.wants("email_verified") {
                to.always("email_verified", &email.verified)?;
            }
        }
        to.known("name", who.name.as_deref())?;
        to.known("preferred_username", who.preferred_username.as_deref())?;
        if to.plan.wants("groups") && !who.groups.is_empty() {
            let kept = who.groups.get(..self.plan.max_groups).unwrap_or(&who.groups);
            to.always("groups", kept)?;
            if kept.len() < who.groups.len() {
                // An application must not take "not listed" for "not a member".
                to.always("groups_truncated", &true)?;
            }
        }
        if who.roles.is_empty() { Ok(()) } else { to.wanted("roles", who.roles.as_slice()) }
    }

    fn session(&self, to: &mut Writer<'_>) -> serde_json::Result<()> {
        let Some(session) = self.permit.authenticated().session() else {
            return Ok(());
        };
        to.wanted("sid", &*session.sid)?;
        to.wanted("auth_time", &session.auth_time.as_secs())?;
        to.known("acr", session.acr.as_deref())?;
        if session.amr.is_empty() { Ok(()) } else { to.wanted("amr", &*session.amr) }
    }

    fn request(&self, to: &mut Writer<'_>) -> serde_json::Result<()> {
        let facts = self.facts;
        let context =
            RequesterContext { req_ip: facts.client, transport: facts.transport.as_str() };
        to.wanted("rctx", &context)?;
        if !to.plan.wants("tctx") {
            return Ok(());
        }
        let short = facts.path.len() <= MAX_PATH_BYTES;
        let hash = || URL_SAFE_NO_PAD.encode(digest(&SHA256, facts.path.as_bytes()));
        to.always(
            "tctx",
            &TransactionContext {
                route: self.permit.route().as_str(),
                host: facts.request_host,
                method: facts.method,
                path: short.then_some(facts.path),
                path_sha256: (!short).then(hash),
            },
        )
    }

    /// `user` is for display and old applications: login name, else the *verified* address, else
    /// the subject. Whoever keys data on a person uses `idp` and `sub`.
    fn aliases(&self, to: &mut Writer<'_>) -> serde_json::Result<()> {
        let who = self.principal();
        let address = who.email.as_ref().filter(|email| email.verified);
        let user = who
            .preferred_username
            .as_deref()
            .or(address.map(|email| email.address.as_str()))
            .unwrap_or(&who.subject);
        to.wanted("user", user)?;
        to.wanted("display_name", who.display_name())
    }

    fn extras(&self, to: &mut Writer<'_>) -> serde_json::Result<()> {
        for (name, value) in &self.principal().claims {
            if !is_reserved(name) {
                to.wanted(name, value)?;
            }
        }
        Ok(())
    }

    fn principal(&self) -> &Principal {
        self.permit.authenticated().principal()
    }
}

impl Writer<'_> {
    fn always<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> serde_json::Result<()> {
        let before = self.out.len();
        self.out.push(if self.out.is_empty() { b'{' } else { b',' });
        serde_json::to_writer(&mut self.out, name)?;
        self.out.push(b':');
        serde_json::to_writer(&mut self.out, value)?;
        if let Some(sizes) = &mut self.sizes {
            sizes.push((name.to_owned(), self.out.len() - before));
        }
        Ok(())
    }

    fn wanted<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> serde_json::Result<()> {
        if self.plan.wants(name) { self.always(name, value) } else { Ok(()) }
    }

    fn known(&mut self, name: &str, value: Option<&str>) -> serde_json::Result<()> {
        value.map_or(Ok(()), |value| self.wanted(name, value))
    }

    fn filled(&mut self, name: &str, value: &str) -> serde_json::Result<()> {
        if value.is_empty() { Ok(()) } else { self.wanted(name, value) }
    }
}
