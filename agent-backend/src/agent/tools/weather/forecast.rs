//! A forecast as the agent speaks of it: hours, and days worked out from the hours.

use jiff::civil::Date;
use serde::Serialize;

use super::places::Place;

/// The weather at a place over some days.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// Name of the place.
    pub place: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Where the numbers come from.
    pub source: Source,
    /// The same for people, with the credit that the licence asks for.
    pub source_note: &'static str,
    /// Unit of temperatures, as the source names it.
    pub temperature_unit: String,
    /// Unit of precipitation, as the source names it.
    pub precipitation_unit: String,
    /// One entry per day.
    pub days: Vec<Day>,
    /// One entry per hour, for a short range only.
    pub hours: Vec<Hour>,
}

/// Where the numbers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Made up by the agent, the same every time. Not a forecast.
    OfflineSample,
    /// Open-Meteo.
    OpenMeteo,
}

/// One day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Day {
    /// The date there.
    pub date: String,
    /// The day of the week.
    pub weekday: String,
    /// Lowest temperature.
    pub low: Option<f64>,
    /// Highest temperature.
    pub high: Option<f64>,
    /// Sum of precipitation.
    pub rain: Option<f64>,
    /// Highest chance of precipitation in any hour, in percent.
    pub rain_chance: Option<f64>,
    /// Mean relative humidity, in percent.
    pub humidity: Option<f64>,
    /// The sky in two words.
    pub sky: &'static str,
}

/// One hour. A number that the source does not have is `None`, never zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Hour {
    /// Local time, `YYYY-MM-DDTHH:MM`.
    pub time: String,
    /// Temperature.
    pub temperature: Option<f64>,
    /// Precipitation in the hour.
    pub rain: Option<f64>,
    /// Chance of precipitation, in percent.
    pub rain_chance: Option<f64>,
    /// Relative humidity, in percent.
    pub humidity: Option<f64>,
    /// WMO weather code.
    #[serde(skip)]
    pub code: Option<f64>,
}

/// Hours are kept for ranges up to this many days; for longer ones they only burden the page.
const HOURLY_DAYS: usize = 2;

impl Forecast {
    /// From hours in order of time.
    pub fn from_hours(
        place: &Place,
        source: Source,
        units: (String, String),
        hours: Vec<Hour>,
    ) -> Self {
        let mut days: Vec<Day> = Vec::new();
        for of_day in hours.chunk_by(|a, b| date_of(a) == date_of(b)) {
            days.extend(Day::from_hours(of_day));
        }
        let hours = if days.len() <= HOURLY_DAYS { hours } else { Vec::new() };
        let source_note = match source {
            Source::OfflineSample => "Offline sample data, not a real forecast",
            Source::OpenMeteo => "Weather data by Open-Meteo.com, CC BY 4.0",
        };
        Self {
            place: place.name.clone(),
            latitude: place.latitude,
            longitude: place.longitude,
            source,
            source_note,
            temperature_unit: units.0,
            precipitation_unit: units.1,
            days,
            hours,
        }
    }
}

impl Day {
    fn from_hours(hours: &[Hour]) -> Option<Self> {
        let date: Date = date_of(hours.first()?).parse().ok()?;
        let values = |field: fn(&Hour) -> Option<f64>| hours.iter().filter_map(field);
        let count = values(|hour| hour.humidity).count();
        #[expect(clippy::cast_precision_loss, reason = "a day has at most 25 hours")]
        let mean = (count > 0).then(|| values(|hour| hour.humidity).sum::<f64>() / count as f64);
        let has_rain = values(|hour| hour.rain).next().is_some();
        // The daylight hour with the highest code names the day; nights are often clear.
        let code = hours
            .iter()
            .filter(|hour| hour.time.get(11..13).is_some_and(|h| ("08"..="20").contains(&h)))
            .filter_map(|hour| hour.code)
            .reduce(f64::max);
        Some(Self {
            date: date.to_string(),
            weekday: date.strftime("%A").to_string(),
            low: values(|hour| hour.temperature).reduce(f64::min).map(tenths),
            high: values(|hour| hour.temperature).reduce(f64::max).map(tenths),
            rain: has_rain.then(|| tenths(values(|hour| hour.rain).sum())),
            rain_chance: values(|hour| hour.rain_chance).reduce(f64::max),
            humidity: mean.map(f64::round),
            sky: sky(code.or_else(|| values(|hour| hour.code).reduce(f64::max))),
        })
    }
}

fn date_of(hour: &Hour) -> &str {
    hour.time.get(..10).unwrap_or_default()
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The WMO codes that Open-Meteo uses, in words.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and codes are below 100")]
fn sky(code: Option<f64>) -> &'static str {
    match code.map(|code| code as i64) {
        Some(0) => "clear sky",
        Some(1) => "mostly clear",
        Some(2) => "partly cloudy",
        Some(3) => "overcast",
        Some(45 | 48) => "fog",
        Some(51..=57) => "drizzle",
        Some(61 | 66 | 80) => "light rain",
        Some(63 | 81) => "rain",
        Some(65 | 67 | 82) => "heavy rain",
        Some(71..=77 | 85 | 86) => "snow",
        Some(95..=99) => "thunderstorm",
        Some(_) | None => "mixed sky",
    }
}
