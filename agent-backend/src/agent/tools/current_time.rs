//! What time it is, here or in another place.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::toolbox::{Tool, ToolFault, ToolSpec};
use super::weather::Places;
use crate::caller::Caller;
use crate::clock::Clock;

/// Tells the time.
pub struct CurrentTime {
    clock: Arc<dyn Clock>,
    places: Arc<Places>,
}

impl CurrentTime {
    /// With a clock, and the places whose time zones it knows.
    pub fn new(clock: Arc<dyn Clock>, places: Arc<Places>) -> Self {
        Self { clock, places }
    }
}

#[async_trait]
impl Tool for CurrentTime {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "current_time",
            title: "Current time",
            description: "Date and time at the usual place or at a named one.",
            parameters: json!({
                "type": "object",
                "properties": { "place": { "type": "string" } },
            }),
        }
    }

    async fn run(&self, _: &Arc<Caller>, arguments: Value) -> Result<Value, ToolFault> {
        let name = arguments.get("place").and_then(Value::as_str);
        let place = self.places.find(name).await?;
        // A machine without time zone data still tells the right time, in UTC and saying so.
        let zone = TimeZone::get(&place.timezone).unwrap_or(TimeZone::UTC);
        let label = zone.iana_name().unwrap_or("UTC").to_owned();
        let now = self.clock.now().to_zoned(zone);
        Ok(json!({
            "place": place.name,
            "timezone": label,
            "date": now.date().to_string(),
            "weekday": now.strftime("%A").to_string(),
            "time": now.strftime("%H:%M").to_string(),
            "spoken": now.strftime("%A, %-d %B %Y, %H:%M").to_string(),
        }))
    }
}
