//! The header of a token: three members that count, and all others judged by their names.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use crate::crypto::algorithm::VerifyAlgorithm;
use crate::crypto::jws::JwsFault;
use crate::crypto::strict_json::Strict;
use crate::crypto::verifying_key::MAX_KID_BYTES;

/// Members that change how the token is to be read, or bring a key along. A key in the token is the
/// attacker's key.
const REFUSED: [&str; 8] = ["b64", "crit", "enc", "jku", "jwk", "x5c", "x5u", "zip"];

/// What a header says that counts.
pub(super) struct Header {
    pub(super) algorithm: VerifyAlgorithm,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
}

/// The members of a header, each of which occurs once. Those that every header has are no entries of
/// a map, which would have to be made for each token.
#[derive(Default)]
pub(super) struct Members {
    alg: Option<Value>,
    kid: Option<Value>,
    typ: Option<Value>,
    others: BTreeSet<String>,
}

impl Members {
    /// Reads a JSON object.
    pub(super) fn read(json: &[u8]) -> Result<Self, JwsFault> {
        serde_json::from_slice(json).map_err(|_| JwsFault::Header)
    }

    /// What it says that counts, where its algorithm is one of those that are `named`.
    pub(super) fn judge(
        self,
        named: fn(&str) -> Option<VerifyAlgorithm>,
    ) -> Result<Header, JwsFault> {
        if let Some(name) = REFUSED.into_iter().find(|name| self.others.contains(*name)) {
            return Err(JwsFault::Extension(name));
        }
        let name = text(self.alg)?.ok_or(JwsFault::Header)?;
        let algorithm =
            named(&name).ok_or_else(|| JwsFault::Algorithm(name.chars().take(32).collect()))?;
        let kid = text(self.kid)?;
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(JwsFault::Header);
        }
        Ok(Header { algorithm, kid, typ: text(self.typ)? })
    }
}

fn text(member: Option<Value>) -> Result<Option<String>, JwsFault> {
    match member {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwsFault::Header),
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object without repeated names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key::<Name>()? {
            // Strict, whatever the name: two readers must not read the inside of a member differently.
            let Strict(value) = map.next_value()?;
            let repeated = match name {
                Name::Alg => members.alg.replace(value).is_some(),
                Name::Kid => members.kid.replace(value).is_some(),
                Name::Typ => members.typ.replace(value).is_some(),
                Name::Other(name) => !members.others.insert(name),
            };
            if repeated {
                // The name is not repeated here: it may be anything at all.
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(members)
    }
}

/// The name of a member, as JSON means it: escapes have been read.
enum Name {
    Alg,
    Kid,
    Typ,
    Other(String),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        Ok(match name {
            "alg" => Name::Alg,
            "kid" => Name::Kid,
            "typ" => Name::Typ,
            other => Name::Other(other.to_owned()),
        })
    }
}
