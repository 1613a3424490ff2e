//! The claims, written straight into a buffer: nothing is built up first, since a part of this runs
//! for every request.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::base::Timestamp;
use crate::identity::{Permit, Principal};
use crate::token::plan::{RequestFacts, TokenForm, TokenPlan};

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

/// What all tokens of one permit on one route say: the larger part, written once for a session.
#[derive(Debug)]
pub(super) struct Claims<'a> {
    pub(super) issuer: &'a str,
    pub(super) permit: &'a Permit,
    pub(super) plan: &'a TokenPlan,
}

/// What one token says beyond them.
#[derive(Debug)]
pub(super) struct Instance<'a> {
    pub(super) permit: &'a Permit,
    pub(super) plan: &'a TokenPlan,
    /// The request; none in a token that requests share.
    pub(super) facts: Option<&'a RequestFacts<'a>>,
    pub(super) since: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) jti: [u8; 16],
}

/// Members of a JSON object being written.
pub(super) struct Writer<'a> {
    out: Vec<u8>,
    plan: &'a TokenPlan,
    /// What stands before the next member.
    before: u8,
    sizes: Option<&'a mut Sizes>,
}

/// Claims by name, with the bytes they take.
pub(super) type Sizes = Vec<(String, usize)>;

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
    /// The beginning of the JSON object: brace and members. Notes the size of each in `sizes`.
    pub(super) fn write(&self, sizes: Option<&mut Sizes>) -> serde_json::Result<Vec<u8>> {
        let mut to = Writer { out: Vec::with_capacity(1024), plan: self.plan, before: b'{', sizes };
        if let TokenForm::Chainlit(identifier) = &self.plan.form {
            self.chainlit(identifier, &mut to)?;
            return Ok(to.out);
        }
        self.token(&mut to)?;
        self.person(&mut to)?;
        self.session(&mut to)?;
        if self.plan.aliases {
            self.aliases(&mut to)?;
        }
        self.extras(&mut to)?;
        Ok(to.out)
    }

    fn token(&self, to: &mut Writer<'_>) -> serde_json::Result<()> {
        let authenticated = self.permit.authenticated();
        // A session is a memory of a sign-in: what counts is how the person proved it.
        let method = authenticated.session().map_or(authenticated.way_in(), |s| s.signed_in_by);
        to.always("iss", self.issuer)?;
        if !self.plan.without_audience {
            to.always("aud", &self.plan.audience)?;
        }
        to.always("sub", &authenticated.principal().subject)?;
        to.always("auth_method", method.as_str())?;
        to.wanted("req_wl", self.issuer)
    }

    pub(super) fn person(&self, to: &mut Writer<'_>) -> serde_json::Result<()> {
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

    pub(super) fn session(&self, to: &mut Writer<'_>) -> serde_json::Result<()> {
        let Some(session) = self.permit.authenticated().session() else {
            return Ok(());
        };
        to.wanted("sid", &*session.sid)?;
        to.wanted("auth_time", &session.auth_time.as_secs())?;
        to.known("acr", session.acr.as_deref())?;
        if session.amr.is_empty() { Ok(()) } else { to.wanted("amr", &*session.amr) }
    }

    fn aliases(&self, to: &mut Writer<'_>) -> serde_json::Result<()> {
        let who = self.principal();
        to.wanted("user", who.user())?;
        to.wanted("display_name", who.display_name())
    }

    pub(super) fn extras(&self, to: &mut Writer<'_>) -> serde_json::Result<()> {
        for (name, value) in &self.principal().claims {
            if !is_reserved(name) {
                to.wanted(name, value)?;
            }
        }
        Ok(())
    }

    pub(super) fn principal(&self) -> &Principal {
        self.permit.authenticated().principal()
    }
}

impl Instance<'_> {
    /// The rest of the JSON object: members and brace. Notes the size of each in `sizes`.
    pub(super) fn write(&self, sizes: Option<&mut Sizes>) -> serde_json::Result<Vec<u8>> {
        let mut to = Writer { out: Vec::with_capacity(512), plan: self.plan, before: b',', sizes };
        let since = self.since.as_secs();
        to.always("iat", &since)?;
        if self.plan.form != TokenForm::Standard {
            to.always("exp", &self.expires.as_secs())?;
            to.out.push(b'}');
            return Ok(to.out);
        }
        to.always("nbf", &since)?;
        to.always("exp", &self.expires.as_secs())?;
        // 16 bytes are 22 characters.
        let mut jti = [0; 22];
        let length = URL_SAFE_NO_PAD.encode_slice(self.jti, &mut jti).unwrap_or_default();
        to.always("jti", std::str::from_utf8(jti.get(..length).unwrap_or_default()).unwrap_or(""))?;
        if let Some(facts) = self.facts {
            to.always("txn", facts.id.as_str())?;
            self.request(facts, &mut to)?;
        }
        to.out.push(b'}');
        Ok(to.out)
    }

    fn request(&self, facts: &RequestFacts<'_>, to: &mut Writer<'_>) -> serde_json::Result<()> {
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
}

impl Writer<'_> {
    /// Begins an object as a member; `close` ends it.
    pub(super) fn open(&mut self, name: &str) -> serde_json::Result<()> {
        self.out.push(std::mem::replace(&mut self.before, b'{'));
        serde_json::to_writer(&mut self.out, name)?;
        self.out.push(b':');
        Ok(())
    }

    /// Ends the object that `open` began.
    pub(super) fn close(&mut self) {
        if self.before == b'{' {
            self.out.push(b'{');
        }
        self.out.push(b'}');
        self.before = b',';
    }

    pub(super) fn always<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> serde_json::Result<()> {
        let before = self.out.len();
        self.out.push(std::mem::replace(&mut self.before, b','));
        serde_json::to_writer(&mut self.out, name)?;
        self.out.push(b':');
        serde_json::to_writer(&mut self.out, value)?;
        if let Some(sizes) = &mut self.sizes {
            sizes.push((name.to_owned(), self.out.len() - before));
        }
        Ok(())
    }

    pub(super) fn wanted<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> serde_json::Result<()> {
        if self.plan.wants(name) { self.always(name, value) } else { Ok(()) }
    }

    fn known(&mut self, name: &str, value: Option<&str>) -> serde_json::Result<()> {
        value.map_or(Ok(()), |value| self.wanted(name, value))
    }

    pub(super) fn filled(&mut self, name: &str, value: &str) -> serde_json::Result<()> {
        if value.is_empty() { Ok(()) } else { self.wanted(name, value) }
    }
}
