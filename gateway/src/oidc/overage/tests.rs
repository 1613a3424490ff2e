use serde_json::json;

use super::*;
use crate::oidc::fake::{ACCESS_TOKEN, Fake};
use crate::web::FetchError;

const GRAPH: &str = "https://graph.test";
const GROUPS_URL: &str = "https://graph.test/v1.0/me/transitiveMemberOf/microsoft.graph.group";

fn fake(overage: Overage) -> Fake {
    Fake::with(|settings| settings.overage = Some(overage))
}

fn graph() -> Fake {
    fake(Overage::Graph(GRAPH.to_owned()))
}

/// What Entra writes instead of more than 200 groups.
fn left_out() -> Value {
    json!({
        "_claim_names": { "groups": "src1" },
        "_claim_sources": { "src1": { "endpoint": "https://evil.test/getMemberObjects" } },
    })
}

fn ids(range: std::ops::Range<usize>) -> Vec<Value> {
    range
        .map(|n| json!({ "@odata.type": "#microsoft.graph.group", "id": format!("g{n}") }))
        .collect()
}

#[tokio::test]
async fn groups_that_were_left_out_are_read_from_graph_page_by_page() {
    let fake = graph();
    let next = format!("{GRAPH}/v1.0/me/more?$skiptoken=x");
    let first = json!({ "value": ids(0..2), "@odata.nextLink": next });
    fake.fetch.answer(GROUPS_URL, 200, first.to_string());
    let second = json!({ "value": ids(2..3) }).to_string();
    fake.fetch.answer(&format!("{GRAPH}/v1.0/me/more"), 200, second);
    let login = fake.login(left_out()).await.unwrap();
    assert_eq!(login.principal.groups, ["g0", "g1", "g2"]);
    let asked = fake.fetch.asked(GROUPS_URL).remove(0);
    assert_eq!(asked.headers()["authorization"], format!("Bearer {ACCESS_TOKEN}"));
    assert!(asked.uri().query().unwrap().contains("$top=999"), "{}", asked.uri());
    assert!(fake.fetch.asked("https://evil.test/getMemberObjects").is_empty());
    let other = fake.login(json!({ "hasgroups": true })).await.unwrap();
    assert_eq!(other.principal.groups.len(), 3);
}

#[tokio::test]
async fn graph_is_not_asked_where_nothing_was_left_out() {
    let fake = graph();
    let login = fake.login(json!({ "groups": ["g9"] })).await.unwrap();
    assert_eq!(login.principal.groups, ["g9"]);
    assert!(fake.login(json!({})).await.unwrap().principal.groups.is_empty());
    assert!(fake.fetch.asked(GROUPS_URL).is_empty());
}

#[tokio::test]
async fn nobody_signs_in_with_groups_left_out() {
    let refuse = fake(Overage::Refuse).login(left_out()).await.unwrap_err();
    assert!(matches!(refuse, LoginFault::GroupsMissing(_)), "{refuse}");
    let fake = graph();
    let evil = json!({ "value": ids(0..1), "@odata.nextLink": "https://graph.test.evil.test/x" });
    let endless = json!({ "value": ids(0..1), "@odata.nextLink": format!("{GROUPS_URL}?again") });
    for (status, body, unavailable) in [
        (403, json!({ "error": { "code": "Authorization_RequestDenied" } }), false),
        (401, json!({}), false),
        (302, json!({}), false),
        (200, json!([]), false),
        (200, json!({ "value": [{ "id": 5 }] }), false),
        (200, json!({ "value": ids(0..1001) }), false),
        (200, evil, false),
        (200, endless, false),
        (429, json!({}), true),
        (503, json!({}), true),
    ] {
        fake.fetch.answer(GROUPS_URL, status, body.to_string());
        let fault = fake.login(left_out()).await.unwrap_err();
        assert_eq!(fault.is_unavailable(), unavailable, "{status} {body}: {fault}");
        assert!(unavailable || matches!(fault, LoginFault::GroupsMissing(_)), "{fault}");
    }
    fake.fetch.fail(GROUPS_URL, FetchError::TimedOut { host: "graph.test".into(), millis: 1 });
    assert!(fake.login(left_out()).await.unwrap_err().is_unavailable());
}
