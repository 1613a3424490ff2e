//! `[server.verify]`: the gate as an answer for other proxies.

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lets other proxies ask at `/.portcullis/verify` whether they may forward a request, for places where
/// the gateway is not the proxy itself. The routes decide as ever; their upstreams are not called.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The networks of the proxies that may ask, by their own address on the connection. They alone are
    /// believed what they say of the original request; to everybody else the page does not exist.
    #[schemars(with = "Vec<String>")]
    pub peers: Vec<IpNet>,
    /// How the proxies speak of the original request. There is no default: header fields of another
    /// dialect come from the client, which could then choose the path that is judged.
    pub dialect: Dialect,
    /// With `nginx`, the header fields that the proxy sets on each question; only these are read, and
    /// each must be there once. Default `X-Original-URI`, `X-Original-Host` and
    /// `X-Original-Remote-Addr`. List no field that the proxy does not set: it would be the client's
    /// own. Without `X-Original-Method`, a path whose routes tell methods apart is refused.
    pub headers: Option<Vec<OriginalField>>,
    /// Whether the paths of oauth2-proxy are served too: `/oauth2/auth`, `/oauth2/userinfo`,
    /// `/oauth2/start`, `/oauth2/sign_in`, `/oauth2/sign_out` and `/ping`. Default false: an app may
    /// have such paths itself.
    #[serde(default)]
    pub oauth2_proxy_paths: bool,
}

/// How a proxy speaks of the original request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Envoy's `ext_authz` over HTTP: the original method, and the original target behind the page's
    /// own path.
    Envoy,
    /// `ForwardAuth` of Traefik and `forward_auth` of Caddy: `X-Forwarded-Uri`, `-Host`, `-Method`,
    /// `-Proto` and `-For`.
    ForwardAuth,
    /// nginx's `auth_request`: `X-Original-*`.
    Nginx,
}

/// A header field that a proxy sets by its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum OriginalField {
    /// Host, with the port if it is not the usual one.
    #[serde(rename = "X-Original-Host")]
    Host,
    /// Method.
    #[serde(rename = "X-Original-Method")]
    Method,
    /// `http` or `https`.
    #[serde(rename = "X-Original-Proto")]
    Proto,
    /// The client's address.
    #[serde(rename = "X-Original-Remote-Addr")]
    RemoteAddr,
    /// Path and query as the client sent them.
    #[serde(rename = "X-Original-URI")]
    Uri,
}

impl Verify {
    /// The fields that an nginx sets.
    pub fn fields(&self) -> &[OriginalField] {
        const SET: &[OriginalField] =
            &[OriginalField::Uri, OriginalField::Host, OriginalField::RemoteAddr];
        self.headers.as_deref().unwrap_or(SET)
    }
}
