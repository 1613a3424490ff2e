//! What is remembered with a session, and what of it must never reach another token.

use super::*;

fn sharing() -> TokenPlan {
    TokenPlan { reuse: Some(Duration::from_secs(30)), ..TokenPlan::new("agent") }
}

/// The token that the gate would send.
fn send(fixture: &Fixture, permit: &Permit, plan: &TokenPlan) -> String {
    let token = match fixture.minter.reuse(permit, plan) {
        Some(token) => token,
        None => fixture.minter.mint(permit, plan, &facts("/chat")).unwrap(),
    };
    assert!(token.value.is_sensitive());
    token.value.to_str().unwrap().to_owned()
}

fn read(fixture: &Fixture, token: &str) -> Map<String, Value> {
    Unverified::parse(token).unwrap().verify(&fixture.key).unwrap().into_claims()
}

#[test]
fn what_is_remembered_says_what_would_be_written_anew() {
    let fixture = Fixture::new();
    let (plan, same) = (TokenPlan::new("agent"), permit(ann()));
    for _ in 0..3 {
        let (mut kept, mut fresh) =
            (fixture.claims(&same, &plan), fixture.claims(&permit(ann()), &plan));
        assert_ne!(kept.remove("jti"), fresh.remove("jti"));
        assert_eq!(kept, fresh);
    }
    let mut narrow = plan.clone();
    narrow.audience = "other".to_owned();
    narrow.max_groups = 1;
    let other = fixture.claims(&same, &narrow);
    assert_eq!((&other["aud"], &other["groups"]), (&json!("other"), &json!(["staff"])));
}

#[test]
fn a_person_who_changed_is_written_anew() {
    let fixture = Fixture::new();
    let (plan, session) = (TokenPlan::new("agent"), Arc::new(session()));
    let groups =
        |who: Principal| fixture.claims(&permit_in(who, &session), &plan)["groups"].clone();
    assert_eq!(groups(ann()), json!(["staff", "admin", "ops"]));
    let demoted = Principal { groups: vec!["staff".to_owned()], ..ann() };
    assert_eq!(groups(demoted), json!(["staff"]), "the same session, memo and all");
}

#[test]
fn another_gateway_name_is_written_anew() {
    let (one, two) = (Fixture::new(), Fixture::new());
    let (plan, same) = (sharing(), permit(ann()));
    let first = send(&one, &same, &plan);
    assert!(two.minter.reuse(&same, &plan).is_none(), "another configuration's minter");
    assert_ne!(send(&two, &same, &plan), first);
}

#[test]
fn requests_of_a_session_share_a_token_for_as_long_as_the_plan_says() {
    let fixture = Fixture::new();
    let (plan, same) =
        (TokenPlan { reuse: Some(Duration::from_secs(10)), ..sharing() }, permit(ann()));
    let first = send(&fixture, &same, &plan);
    fixture.clock.advance(Duration::from_millis(9_999));
    assert_eq!(send(&fixture, &same, &plan), first);
    fixture.clock.advance(Duration::from_millis(1));
    let second = send(&fixture, &same, &plan);
    assert_ne!(second, first);
    assert_eq!(send(&fixture, &same, &plan), second);
    assert_ne!(read(&fixture, &first)["jti"], read(&fixture, &second)["jti"]);
}

#[test]
fn a_shared_token_has_half_of_its_life_left() {
    let fixture = Fixture::new();
    let (plan, same) =
        (TokenPlan { reuse: Some(Duration::from_secs(59)), ..sharing() }, permit(ann()));
    let first = send(&fixture, &same, &plan);
    fixture.clock.advance(Duration::from_millis(29_999));
    assert_eq!(send(&fixture, &same, &plan), first);
    fixture.clock.advance(Duration::from_millis(1));
    assert_ne!(send(&fixture, &same, &plan), first);
}

#[test]
fn a_clock_that_was_set_back_shares_nothing() {
    let fixture = Fixture::new();
    let (plan, same) = (sharing(), permit(ann()));
    let kept =
        Kept::new(same.authenticated().principal(), &"https://gw.test".into(), Begun::default());
    let token = fixture.minter.mint(&same, &plan, &facts("/")).unwrap();
    kept.share(&token, NOW, NOW.after(Duration::from_secs(30)));
    assert!(kept.shared(NOW).is_some());
    assert!(kept.shared(NOW.before(Duration::from_millis(1))).is_none());
    assert!(kept.shared(NOW.after(Duration::from_secs(30))).is_none());
}

#[test]
fn a_shared_token_says_nothing_of_one_request() {
    let fixture = Fixture::new();
    let claims = read(&fixture, &send(&fixture, &permit(ann()), &sharing()));
    for single in ["txn", "rctx", "tctx"] {
        assert!(!claims.contains_key(single), "{single}");
    }
    assert_eq!(claims["sid"], "public-sid");
    assert_eq!(claims["req_wl"], "https://gw.test");
}

#[test]
fn nobody_else_gets_a_shared_token() {
    let fixture = Fixture::new();
    let (plan, same) = (sharing(), permit(ann()));
    let first = send(&fixture, &same, &plan);
    assert!(fixture.minter.reuse(&permit(ann()), &plan).is_none(), "another session");
    assert!(fixture.minter.reuse(&same, &sharing()).is_none(), "another route");
    assert!(fixture.minter.reuse(&same, &plan.clone()).is_none(), "a changed plan");
    let nobody = nobody();
    assert_ne!(send(&fixture, &nobody, &plan), send(&fixture, &nobody, &plan));
    assert!(read(&fixture, &send(&fixture, &nobody, &plan)).contains_key("txn"));
    assert_eq!(send(&fixture, &same, &plan), first);
    let single = TokenPlan::new("agent");
    assert_ne!(send(&fixture, &same, &single), send(&fixture, &same, &single));
}
