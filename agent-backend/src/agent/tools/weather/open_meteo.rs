//! Open-Meteo over HTTP, with patience for one retry and a memory for what it said.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use url::Url;

use super::forecast::{Forecast, Hour, Source};
use super::places::Place;
use crate::clock::Clock;
use crate::fetch::{FetchError, fetch_json};

/// A client of the forecast service.
pub struct OpenMeteo {
    base: Url,
    client: Client,
    clock: Arc<dyn Clock>,
    kept: Mutex<HashMap<String, (Instant, Forecast)>>,
    resting_until: Mutex<Option<Instant>>,
}

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
pub enum WeatherFault {
    /// The service answered, with something that is no forecast.
    #[error("the weather service answered with something that is no forecast")]
    Garbled,
    /// The service does not like the question; its own words.
    #[error("the weather service refused: {0}")]
    Refused(String),
    /// The service does not answer.
    #[error("the weather service cannot be reached: {0}")]
    Unreachable(String),
}

/// The models behind the service run a few times a day.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// Ranges kept at most; an entry is a few kilobytes.
const MOST_KEPT: usize = 256;
/// After a failure, nobody waits for a timeout again for this long.
const REST: Duration = Duration::from_secs(30);
/// Sixteen days and the hour that a change of the clock can add.
const MOST_HOURS: usize = 16 * 24 + 2;
/// Longest reason of the service that is passed on.
const MOST_REASON: usize = 200;

const HOURLY: &str = "temperature_2m,relative_humidity_2m,apparent_temperature,precipitation,\
    precipitation_probability,weather_code,evapotranspiration,surface_pressure";

impl OpenMeteo {
    /// A client for the service at `base`.
    pub fn new(base: Url, client: Client, clock: Arc<dyn Clock>) -> Self {
        let (kept, resting_until) = Default::default();
        Self { base, client, clock, kept, resting_until }
    }

    /// The forecast for a place from one date to another, both included.
    ///
    /// # Errors
    ///
    /// See [`WeatherFault`].
    pub async fn forecast(
        &self,
        place: &Place,
        from: Date,
        to: Date,
    ) -> Result<Forecast, WeatherFault> {
        let now = self.clock.instant();
        let url = self.url(place, from, to);
        if let Some(forecast) = self.remembered(url.as_str(), now) {
            return Ok(forecast);
        }
        if self
            .resting_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|t| now < t)
        {
            return Err(WeatherFault::Unreachable("it did not answer a moment ago".into()));
        }
        let answer = match self.ask(&url).await {
            Err(WeatherFault::Unreachable(_)) => self.ask(&url).await,
            other => other,
        };
        let rest = matches!(answer, Err(WeatherFault::Unreachable(_))).then(|| now + REST);
        *self.resting_until.lock().unwrap_or_else(PoisonError::into_inner) = rest;
        let forecast = read(place, &answer?).ok_or(WeatherFault::Garbled)?;
        self.remember(url.as_str(), now, &forecast);
        Ok(forecast)
    }

    async fn ask(&self, url: &Url) -> Result<Value, WeatherFault> {
        fetch_json(&self.client, url).await.map_err(|fault| match fault {
            FetchError::Status { status: StatusCode::BAD_REQUEST, body, .. } => {
                let reason = body.get("reason").and_then(Value::as_str).unwrap_or("bad request");
                WeatherFault::Refused(reason.chars().take(MOST_REASON).collect())
            }
            FetchError::NotJson { .. } | FetchError::TooLarge { .. } => WeatherFault::Garbled,
            FetchError::Status { status, .. } => {
                WeatherFault::Unreachable(format!("it answered {status}"))
            }
            FetchError::Unreachable { cause, .. } => WeatherFault::Unreachable(cause),
        })
    }

    fn url(&self, place: &Place, from: Date, to: Date) -> Url {
        let mut url = self.base.clone();
        url.set_path("/v1/forecast");
        url.query_pairs_mut()
            .append_pair("latitude", &format!("{:.4}", place.latitude))
            .append_pair("longitude", &format!("{:.4}", place.longitude))
            .append_pair("hourly", HOURLY)
            .append_pair("timezone", "auto")
            .append_pair("start_date", &from.to_string())
            .append_pair("end_date", &to.to_string());
        url
    }

    fn remembered(&self, key: &str, now: Instant) -> Option<Forecast> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, forecast) = kept.get(key)?;
        (now.saturating_duration_since(*at) < KEPT_FOR).then(|| forecast.clone())
    }

    fn remember(&self, key: &str, now: Instant, forecast: &Forecast) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.retain(|_, (at, _)| now.saturating_duration_since(*at) < KEPT_FOR);
        }
        if kept.len() < MOST_KEPT {
            kept.insert(key.to_owned(), (now, forecast.clone()));
        }
    }
}

/// A field may be missing, shorter than the times, or hold nulls: each gap stays a gap.
fn read(place: &Place, answer: &Value) -> Option<Forecast> {
    let hourly = answer.get("hourly")?;
    let times = hourly.get("time")?.as_array()?;
    let field = |name: &str| hourly.get(name).and_then(Value::as_array);
    let (temperature, rain) = (field("temperature_2m"), field("precipitation"));
    let (chance, humidity) = (field("precipitation_probability"), field("relative_humidity_2m"));
    let code = field("weather_code");
    let at = |list: Option<&Vec<Value>>, index: usize| list?.get(index)?.as_f64();
    let hours: Vec<Hour> = times
        .iter()
        .take(MOST_HOURS)
        .enumerate()
        .filter_map(|(index, time)| {
            Some(Hour {
                time: time.as_str()?.chars().take(16).collect(),
                temperature: at(temperature, index),
                rain: at(rain, index).filter(|amount| *amount >= 0.0),
                rain_chance: at(chance, index),
                humidity: at(humidity, index),
                code: at(code, index),
            })
        })
        .collect();
    let unit = |name: &str, usual: &str| {
        let units = answer.get("hourly_units").and_then(|units| units.get(name));
        units.and_then(Value::as_str).unwrap_or(usual).chars().take(12).collect::<String>()
    };
    let units = (unit("temperature_2m", "°C"), unit("precipitation", "mm"));
    let forecast = Forecast::from_hours(place, Source::OpenMeteo, units, hours);
    (!forecast.days.is_empty()).then_some(forecast)
}
