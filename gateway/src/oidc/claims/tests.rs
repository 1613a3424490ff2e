use proptest::prelude::{any, proptest};
use serde_json::json;

use super::*;
use crate::oidc::settings::AllowLists;

const ISSUER: &str = "https://id.test";

fn settings(change: impl FnOnce(&mut ProviderSettings)) -> ProviderSettings {
    let mut settings = ProviderSettings::new("corp".into(), ISSUER, "portcullis");
    change(&mut settings);
    settings
}

fn map(settings: &ProviderSettings, claims: &Value) -> Result<Principal, LoginFault> {
    principal(settings, (ISSUER, "ann"), claims.as_object().unwrap())
}

#[test]
fn only_json_true_verifies_an_address() {
    let settings = settings(|settings| settings.require_verified_email = true);
    for (said, verified) in [
        (json!(true), true),
        (json!(false), false),
        (json!("true"), false),
        (json!("false"), false),
        (json!(1), false),
        (json!(0), false),
        (json!(null), false),
        (json!([true]), false),
    ] {
        let claims = json!({"email": "ann@corp.test", "email_verified": said});
        assert_eq!(map(&settings, &claims).is_ok(), verified, "{said}");
    }
    let absent = map(&settings, &json!({"email": "ann@corp.test"}));
    assert_eq!(absent.unwrap_err(), LoginFault::EmailUnverified);
    let nobody = map(&settings, &json!({"email_verified": true}));
    assert_eq!(nobody.unwrap_err(), LoginFault::EmailUnverified);
}

#[test]
fn a_domain_lets_in_verified_plain_addresses_only() {
    let settings = settings(|settings| settings.allow.email_domains = vec!["Corp.test".to_owned()]);
    let login = |address: &str, verified: bool| {
        map(&settings, &json!({"email": address, "email_verified": verified}))
    };
    assert!(login("ann@CORP.test", true).is_ok());
    assert_eq!(login("ann@corp.test", false).unwrap_err(), LoginFault::NotAllowed);
    for odd in [
        "a@evil.test@corp.test",
        "\"a@evil.test\"@corp.test",
        "ann@corp.test.",
        "ann@corp.test ",
        "ann@sub.corp.test",
        "ann@notcorp.test",
        "ann@c\u{43e}rp.test",
    ] {
        assert_eq!(login(odd, true).unwrap_err(), LoginFault::NotAllowed, "{odd}");
    }
}

#[test]
fn any_list_lets_in_and_empty_lists_let_all_in() {
    let open = settings(|_| {});
    assert!(map(&open, &json!({})).is_ok());
    let listed = settings(|settings| {
        settings.allow.groups = vec!["staff".to_owned()];
        settings.allow.users = vec!["bob".to_owned(), "Ann@corp.test".to_owned()];
    });
    assert!(map(&listed, &json!({"groups": "staff"})).is_ok());
    assert!(map(&listed, &json!({"groups": "guests,staff"})).is_err());
    assert!(map(&listed, &json!({"groups": ["Staff"]})).is_err());
    assert!(map(&listed, &json!({"email": "ann@corp.test", "email_verified": true})).is_ok());
    assert!(map(&listed, &json!({"email": "ann@corp.test"})).is_err());
    assert!(map(&listed, &json!({"preferred_username": "bob"})).is_err());
    assert!(principal(&listed, (ISSUER, "bob"), &Map::new()).is_ok());
    let look_alike = principal(&listed, (ISSUER, "Ann@corp.test"), &Map::new());
    assert_eq!(look_alike.unwrap_err(), LoginFault::NotAllowed, "a subject is no address");
}

#[test]
fn roles_are_granted_by_group_by_verified_domain_and_to_all() {
    let lists = |change: fn(&mut AllowLists)| {
        let mut lists = AllowLists::default();
        change(&mut lists);
        Some(lists)
    };
    let grant = |role: &str, to| Grant { role: role.to_owned(), to };
    let settings = settings(|settings| {
        settings.grants = vec![
            grant("user", None),
            grant("admin", lists(|lists| lists.groups = vec!["ops".to_owned()])),
            grant("staff", lists(|lists| lists.email_domains = vec!["corp.test".to_owned()])),
        ];
    });
    let roles = |claims: Value| map(&settings, &claims).unwrap().roles;
    assert_eq!(roles(json!({})), ["user"]);
    assert_eq!(roles(json!({ "roles": ["user", "x"], "groups": "ops" })), ["user", "x", "admin"]);
    let ann = |verified: bool| json!({ "email": "ann@Corp.test", "email_verified": verified });
    assert_eq!(roles(ann(true)), ["user", "staff"]);
    assert_eq!(roles(ann(false)), ["user"]);
    // Whoever comes by another way of the same provider has the same roles.
    let tab = admit(&settings, Principal::new(ISSUER, "ann")).unwrap();
    assert_eq!(tab.roles, ["user"]);
}

#[test]
fn a_required_claim_must_have_one_of_its_values() {
    let settings = settings(|settings| {
        let values = vec!["corp.test".to_owned(), "lab.test".to_owned()];
        settings.required_claims = vec![("hd".to_owned(), values), ("acct".to_owned(), vec![])];
    });
    let judge = |claims: Value| require(&settings, claims.as_object().unwrap());
    assert_eq!(judge(json!({ "hd": "lab.test", "acct": 0 })), Ok(()));
    assert_eq!(judge(json!({ "hd": ["x", "corp.test"], "acct": false })), Ok(()));
    for bad in [json!("corp.test.evil"), json!(null), json!([]), json!({ "corp.test": 1 })] {
        let fault = judge(json!({ "hd": bad, "acct": 0 })).unwrap_err();
        assert_eq!(fault, LoginFault::ClaimRefused("hd".to_owned()), "{bad}");
    }
    assert!(judge(json!({ "hd": "corp.test" })).unwrap_err().is_forbidden());
}

#[test]
fn claims_are_found_by_whole_name_and_by_path() {
    let settings = settings(|settings| {
        settings.claims.groups = "https://corp.test/groups".to_owned();
        settings.claims.roles = "realm_access.roles".to_owned();
        settings.claims.keep = vec!["org.unit".to_owned(), "absent.thing".to_owned()];
    });
    let claims = json!({
        "https://corp.test/groups": ["a", "b c", "", "d"],
        "realm_access": {"roles": ["x", 1, "", "y"]},
        "org": {"unit": {"id": 7}},
        "name": ["not", "text"],
    });
    let principal = map(&settings, &claims).unwrap();
    assert_eq!(principal.groups, ["a", "b c", "d"]);
    assert_eq!(principal.roles, ["x", "y"]);
    assert_eq!(principal.claims["org.unit"], json!({"id": 7}));
    assert_eq!((principal.claims.len(), principal.name), (1, None));
}

#[test]
fn a_verified_flag_does_not_move_to_another_address() {
    let settings = settings(|_| {});
    let signed = json!({"sub": "ann", "email": "boss@corp.test"});
    let userinfo = json!({"sub": "ann", "email": "ann@evil.test", "email_verified": true});
    let joined =
        join(&settings.claims, signed.as_object().unwrap(), userinfo.as_object().unwrap().clone());
    let email = principal(&settings, (ISSUER, "ann"), &joined).unwrap().email.unwrap();
    assert_eq!((email.address.as_str(), email.verified), ("boss@corp.test", false));
}

proptest! {
    #[test]
    fn no_path_makes_it_panic(path in any::<String>(), text in any::<String>()) {
        let settings = settings(|settings| settings.claims.groups = path.clone());
        let claims = json!({ path: text });
        let _ = map(&settings, &claims);
    }
}
