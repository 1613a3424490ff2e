//! Routes that want more than a sign-in of some day.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::authz::AllowAuthenticated;
use crate::gate::fixture::{Asked, NOW, World, plan};
use crate::gate::{Gate, Refusal, RoutePlan};
use crate::identity::{Lacking, Principal, StepUp};
use crate::web::Reply;

const COOKIE: &str = "cookie";

fn fresh() -> StepUp {
    let max_age = Some(Duration::from_secs(300));
    StepUp { acr_values: vec!["mfa".into(), "hw".into()], max_age, ..StepUp::default() }
}

fn gate(world: &World, wanted: StepUp) -> Gate {
    let open = plan(vec![world.by_session()], AllowAuthenticated);
    let strict = plan(vec![world.by_session()], AllowAuthenticated);
    let strict = RoutePlan { step_up: Some(Arc::new(wanted)), ..strict };
    world.gate(vec![("*/pay/*", strict), ("*/*", open)])
}

fn ann() -> Principal {
    Principal::new("https://idp.test", "ann")
}

async fn reply(gate: &Gate, asked: &Asked) -> Option<Reply> {
    let request = asked.request();
    gate.decide(&request).await.err().map(|refused| refused.reply(&request))
}

#[tokio::test]
async fn a_strong_and_fresh_sign_in_is_enough_and_its_streams_end_with_its_freshness() {
    let world = World::new();
    let cookie = world.sign_in_by(ann(), Some("hw"), true).await;
    let gate = gate(&world, fresh());
    let asked = Asked::get("/pay/x").with(COOKIE, &cookie);
    let admitted = gate.decide(&asked.request()).await.unwrap();
    let until = admitted.permit().authenticated().expires();
    assert_eq!(until, Some(NOW.after(Duration::from_secs(360))));
    let other = Asked::get("/x").with(COOKIE, &cookie);
    let admitted = gate.decide(&other.request()).await.unwrap();
    assert_eq!(admitted.permit().authenticated().expires(), None);
}

#[tokio::test]
async fn a_weak_an_old_and_an_undated_sign_in_are_each_too_little() {
    for (acr, stated, seconds, lacking) in [
        (None, true, 0, Lacking::Context),
        (Some("pwd"), true, 0, Lacking::Context),
        (Some("hw"), false, 0, Lacking::Freshness),
        (Some("hw"), true, 360, Lacking::Freshness),
    ] {
        let world = World::new();
        let cookie = world.sign_in_by(ann(), acr, stated).await;
        world.manual.advance(Duration::from_secs(seconds));
        let gate = gate(&world, fresh());
        let asked = Asked::get("/pay/x").with(COOKIE, &cookie);
        let refused = gate.decide(&asked.request()).await.unwrap_err();
        assert!(matches!(refused.refusal, Refusal::StepUp(_, it) if it == lacking), "{refused:?}");
        assert_eq!(refused.subject.as_deref(), Some("ann"));
        let other = Asked::get("/x").with(COOKIE, &cookie);
        assert!(gate.decide(&other.request()).await.is_ok());
    }
}

#[tokio::test]
async fn each_caller_hears_of_it_in_its_own_way() {
    let world = World::new();
    let cookie = world.sign_in_by(ann(), None, true).await;
    let gate = gate(&world, fresh());
    let asked = || Asked::get("/pay/x").with(COOKIE, &cookie);
    let page = asked().with("sec-fetch-mode", "navigate").with("sec-fetch-dest", "document");
    let page = reply(&gate, &page).await.unwrap();
    assert_eq!(page.status, 302);
    assert_eq!(page.headers["location"], "/.portcullis/login?return_to=/pay/x&step_up=%2A/pay/%2A");
    let script = reply(&gate, &asked()).await.unwrap();
    assert_eq!(script.status, 401);
    assert_eq!(
        script.headers["www-authenticate"],
        "Bearer realm=\"portcullis\", error=\"insufficient_user_authentication\", \
         error_description=\"A fresher or stronger authentication is required\", \
         acr_values=\"mfa hw\", max_age=\"300\""
    );
    let document: Value = serde_json::from_slice(&script.body).unwrap();
    assert_eq!(document["error"], "insufficient_user_authentication");
    assert_eq!(document["login_url"], "/.portcullis/login?step_up=%2A/pay/%2A");
    let socket = reply(&gate, &Asked { websocket: true, ..asked() }).await.unwrap();
    assert_eq!((socket.status.as_u16(), socket.headers.get("set-cookie")), (401, None));
    let nobody = reply(&gate, &Asked::get("/pay/x")).await.unwrap();
    let document: Value = serde_json::from_slice(&nobody.body).unwrap();
    assert_eq!(document["error"], "sign_in_required");
}

#[tokio::test]
async fn a_route_for_a_context_of_entra_says_what_its_clients_understand() {
    let world = World::new();
    let cookie = world.sign_in_by(ann(), Some("c1"), true).await;
    let context = Some("c1".to_owned());
    let gate = gate(&world, StepUp { authentication_context: context, ..StepUp::default() });
    let asked = Asked::get("/pay/x").with(COOKIE, &cookie);
    let script = reply(&gate, &asked).await.expect("an acr is no authentication context of Entra");
    let told: Vec<_> = script.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(told.len(), 2, "{told:?}");
    // {"access_token":{"acrs":{"essential":true,"value":"c1"}}}
    assert_eq!(
        told[1],
        "Bearer realm=\"portcullis\", error=\"insufficient_claims\", claims=\
         \"eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlIjoiYzEifX19\""
    );
}
