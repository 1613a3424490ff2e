//! `portcullis sessions`: who is signed in.

use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use crate::cli::control::{Control, ControlFault, cell, table};

/// What to do with sessions. The running gateway does it at once.
#[derive(Debug, Args)]
pub(super) struct SessionsArgs {
    #[command(flatten)]
    control: Control,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the sessions that live
    List {
        #[command(flatten)]
        whose: Whose,
        /// Show at most so many
        #[arg(long, value_name = "COUNT", default_value_t = 1000)]
        most: usize,
    },
    /// Show one session
    Show { sid: String },
    /// End sessions, and the streams that they have opened
    Revoke(Revoke),
}

/// Everything that is named must be true of a session.
#[derive(Debug, Args)]
struct Whose {
    /// Of this person, as the issuer calls them
    #[arg(long)]
    subject: Option<String>,
    /// Of people for whom this issuer vouches
    #[arg(long)]
    issuer: Option<String>,
    /// Of people who signed in with this provider or directory
    #[arg(long, value_name = "ID")]
    provider: Option<String>,
}

#[derive(Debug, Args)]
struct Revoke {
    /// One session, by its public name, as in the log
    sid: Option<String>,
    #[command(flatten)]
    whose: Whose,
    /// Of this session at the provider, by the provider's own name for it
    #[arg(long, value_name = "SID")]
    provider_sid: Option<String>,
    /// Of this person, as the provider calls them (`sub`), where their subject here is another claim
    #[arg(long, value_name = "SUB")]
    provider_subject: Option<String>,
    /// Everybody's
    #[arg(long, conflicts_with_all = ["sid", "subject", "issuer", "provider", "provider_sid", "provider_subject"])]
    everyone: bool,
    /// Switch the API keys of the person off as well
    #[arg(long, requires = "subject")]
    disable_api_keys: bool,
}

/// Sessions in one exchange.
const PAGE: usize = 500;

impl SessionsArgs {
    /// Does it. Returns what to print.
    ///
    /// # Errors
    /// Why it was not done.
    pub(super) fn run(&self) -> Result<String, ControlFault> {
        match &self.action {
            Action::List { whose, most } => {
                let (sessions, more) = self.list(whose, *most)?;
                if self.json {
                    return Ok(Value::from(sessions).to_string());
                }
                let more = if more { "\nThere are more; see --most." } else { "" };
                Ok(format!("{}{more}", rows(&sessions)))
            }
            Action::Show { sid } => {
                let sid = utf8_percent_encode(sid, NON_ALPHANUMERIC);
                let session = self.control.ask("GET", &format!("/sessions/{sid}"), None)?;
                if self.json {
                    return Ok(session.to_string());
                }
                let members = session.as_object().cloned().unwrap_or_default();
                let row = |name: &String| vec![name.clone(), cell(&session, name)];
                Ok(table(&members.keys().map(row).collect::<Vec<_>>()))
            }
            Action::Revoke(revoke) => {
                let done =
                    self.control.ask("POST", "/sessions/revoke", Some(&revoke.document()))?;
                Ok(if self.json { done.to_string() } else { ended(&done) })
            }
        }
    }

    fn list(&self, whose: &Whose, most: usize) -> Result<(Vec<Value>, bool), ControlFault> {
        let (mut sessions, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut query = Serializer::new(String::new());
            query.append_pair("limit", &PAGE.min(most).to_string());
            let more = [("after", &after)].into_iter().chain(whose.pairs());
            for (name, value) in more {
                if let Some(value) = value {
                    query.append_pair(name, value);
                }
            }
            let page = self.control.ask("GET", &format!("/sessions?{}", query.finish()), None)?;
            let found = page.get("sessions").and_then(Value::as_array);
            sessions.extend(found.into_iter().flatten().cloned());
            after = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if after.is_none() || sessions.len() >= most {
                let more = after.is_some() || sessions.len() > most;
                sessions.truncate(most);
                return Ok((sessions, more));
            }
        }
    }
}

impl Whose {
    fn pairs(&self) -> [(&'static str, &Option<String>); 3] {
        [("subject", &self.subject), ("issuer", &self.issuer), ("provider", &self.provider)]
    }
}

impl Revoke {
    fn document(&self) -> Value {
        let named = [
            ("sid", &self.sid),
            ("provider_sid", &self.provider_sid),
            ("provider_subject", &self.provider_subject),
        ];
        let named = named.into_iter().chain(self.whose.pairs());
        let named =
            named.filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
        let mut document: Map<String, Value> = named.collect();
        document.insert("everyone".to_owned(), self.everyone.into());
        document.insert("disable_api_keys".to_owned(), self.disable_api_keys.into());
        document.into()
    }
}

/// What has ended, and what has not.
pub(super) fn ended(done: &Value) -> String {
    let count = |value: Option<&Value>| value.and_then(Value::as_u64).unwrap_or(0);
    let of =
        |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut told = format!("{} ended.", of(count(done.get("ended")), "session"));
    let active = count(done.pointer("/api_keys/active"));
    let disabled = count(done.pointer("/api_keys/disabled"));
    if disabled > 0 {
        told.push_str(&format!(" {} switched off.", of(disabled, "API key")));
    }
    if active > 0 {
        let keys = of(active, "API key");
        told.push_str(&format!(
            " {keys} in the same name still open doors; see: portcullis api-keys list"
        ));
    }
    told
}

fn rows(sessions: &[Value]) -> String {
    let head = ["SID", "SUBJECT", "NAME", "PROVIDER", "LAST SEEN", "EXPIRES", "STREAMS"];
    let names = ["sid", "subject", "name", "provider", "last_seen", "expires", "streams"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(sessions.iter().map(|it| names.iter().map(|name| cell(it, name)).collect()));
    table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_is_said_and_what_did_not() {
        let done = json!({ "ended": 1, "api_keys": { "active": 0, "disabled": 0 } });
        assert_eq!(ended(&done), "1 session ended.");
        let done = json!({ "ended": 0, "api_keys": { "active": 2, "disabled": 0 } });
        let told = ended(&done);
        assert!(told.starts_with("0 sessions ended. 2 API keys in the same name still"), "{told}");
    }
}
