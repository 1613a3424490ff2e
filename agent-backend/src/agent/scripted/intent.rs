//! What a question means, as far as rules can tell.

use serde_json::{Map, Value, json};

/// What a person wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    /// A sum.
    Calculate(String),
    /// A tool, demanded against the rules: shows that the second gate holds.
    Force,
    /// A greeting.
    Greet,
    /// What the agent can do.
    Help,
    /// What this caller may use.
    Permissions,
    /// The state of the services.
    Status,
    /// Thanks.
    Thanks,
    /// The time, perhaps elsewhere.
    Time(Option<String>),
    /// Nothing we know.
    Unknown,
    /// The weather.
    Weather {
        /// The arguments of the weather tool.
        arguments: Value,
        /// Whether rain is what matters.
        rain: bool,
    },
    /// Who the caller is.
    WhoAmI,
}

const WEATHER: [&str; 24] = [
    "weather",
    "rain",
    "raining",
    "rainy",
    "forecast",
    "umbrella",
    "sunny",
    "sun",
    "temperature",
    "temperatures",
    "hot",
    "cold",
    "warm",
    "snow",
    "storm",
    "cloudy",
    "jacket",
    "coat",
    "humid",
    "humidity",
    "wet",
    "dry",
    "degrees",
    "picnic",
];
const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// Words that end the name of a place, or cannot begin one.
const NOT_A_PLACE: [&str; 33] = [
    "today",
    "tomorrow",
    "tonight",
    "now",
    "next",
    "this",
    "the",
    "on",
    "for",
    "over",
    "during",
    "at",
    "a",
    "an",
    "my",
    "and",
    "or",
    "is",
    "it",
    "be",
    "will",
    "right",
    "then",
    "please",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "morning",
    "like",
];

/// Reads a question. `before` are the questions before it, newest first, for "and tomorrow?".
pub fn understand(text: &str, before: &[&str]) -> Intent {
    let lower = text.to_lowercase();
    let words = words_of(&lower);
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    let says = |part: &str| lower.contains(part);
    if has(&["service_status"]) || (has(&["ignore", "force"]) && has(&["status", "services"])) {
        return Intent::Force;
    }
    if says("may i") || says("am i allowed") || has(&["permissions", "tools", "permitted"]) {
        return Intent::Permissions;
    }
    if says("who am i") || has(&["whoami", "groups", "group", "identity"]) || says("my email") {
        return Intent::WhoAmI;
    }
    if has(&WEATHER) {
        let rain = has(&["rain", "raining", "rainy", "umbrella", "wet", "dry"]);
        return Intent::Weather { arguments: weather_arguments(text, &lower, &words), rain };
    }
    if has(&["status", "services", "service", "incident", "incidents", "outage", "deploy"]) {
        return Intent::Status;
    }
    if has(&["time", "clock", "date"]) || says("what day is") {
        return Intent::Time(place(text));
    }
    if let Some(sum) = sum(&lower) {
        return Intent::Calculate(sum);
    }
    if says("what can you") || has(&["help", "capabilities"]) || says("who are you") {
        return Intent::Help;
    }
    follow_up(text, &lower, &words, before).unwrap_or_else(|| small_talk(&words))
}

/// "And in Oslo?" after a question about the weather is one about the weather, too.
fn follow_up(text: &str, lower: &str, words: &[&str], before: &[&str]) -> Option<Intent> {
    let continues = matches!(words.first(), Some(&("and" | "what" | "how" | "in" | "on" | "then")))
        || words.iter().any(|word| *word == "tomorrow" || WEEKDAYS.contains(word));
    if !continues {
        return None;
    }
    let (last, earlier) = before.split_first()?;
    match understand(last, earlier) {
        Intent::Weather { arguments: earlier, rain } => {
            let mut merged = earlier.as_object().cloned().unwrap_or_default();
            let named = place(text).or_else(|| after(text, "about"));
            let mut now = weather_arguments(text, lower, words);
            if let (Some(now), Some(name)) = (now.as_object_mut(), named) {
                now.insert("place".to_owned(), json!(name));
            }
            let later = now.as_object().cloned().unwrap_or_default();
            if ["from_day", "days", "weekday"].iter().any(|key| later.contains_key(*key)) {
                for key in ["from_day", "days", "weekday"] {
                    merged.remove(key);
                }
            }
            merged.extend(later);
            Some(Intent::Weather { arguments: Value::Object(merged), rain })
        }
        Intent::Time(_) => {
            place(text).or_else(|| after(text, "about")).map(|p| Intent::Time(Some(p)))
        }
        _ => None,
    }
}

fn small_talk(words: &[&str]) -> Intent {
    match words.first() {
        Some(&("hi" | "hello" | "hey" | "hola" | "kaixo" | "good")) => Intent::Greet,
        Some(&("thanks" | "thank" | "thx" | "gracias")) => Intent::Thanks,
        _ => Intent::Unknown,
    }
}

fn weather_arguments(text: &str, lower: &str, words: &[&str]) -> Value {
    let mut found = Map::new();
    if let Some(name) = place(text) {
        found.insert("place".to_owned(), json!(name));
    }
    let count = words.windows(2).find_map(|pair| match pair {
        [number, unit] if unit.starts_with("day") => counted(number),
        _ => None,
    });
    if let Some(days) = count {
        found.insert("days".to_owned(), json!(days));
    } else if lower.contains("day after tomorrow") {
        found.insert("from_day".to_owned(), json!(2));
    } else if words.contains(&"tomorrow") {
        found.insert("from_day".to_owned(), json!(1));
    } else if words.contains(&"weekend") {
        found.insert("weekday".to_owned(), json!("saturday"));
        found.insert("days".to_owned(), json!(2));
    } else if words.contains(&"week") {
        found.insert("days".to_owned(), json!(7));
    } else if let Some(day) = words.iter().find(|word| WEEKDAYS.contains(word)) {
        found.insert("weekday".to_owned(), json!(day));
    }
    Value::Object(found)
}

fn counted(word: &str) -> Option<i64> {
    let written =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let position = written.iter().position(|name| *name == word);
    position.and_then(|at| i64::try_from(at).ok()).or_else(|| word.parse().ok())
}

/// The place after "in": words up to one that cannot belong to a name.
fn place(text: &str) -> Option<String> {
    after(text, "in").or_else(|| after(text, "at"))
}

fn after(text: &str, preposition: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let starts =
        words.iter().enumerate().filter(|(_, word)| word.eq_ignore_ascii_case(preposition));
    starts.map(|(at, _)| name_from(words.get(at + 1..).unwrap_or_default())).find(|n| !n.is_empty())
}

fn name_from(words: &[&str]) -> String {
    let mut name: Vec<&str> = Vec::new();
    for word in words.iter().take(4) {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let ends = NOT_A_PLACE.contains(&bare.to_lowercase().as_str());
        if bare.is_empty() || ends || bare.starts_with(|c: char| c.is_ascii_digit()) {
            break;
        }
        name.push(bare);
        if word.ends_with(['?', '!', '.', ',', ';', ':']) {
            break;
        }
    }
    name.join(" ")
}

/// The sum in a question: "what is 12 * 7?", "15% of 80".
fn sum(lower: &str) -> Option<String> {
    let text = lower.replace("% of", "/100*").replace("percent of", "/100*");
    let text = text.replace("plus", "+").replace("minus", "-").replace("times", "*");
    let text = text.replace("divided by", "/").replace("square root of", "sqrt ");
    let is_part = |c: char| c.is_ascii_digit() || "+-*/^%().,×÷√− ".contains(c);
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| word.trim_end_matches(['?', '!', '=', ',']))
        .filter(|word| {
            word.chars().all(is_part)
                || word.starts_with("sqrt")
                || *word == "pi"
                || (word.contains("pi") && word.contains(['*', '/']))
        })
        .collect();
    let sum = words.join(" ").trim_end_matches(['.', ' ']).to_owned();
    let has_digit = sum.contains(|c: char| c.is_ascii_digit()) || sum.contains("pi");
    let has_sign =
        sum.contains(['+', '-', '*', '/', '^', '%', '×', '÷', '√']) || sum.contains("sqrt");
    (has_digit && has_sign).then_some(sum)
}

fn words_of(lower: &str) -> Vec<&str> {
    lower
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
