//! Sample weather for a machine without a way out: plausible, the same every time, and labelled.

use jiff::ToSpan;
use jiff::civil::Date;

use super::forecast::{Forecast, Hour, Source};
use super::places::Place;

/// Sample weather from one date to another, both included.
pub(super) fn sample(place: &Place, from: Date, to: Date) -> Forecast {
    let mut hours = Vec::new();
    let mut date = from;
    while date <= to {
        hours.extend(day(place, date));
        let Ok(next) = date.checked_add(1.day()) else {
            break;
        };
        date = next;
    }
    Forecast::from_hours(place, Source::OfflineSample, ("°C".to_owned(), "mm".to_owned()), hours)
}

fn day(place: &Place, date: Date) -> Vec<Hour> {
    let chance = |salt: u64| noise(place, date, salt);
    // Warmest in late July in the north, in late January in the south.
    let season = ((f64::from(date.day_of_year()) - 205.0) / 365.0 * std::f64::consts::TAU).cos();
    let season = if place.latitude < 0.0 { -season } else { season };
    let mean = 27.0 - place.latitude.abs() * 0.33 + season * place.latitude.abs() * 0.19;
    let mean = mean + (chance(1) - 0.5) * 6.0;
    let wetness = chance(2);
    let wettest = 6.0 + chance(3) * 14.0;
    (0..24_i8)
        .map(|hour| {
            let clock = f64::from(hour);
            let daytime = ((clock - 15.0) / 24.0 * std::f64::consts::TAU).cos();
            let near = (1.0 - (clock - wettest).abs() / 4.0).max(0.0);
            let rain = if wetness > 0.45 { near * (wetness - 0.4) * 4.0 } else { 0.0 };
            let rain = (rain * 10.0).round() / 10.0;
            let likely = (near * wetness * 95.0).max(wetness * 20.0).round();
            let code = match (rain > 1.2, rain > 0.0, wetness > 0.35, wetness > 0.18) {
                (true, ..) => 63.0,
                (_, true, ..) => 61.0,
                (_, _, true, _) => 3.0,
                (.., true) => 2.0,
                _ => 0.0,
            };
            Hour {
                time: format!("{date}T{hour:02}:00"),
                temperature: Some(((mean + daytime * 4.0) * 10.0).round() / 10.0),
                rain: Some(rain),
                rain_chance: Some(likely),
                humidity: Some((58.0 + wetness * 30.0 - daytime * 8.0).round()),
                code: Some(code),
            }
        })
        .collect()
}

/// A number from 0 to 1 that depends on place, date and `salt` alone.
fn noise(place: &Place, date: Date, salt: u64) -> f64 {
    let text = format!("{:.2} {:.2} {date} {salt}", place.latitude, place.longitude);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    f64::from(u32::try_from(mixed >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}
