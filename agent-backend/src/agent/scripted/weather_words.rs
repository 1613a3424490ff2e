//! The weather in words.

use serde_json::Value;

/// A natural answer to a question about the weather.
pub(super) fn answer(rain_matters: bool, forecast: &Value) -> String {
    let days =
        forecast.get("days").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let body = match days {
        [] => "The forecast came back empty.".to_owned(),
        [day] => one_day(rain_matters, forecast, day),
        many => several_days(rain_matters, forecast, many),
    };
    // First, so that nobody reads made-up numbers as a forecast.
    if text(forecast, "source") == "offline-sample" {
        return format!(
            "**Offline sample data:** the weather service cannot be reached, so these numbers are \
             made up.\n\n{body}"
        );
    }
    body
}

fn one_day(rain_matters: bool, forecast: &Value, day: &Value) -> String {
    let (place, when) = (text(forecast, "place"), when(forecast, day));
    let sky = text(day, "sky");
    let temperatures = temperatures(forecast, day);
    let rain = day.get("rain").and_then(Value::as_f64);
    let chance = chance(day);
    if !rain_matters {
        let wet = match rain {
            Some(amount) if amount > 0.0 => {
                format!(
                    " About {} of rain{chance}{}.",
                    amount_of(forecast, amount),
                    hours(forecast)
                )
            }
            Some(_) => " No rain is expected.".to_owned(),
            None => String::new(),
        };
        return format!("{when} in **{place}**: {sky}, {temperatures}.{wet}");
    }
    match rain {
        Some(amount) if amount >= 0.2 => format!(
            "**Yes**, take an umbrella: {} brings about {} of rain to **{place}**{chance}{}. \
             It will be {temperatures}.",
            when.to_lowercase_first(),
            amount_of(forecast, amount),
            hours(forecast),
        ),
        Some(_) => format!(
            "**No**, it should stay dry in **{place}** {}{chance}: {sky}, {temperatures}.",
            when.to_lowercase_first(),
        ),
        None => format!("The forecast for **{place}** does not say whether it will rain."),
    }
}

fn several_days(rain_matters: bool, forecast: &Value, days: &[Value]) -> String {
    let place = text(forecast, "place");
    let rain_of = |day: &Value| day.get("rain").and_then(Value::as_f64).unwrap_or(0.0);
    let wet: Vec<&Value> = days.iter().filter(|day| rain_of(day) >= 0.2).collect();
    let summary = match (wet.len(), days.len()) {
        (0, _) => "It should stay dry.".to_owned(),
        (1, _) => {
            format!("Only {} looks wet.", wet.first().map_or("one day", |day| text(day, "weekday")))
        }
        (some, all) if some == all => "Rain is expected every day.".to_owned(),
        (some, all) => format!("Rain is expected on {some} of {all} days."),
    };
    let warmest = days
        .iter()
        .filter_map(|day| Some((day.get("high")?.as_f64()?, text(day, "weekday"))))
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    let warmest = warmest.map_or(String::new(), |(high, weekday)| {
        format!(" The warmest day is {weekday} with {}.", degrees(forecast, high))
    });
    let opening = if rain_matters {
        format!("{summary}{warmest} In **{place}**:")
    } else {
        format!("The next {} days in **{place}**. {summary}{warmest}", days.len())
    };
    let mut lines = format!("{opening}\n\n");
    for day in days {
        let rain = match day.get("rain").and_then(Value::as_f64) {
            Some(amount) if amount > 0.0 => format!(", {}", amount_of(forecast, amount)),
            Some(_) => ", dry".to_owned(),
            None => String::new(),
        };
        lines.push_str(&format!(
            "- **{}**: {}, {}{rain}\n",
            text(day, "weekday"),
            text(day, "sky"),
            temperatures(forecast, day),
        ));
    }
    lines.trim_end().to_owned()
}

/// "Today", "Tomorrow" or the day's name.
fn when(forecast: &Value, day: &Value) -> String {
    let date = |value: &Value, field| text(value, field).parse::<jiff::civil::Date>().ok();
    match (date(forecast, "today"), date(day, "date")) {
        (Some(today), Some(date)) if today == date => "Today".to_owned(),
        (Some(today), Some(date)) if today.tomorrow().is_ok_and(|next| next == date) => {
            "Tomorrow".to_owned()
        }
        _ => format!("On {}", text(day, "weekday")),
    }
}

/// The stretch of hours with most of the rain, if the forecast has hours.
fn hours(forecast: &Value) -> String {
    let hours =
        forecast.get("hours").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let wet = |hour: &&Value| hour.get("rain").and_then(Value::as_f64).is_some_and(|mm| mm >= 0.2);
    let clock = |hour: &Value| text(hour, "time").get(11..16).unwrap_or_default().to_owned();
    let first = hours.iter().find(wet).map(clock);
    let last = hours.iter().rfind(wet).map(clock);
    match (first, last) {
        (Some(first), Some(last)) if first == last => format!(", around {first}"),
        (Some(first), Some(last)) => format!(", mostly between {first} and {last}"),
        _ => String::new(),
    }
}

fn temperatures(forecast: &Value, day: &Value) -> String {
    let number = |field: &str| day.get(field).and_then(Value::as_f64);
    match (number("low"), number("high")) {
        (Some(low), Some(high)) => format!("{low:.0} to {}", degrees(forecast, high)),
        (None, Some(one)) | (Some(one), None) => degrees(forecast, one),
        (None, None) => "temperature unknown".to_owned(),
    }
}

fn chance(day: &Value) -> String {
    let chance = day.get("rain_chance").and_then(Value::as_f64);
    chance.map_or(String::new(), |percent| format!(" (chance up to {percent:.0} %)"))
}

fn degrees(forecast: &Value, value: f64) -> String {
    format!("{value:.0} {}", text(forecast, "temperature_unit"))
}

fn amount_of(forecast: &Value, amount: f64) -> String {
    format!("{amount:.1} {}", text(forecast, "precipitation_unit"))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// For the middle of a sentence.
trait Lowered {
    fn to_lowercase_first(&self) -> String;
}

impl Lowered for String {
    fn to_lowercase_first(&self) -> String {
        let mut chars = self.chars();
        chars.next().map_or_else(Self::new, |c| c.to_lowercase().chain(chars).collect())
    }
}
