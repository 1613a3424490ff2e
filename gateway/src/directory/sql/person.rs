//! From a row to a person.

use serde_json::{Map, Value};

use crate::base::Secret;
use crate::directory::AccountKey;
use crate::identity::{Email, Principal};

/// What a row says.
pub(super) struct Person {
    pub(super) account: AccountKey,
    /// As the table has it; nobody can sign in without one.
    pub(super) hash: Option<Secret<String>>,
    pub(super) disabled: bool,
    pub(super) principal: Principal,
}

impl Person {
    /// Reads a row. Columns whose names mean nothing here are claims.
    ///
    /// # Errors
    /// A column that must be there is not, or is not what it must be; with the remedy. Never with
    /// what is in it.
    pub(super) fn read(mut row: Map<String, Value>, issuer: &str) -> Result<Self, String> {
        let subject = match row.remove("subject") {
            Some(Value::String(text)) if !text.is_empty() => text,
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(wrong("subject", "is neither text nor a number")),
            None => return Err(missing("subject")),
        };
        let hash = match row.remove("password") {
            // Some tables fill CHAR columns up.
            Some(Value::String(text)) => Some(Secret::from(text.trim_end())),
            Some(Value::Null) => None,
            Some(_) => return Err(wrong("password", "is not text")),
            None => return Err(missing("password")),
        };
        let disabled = truth(&mut row, "disabled")?;
        let verified = truth(&mut row, "email_verified")?;
        let mut principal = Principal::new(issuer, &subject);
        principal.name = text(&mut row, "name")?;
        principal.preferred_username = text(&mut row, "preferred_username")?;
        principal.email = text(&mut row, "email")?.map(|address| Email { address, verified });
        principal.groups = list(&mut row, "groups")?;
        principal.roles = list(&mut row, "roles")?;
        row.retain(|_, value| !value.is_null());
        principal.claims = row;
        Ok(Self { account: AccountKey::new(subject), hash, disabled, principal })
    }
}

/// The columns that a query must give.
pub(super) fn check_columns<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    let names: Vec<_> = names.into_iter().collect();
    for needed in ["subject", "password"] {
        if !names.contains(&needed) {
            return Err(missing(needed));
        }
    }
    let mut seen = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Err(format!("the query gives the column `{name}` twice; keep one"));
        }
        seen.push(name);
    }
    Ok(())
}

fn missing(column: &str) -> String {
    format!("the query gives no column `{column}`; add `… AS {column}`")
}

fn wrong(column: &str, what: &str) -> String {
    let remedy = match column {
        "groups" | "roles" => "give an array, a JSON array as text, or NULL",
        "disabled" | "email_verified" => "give true or false, 1 or 0, or NULL",
        _ => "cast it to text",
    };
    format!("the query's column `{column}` {what}; {remedy}")
}

fn text(row: &mut Map<String, Value>, column: &str) -> Result<Option<String>, String> {
    match row.remove(column) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(wrong(column, "is not text")),
    }
}

/// SQLite has no truth values.
fn truth(row: &mut Map<String, Value>, column: &str) -> Result<bool, String> {
    match row.remove(column) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(truth)) => Ok(truth),
        Some(Value::Number(number)) if number.as_i64() == Some(0) => Ok(false),
        Some(Value::Number(number)) if number.as_i64() == Some(1) => Ok(true),
        Some(_) => Err(wrong(column, "is not a truth value")),
    }
}

/// Text must be a JSON array. One name per text would do for some tables, but then whoever may name
/// a group `["admin"]` would be in `admin` in the others.
fn list(row: &mut Map<String, Value>, column: &str) -> Result<Vec<String>, String> {
    let items = match row.remove(column) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(Value::String(text)) => serde_json::from_str(&text)
            .map_err(|_| wrong(column, "is text that is no JSON array"))?,
        Some(_) => return Err(wrong(column, "is no list")),
    };
    let names = items.into_iter().filter(|item| !item.is_null()).map(|item| match item {
        Value::String(name) => Ok(name),
        _ => Err(wrong(column, "holds something that is not text")),
    });
    names.filter(|name| name.as_ref().map_or(true, |name| !name.is_empty())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(row: Value) -> Result<Person, String> {
        let Value::Object(row) = row else { panic!() };
        Person::read(row, "directory:crm")
    }

    #[test]
    fn each_column_becomes_what_it_is_called() {
        let person = read(json!({
            "subject": 4711, "password": "hash  ", "disabled": 0, "name": "Ann Example",
            "email": "ann@corp.test", "email_verified": 1, "groups": "[\"staff\", null, \"\"]",
            "roles": ["editor"], "plan": "pro", "seats": 3, "nothing": null,
        }));
        let Person { account, hash, disabled, principal: who } =
            person.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((account.as_str(), who.subject.as_str()), ("4711", "4711"));
        assert_eq!(hash.map(|it| it.expose().clone()).as_deref(), Some("hash"));
        assert!(!disabled && who.email.is_some_and(|email| email.verified));
        assert_eq!((who.groups, who.roles), (vec!["staff".to_owned()], vec!["editor".to_owned()]));
        assert_eq!(Value::Object(who.claims), json!({ "plan": "pro", "seats": 3 }));
        let person = read(json!({ "subject": "a", "password": null, "email": "x@y.test" }));
        let person = person.unwrap_or_else(|e| panic!("{e}"));
        assert!(person.hash.is_none() && person.principal.email.is_some_and(|it| !it.verified));
    }

    #[test]
    fn what_is_not_meant_is_no_guess() {
        for (row, said) in [
            (json!({ "password": "x" }), "no column `subject`"),
            (json!({ "subject": "", "password": "x" }), "cast it to text"),
            (json!({ "subject": null, "password": "x" }), "`subject` is neither"),
            (json!({ "subject": "a" }), "add `… AS password`"),
            (json!({ "subject": "a", "password": 7 }), "`password` is not text"),
            (json!({ "subject": "a", "password": "x", "disabled": "no" }), "true or false"),
            (json!({ "subject": "a", "password": "x", "disabled": 2 }), "true or false"),
            (json!({ "subject": "a", "password": "x", "groups": "admin" }), "a JSON array as text"),
            (json!({ "subject": "a", "password": "x", "roles": [1] }), "`roles` holds something"),
            (json!({ "subject": "a", "password": "x", "email": 1 }), "`email` is not text"),
        ] {
            let fault = read(row.clone()).err().unwrap_or_default();
            assert!(fault.contains(said), "{row}: {fault}");
        }
        assert!(check_columns(["subject", "password", "plan"]).is_ok());
        assert!(check_columns(["subject", "password", "plan", "plan"]).is_err());
        assert!(check_columns(["subject"]).is_err());
    }
}
