//! A table of an SQLite file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, InterruptHandle, OpenFlags, Statement};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use crate::directory::sql::person::check_columns;
use crate::directory::{PeopleTable, Statements};

/// A file, opened anew for each question: a file that was put in its place counts at once, and who
/// was switched off in it stays out.
#[derive(Clone)]
pub struct SqliteTable(Arc<Inner>);

struct Inner {
    path: PathBuf,
    statements: Statements,
    timeout: Duration,
    /// A file on a network disk that hangs must not take all threads.
    turns: Arc<Semaphore>,
}

/// Who breaks off a statement that takes too long.
type Brake = Arc<Mutex<Option<InterruptHandle>>>;

const AT_ONCE: usize = 8;

impl SqliteTable {
    /// The file at `path`; an answer may take `timeout`.
    pub fn new(path: impl Into<PathBuf>, statements: Statements, timeout: Duration) -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Self(Arc::new(Inner { path: path.into(), statements, timeout, turns }))
    }

    /// Opens the file and prepares the statements, to find what is wrong before anybody signs in.
    ///
    /// # Errors
    /// What is wrong, with the remedy.
    pub fn look(&self) -> Result<(), String> {
        let inner = &*self.0;
        let connection = inner.open()?;
        let query = inner.prepare(&connection, "query", &inner.statements.query, 1)?;
        check_columns(query.column_names())?;
        if !query.readonly() {
            return Err("the query changes the database; give a SELECT".to_owned());
        }
        if let Some(rehash) = &inner.statements.rehash {
            inner.prepare(&connection, "rehash", rehash, 3)?;
        }
        Ok(())
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &Connection) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let inner = Arc::clone(&self.0);
        let brake = Brake::default();
        let held = Arc::clone(&brake);
        let asking = async move {
            let turn = Arc::clone(&inner.turns).acquire_owned().await;
            let turn = turn.map_err(|_| "the gateway is on its way out".to_owned())?;
            let work = move || {
                let _turn = turn;
                let connection = inner.open()?;
                let mut brake = held.lock().unwrap_or_else(PoisonError::into_inner);
                *brake = Some(connection.get_interrupt_handle());
                drop(brake);
                work(&inner, &connection)
            };
            tokio::task::spawn_blocking(work).await.map_err(|cause| cause.to_string())?
        };
        let done = tokio::time::timeout(self.0.timeout, asking).await;
        done.unwrap_or_else(|_| {
            let brake = brake.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(handle) = &*brake {
                handle.interrupt();
            }
            let (path, limit) = (self.0.path.display(), self.0.timeout.as_millis());
            Err(format!("{path} did not answer within {limit} ms"))
        })
    }
}

impl Inner {
    fn open(&self) -> Result<Connection, String> {
        // Never created: an empty database would know nobody, and say so.
        let access = match self.statements.rehash {
            Some(_) => OpenFlags::SQLITE_OPEN_READ_WRITE,
            None => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(&self.path, flags)?;
            connection.busy_timeout(self.timeout)?;
            Ok(connection)
        };
        open().map_err(|cause: rusqlite::Error| self.fault(&cause, ""))
    }

    /// Prepares a statement with the placeholders `$1` (or `?1`) to `$<most>`.
    fn prepare<'c>(
        &self,
        connection: &'c Connection,
        what: &str,
        text: &str,
        most: usize,
    ) -> Result<Statement<'c>, String> {
        let statement = connection.prepare(text);
        let statement = statement.map_err(|cause| format!("the {what}: {cause}"))?;
        let places = statement.parameter_count();
        if (1..=places).any(|index| number(&statement, index).is_none_or(|it| it > most)) {
            let last = if most == 1 { String::new() } else { format!(" to ${most}") };
            return Err(format!("the {what} has placeholders other than $1{last}"));
        }
        if places == 0 {
            return Err(format!("the {what} has no placeholder; write $1 where the value goes"));
        }
        Ok(statement)
    }

    /// What went wrong, without the name that was typed.
    fn fault(&self, cause: &rusqlite::Error, typed: &str) -> String {
        let mut text = format!("{}: {cause}", self.path.display());
        if !typed.is_empty() {
            text = text.replace(typed, "…");
        }
        text
    }
}

/// Which value goes to a place.
fn number(statement: &Statement<'_>, index: usize) -> Option<usize> {
    let name = statement.parameter_name(index)?;
    name.strip_prefix(['$', '?'])?.parse().ok().filter(|number| *number > 0)
}

fn bind(statement: &mut Statement<'_>, values: &[&str]) -> Result<(), rusqlite::Error> {
    for index in 1..=statement.parameter_count() {
        let place = number(statement, index).and_then(|number| number.checked_sub(1));
        if let Some(value) = place.and_then(|place| values.get(place)) {
            statement.raw_bind_parameter(index, value)?;
        }
    }
    Ok(())
}

fn value(column: &str, cell: ValueRef<'_>) -> Result<Value, String> {
    Ok(match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => return Err(format!("the query's column `{column}` is not UTF-8")),
        },
        ValueRef::Blob(_) => {
            return Err(format!("the query's column `{column}` is a blob; cast it to text"));
        }
    })
}

fn rows(
    statement: &mut Statement<'_>,
    name: &str,
) -> Result<Vec<Map<String, Value>>, Result<String, rusqlite::Error>> {
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    check_columns(columns.iter().map(String::as_str)).map_err(Ok)?;
    bind(statement, &[name]).map_err(Err)?;
    let (mut cursor, mut found) = (statement.raw_query(), Vec::new());
    while let Some(row) = cursor.next().map_err(Err)? {
        let mut cells = Map::new();
        for (index, column) in columns.iter().enumerate() {
            let cell = row.get_ref(index).map_err(Err)?;
            cells.insert(column.clone(), value(column, cell).map_err(Ok)?);
        }
        found.push(cells);
        if found.len() > 1 {
            break;
        }
    }
    Ok(found)
}

#[async_trait]
impl PeopleTable for SqliteTable {
    async fn find(&self, name: &str) -> Result<Vec<Map<String, Value>>, String> {
        let name = name.to_owned();
        let work = move |inner: &Inner, connection: &Connection| {
            let mut statement = inner.prepare(connection, "query", &inner.statements.query, 1)?;
            let found = rows(&mut statement, &name);
            found.map_err(|fault| fault.unwrap_or_else(|cause| inner.fault(&cause, &name)))
        };
        self.run(work).await
    }

    fn rehashes(&self) -> bool {
        self.0.statements.rehash.is_some()
    }

    async fn rehash(&self, new: &str, subject: &str, old: &str) -> Result<(), String> {
        let values = [new, subject, old].map(str::to_owned);
        let work = move |inner: &Inner, connection: &Connection| {
            let text = inner.statements.rehash.as_deref().unwrap_or_default();
            let mut statement = inner.prepare(connection, "rehash", text, 3)?;
            let [new, subject, old] = &values;
            let done = bind(&mut statement, &[new, subject, old]);
            let done = done.and_then(|()| statement.raw_execute());
            done.map(|_| ()).map_err(|cause| inner.fault(&cause, ""))
        };
        self.run(work).await
    }
}

impl fmt::Debug for SqliteTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: &Path = &self.0.path;
        f.debug_struct("SqliteTable").field("path", &path).finish_non_exhaustive()
    }
}
