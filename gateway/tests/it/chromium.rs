//! A real browser through the whole demo: gateway, provider and agent as they are shipped.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::support::peers::real_browser;
use crate::support::port;
use crate::support::promise;

/// The promise for a stream whose session ended elsewhere.
const PROMISE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn log_in_chat_and_log_out_in_another_tab() {
    let ports = [port::free(), port::free(), port::free()];
    let (_demo, url) = demo(&ports).await;
    let output = root().join("test-output");
    std::fs::create_dir_all(&output).unwrap();
    promise::is_kept(PROMISE, async || {
        let seen = real_browser(&json!({ "url": url, "user": "engineer", "output": output })).await;
        println!("{seen:#}");
        assert_eq!(seen["signed_in"], true, "{seen:#}");
        assert!(seen["answer_length"].as_u64().unwrap_or_default() > 20, "{seen:#}");
        assert!(
            seen["growth_steps"].as_u64().unwrap_or_default() >= 3,
            "the answer came in one piece: {seen:#}"
        );
        assert_eq!(seen["script_errors"], json!([]), "{seen:#}");
        Duration::from_millis(seen["logout_to_closed_ms"].as_u64().expect("a measured time"))
    })
    .await;
}

/// Starts `portcullis demo` on ports of its own; the URL it prints.
async fn demo(ports: &[u16]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .arg("demo")
        .current_dir(root())
        .env("DEMO_HTTP_PORT", ports[0].to_string())
        .env("DEMO_HTTPS_PORT", ports[1].to_string())
        .env("DEMO_ADMIN_PORT", ports[2].to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = format!("http://localhost:{}", ports[0]);
    let ready = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let listening =
                serde_json::from_str::<Value>(&line).is_ok_and(|line| line["listening"] == "http");
            if listening || line.contains(&url) {
                return;
            }
        }
        panic!("the demo stopped before it was ready");
    };
    timeout(Duration::from_secs(60), ready).await.expect("the demo is ready in time");
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, url)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
