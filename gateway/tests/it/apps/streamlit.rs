//! The real Streamlit: entered by signed links, its WebSocket binary, each person shown by name.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::apps::{App, everything};
use crate::support::folder::Folder;
use crate::support::peers;
use crate::support::provider::Provider;
use crate::support::settings::{CLIENT_SECRET, Settings};

/// What a browser with other things to do may take; the promise of the gateway is measured in `streams`.
const LATEST_MS: u64 = 15_000;

const AUTH: &str = r#"["session", "signed_url"]"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_verifies_the_token_knows_who_is_there_now() {
    let app = App::streamlit("streamlit_token.py", "", &[("SECRET", CLIENT_SECRET)]).await;
    each_is_shown_by_name(&app, "streamlit-token", |settings| {
        settings.token =
            "algorithm = \"HS256\"\nsecret = { env = \"TEST_CLIENT_SECRET\" }".to_owned();
        settings.routes.push(everything("streamlit", AUTH, "{ audience = \"notes\" }"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_trusts_headers_knows_who_is_there_now() {
    let config = "[server.trustedUserHeaders]\nX-User-Id = \"sub\"\nX-User-Name = \"name\"\n";
    let app = App::streamlit("streamlit_headers.py", config, &[]).await;
    each_is_shown_by_name(&app, "streamlit-headers", |settings| {
        settings.routes.push(everything("streamlit", AUTH, "{ audience = \"notes\" }"));
    })
    .await;
}

/// People come by links that a Python script signs.
async fn each_is_shown_by_name(app: &App, name: &str, change: impl FnOnce(&mut Settings)) {
    let keys = Folder::new();
    let key = keys.path().join("prod");
    let made = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["keys", "generate", "--ed25519"])
        .arg(&key)
        .output();
    assert!(made.unwrap().status.success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let house = app.house(Provider::start().await, |settings| {
        settings.issuers = format!(
            "[signed_urls.portal]\nforms = [\"message\"]\npublic_keys = [\"\"\"{public}\"\"\"]\n"
        );
        change(settings);
    });
    let house = house.await;
    let people = ["ann", "bob", "ann"];
    let mut links = Vec::new();
    for (number, person) in people.iter().enumerate() {
        let private = key.with_extension("key");
        // Two links of one person differ by when they end.
        let life = (300 + number).to_string();
        let words = [private.to_str().unwrap(), person, &life];
        let query = peers::python("sign_link.py", &words).await;
        links.push(json!({ "query": query.trim() }));
    }
    let seen = house.drive("streamlit.mjs", name, &json!({ "links": links })).await;
    let answers = seen["people"].as_array().unwrap();
    assert_eq!(answers.len(), people.len(), "{seen:#}");
    for (answer, person) in answers.iter().zip(people) {
        is_shown(answer, person);
        assert_eq!(answer["url"], format!("{}/", house.url), "the link has gone");
    }
    assert_eq!(answers[1]["asked"], true, "a link alone replaces nobody");
    is_shown(&seen["left_behind"], "bob");
    let closed = seen["logout_to_closed_ms"].as_u64().expect("a measured time");
    assert!(closed < LATEST_MS, "{seen:#}");
    assert_eq!(seen["after_logout"], 401, "{seen:#}");
    let used = seen["used_link"].as_str().unwrap();
    assert!(used.contains("This link does not work"), "{used}");
}

fn is_shown(answer: &Value, person: &str) {
    let how = answer["how"].as_str().unwrap();
    assert_eq!(answer["user"], format!("user: {person}"), "{how}");
    assert_eq!(answer["answer"], format!("{person} said {how}"));
    assert!(answer["sent"].as_u64().unwrap() > 0, "{how}: {answer:#}");
    assert!(answer["received"].as_u64().unwrap() > 0, "{how}: {answer:#}");
    assert_eq!(answer["text_frames"], 0, "{how}: Streamlit's frames are binary");
}
