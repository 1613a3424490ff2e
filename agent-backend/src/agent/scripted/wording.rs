//! Answers in words, from what a tool gave.

use serde_json::Value;

use super::super::model::Prompt;
use super::intent::Intent;
use super::weather_words;

/// An answer from a tool's result.
pub(super) fn answer(intent: &Intent, result: &Value, prompt: &Prompt) -> String {
    match intent {
        Intent::Weather { rain, .. } => weather_words::answer(*rain, result),
        Intent::Time(_) => format!(
            "In {} it is **{}** ({}).",
            text(result, "place"),
            text(result, "spoken"),
            text(result, "timezone"),
        ),
        Intent::Calculate(_) => {
            let expression = text(result, "expression").replace("* ", "*").replace('*', " × ");
            format!("{expression} = **{}**", text(result, "result"))
        }
        Intent::WhoAmI => identity(result),
        Intent::Permissions => permissions(result, prompt),
        Intent::Status | Intent::Force => status(result),
        Intent::Greet | Intent::Help | Intent::Thanks | Intent::Unknown => {
            without_tool(intent, prompt)
        }
    }
}

/// An answer when the tool gave nothing.
pub(super) fn failure(intent: &Intent, fault: &str) -> String {
    match intent {
        Intent::Force => format!(
            "I tried, and the toolbox stopped me: “{fault}”. The check looks at the groups in your \
             verified token, so asking me nicely (or cleverly) does not change it."
        ),
        Intent::Calculate(_) => format!("I could not work that out: {fault}."),
        _ => format!("I could not find that out: {fault}."),
    }
}

/// An answer that needs no tool.
pub(super) fn without_tool(intent: &Intent, prompt: &Prompt) -> String {
    match intent {
        Intent::Greet => format!(
            "Hello {}! Ask me about the weather, the time, or who you are to me.",
            prompt.name
        ),
        Intent::Thanks => "You are welcome.".to_owned(),
        Intent::Status => {
            "I can not tell you about the services: the tool for it is for the group \
            **engineering**, and your verified token does not name that group. It was not even \
            offered to me for you."
                .to_owned()
        }
        Intent::Help => format!("I am a small agent that works offline. {}", abilities(prompt)),
        _ => format!(
            "I am the demo's offline model and follow simple rules, so I did not understand that. {}",
            abilities(prompt)
        ),
    }
}

fn abilities(prompt: &Prompt) -> String {
    let mut lines = String::from("You can ask me, for example:\n");
    for (tool, example) in [
        ("weather", "Will it rain tomorrow in Oslo?"),
        ("weather", "What is the weather like in the next 7 days?"),
        ("current_time", "What time is it in Tokyo?"),
        ("calculator", "What is 15% of 80?"),
        ("whoami", "Who am I, and what may I do?"),
        ("service_status", "How are our services doing?"),
    ] {
        if prompt.tools.iter().any(|offered| offered.name == tool) {
            lines.push_str(&format!("- {example}\n"));
        }
    }
    lines.trim_end().to_owned()
}

fn identity(result: &Value) -> String {
    let email = match text(result, "email") {
        "" => String::new(),
        email => format!(" ({email})"),
    };
    let groups = listed(result.get("groups"));
    let groups = if groups.is_empty() {
        "You are in no groups.".to_owned()
    } else {
        format!("Your groups are {groups}.")
    };
    let method = match text(result, "auth_method") {
        "" => String::new(),
        method => format!(" The gateway let you in by way of **{method}**."),
    };
    format!(
        "You are **{}**{email}. {groups}{method}\n\nI know this from a token that the gateway signed \
         for this very request; I checked it and trust nothing else. I did not see your password or \
         your session.",
        text(result, "name"),
    )
}

fn permissions(result: &Value, prompt: &Prompt) -> String {
    let groups = listed(result.get("groups"));
    let because =
        if groups.is_empty() { "without a group".to_owned() } else { format!("with {groups}") };
    let mut lines = format!("As **{}**, {because}, you may use:\n", text(result, "name"));
    for tool in &prompt.tools {
        lines.push_str(&format!("- **{}**: {}\n", tool.title, tool.description));
    }
    if !prompt.tools.iter().any(|tool| tool.name == "service_status") {
        lines.push_str("\nThere are tools for other groups, which I am not shown for you.");
    }
    lines.trim_end().to_owned()
}

fn status(result: &Value) -> String {
    let services = result.get("services").and_then(Value::as_array).cloned().unwrap_or_default();
    let ill = services.iter().filter(|service| text(service, "state") != "healthy").count();
    let mut lines = match ill {
        0 => "All services are healthy:\n".to_owned(),
        1 => "All services are healthy but one:\n".to_owned(),
        many => format!("{many} services need attention:\n"),
    };
    for service in &services {
        lines.push_str(&format!(
            "- **{}** {}: {}, {}\n",
            text(service, "name"),
            text(service, "version"),
            text(service, "state"),
            text(service, "note"),
        ));
    }
    lines.push_str("\nThis is sample data of the demo.");
    lines
}

fn listed(items: Option<&Value>) -> String {
    let items = items.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let words: Vec<String> =
        items.iter().filter_map(Value::as_str).map(|word| format!("**{word}**")).collect();
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
