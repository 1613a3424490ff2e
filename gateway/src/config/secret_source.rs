//! Where a secret comes from: never the file itself.

use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::base::Secret;
use crate::config::surroundings::Surroundings;

/// A secret named by where it is kept: `{ env = "NAME" }` or `{ file = "path" }`. Its value is read
/// when the configuration is checked, and is never shown or written.
#[derive(Clone, Debug)]
pub struct SecretSource {
    place: Place,
    value: Secret<String>,
}

#[derive(Clone, Debug)]
enum Place {
    Env(String),
    File(PathBuf),
}

const REMEDY: &str = "keep the secret out of this file: { env = \"NAME\" } reads an environment \
    variable, { file = \"path\" } a file";

impl SecretSource {
    /// The value. Empty only before the configuration was checked.
    pub fn secret(&self) -> &Secret<String> {
        &self.value
    }

    /// Reads the value; says why it cannot and what to do. One line end at the end of a file is not
    /// part of the secret: editors and `echo` put it there.
    pub(super) fn resolve(&mut self, around: &Surroundings<'_>) -> Result<(), (String, String)> {
        let value = match &self.place {
            Place::Env(name) => (around.env)(name).ok_or_else(|| {
                let remedy = format!("set {name} where the gateway is started");
                (format!("environment variable `{name}` is not set"), remedy)
            })?,
            Place::File(path) => {
                let path = around.directory.join(path);
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    let message = format!("cannot read `{}`: {error}", path.display());
                    (message, "make a file that the gateway's user can read".to_owned())
                })?;
                let text = Secret::new(text);
                let bare = text.expose();
                let bare = bare.strip_suffix('\n').unwrap_or(bare);
                bare.strip_suffix('\r').unwrap_or(bare).to_owned()
            }
        };
        if value.is_empty() {
            return Err(("the secret is empty".to_owned(), "give it a value".to_owned()));
        }
        self.value = Secret::new(value);
        Ok(())
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(Source)
    }
}

struct Source;

impl<'de> Visitor<'de> for Source {
    type Value = SecretSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ env = \"NAME\" } or { file = \"path\" }")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretSource, A::Error> {
        let mut place = None;
        while let Some(key) = map.next_key::<String>()? {
            let next = match key.as_str() {
                "env" => Place::Env(map.next_value()?),
                "file" => Place::File(map.next_value()?),
                other => return Err(A::Error::custom(format!("unknown key `{other}`"))),
            };
            if place.replace(next).is_some() {
                return Err(A::Error::custom(format!(
                    "a secret has one place, `env` or `file`, not both\nhelp: {REMEDY}"
                )));
            }
        }
        let place = place.ok_or_else(|| {
            A::Error::custom(format!("the secret names no place\nhelp: {REMEDY}"))
        })?;
        Ok(SecretSource { place, value: Secret::from("") })
    }

    // The default messages would print the value: a secret, written in the wrong place.
    fn visit_str<E: Error>(self, _: &str) -> Result<SecretSource, E> {
        Err(plain())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<SecretSource, E> {
        Err(plain())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<SecretSource, E> {
        Err(plain())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<SecretSource, E> {
        Err(plain())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<SecretSource, A::Error> {
        Err(plain())
    }
}

fn plain<E: Error>() -> E {
    E::custom(format!("a secret is not written into this file\nhelp: {REMEDY}"))
}

impl Serialize for SecretSource {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        let mut map = output.serialize_map(Some(1))?;
        match &self.place {
            Place::Env(name) => map.serialize_entry("env", name)?,
            Place::File(path) => map.serialize_entry("file", path)?,
        }
        map.end()
    }
}

impl JsonSchema for SecretSource {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretSource".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "title": "secret: { env = \"NAME\" } or { file = \"path\" }",
            "properties": { "env": { "type": "string" }, "file": { "type": "string" } },
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        })
    }
}
