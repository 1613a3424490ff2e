//! The weather: Open-Meteo when it can be reached, labelled sample data when not.

mod forecast;
mod offline;
mod open_meteo;
mod places;
mod tool;

pub use forecast::{Day, Forecast, Hour, Source};
pub use open_meteo::{OpenMeteo, WeatherFault};
pub use places::{Place, Places};
pub use tool::Weather;
