//! What can be said of a server before it is used.

use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::time::timeout;

use crate::session::redis::reach::{attempt_time, primary};
use crate::session::redis::settings::{RedisServer, RedisSettings};

/// Asks each server, or the primary that the sentinels name, who it is; changes nothing. One line
/// for each; `Err` for those that cannot be used as they are.
pub async fn look(settings: &RedisSettings) -> Vec<Result<String, String>> {
    let servers = match &settings.sentinel {
        None => settings.servers.clone(),
        Some(name) => match primary(settings, name).await {
            Ok(server) => vec![server],
            Err(fault) => return vec![Err(fault)],
        },
    };
    let mut lines = Vec::new();
    for server in servers {
        lines.push(match timeout(attempt_time(settings), ask(settings, &server)).await {
            Ok(Ok(info)) => describe(&server, &info),
            Ok(Err(fault)) => Err(format!("{server}: {fault}")),
            Err(_) => Err(format!("{server} does not answer")),
        });
    }
    lines
}

async fn ask(settings: &RedisSettings, server: &RedisServer) -> RedisResult<String> {
    let mut connection: MultiplexedConnection =
        settings.client(server)?.get_multiplexed_async_connection().await?;
    redis::cmd("INFO").query_async(&mut connection).await
}

fn describe(server: &RedisServer, info: &str) -> Result<String, String> {
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim()
    };
    let version = match field("valkey_version") {
        "" => format!("Redis {}", field("redis_version")),
        version => format!("Valkey {version}"),
    };
    let policy = field("maxmemory_policy");
    if !matches!(field("maxmemory"), "" | "0") && policy != "noeviction" {
        return Err(format!(
            "{server} ({version}) throws keys away when its memory is full ({policy}): people would \
             be signed out, and what was used up could be used again; set maxmemory-policy noeviction"
        ));
    }
    let kept = if field("aof_enabled") == "1" { "append-only file" } else { "no append-only file" };
    Ok(format!("{server}: {version}, {}, {kept}", field("role")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_throws_keys_away_is_found_out() {
        let server = RedisServer { host: "r".to_owned(), port: 1, tls: false };
        let info = |policy: &str, most: &str| {
            format!(
                "# Server\r\nredis_version:7.0.15\r\nrole:master\r\nmaxmemory:{most}\r\n\
                 maxmemory_policy:{policy}\r\naof_enabled:1\r\n"
            )
        };
        let good = describe(&server, &info("allkeys-lru", "0")).unwrap();
        assert_eq!(good, "r:1: Redis 7.0.15, master, append-only file");
        assert!(describe(&server, &info("noeviction", "100")).is_ok());
        assert!(
            describe(&server, &info("volatile-lru", "100")).unwrap_err().contains("noeviction")
        );
    }
}
