//! Reaches the primary: by the addresses of all servers, or by what sentinels say of it.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{FutureExt as _, select_ok};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushInfo, PushKind, RedisError, RedisResult, Value};
use tokio::time::timeout;

use crate::session::events::EndCause;
use crate::session::redis::link::{Link, Live};
use crate::session::redis::names::{letter, text};
use crate::session::redis::scripts::SCRIPTS;
use crate::session::redis::settings::{RedisServer, RedisSettings};

/// The longest attempt, so that a server that comes back is found within two seconds.
const LONGEST: Duration = Duration::from_secs(1);
/// Ends that are told again in one call.
const TOLD_AT_ONCE: usize = 256;
/// The epoch's life. When it ends, sessions are asked for anew, once.
const EPOCH_LIFE: Duration = Duration::from_secs(365 * 86_400);

/// A connection to the primary that hears of ends, and the epoch of the data. In words: why not.
pub(super) async fn reach(link: &Link) -> Result<(Live, Vec<u8>), String> {
    let settings = &link.settings;
    let servers = match &settings.sentinel {
        None => settings.servers.clone(),
        Some(name) => vec![primary(settings, name).await?],
    };
    let attempts = servers.into_iter().map(|server| {
        async move {
            let attempt = connect(link, &server);
            let attempt = timeout(attempt_time(settings), attempt).await;
            let reached = attempt.map_err(|_| format!("{server} does not answer"))?;
            reached.map_err(|fault| format!("{server}: {fault}"))
        }
        .boxed()
    });
    let ((live, epoch), _) = select_ok(attempts).await?;
    tell_again(link, &live).await?;
    Ok((live, epoch))
}

pub(super) fn attempt_time(settings: &RedisSettings) -> Duration {
    settings.command_timeout.min(LONGEST)
}

/// Where the sentinels say that the primary is: whichever answers first.
pub(super) async fn primary(settings: &RedisSettings, name: &str) -> Result<RedisServer, String> {
    let asked = settings.servers.iter().map(|sentinel| {
        async move {
            let ask = async {
                let client = settings.sentinel_client(sentinel)?;
                let mut connection = client.get_multiplexed_async_connection().await?;
                let mut question = redis::cmd("SENTINEL");
                question.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
                let found: RedisResult<Option<(String, u16)>> =
                    question.query_async(&mut connection).await;
                found
            };
            match timeout(attempt_time(settings), ask).await {
                Ok(Ok(Some((host, port)))) => Ok(RedisServer { host, port, tls: sentinel.tls }),
                Ok(Ok(None)) => Err(format!("sentinel {sentinel} knows no primary `{name}`")),
                Ok(Err(fault)) => Err(format!("sentinel {sentinel}: {fault}")),
                Err(_) => Err(format!("sentinel {sentinel} does not answer")),
            }
        }
        .boxed()
    });
    Ok(select_ok(asked).await?.0)
}

async fn connect(link: &Link, server: &RedisServer) -> RedisResult<(Live, Vec<u8>)> {
    let settings = &link.settings;
    let ears = Arc::clone(&link.ears);
    let hear = move |push: PushInfo| {
        match (push.kind, push.data.get(1)) {
            (PushKind::Message, Some(Value::BulkString(message))) => ears.hear(message),
            (PushKind::Disconnection, _) => ears.stirred.notify_one(),
            _ => {}
        }
        Ok::<(), ()>(())
    };
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(attempt_time(settings)))
        // Each command has a deadline of ours.
        .set_response_timeout(None)
        .set_push_sender(hear);
    let client = settings.client(server)?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    is_primary(&mut connection).await?;
    connection.subscribe(link.names.channel.as_str()).await?;
    let epoch = epoch(link, connection.clone()).await?;
    Ok((Live { connection, place: server.to_string() }, epoch))
}

/// A replica that is asked by mistake knows sessions that have ended. Where an ACL does not let us
/// ask, the first write finds out.
async fn is_primary(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let role: RedisResult<Vec<Value>> = redis::cmd("ROLE").query_async(connection).await;
    let role = match role {
        Err(fault) if fault.code() == Some("NOPERM") => return Ok(()),
        role => role?,
    };
    match role.first() {
        Some(Value::BulkString(word)) if word == b"master" => Ok(()),
        _ => Err(RedisError::from((redis::ErrorKind::InvalidClientConfig, "it is no primary"))),
    }
}

/// The word that tells these data from others; makes it where there is none.
pub(super) async fn epoch(
    link: &Link,
    mut connection: MultiplexedConnection,
) -> RedisResult<Vec<u8>> {
    let (name, own) = (&link.names.epoch, link.entropy.token::<12>());
    let life = u64::try_from(EPOCH_LIFE.as_millis()).unwrap_or(u64::MAX);
    let mut set = redis::cmd("SET");
    set.arg(name).arg(own).arg("NX").arg("PX").arg(life);
    let found: Option<Vec<u8>> = redis::cmd("GET").arg(name).query_async(&mut connection).await?;
    if let Some(found) = found {
        return Ok(found);
    }
    let _: Value = set.query_async(&mut connection).await?;
    redis::cmd("GET").arg(name).query_async(&mut connection).await
}

/// Tells the server again which sessions have ended: it may have been restored from a copy.
async fn tell_again(link: &Link, live: &Live) -> Result<(), String> {
    let mut connection = live.connection.clone();
    for some in link.ears.lately.all().chunks(TOLD_AT_ONCE) {
        let mut call = SCRIPTS.remove.prepare_invoke();
        call.key(&link.names.over).key(&link.names.channel).arg(&link.names.prefix);
        call.arg(letter(EndCause::Revoked));
        for key in some {
            call.arg(text(key));
        }
        let told: Result<RedisResult<(u64, u64)>, _> =
            timeout(link.settings.command_timeout, call.invoke_async(&mut connection)).await;
        told.map_err(|_| format!("{} does not answer", live.place))?
            .map_err(|fault| format!("{}: {fault}", live.place))?;
    }
    Ok(())
}
