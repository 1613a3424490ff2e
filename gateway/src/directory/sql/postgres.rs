//! A table of a PostgreSQL database.

use std::error::Error as _;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, pin_mut};
use rustls::ClientConfig;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls, Row};

use crate::base::Secret;
use crate::directory::sql::person::check_columns;
use crate::directory::sql::postgres_cell::{Bound, Cell};
use crate::directory::sql::postgres_tls::Tls;
use crate::directory::{PeopleTable, Statements};

/// A database that is asked over a few kept connections.
pub struct PostgresTable {
    config: Config,
    tls: Option<Tls>,
    statements: Statements,
    timeout: Duration,
    idle: Mutex<Vec<Link>>,
    /// One for each connection that may be open.
    turns: Semaphore,
}

/// Where the database is.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// A host's name or address; a path that begins with `/` is a folder with a socket.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// As whom the gateway asks.
    pub user: String,
    /// The database's name.
    pub database: String,
    /// The user's password; without one the server must know the gateway otherwise.
    pub password: Option<Secret<String>>,
    /// TLS, always and verified; `None` only for what does not leave the machine.
    pub tls: Option<Arc<ClientConfig>>,
    /// Connections at once.
    pub connections: usize,
    /// For an answer, waiting and connecting included.
    pub timeout: Duration,
}

/// A connection, and the task that carries it. The task ends with it: else one that waits for a
/// silent server would stay for ever.
struct Link {
    client: Client,
    carrier: AbortHandle,
}

impl PostgresTable {
    /// A table that is asked as `settings` say. Connects when it is asked first.
    pub fn new(settings: PostgresSettings, statements: Statements) -> Self {
        let mut config = Config::new();
        if settings.host.starts_with('/') {
            config.host_path(Path::new(&settings.host));
        } else {
            config.host(&settings.host);
        }
        config
            .port(settings.port)
            .user(&settings.user)
            .dbname(&settings.database)
            .application_name("portcullis")
            .connect_timeout(settings.timeout)
            .ssl_mode(if settings.tls.is_some() { SslMode::Require } else { SslMode::Disable });
        if let Some(password) = &settings.password {
            config.password(password.expose());
        }
        Self {
            config,
            tls: settings.tls.map(Tls),
            statements,
            timeout: settings.timeout,
            idle: Mutex::default(),
            turns: Semaphore::new(settings.connections.max(1)),
        }
    }

    async fn connect(&self) -> Result<Link, tokio_postgres::Error> {
        let (client, carrier) = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                (client, tokio::spawn(async move { drop(connection.await) }))
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                (client, tokio::spawn(async move { drop(connection.await) }))
            }
        };
        Ok(Link { client, carrier: carrier.abort_handle() })
    }

    fn kept(&self) -> Option<Link> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|link| !link.client.is_closed());
        idle.pop()
    }

    /// One statement with its values, on a kept connection or a new one. The first two rows.
    async fn ask(&self, statement: &str, values: &[&str]) -> Result<Vec<Row>, String> {
        let asking = async {
            let turn = self.turns.acquire().await;
            let _turn = turn.map_err(|_| "the gateway is on its way out".to_owned())?;
            let mut kept = self.kept();
            loop {
                let is_new = kept.is_none();
                let link = match kept.take() {
                    Some(link) => link,
                    None => self.connect().await.map_err(|cause| told(&cause, values))?,
                };
                match rows(&link.client, statement, values).await {
                    Ok(found) => {
                        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
                        return Ok(found);
                    }
                    // The server was restarted meanwhile; a statement that only reads, or writes
                    // the same again, may be sent twice.
                    Err(cause) if !is_new && is_over(&cause) => kept = self.kept(),
                    Err(cause) => return Err(told(&cause, values)),
                }
            }
        };
        let done = tokio::time::timeout(self.timeout, asking).await;
        done.unwrap_or_else(|_| {
            // Who does not answer on one connection will not on the others.
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
            Err(format!("no answer within {} ms", self.timeout.as_millis()))
        })
    }
}

async fn rows(
    client: &Client,
    statement: &str,
    values: &[&str],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let values: Vec<_> = values.iter().map(|value| (Bound(value), Type::TEXT)).collect();
    let found = client.query_typed_raw(statement, values).await?.take(2);
    pin_mut!(found);
    found.try_collect().await
}

fn is_over(cause: &tokio_postgres::Error) -> bool {
    let ended = |code: &str| code.starts_with("57P");
    cause.is_closed()
        || cause.code().map_or_else(|| cause.as_db_error().is_none(), |code| ended(code.code()))
}

/// What went wrong, without what was typed: servers repeat values that they do not like.
fn told(cause: &tokio_postgres::Error, values: &[&str]) -> String {
    let mut text = cause.to_string();
    if let Some(fault) = cause.as_db_error() {
        text = format!("{} ({})", fault.message(), fault.code().code());
    } else if let Some(source) = cause.source() {
        text = format!("{text}: {source}");
    }
    for value in values {
        text = text.replace(value, "…");
    }
    text
}

fn read(row: &Row) -> Result<Map<String, Value>, String> {
    check_columns(row.columns().iter().map(tokio_postgres::Column::name))?;
    let mut cells = Map::new();
    for (index, column) in row.columns().iter().enumerate() {
        let name = column.name();
        let cell = row.try_get::<_, Cell>(index).map_err(|cause| {
            let cause = cause.source().map(ToString::to_string).unwrap_or_default();
            format!("the query's column `{name}`: {cause}")
        })?;
        cells.insert(name.to_owned(), cell.0);
    }
    Ok(cells)
}

#[async_trait]
impl PeopleTable for PostgresTable {
    async fn find(&self, name: &str) -> Result<Vec<Map<String, Value>>, String> {
        self.ask(&self.statements.query, &[name]).await?.iter().map(read).collect()
    }

    fn rehashes(&self) -> bool {
        self.statements.rehash.is_some()
    }

    async fn rehash(&self, new: &str, subject: &str, old: &str) -> Result<(), String> {
        let statement = self.statements.rehash.as_deref().unwrap_or_default();
        self.ask(statement, &[new, subject, old]).await.map(|_| ())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

impl fmt::Debug for PostgresTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.config.get_hosts();
        f.debug_struct("PostgresTable").field("hosts", &hosts).finish_non_exhaustive()
    }
}
