//! Credentials that must be asked for.

use serde_json::{Value, json};

use crate::support::admin::command;
use crate::support::lab::{Lab, SITE};

const TEAMS_WEB: &str = "5e3ce6c0-2b1f-4285-8d4b-75ee78787346";

/// The line of a key in the name of somebody.
pub(crate) async fn key(lab: &Lab, owner: &str, issuer: &str) -> String {
    let create = ["api-keys", "create", "table", "--all-routes", "--json"];
    let whose = ["--owner", owner, "--issuer", issuer];
    let told = command(&lab.gateway, &[&create[..], &whose].concat()).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    format!("X-API-Key: {}", told["key"].as_str().unwrap())
}

/// Name and value of the cookie of a tab in which `oid` of `tenant` is signed in.
pub(crate) async fn tab(lab: &Lab, tenant: &str, oid: &str) -> String {
    let token = lab.provider.sign(&json!({
        "ver": "2.0", "aud": "portcullis", "azp": TEAMS_WEB, "tid": tenant, "oid": oid,
        "sub": "pairwise", "scp": "access_as_user", "name": "Ann",
    }));
    let fields = [("Origin", SITE), ("Authorization", &format!("Bearer {token}"))];
    let url = format!("{SITE}/.portcullis/teams/session");
    let answer = lab.browser().fetch("POST", &url, &fields, "").await;
    assert_eq!(answer.status(), 204, "{}", answer.text());
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}
