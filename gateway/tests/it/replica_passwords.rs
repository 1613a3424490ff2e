//! Passwords behind a load balancer: tries at all gateways add up.

use crate::password::{PASSWORD, basic, people, with_people};
use crate::support::folder::Folder;
use crate::support::gateway::Gateway;
use crate::support::lab::Lab;
use crate::support::raw::exchange;
use crate::support::redis::Server;
use crate::support::settings::HOST;

/// Two gateways over one Redis, where `ann` has four tries.
struct Pair {
    redis: Server,
    lab: Lab,
    other: Gateway,
    _folders: [Folder; 2],
}

impl Pair {
    async fn start() -> Self {
        let (redis, keys) = (Server::start(""), Folder::new());
        let (folder, file) = people();
        let lab = Lab::with(|settings| {
            let limits = "[password]\naccount_tries = 4\naddress_tries = 1000\n";
            with_people(settings, &file, limits);
            settings.session = format!(
                "store = {{ kind = \"redis\", urls = [\"redis://127.0.0.1:{}\"], \
                 command_timeout = \"5s\" }}",
                redis.port
            );
            let shared = format!("state = \"state\"\nkeys = \"{}\"", keys.path().display());
            settings.swaps.push(("state = \"state\"", shared));
        })
        .await;
        let other = Gateway::start(&lab.settings).await;
        Self { redis, lab, other, _folders: [keys, folder] }
    }

    async fn tries(&self, which: usize, name: &str, password: &str) -> u16 {
        let at = if which == 0 { self.lab.gateway.http } else { self.other.http };
        let line = basic(name, password).concat();
        let request =
            format!("GET /api/x HTTP/1.1\r\nHost: {HOST}\r\n{line}\r\nConnection: close\r\n\r\n");
        exchange(at, request).await.expect("an answer").status()
    }
}

#[tokio::test]
async fn tries_at_two_gateways_add_up_and_a_right_password_clears_them_at_both() {
    let pair = Pair::start().await;
    for (which, name) in [(0, "ann"), (1, "ANN"), (0, "Ａnn")] {
        assert_eq!(pair.tries(which, name, "wrong").await, 401);
    }
    assert_eq!(pair.tries(1, "ann", PASSWORD).await, 200);
    for which in [0, 1, 0, 1] {
        assert_eq!(pair.tries(which, "ann", "wrong").await, 401, "cleared for both");
    }
    for which in [0, 1] {
        assert_eq!(pair.tries(which, "ann", "wrong").await, 429, "used up for both");
    }
    assert_eq!(pair.tries(0, "ann", PASSWORD).await, 429, "the right one too");
    assert_eq!(pair.tries(0, "eve", "wrong").await, 401, "somebody else");
    let names = pair.redis.command("KEYS *");
    assert!(names.iter().any(|name| name.contains(":try:")), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("ann")), "{names:?}");
}

#[tokio::test]
async fn without_redis_each_gateway_counts_for_itself() {
    let mut pair = Pair::start().await;
    assert_eq!(pair.tries(0, "ann", "wrong").await, 401);
    pair.redis.kill();
    for which in [0, 1] {
        for _ in 0..4 {
            assert_eq!(pair.tries(which, "ann", "wrong").await, 401);
        }
        assert_eq!(pair.tries(which, "ann", "wrong").await, 429, "not without an end");
    }
    assert!(pair.lab.gateway.has_printed("a try is counted by this gateway alone", 1).await);
}
