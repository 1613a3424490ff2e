//! `[teams]`: the app as a tab in Microsoft Teams.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::ProviderId;

/// The app as a tab in Microsoft Teams, for routes with the way in `teams`.
///
/// Teams adds nothing to the requests of a tab. The gateway answers the tab's first request with a
/// page of its own, which asks Teams for a token and sends it here; then a session begins.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Teams {
    /// The provider that stands for the same app registration in Microsoft Entra, by id. Its issuer
    /// is `https://login.microsoftonline.com/<tenant id>/v2.0` and its `subject` is `oid`, so that a
    /// person is the same one in the tab and in a browser. Its `allow` counts here too.
    #[schemars(with = "String")]
    pub provider: ProviderId,
    /// The ids of the tenants whose people may come. Default: the provider's own tenant. `["any"]`
    /// takes every tenant of Entra: anybody can have one, so that a route must then name who may.
    #[serde(default)]
    pub tenants: Vec<String>,
    /// What a token's `aud` may be. Default: the provider's `client_id`, and the Application ID URI
    /// `api://<host>/<client_id>` for the host of each of our origins.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The scope that the app registration exposes, which a token must have in `scp`. Default
    /// `access_as_user`.
    #[serde(default = "scope")]
    pub scope: String,
    /// The applications that may fetch a token for a person (`azp`, or `appid` in older tokens).
    /// Default: Microsoft's own for Teams, Microsoft 365 and Outlook.
    #[serde(default = "clients")]
    pub clients: Vec<String>,
    /// Whose pages may show the app in a frame, beside its own: sources of the CSP directive
    /// `frame-ancestors`. Default: the hosts of Teams, Microsoft 365 and Outlook.
    #[serde(default = "frame_ancestors")]
    pub frame_ancestors: Vec<String>,
    /// Microsoft's library for tabs. Default: version 2.58.0 on Microsoft's own servers, with its
    /// hash.
    #[serde(default)]
    pub library: TeamsLibrary,
}

/// Where browsers load Microsoft's library for tabs (`TeamsJS`) from. The gateway brings no copy.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamsLibrary {
    /// An https address, or a path of this site.
    pub url: String,
    /// The hash that the file must have, as in the `integrity` attribute of HTML. Needed for another
    /// site's file: who can change it could take tokens.
    pub integrity: Option<String>,
}

impl Default for TeamsLibrary {
    fn default() -> Self {
        Self {
            url: "https://res.cdn.office.net/teams-js/2.58.0/js/MicrosoftTeams.min.js".to_owned(),
            integrity: Some(
                "sha384-sMo/EOqQPa1OCup2/VBRum7oFeOS22kvs8WGDc45xK53tUVZzFR5WwFYDUYN1LO4"
                    .to_owned(),
            ),
        }
    }
}

impl Teams {
    /// The word that takes every tenant.
    pub const ANY: &'static str = "any";

    /// Whether every tenant's people may come.
    pub fn takes_any_tenant(&self) -> bool {
        self.tenants.iter().any(|tenant| tenant == Self::ANY)
    }
}

fn scope() -> String {
    "access_as_user".to_owned()
}

fn clients() -> Vec<String> {
    [
        "1fec8e78-bce4-4aaf-ab1b-5451cc387264", // Teams, desktop and mobile
        "5e3ce6c0-2b1f-4285-8d4b-75ee78787346", // Teams, web
        "4765445b-32c6-49b0-83e6-1d93765276ca", // Microsoft 365, web
        "0ec893e0-5785-4de6-99da-4ed124e5296c", // Microsoft 365, desktop
        "d3590ed6-52b3-4102-aeff-aad2292ab01c", // Microsoft 365, mobile; Outlook, desktop
        "bc59ab01-8403-45c6-8796-ac3ef710b3e3", // Outlook, web
        "27922004-5251-4030-b22d-91ecd9a37ea4", // Outlook, mobile
    ]
    .map(str::to_owned)
    .to_vec()
}

fn frame_ancestors() -> Vec<String> {
    [
        "https://teams.microsoft.com",
        "https://*.teams.microsoft.com",
        "https://*.cloud.microsoft",
        "https://*.microsoft365.com",
        "https://*.office.com",
        "https://outlook.office.com",
        "https://outlook.office365.com",
        "https://outlook-sdf.office.com",
        "https://outlook-sdf.office365.com",
    ]
    .map(str::to_owned)
    .to_vec()
}
