//! The audit events: that each is there, in every kind of sink, and that no sink holds anything up.

use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::support::lab::Lab;
use crate::support::socket;

/// Waits for an event of this name that was written to the file.
async fn event(lab: &Lab, name: &str) -> Value {
    let path = lab.gateway.folder().join("audit.log");
    for _ in 0..3_000 {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let mut events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(found) = events.rfind(|event| event["event"] == name) {
            return found;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("no event {name}: {}", std::fs::read_to_string(&path).unwrap_or_default());
}

#[tokio::test]
async fn what_happens_to_a_session_is_in_the_file() {
    let lab = Lab::with(|all| {
        all.swaps.push((
            "[log]",
            "[audit]\nsinks = [{ kind = \"file\", path = \"audit.log\" }]\n[log]".to_owned(),
        ));
    })
    .await;
    let mut browser = lab.sign_in("sales").await;
    let login = event(&lab, "login_ok").await;
    assert_eq!(login["subject"], "sub-sales", "{login}");
    let sid = login["sid"].as_str().unwrap();
    assert_eq!(lab.get("/nobody", &[]).await.status(), 401);
    assert_eq!(event(&lab, "request_refused").await["code"], "sign_in_required");
    let lines = [lab.cookie_line(&browser)];
    let denied = lab.get("/engineering/x", &lines).await;
    assert_eq!(denied.status(), 403);
    let denied = event(&lab, "policy_denied").await;
    assert_eq!((&denied["subject"], &denied["code"]), (&"sub-sales".into(), &"forbidden".into()));
    let open = socket::open(lab.gateway.http, "/ws", &lines).await.unwrap();
    lab.sign_out(&mut browser).await;
    let ended = event(&lab, "session_ended").await;
    assert_eq!((ended["sid"].as_str(), &ended["reason"]), (Some(sid), &"logout".into()), "{ended}");
    let closed = event(&lab, "stream_closed").await;
    assert_eq!((closed["sid"].as_str(), &closed["reason"]), (Some(sid), &"logout".into()));
    drop(open);
    lab.gateway.rewrite("[server]\nnonsense = 1\n");
    assert!(event(&lab, "config_refused").await["reason"].as_str().unwrap().contains("nonsense"));
    // The log itself has none of them: another sink was named.
    assert!(!lab.gateway.printed().contains("login_ok"));
}

#[tokio::test]
async fn a_sink_that_takes_nothing_holds_nothing_up_and_is_counted() {
    // Nobody ever accepts, reads, or listens.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let heard = UdpSocket::bind("127.0.0.1:0").unwrap();
    heard.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let sinks = format!(
        "[audit]\nsinks = [{{ kind = \"syslog\", address = \"tcp:{}\" }}, \
         {{ kind = \"syslog\", address = \"unix:/nonexistent/log\" }}, \
         {{ kind = \"syslog\", address = \"udp:{}\", facility = \"local3\" }}]\n[log]",
        mute.local_addr().unwrap(),
        heard.local_addr().unwrap()
    );
    let lab = Lab::with(|all| all.swaps.push(("[log]", sinks))).await;
    for _ in 0..50 {
        assert_eq!(lab.get("/nobody", &[]).await.status(), 401);
    }
    let mut buffer = [0; 4096];
    let length = heard.recv(&mut buffer).unwrap();
    let message = std::str::from_utf8(&buffer[..length]).unwrap();
    // local3 is 19: 19 * 8 + 6.
    assert!(message.starts_with("<158>1 20"), "{message}");
    assert!(
        message.contains(" portcullis ") && message.contains(" request_refused - {"),
        "{message}"
    );
    for _ in 0..3_000 {
        let metrics = lab.gateway.admin("/metrics").await;
        let line = metrics
            .lines()
            .find(|line| line.starts_with("portcullis_audit_lost_total{sink=\"syslog\"}"));
        if line.is_some_and(|line| !line.ends_with(" 0")) {
            assert!(lab.gateway.has_printed("lines cannot be written and are lost", 1).await);
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing was counted");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_stops_the_start() {
    let lab = Lab::start().await;
    let folder = lab.gateway.folder();
    let text = std::fs::read_to_string(folder.join("gateway.toml")).unwrap();
    let sinks = "[audit]\nsinks = [{ kind = \"file\", path = \"missing/audit.log\" }]\n[log]";
    std::fs::write(folder.join("other.toml"), text.replace("[log]", sinks)).unwrap();
    let ended = lab.gateway.cli(&["run", "--config", "other.toml"]).await;
    assert!(!ended.status.success());
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("missing/audit.log") && said.contains("audit.sinks"), "{said}");
}
