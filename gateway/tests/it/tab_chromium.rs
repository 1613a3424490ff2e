//! A real browser in which a page of another site shows the app in a frame, as Teams does.

use serde_json::{Value, json};

use crate::support::forge::claims;
use crate::support::lab::Lab;
use crate::support::peers::real_frame;
use crate::support::port;
use crate::support::provider::Provider;
use crate::support::settings::Route;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const TEAMS_WEB: &str = "5e3ce6c0-2b1f-4285-8d4b-75ee78787346";

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_of_another_site_signs_in_and_has_http_and_websockets() {
    // A real browser knows no other way to a name than its port.
    let [port, host] = [port::free(), port::free()];
    let provider = Provider::start_as_entra(TENANT).await;
    let lab = Lab::around(provider, |settings| {
        settings.provider = "subject = \"oid\"".to_owned();
        settings.issuers = format!(
            "[teams]\nprovider = \"test\"\nframe_ancestors = [\"http://127.0.0.1:{host}\"]\n\
             library = {{ url = \"/public/teams.js\" }}"
        );
        let at = format!("http://localhost:{port}\"");
        settings.swaps.push(("http://localhost\"", at));
        settings.swaps.push(("http = { listen = \"127.0.0.1:0\"", listen(port)));
        settings.routes.insert(
            0,
            Route {
                path: "/tab/*",
                auth: r#"["teams", "session"]"#,
                access: "access = \"authenticated\"",
                token: r#"{ audience = "agent" }"#,
            },
        );
    })
    .await;
    let token = lab.provider.sign(&json!({
        "ver": "2.0", "aud": "portcullis", "azp": TEAMS_WEB, "tid": TENANT, "oid": "oid-engineer",
        "sub": "pairwise", "scp": "access_as_user", "name": "Ann Engineer",
    }));
    let settings =
        json!({ "app": format!("http://localhost:{port}"), "host": host, "token": token });
    let seen = real_frame(&settings).await;
    println!("{seen:#}");
    for way in ["silent", "popup", "top_level"] {
        let subject = claims(seen[way]["jwt"].as_str().expect(way))["sub"].clone();
        assert_eq!(subject, "oid-engineer", "{way} {seen:#}");
        assert_eq!(seen[way]["websocket"], "hello", "{way} {seen:#}");
        assert_eq!(seen[way]["posted"], 200, "{way} {seen:#}");
    }
    assert_eq!(seen["cookie"]["partitioned"], true, "{seen:#}");
    assert_eq!(seen["readable"], json!(""), "a script of the page reads no cookie");
    assert_eq!(seen["framed_elsewhere"], Value::Bool(false), "{seen:#}");
}

fn listen(port: u16) -> String {
    format!("http = {{ listen = \"127.0.0.1:{port}\"")
}
