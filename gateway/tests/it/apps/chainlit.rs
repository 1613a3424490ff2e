//! The real Chainlit: streams over its WebSocket, and never takes one person for another.

use serde_json::{Value, json};

use crate::support::apps::{App, everything};
use crate::support::port;
use crate::support::provider::Provider;
use crate::support::settings::{CLIENT_SECRET, Route};

/// What a browser with other things to do may take; the promise of the gateway is measured in `streams`.
const LATEST_MS: u64 = 15_000;

const HEADER: &str = "chainlit-header";
const NATIVE: &str = "chainlit-native";
const NATIVE_TOKEN: &str = "{ secret = { env = \"TEST_CLIENT_SECRET\" } }";
const SESSION: &str = r#"["session"]"#;
const TEAMS: &str = r#"["teams", "session"]"#;

const SHARED: &str = "algorithm = \"HS256\"\nsecret = { env = \"TEST_CLIENT_SECRET\" }";

#[tokio::test(flavor = "multi_thread")]
async fn a_header_callback_as_people_have_written_it_knows_each_person() {
    let app = App::chainlit("chainlit_header.py", &[("SECRET", CLIENT_SECRET)]).await;
    let house = app.house(Provider::start().await, |settings| {
        settings.token = SHARED.to_owned();
        settings.routes.push(everything(HEADER, SESSION, "{ without_audience = true }"));
    });
    let seen = house.await.drive("chainlit.mjs", "chainlit-header", &json!({})).await;
    each_is_answered_by_name(&seen, &["engineer", "sales", "engineer", "sales", "engineer"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_line_of_code_it_knows_each_person_and_its_own_logout_is_ours() {
    let app = App::chainlit("chainlit_native.py", &[("CHAINLIT_CUSTOM_AUTH", "1")]).await;
    let house = app.house(Provider::start().await, |settings| {
        settings.routes.push(everything(NATIVE, SESSION, NATIVE_TOKEN));
    });
    let house = house.await;
    let seen = house.drive("chainlit.mjs", "chainlit-native", &json!({})).await;
    let people = ["sub-engineer", "sub-sales", "sub-engineer", "sub-sales", "sub-engineer"];
    each_is_answered_by_name(&seen, &people);
    // The browser never sees the cookie by which Chainlit knows people.
    let cookies = seen["app_cookies"].as_array().unwrap();
    assert!(!cookies.contains(&json!("access_token")), "{cookies:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_callback_it_is_one_person_in_a_frame_of_another_site_and_in_a_window() {
    let app = App::chainlit("chainlit_header.py", &[("SECRET", CLIENT_SECRET)]).await;
    let route = everything(HEADER, TEAMS, "{ without_audience = true }");
    let seen = framed_and_in_a_window(&app, "chainlit-framed", "engineer", route).await;
    let cookies = seen["cookies"].as_array().unwrap();
    assert!(cookies.iter().any(|cookie| cookie["name"] == "access_token"), "{seen:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_code_it_is_one_person_in_a_frame_of_another_site_and_in_a_window() {
    let app = App::chainlit("chainlit_native.py", &[("CHAINLIT_CUSTOM_AUTH", "1")]).await;
    let route = everything(NATIVE, TEAMS, NATIVE_TOKEN);
    let seen = framed_and_in_a_window(&app, "chainlit-native-framed", "oid-engineer", route).await;
    let cookies = seen["cookies"].as_array().unwrap();
    assert!(cookies.iter().all(|cookie| cookie["name"] != "access_token"), "{seen:#}");
}

/// Teams' host is played by a page of another origin, its library by one line.
async fn framed_and_in_a_window(app: &App, name: &str, person: &str, route: Route) -> Value {
    const TENANT: &str = "11111111-2222-3333-4444-555555555555";
    const TEAMS_WEB: &str = "5e3ce6c0-2b1f-4285-8d4b-75ee78787346";
    let host = port::free();
    let house = app.house(Provider::start_as_entra(TENANT).await, |settings| {
        settings.token = SHARED.to_owned();
        settings.provider = "subject = \"oid\"".to_owned();
        settings.issuers = format!(
            "[teams]\nprovider = \"test\"\nframe_ancestors = [\"http://127.0.0.1:{host}\"]\n\
             library = {{ url = \"/public/teams.js\" }}"
        );
        settings.routes.push(route);
    });
    let house = house.await;
    let token = house.lab.provider.sign(&json!({
        "ver": "2.0", "aud": "portcullis", "azp": TEAMS_WEB, "tid": TENANT, "oid": "oid-engineer",
        "sub": "pairwise", "scp": "access_as_user", "name": "engineer",
        "preferred_username": "engineer",
    }));
    let more = json!({ "host": host, "token": token });
    let seen = house.drive("chainlit_frame.mjs", name, &more).await;
    for place in ["framed", "top_level"] {
        let said = seen[place]["answer"].as_str().unwrap();
        assert!(said.starts_with(&format!("You are {person} ")), "{place}: {said}");
        assert!(seen[place]["by_socket"].as_u64().unwrap() > 3, "{seen:#}");
        assert_eq!(seen[place]["by_poll"], 0, "{seen:#}");
    }
    assert_eq!(seen["user"]["status"], 200, "{seen:#}");
    assert_eq!(seen["user"]["identifier"], person, "{seen:#}");
    let cookies = seen["cookies"].as_array().unwrap();
    assert!(cookies.len() >= 2, "{seen:#}");
    for cookie in cookies {
        assert_eq!(cookie["partitioned"], true, "{cookie}");
        assert_eq!(cookie["sameSite"], "None", "{cookie}");
        assert_eq!(cookie["secure"], true, "{cookie}");
    }
    let closed = seen["logout_to_closed_ms"].as_u64().expect("a measured time");
    assert!(closed < LATEST_MS, "{seen:#}");
    assert_eq!(seen["framed_after"], 401, "{seen:#}");
    assert_eq!(seen["unpartitioned"], "", "this browser keeps only what is partitioned");
    seen
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
    assert!(closed < LATEST_MS, "{seen:#}");
    assert_eq!(seen["after_logout"], 401, "{seen:#}");
    // The button in the app's own menu ends our session.
    let own = &seen["own_logout"];
    assert!(own["ms"].as_u64().expect("a measured time") < LATEST_MS, "{seen:#}");
    assert_eq!(own["me"], 401, "{seen:#}");
    assert_eq!(own["then"], "/.portcullis/signed-out", "{seen:#}");
}
