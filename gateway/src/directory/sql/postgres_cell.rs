//! From PostgreSQL's binary values to JSON, and text to it.

use std::error::Error;
use std::fmt;
use std::fmt::Write as _;

use bytes::BytesMut;
use serde_json::Value;
use tokio_postgres::types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

type Fault = Box<dyn Error + Sync + Send>;

/// One cell of an answer.
pub(super) struct Cell(pub(super) Value);

/// A value to bind. tokio-postgres writes what is bound to its log, and this is a name or a hash.
pub(super) struct Bound<'a>(pub(super) &'a str);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Fault> {
        let value = match *kind {
            Type::BOOL => bool::from_sql(kind, raw)?.into(),
            Type::INT2 => i16::from_sql(kind, raw)?.into(),
            Type::INT4 => i32::from_sql(kind, raw)?.into(),
            Type::INT8 => i64::from_sql(kind, raw)?.into(),
            Type::FLOAT4 => f32::from_sql(kind, raw)?.into(),
            Type::FLOAT8 => f64::from_sql(kind, raw)?.into(),
            Type::JSON => serde_json::from_slice(raw)?,
            // One byte of version before it.
            Type::JSONB => serde_json::from_slice(raw.get(1..).unwrap_or_default())?,
            Type::UUID => uuid(raw).into(),
            _ => match kind.kind() {
                Kind::Array(inner) if is_text(inner) => {
                    Vec::<Option<String>>::from_sql(kind, raw)?.into()
                }
                Kind::Domain(inner) => Self::from_sql(inner, raw)?.0,
                _ if is_text(kind) => std::str::from_utf8(raw)?.into(),
                _ => return Err(format!("`{kind}` is not read; cast it to text").into()),
            },
        };
        Ok(Self(value))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Fault> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn is_text(kind: &Type) -> bool {
    matches!(*kind, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN)
        || matches!(kind.kind(), Kind::Enum(_))
        || kind.name() == "citext"
}

fn uuid(raw: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in raw.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Fault> {
        self.0.to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        <&str as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}

impl fmt::Debug for Bound<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
