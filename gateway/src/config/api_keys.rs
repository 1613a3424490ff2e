//! `[api_keys]`: where the way in `api_key` looks for keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::names::FieldName;

/// Keys that `portcullis api-keys` makes, for programs. They are kept in the state directory, or in
/// `server.keys` where replicas share it, only as hashes.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApiKeys {
    /// The field that carries the key. Default `X-API-Key`. In `Authorization` it stands behind `ApiKey`
    /// or `Bearer`. On routes with `api_key` the upstream never sees the field.
    pub header: FieldName,
}

impl Default for ApiKeys {
    fn default() -> Self {
        Self { header: FieldName::known("X-API-Key") }
    }
}
