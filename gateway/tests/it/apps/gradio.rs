//! The real Gradio: its event stream arrives as it is written, and says who asked.

use serde_json::json;

use crate::support::apps::{App, everything};
use crate::support::provider::Provider;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_answers_each_person_by_name() {
    let app = App::script("gradio_app.py", &[("GRADIO_ANALYTICS_ENABLED", "False")]).await;
    let house = app.house(Provider::start().await, |settings| {
        settings.routes.push(everything("gradio", r#"["session"]"#, "{ audience = \"echo\" }"));
    });
    let seen = house.await.drive("gradio.mjs", "gradio", &json!({})).await;
    let answers = seen["people"].as_array().unwrap();
    for (answer, person) in answers.iter().zip(["engineer", "sales", "sales", "engineer"]) {
        let how = answer["how"].as_str().unwrap();
        assert_eq!(answer["answer"], format!("{person} said {how} ."));
        for pieces in ["steps", "parts"] {
            assert!(answer[pieces].as_u64().unwrap() >= 3, "it came in one piece: {answer:#}");
        }
    }
    assert_eq!(answers.len(), 4, "{seen:#}");
    assert_eq!(seen["after_logout"], 401, "{seen:#}");
}
