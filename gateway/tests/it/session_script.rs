//! A page in a real browser that hears of the end of its session.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::lab::Lab;
use crate::support::peers::real_session;
use crate::support::port;
use crate::support::settings::Route;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_told_before_and_after_the_end() {
    // A real browser knows no other way to a name than its port.
    let port = port::free();
    let lab = Lab::with(|all| {
        // Time enough before the bar for a browser that is slow.
        all.session = "idle = \"20s\"\nabsolute = \"21s\"".to_owned();
        all.routes.push(Route {
            path: "/grace/*",
            auth: r#"["session"]"#,
            access: "access = \"authenticated\"\nstreams = { at_end = \"grace\", grace = \"10s\" }",
            token: r#"{ audience = "agent" }"#,
        });
        all.swaps.push(("http://localhost\"", format!("http://localhost:{port}\"")));
        let listen = format!("http = {{ listen = \"127.0.0.1:{port}\"");
        all.swaps.push(("http = { listen = \"127.0.0.1:0\"", listen));
    })
    .await;
    let output = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-output");
    let app = format!("http://localhost:{port}");
    let seen = real_session(&json!({ "app": app, "output": output })).await;
    drop(lab);
    assert_eq!(seen["errors"], json!([]), "{seen:#}");
    assert_eq!(seen["at_first"], Value::Null, "{seen:#}");
    let bar = |when: &str, says: &str| {
        let bar = &seen[when];
        assert!(bar["text"].as_str().unwrap().contains(says), "{seen:#}");
        assert_eq!((&bar["bottom"], &bar["width"]), (&json!(0), &json!(800)), "{seen:#}");
    };
    bar("ending", "ends in a minute");
    bar("ended", "has ended");
    // It is told while its stream still has its grace.
    assert_eq!(seen["stream"], json!("open"), "{seen:#}");
    // Which of the two ends comes first is a matter of how long the login took.
    let ended = &seen["stream_ended"];
    assert_eq!(ended["code"], json!(1008), "{seen:#}");
    assert!(["idle", "absolute"].iter().any(|why| ended["reason"] == *why), "{seen:#}");
    let back = "/.portcullis/login?return_to=%2Fpage%3Ftab%3D1%26x%3D2";
    let heard: Vec<_> = seen["heard"].as_array().unwrap().iter().collect();
    assert_eq!(heard.len(), 2, "once each: {seen:#}");
    for (event, what) in heard.iter().zip(["ending", "ended"]) {
        assert_eq!((&event["what"], &event["login_url"]), (&what.into(), &back.into()));
    }
    assert!(heard[0]["seconds"].as_u64().unwrap() <= 5, "{seen:#}");
    assert_eq!(seen["back"], json!(format!("{app}/page?tab=1&x=2")), "{seen:#}");
    let changed = seen["changed"].as_array().unwrap();
    assert_eq!(changed.len(), 1, "{seen:#}");
    assert_eq!(changed[0]["login_url"], json!(back), "{seen:#}");
    assert_eq!(seen["quiet"], Value::Null, "a page that says it itself: {seen:#}");
}
