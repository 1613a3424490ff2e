//! The real Chainlit: streams over its WebSocket, and never takes one person for another.

use serde_json::{Value, json};

use crate::support::apps::{App, everything};
use crate::support::provider::Provider;
use crate::support::settings::CLIENT_SECRET;

/// The promise for a stream whose session ended elsewhere.
const PROMISE_MS: u64 = 2000;

const SHARED: &str = "algorithm = \"HS256\"\nsecret = { env = \"TEST_CLIENT_SECRET\" }";

#[tokio::test(flavor = "multi_thread")]
async fn a_header_callback_as_people_have_written_it_knows_each_person() {
    let app = App::chainlit("chainlit_header.py", &[("SECRET", CLIENT_SECRET)]).await;
    let house = app.house(Provider::start().await, |settings| {
        settings.token = SHARED.to_owned();
        settings.routes.push(everything(r#"["session"]"#, "{ without_audience = true }"));
    });
    let seen = house.await.drive("chainlit.mjs", "chainlit-header", &json!({})).await;
    each_is_answered_by_name(&seen, &["engineer", "sales", "engineer", "sales"]);
}

/// What both kinds of app must do.
fn each_is_answered_by_name(seen: &Value, people: &[&str]) {
    let answers = seen["people"].as_array().unwrap();
    assert_eq!(answers.len(), people.len(), "{seen:#}");
    for (answer, person) in answers.iter().zip(people) {
        let how = answer["how"].as_str().unwrap();
        let said = answer["answer"].as_str().unwrap();
        assert!(said.starts_with(&format!("You are {person} ")), "{how}: {said}");
        // The first word comes with `stream_start`.
        let words = said.split_whitespace().count() as u64;
        assert_eq!(answer["by_socket"], words - 1, "{how}: {said}");
        assert_eq!(answer["by_poll"], 0, "{how}: it fell back to polling");
        let readable = answer["cookies_in_script"].as_str().unwrap();
        assert!(!readable.contains("portcullis"), "{how}: a script reads {readable}");
    }
    for late in seen["left_behind"].as_array().unwrap() {
        let late = late.as_str().unwrap();
        assert!(!late.contains("You are engineer"), "the first tab is still answered: {late}");
    }
    let closed = seen["logout_to_closed_ms"].as_u64().expect("a measured time");
    assert!(closed < PROMISE_MS, "{seen:#}");
    assert_eq!(seen["after_logout"], 401, "{seen:#}");
}
