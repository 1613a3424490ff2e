//! The access log leaves the request path, and loses nothing for it.

use serde_json::Value;

use crate::support::gateway::Signal;
use crate::support::lab::Lab;

#[tokio::test]
async fn each_request_has_its_line_even_the_last_before_the_end() {
    let mut lab = Lab::start().await;
    for number in 0..20 {
        assert_eq!(lab.get(&format!("/public/{number}"), &[]).await.status(), 200);
    }
    lab.gateway.signal(Signal::Term).await;
    assert!(lab.gateway.stopped().await.success());
    assert!(lab.gateway.has_printed("\"path\":\"/public/19\"", 1).await);
    let printed = lab.gateway.printed();
    let lines = printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<Value> = lines.filter(|line| line["target"] == "access").collect();
    assert_eq!(lines.len(), 20, "{printed}");
    for line in lines {
        assert_eq!((&line["status"], &line["message"]), (&200.into(), &"request".into()));
        assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    }
}

#[tokio::test]
async fn a_filter_that_leaves_it_out_is_heeded() {
    let mut lab = Lab::with(|all| all.log = "info,access=off".to_owned()).await;
    assert_eq!(lab.get("/public/x", &[]).await.status(), 200);
    lab.gateway.signal(Signal::Term).await;
    assert!(lab.gateway.stopped().await.success());
    assert!(!lab.gateway.printed().contains("\"target\":\"access\""));
    assert!(lab.gateway.has_printed("\"message\":\"stopped\"", 1).await);
}
