//! A tool that only one group may use: it shows what gating looks like.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::toolbox::{Tool, ToolFault, ToolSpec};
use crate::caller::Caller;

/// Tells how the (imaginary) services of the demo are doing.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServiceStatus;

#[async_trait]
impl Tool for ServiceStatus {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "service_status",
            title: "Service status",
            description: "The state of the internal services. For the group engineering.",
            parameters: json!({ "type": "object", "properties": {} }),
        }
    }

    async fn run(&self, _: &Arc<Caller>, _: Value) -> Result<Value, ToolFault> {
        let service = |name: &str, state: &str, version: &str, note: &str| json!({ "name": name, "state": state, "version": version, "note": note });
        Ok(json!({
            "sample": true,
            "services": [
                service("checkout", "healthy", "4.12.0", "all checks pass"),
                service("search", "degraded", "2.7.3", "one of three replicas is restarting"),
                service("billing", "healthy", "1.30.1", "all checks pass"),
            ],
        }))
    }
}
