//! `[trusted_headers]`: whose header fields count for the way in `trusted_headers`.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::names::FieldName;

/// A proxy before the gateway that has signed people in and says so in header fields.
///
/// The proxy must set or remove every field that is named here, on every request: what it lets through
/// of its client's, the client has said. From everybody else these fields do not count, and on no route
/// does the app see them.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustedHeaders {
    /// The networks that the proxy connects from. Default none. Name single addresses where you can: whoever can
    /// connect from there can be anybody. `server.trusted_proxies` plays no part here.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub from: Vec<IpNet>,
    /// The client certificates that the proxy connects with, beside or instead of `from`: whoever shows
    /// one counts, from wherever.
    pub from_certificates: Option<ProxyCertificates>,
    /// Who vouches for the people: the issuer of their identity. Default
    /// `urn:portcullis:trusted-headers`. With the issuer of a provider, and the provider's `sub` in
    /// `user`, both are the same people.
    pub issuer: Option<String>,
    /// The field with a person's stable name; without it a request names nobody. Default
    /// `X-Forwarded-User`. Authelia and others say `Remote-User`.
    #[serde(default = "user")]
    pub user: FieldName,
    /// The field with the e-mail address. Default `X-Forwarded-Email`.
    #[serde(default = "email")]
    pub email: FieldName,
    /// Whether the proxy passes verified addresses only. Default false: then no rule that lists
    /// addresses or domains counts them.
    #[serde(default)]
    pub email_verified: bool,
    /// The field with the name to show. Default `X-Forwarded-Name`.
    #[serde(default = "display")]
    pub name: FieldName,
    /// The field with the login name to show. Default `X-Forwarded-Preferred-Username`.
    #[serde(default = "login")]
    pub preferred_username: FieldName,
    /// The field with the groups, separated by commas. Default `X-Forwarded-Groups`.
    #[serde(default = "groups")]
    pub groups: FieldName,
}

/// The client certificates of a proxy.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyCertificates {
    /// Who signs them: the id of a section `[client_certificates.<id>]`.
    pub client_certificates: String,
    /// The subjects that are proxies, as the section's `subject` reads them. Every other certificate of
    /// the same authorities is just a client.
    pub subjects: Vec<String>,
}

impl TrustedHeaders {
    /// The fields, with their keys.
    pub fn fields(&self) -> [(&'static str, &FieldName); 5] {
        [
            ("email", &self.email),
            ("groups", &self.groups),
            ("name", &self.name),
            ("preferred_username", &self.preferred_username),
            ("user", &self.user),
        ]
    }
}

fn user() -> FieldName {
    FieldName::known("X-Forwarded-User")
}

fn email() -> FieldName {
    FieldName::known("X-Forwarded-Email")
}

fn display() -> FieldName {
    FieldName::known("X-Forwarded-Name")
}

fn login() -> FieldName {
    FieldName::known("X-Forwarded-Preferred-Username")
}

fn groups() -> FieldName {
    FieldName::known("X-Forwarded-Groups")
}

impl TrustedHeaders {
    /// The issuer of the principals that the proxy names.
    pub fn issuer(&self) -> String {
        let default = || "urn:portcullis:trusted-headers".to_owned();
        self.issuer.clone().unwrap_or_else(default)
    }
}
