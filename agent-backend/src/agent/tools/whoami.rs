//! Who the agent believes to be talking to.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::toolbox::{Tool, ToolFault, ToolSpec};
use crate::caller::Caller;

/// Tells the caller's verified identity.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whoami;

#[async_trait]
impl Tool for Whoami {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "whoami",
            title: "Who am I",
            description: "The verified identity of the person who asks.",
            parameters: json!({ "type": "object", "properties": {} }),
        }
    }

    async fn run(&self, caller: &Arc<Caller>, _: Value) -> Result<Value, ToolFault> {
        Ok(json!({
            "sub": caller.sub,
            "name": caller.name,
            "email": caller.email,
            "groups": caller.groups,
            "roles": caller.roles,
            "auth_method": caller.auth_method,
            "issuer": caller.claims.get("iss"),
            "token_expires": caller.expires.to_string(),
        }))
    }
}
