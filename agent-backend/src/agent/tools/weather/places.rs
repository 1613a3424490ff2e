//! Where on earth: the usual place, a few known cities, and Open-Meteo's place search.

use reqwest::Client;
use serde_json::Value;
use url::Url;

use super::super::toolbox::ToolFault;
use crate::fetch::{FetchError, fetch_json};

/// A place with its coordinates.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Its time zone, as the IANA names it.
    pub timezone: String,
}

/// Finds places by name.
pub struct Places {
    usual: Place,
    geocoding: Url,
    client: Client,
}

/// Longer than the longest place name; more is not a name.
const MOST_CHARS: usize = 90;

/// Known without asking anyone, so that the demo can answer about them offline.
const KNOWN: [(&str, f64, f64, &str); 24] = [
    ("Amsterdam", 52.37, 4.89, "Europe/Amsterdam"),
    ("Athens", 37.98, 23.73, "Europe/Athens"),
    ("Barcelona", 41.39, 2.16, "Europe/Madrid"),
    ("Berlin", 52.52, 13.41, "Europe/Berlin"),
    ("Bilbao", 43.26, -2.93, "Europe/Madrid"),
    ("Buenos Aires", -34.61, -58.38, "America/Argentina/Buenos_Aires"),
    ("Cape Town", -33.93, 18.42, "Africa/Johannesburg"),
    ("Dublin", 53.33, -6.25, "Europe/Dublin"),
    ("Lisbon", 38.72, -9.13, "Europe/Lisbon"),
    ("London", 51.51, -0.13, "Europe/London"),
    ("Madrid", 40.42, -3.70, "Europe/Madrid"),
    ("Mexico City", 19.43, -99.13, "America/Mexico_City"),
    ("New York", 40.71, -74.01, "America/New_York"),
    ("Oslo", 59.91, 10.75, "Europe/Oslo"),
    ("Paris", 48.85, 2.35, "Europe/Paris"),
    ("Reykjavik", 64.14, -21.90, "Atlantic/Reykjavik"),
    ("Rome", 41.89, 12.51, "Europe/Rome"),
    ("San Francisco", 37.77, -122.42, "America/Los_Angeles"),
    ("San Sebastián", 43.32, -1.98, "Europe/Madrid"),
    ("Singapore", 1.29, 103.85, "Asia/Singapore"),
    ("Stockholm", 59.33, 18.07, "Europe/Stockholm"),
    ("Sydney", -33.87, 151.21, "Australia/Sydney"),
    ("Tokyo", 35.69, 139.69, "Asia/Tokyo"),
    ("Vienna", 48.21, 16.37, "Europe/Vienna"),
];

impl Places {
    /// With the place that is meant when none is named, and the search service.
    pub fn new(usual: Place, geocoding: Url, client: Client) -> Self {
        Self { usual, geocoding, client }
    }

    /// The place of this name; the usual one without a name.
    ///
    /// # Errors
    ///
    /// When there is no such place, or it is not a known one and the search cannot be reached.
    pub async fn find(&self, name: Option<&str>) -> Result<Place, ToolFault> {
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else {
            return Ok(self.usual.clone());
        };
        if plain(name) == plain(&self.usual.name) {
            return Ok(self.usual.clone());
        }
        let known = KNOWN.iter().find(|(known, ..)| plain(known) == plain(name));
        if let Some((name, latitude, longitude, timezone)) = known {
            return Ok(Place {
                name: (*name).to_owned(),
                latitude: *latitude,
                longitude: *longitude,
                timezone: (*timezone).to_owned(),
            });
        }
        if name.chars().count() > MOST_CHARS {
            return Err(ToolFault::Arguments("that is too long for the name of a place".into()));
        }
        self.search(name).await
    }

    async fn search(&self, name: &str) -> Result<Place, ToolFault> {
        let mut url = self.geocoding.clone();
        url.set_path("/v1/search");
        url.query_pairs_mut()
            .append_pair("name", name)
            .append_pair("count", "1")
            .append_pair("language", "en")
            .append_pair("format", "json");
        let found = fetch_json(&self.client, &url).await.map_err(|fault: FetchError| {
            tracing::warn!(%fault, "a place could not be looked up");
            ToolFault::Failed(format!(
                "the place search cannot be reached, and {name} is not among the places known offline"
            ))
        })?;
        let first = found.get("results").and_then(Value::as_array).and_then(|all| all.first());
        first
            .and_then(read)
            .ok_or_else(|| ToolFault::Failed(format!("no place called {name} was found")))
    }
}

fn read(found: &Value) -> Option<Place> {
    let latitude = found.get("latitude")?.as_f64().filter(|n| n.abs() <= 90.0)?;
    let longitude = found.get("longitude")?.as_f64().filter(|n| n.abs() <= 180.0)?;
    let name: String = found.get("name")?.as_str()?.chars().take(MOST_CHARS).collect();
    let timezone = found.get("timezone").and_then(Value::as_str).unwrap_or("UTC").to_owned();
    Some(Place { name, latitude, longitude, timezone })
}

/// Lower case, and without the accents of the names above.
fn plain(name: &str) -> String {
    let folded = name.chars().flat_map(char::to_lowercase).map(|c| match c {
        'á' | 'à' | 'ä' => 'a',
        'é' | 'è' => 'e',
        'í' => 'i',
        'ó' | 'ö' => 'o',
        'ú' | 'ü' => 'u',
        other => other,
    });
    folded.collect()
}
