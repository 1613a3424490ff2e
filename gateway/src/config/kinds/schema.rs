//! The schema of `[providers.<id>]`: each template has its own keys, and those of `kind = "oidc"`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::config::github::GithubProvider;
use crate::config::kinds::auth0::Auth0;
use crate::config::kinds::cognito::Cognito;
use crate::config::kinds::descope::Descope;
use crate::config::kinds::entra::Entra;
use crate::config::kinds::gitlab::Gitlab;
use crate::config::kinds::google::Google;
use crate::config::kinds::keycloak::Keycloak;
use crate::config::kinds::okta::Okta;
use crate::config::providers::{OidcProvider, Provider};
use crate::config::schema::known;

/// The keyword that names a template's own keys, for the reference page.
pub(in crate::config) const OWN: &str = "x-own";

type Describe = fn(&mut SchemaGenerator) -> Schema;

const TEMPLATES: [(&str, Describe); 8] = [
    ("auth0", Auth0::json_schema),
    ("cognito", Cognito::json_schema),
    ("descope", Descope::json_schema),
    ("entra", Entra::json_schema),
    ("gitlab", Gitlab::json_schema),
    ("google", Google::json_schema),
    ("keycloak", Keycloak::json_schema),
    ("okta", Okta::json_schema),
];

/// The keys that only a template has.
pub(super) fn own_keys(kind: &str) -> Option<Vec<&'static str>> {
    let kinds = known().pointer("/$defs/Provider/oneOf")?.as_array()?;
    let is = |it: &&Value| it.pointer("/properties/kind/const").is_some_and(|name| name == kind);
    let own = kinds.iter().find(is)?.get(OWN)?.as_array()?;
    Some(own.iter().filter_map(Value::as_str).collect())
}

impl JsonSchema for Provider {
    fn schema_name() -> Cow<'static, str> {
        "Provider".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let oidc = OidcProvider::json_schema(generator);
        let mut kinds = vec![
            tagged("github", GithubProvider::json_schema(generator).to_value()),
            tagged("oidc", oidc.clone().to_value()),
        ];
        for (name, describe) in TEMPLATES {
            let own = describe(generator);
            kinds.push(tagged(name, joined(own, &oidc)));
        }
        kinds.sort_by_key(|kind| kind.pointer("/properties/kind/const").map(Value::to_string));
        schemars::json_schema!({
            "description": "An identity provider; `kind` says which, or how to speak with it. A kind \
                that is named after a provider fills in what is known of it: the issuer, the scopes, \
                and which claims hold what. Whatever is written wins over that.",
            "oneOf": kinds,
        })
    }
}

/// A template's own keys before those of OpenID Connect. The issuer follows from them.
fn joined(own: Schema, oidc: &Schema) -> Value {
    let (own, oidc) = (own.to_value(), oidc.as_value());
    let mut properties = object(oidc.get("properties"));
    let mut required = list(oidc.get("required"));
    required.retain(|key| key != "issuer");
    let keys = object(own.get("properties"));
    let names: Vec<Value> = keys.keys().cloned().map(Value::String).collect();
    properties.extend(keys);
    required.extend(list(own.get("required")));
    json!({
        "type": "object",
        "description": own.get("description"),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        OWN: names,
    })
}

fn tagged(kind: &str, mut schema: Value) -> Value {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("kind".to_owned(), json!({ "type": "string", "const": kind }));
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.insert(0, "kind".into());
    }
    schema
}

fn object(node: Option<&Value>) -> Map<String, Value> {
    node.and_then(Value::as_object).cloned().unwrap_or_default()
}

fn list(node: Option<&Value>) -> Vec<Value> {
    node.and_then(Value::as_array).cloned().unwrap_or_default()
}
