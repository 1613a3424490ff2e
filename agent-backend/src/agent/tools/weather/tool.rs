//! The weather as a tool.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::super::toolbox::{Tool, ToolFault, ToolSpec};
use super::offline::sample;
use super::open_meteo::{OpenMeteo, WeatherFault};
use super::places::{Place, Places};
use crate::caller::Caller;
use crate::clock::Clock;

/// Tells the weather at a place over some days.
pub struct Weather {
    clock: Arc<dyn Clock>,
    places: Arc<Places>,
    service: OpenMeteo,
}

/// Open-Meteo looks this many days ahead, today included.
const MOST_DAYS: i64 = 16;

impl Weather {
    /// With the places it knows and the service it asks.
    pub fn new(clock: Arc<dyn Clock>, places: Arc<Places>, service: OpenMeteo) -> Self {
        Self { clock, places, service }
    }

    /// "Today" is the date at the place, not where the agent runs.
    fn today(&self, place: &Place) -> Date {
        let zone = TimeZone::get(&place.timezone).unwrap_or(TimeZone::UTC);
        self.clock.now().to_zoned(zone).date()
    }
}

#[async_trait]
impl Tool for Weather {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "weather",
            title: "Weather",
            description: "Weather for some days, today being day 0, at the usual place or a named one.",
            parameters: json!({
                "type": "object",
                "properties": {
                    "place": { "type": "string" },
                    "from_day": { "type": "integer", "minimum": 0, "maximum": MOST_DAYS - 1 },
                    "days": { "type": "integer", "minimum": 1, "maximum": MOST_DAYS },
                    "weekday": { "type": "string" },
                },
            }),
        }
    }

    async fn run(&self, _: &Arc<Caller>, arguments: Value) -> Result<Value, ToolFault> {
        let place = self.places.find(arguments.get("place").and_then(Value::as_str)).await?;
        let today = self.today(&place);
        let (from, to) = range(today, &arguments)?;
        let forecast = match self.service.forecast(&place, from, to).await {
            Ok(forecast) => forecast,
            Err(WeatherFault::Refused(reason)) => {
                return Err(ToolFault::Failed(format!("the weather service refused: {reason}")));
            }
            Err(fault) => {
                tracing::warn!(%fault, "answering with offline sample weather");
                sample(&place, from, to)
            }
        };
        let mut result = serde_json::to_value(forecast)
            .map_err(|_| ToolFault::Failed("the forecast cannot be written down".into()))?;
        if let Some(fields) = result.as_object_mut() {
            fields.insert("today".to_owned(), json!(today.to_string()));
        }
        Ok(result)
    }
}

fn range(today: Date, arguments: &Value) -> Result<(Date, Date), ToolFault> {
    let whole = |name: &str, usual: i64| match arguments.get(name) {
        None | Some(Value::Null) => Ok(usual),
        Some(value) => value
            .as_i64()
            .ok_or_else(|| ToolFault::Arguments(format!("{name} must be a whole number"))),
    };
    let from_day = match arguments.get("weekday").and_then(Value::as_str) {
        Some(name) => until_weekday(today, name)?,
        None => whole("from_day", 0)?,
    };
    let days = whole("days", 1)?;
    if from_day < 0 || days < 1 || from_day.saturating_add(days) > MOST_DAYS {
        return Err(ToolFault::Arguments(format!(
            "a forecast reaches at most {MOST_DAYS} days ahead, and not into the past"
        )));
    }
    let far = || ToolFault::Arguments("that is too far away".to_owned());
    let from = today.checked_add(from_day.days()).map_err(|_| far())?;
    let to = from.checked_add((days - 1).days()).map_err(|_| far())?;
    Ok((from, to))
}

/// Days until the next day of this name; today counts.
fn until_weekday(today: Date, name: &str) -> Result<i64, ToolFault> {
    let matches = |offset: &i64| {
        let date = today.checked_add((*offset).days());
        date.is_ok_and(|date| date.strftime("%A").to_string().eq_ignore_ascii_case(name))
    };
    (0..7)
        .find(matches)
        .ok_or_else(|| ToolFault::Arguments(format!("{name:?} is not a day of the week")))
}
