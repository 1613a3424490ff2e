//! What was done to other verifiers: each line is a token that somewhere was let in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;
use crate::authn::bearer::fake::{Fake, ISSUER, NOW, accepted, rejected, sign, sign_raw};
use crate::base::Secret;
use crate::crypto::{Algorithm, SigningKey};

/// Presents each token to a verifier that knows its keys, and expects no fetch.
async fn each_is_refused(fake: &Fake, attacks: Vec<(String, String, RejectReason)>) {
    accepted(fake.present(&fake.token(&json!({}))).await);
    let fetches = fake.fetches();
    for (name, token, reason) in attacks {
        assert_eq!(rejected(fake.present(&token).await), reason, "{name}");
        // Nor is a second try remembered as something else.
        assert_eq!(rejected(fake.present(&token).await), reason, "{name}, again");
    }
    assert_eq!(fake.fetches(), fetches, "a bad token caused a fetch");
    accepted(fake.present(&fake.token(&json!({}))).await);
}

fn good() -> String {
    Fake::claims(&json!({})).to_string()
}

fn line(name: &str, token: String, reason: RejectReason) -> (String, String, RejectReason) {
    (name.to_owned(), token, reason)
}

/// CVE-2015-9235, CVE-2021-44878; RFC 8725 section 3.1.
#[tokio::test]
async fn no_algorithm_is_not_an_algorithm() {
    use RejectReason::{Algorithm as Alg, Malformed};
    let fake = Fake::new();
    let mut attacks = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", "", "HS256", "eddsa", "ES256K", "RS1", "dir"] {
        let token = fake.signed(&json!({ "alg": alg }), &good());
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        attacks.push(line(alg, token, Alg));
        attacks.push(line(alg, unsigned, Alg));
    }
    for alg in [json!([]), json!(null), json!({}), json!(["EdDSA"]), json!("-")] {
        attacks.push(line("typed alg", fake.signed(&json!({ "alg": alg }), &good()), Malformed));
    }
    each_is_refused(&fake, attacks).await;
}

/// CVE-2017-11424, CVE-2022-29217, CVE-2024-33663: the public key as a shared secret, in every
/// spelling that a library might hand to HMAC.
#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let fake = Fake::with(algorithm, |_| {});
        let jwk = serde_json::to_value(fake.key.public_jwk().unwrap()).unwrap();
        let part = |name: &str| {
            jwk.get(name).map(|text| URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap())
        };
        let bare = part("n").or_else(|| part("x")).unwrap();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(&bare)
        );
        let spellings = [
            jwk.to_string().into_bytes(),
            bare.clone(),
            pem.into_bytes(),
            STANDARD.encode(&bare).into_bytes(),
        ];
        let mut attacks = Vec::new();
        for secret in spellings.into_iter().filter(|secret| secret.len() >= 32) {
            let forger = SigningKey::from_secret(&Secret::new(secret)).unwrap();
            let kid = fake.key.id().as_str();
            for alg in ["HS256", "HS384", "HS512"] {
                let header = json!({ "alg": alg, "kid": kid });
                attacks.push(line(alg, sign(&forger, &header, &good()), RejectReason::Algorithm));
            }
            let header = json!({ "alg": algorithm.as_str(), "kid": kid });
            attacks.push(line("renamed", sign(&forger, &header, &good()), RejectReason::Signature));
        }
        each_is_refused(&fake, attacks).await;
    }
}

/// CVE-2026-25537: a date of the wrong type counted as "no date".
#[tokio::test]
async fn dates_of_a_wrong_type_are_not_absent() {
    let fake = Fake::new();
    let mut attacks = Vec::new();
    for odd in ["\"9999999999\"", "\"never\"", "null", "{}", "[1]", "true", "-1", "1e300"] {
        for name in ["exp", "nbf", "iat"] {
            let claims = Fake::claims(&json!({ name: "@" })).to_string().replace("\"@\"", odd);
            attacks.push(line(
                &format!("{name}: {odd}"),
                fake.signed(&json!({}), &claims),
                RejectReason::Claims,
            ));
        }
    }
    attacks.push(line("no exp", fake.token(&json!({ "exp": null })), RejectReason::Claims));
    each_is_refused(&fake, attacks).await;
}

/// CVE-2026-29000, GHSA-hhhv, CVE-2024-28180: what was made with a public key proves nothing.
#[tokio::test]
async fn an_encrypted_token_is_refused_unread() {
    let fake = Fake::new();
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let mut attacks = Vec::new();
    for header in [
        r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#,
        r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483648,"p2s":"AAAA"}"#,
        r#"{"alg":"dir","enc":"A128GCM","zip":"DEF"}"#,
    ] {
        let token = format!("{}.AAAA.AAAA.{}.AAAA", encode(header), encode(&good()));
        attacks.push(line(header, token, RejectReason::Malformed));
    }
    let nested = fake.signed(&json!({ "cty": "JWT", "zip": "DEF" }), &fake.token(&json!({})));
    attacks.push(line("zip", nested, RejectReason::Malformed));
    each_is_refused(&fake, attacks).await;
}

/// CVE-2025-59420; go-jose, Authlib; RFC 7515 section 4.1.11.
#[tokio::test]
async fn a_header_that_brings_a_key_or_a_meaning_is_refused_and_nothing_is_fetched() {
    let fake = Fake::new();
    let stranger = SigningKey::generate(Algorithm::EdDsa).unwrap().0;
    let jwk = serde_json::to_value(stranger.public_jwk().unwrap()).unwrap();
    let mut attacks = Vec::new();
    for (name, value) in [
        ("crit", json!(["x"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("jwk", jwk.clone()),
        ("jku", json!("http://127.0.0.1:9/jwks")),
        ("x5u", json!("https://evil.test/cert")),
        ("x5c", json!(["AAAA"])),
    ] {
        for key in [&fake.key, &stranger] {
            let header = json!({ name: value, "kid": fake.key.id().as_str() });
            attacks.push(line(name, sign(key, &header, &good()), RejectReason::Malformed));
        }
    }
    each_is_refused(&fake, attacks).await;
    assert!(fake.fetch.asked("http://127.0.0.1:9/jwks").is_empty());
}

/// The list of `jwt_tool`; RFC 8725 section 3.10: the name of a key is only ever compared.
#[tokio::test]
async fn a_made_up_key_name_opens_no_file_and_costs_one_fetch() {
    let fake = Fake::new();
    accepted(fake.present(&fake.token(&json!({}))).await);
    for kid in ["../../dev/null", "'", "' OR 1=1 --", "|id", "a\0b", "https://evil.test", ""] {
        let token = fake.signed(&json!({ "kid": kid }), &good());
        assert_eq!(rejected(fake.present(&token).await), RejectReason::UnknownKey, "{kid}");
    }
    for kid in [json!("k".repeat(16 * 1024)), json!(7), json!(["a"])] {
        let token = fake.signed(&json!({ "kid": kid }), &good());
        assert_eq!(rejected(fake.present(&token).await), RejectReason::Malformed);
    }
    assert_eq!(fake.fetches(), 2);
}

/// CVE-2022-21449, RUSTSEC-2022-0093; RFC 8725 section 3.10.
#[tokio::test]
async fn a_degenerate_or_moved_signature_is_refused() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let fake = Fake::with(algorithm, |_| {});
        let token = fake.token(&json!({}));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let size = URL_SAFE_NO_PAD.decode(signature).unwrap().len();
        let mut attacks = Vec::new();
        for bytes in [vec![], vec![0; size], vec![255; size], vec![1; size], vec![0; size + 1]] {
            let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&bytes));
            attacks.push(line(&format!("{bytes:?}"), forged, RejectReason::Signature));
        }
        let other = fake.token(&json!({ "sub": "bob" }));
        let moved = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
        attacks.push(line("another's", moved, RejectReason::Signature));
        for end in ["=", "==", "A", "."] {
            let spelt = format!("{token}{end}");
            let reason = rejected(fake.present(&spelt).await);
            assert!(matches!(reason, RejectReason::Malformed | RejectReason::Signature), "{end}");
        }
        each_is_refused(&fake, attacks).await;
    }
}

/// CVE-2025-30204, CVE-2025-27144: a million dots cost nothing.
#[tokio::test]
async fn a_token_of_nothing_but_dots_is_refused() {
    let fake = Fake::new();
    let short = |dots: usize| line("dots", ".".repeat(dots), RejectReason::Malformed);
    each_is_refused(&fake, vec![short(1), short(2), short(4), short(60_000), short(1_000_000)])
        .await;
}

/// CVE-2024-51744: a forgery is a forgery, also when it has expired.
#[tokio::test]
async fn the_signature_is_judged_before_the_claims() {
    let fake = Fake::new();
    let stranger = SigningKey::generate(Algorithm::EdDsa).unwrap().0;
    let header = json!({ "kid": fake.key.id().as_str() });
    let mut attacks = Vec::new();
    for change in [json!({ "exp": NOW - 1_000 }), json!({ "aud": "x" }), json!({ "sub": "" })] {
        let token = sign(&stranger, &header, &Fake::claims(&change).to_string());
        attacks.push(line(&change.to_string(), token, RejectReason::Signature));
    }
    each_is_refused(&fake, attacks).await;
}

/// RFC 8725 section 2.4: two readers, two meanings.
#[tokio::test]
async fn what_is_said_twice_is_not_said() {
    let fake = Fake::new();
    let twice = |name: &str, value: &str| {
        let claims = good().replacen('{', &format!("{{\"{name}\":{value},"), 1);
        fake.signed(&json!({}), &claims)
    };
    let kid = fake.key.id().as_str();
    let header = format!(r#"{{"alg":"none","alg":"EdDSA","kid":"{kid}"}}"#);
    let attacks = vec![
        line("sub", twice("sub", "\"boss\""), RejectReason::Claims),
        line("exp", twice("exp", "9999999999"), RejectReason::Claims),
        line("iss", twice("iss", "\"https://evil.test\""), RejectReason::Issuer),
        line("alg", sign_raw(&fake.key, &header, &good()), RejectReason::Malformed),
        line("list", fake.signed(&json!({}), "[]"), RejectReason::Issuer),
        line("nested", twice("x", r#"{"a":1,"a":2}"#), RejectReason::Claims),
    ];
    each_is_refused(&fake, attacks).await;
}

/// CVE-2021-21378, CVE-2025-64527; RFC 8725 sections 3.8 to 3.11: a token of somebody else, for
/// somebody else, or that is something else.
#[tokio::test]
async fn a_token_of_another_issuer_audience_or_kind_is_refused() {
    use RejectReason::{Audience, Claims, Expired, Issuer, NotYet, Type};
    let fake = Fake::new();
    let mut attacks = Vec::new();
    let logout = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    for (change, reason) in [
        (json!({ "iss": "https://evil.test" }), Issuer),
        (json!({ "iss": format!("{ISSUER}/") }), Issuer),
        (json!({ "iss": null }), Issuer),
        (json!({ "iss": [ISSUER] }), Issuer),
        (json!({ "aud": "other" }), Audience),
        (json!({ "aud": null }), Audience),
        (json!({ "aud": "API" }), Audience),
        (json!({ "aud": ["other", 7, "api"] }), Audience),
        (json!({ "aud": [] }), Audience),
        (json!({ "aud": { "api": true } }), Audience),
        (json!({ "exp": NOW - 31 }), Expired),
        (json!({ "nbf": NOW + 31 }), NotYet),
        (json!({ "iat": NOW + 31 }), NotYet),
        (json!({ "sub": null }), Claims),
        (json!({ "sub": "" }), Claims),
        (json!({ "sub": 7 }), Claims),
        (json!({ "sub": "a\nb" }), Claims),
        (json!({ "sub": "a".repeat(256) }), Claims),
        (json!({ "events": logout }), Claims),
        (json!({ "cnf": { "jkt": "x" } }), Claims),
        (json!({ "scope": 7 }), Claims),
    ] {
        attacks.push(line(&change.to_string(), fake.token(&change), reason));
    }
    for typ in
        ["logout+jwt", "txntoken+jwt", "dpop+jwt", "application/logout+jwt", "", "secevent+jwt"]
    {
        attacks.push(line(typ, fake.signed(&json!({ "typ": typ }), &good()), Type));
    }
    each_is_refused(&fake, attacks).await;
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
        accepted(fake.present(&fake.signed(&json!({ "typ": typ }), &good())).await);
    }
    for fine in
        [json!({ "aud": ["x", "api"] }), json!({ "exp": NOW - 29 }), json!({ "nbf": NOW + 29 })]
    {
        accepted(fake.present(&fake.token(&fine)).await);
    }
}

/// RFC 8725 section 3.9: the keys of one issuer never verify a token of another.
#[tokio::test]
async fn a_key_signs_for_its_own_issuer_only() {
    let (one, mut two) =
        (Fake::new(), Fake::with(Algorithm::EdDsa, |it| it.issuer = "https://two.test".to_owned()));
    two.publish(&[&two.key]);
    two.way = Bearer::new([Arc::clone(&one.issuer), Arc::clone(&two.issuer)], &[]);
    let of = |issuer: &str, key: &SigningKey| {
        sign(key, &json!({}), &Fake::claims(&json!({ "iss": issuer })).to_string())
    };
    let who = accepted(two.present(&of(ISSUER, &one.key)).await);
    assert_eq!(who.principal().issuer, ISSUER);
    let who = accepted(two.present(&of("https://two.test", &two.key)).await);
    assert_eq!(who.principal().issuer, "https://two.test");
    for token in [of("https://two.test", &one.key), of(ISSUER, &two.key)] {
        assert_eq!(rejected(two.present(&token).await), RejectReason::UnknownKey);
    }
    let renamed = json!({ "kid": two.key.id().as_str() });
    let claims = Fake::claims(&json!({ "iss": "https://two.test" })).to_string();
    let token = sign(&one.key, &renamed, &claims);
    assert_eq!(rejected(two.present(&token).await), RejectReason::Signature);
}

/// `LiteLLM` CVE-2026-35030: a cache that looked at the beginning of a token only.
#[tokio::test]
async fn tokens_that_begin_or_end_alike_are_told_apart() {
    let fake = Fake::new();
    let ann = fake.token(&json!({ "pad": "x".repeat(3_000) }));
    let bob = fake.token(&json!({ "pad": "x".repeat(3_000), "sub": "bob", "zz": 1 }));
    assert_eq!(accepted(fake.present(&ann).await).principal().subject, "ann");
    assert_eq!(accepted(fake.present(&bob).await).principal().subject, "bob");
    for cut in (8..ann.len()).step_by(97) {
        let (head, tail) = ann.split_at(cut);
        let other = if tail.starts_with('A') { 'B' } else { 'A' };
        let mut rest = tail.chars();
        rest.next();
        let token = format!("{head}{other}{}", rest.as_str());
        assert!(matches!(fake.present(&token).await, Outcome::Reject(_)), "changed at {cut}");
        assert!(matches!(fake.present(head).await, Outcome::Reject(_)), "cut at {cut}");
    }
    assert!(fake.fetches() <= 2);
}

/// The claims of a token that was not verified go nowhere.
#[tokio::test]
async fn a_principal_is_made_of_verified_claims_only() {
    let fake = Fake::new();
    let claims = Fake::claims(&json!({ "groups": ["admin"], "email": "ann@corp.test" }));
    let who = accepted(fake.present(&fake.signed(&json!({}), &claims.to_string())).await);
    assert_eq!(who.principal().groups, ["admin"]);
    assert!(!who.principal().email.as_ref().unwrap().verified);
    assert_eq!(who.expires().unwrap().as_secs(), NOW + 300);
    assert_eq!(Value::from(who.way_in().as_str()), "bearer");
}
