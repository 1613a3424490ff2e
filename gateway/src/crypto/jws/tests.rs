use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation, decode as independent_decode};
use proptest::prelude::*;

use super::*;
use crate::base::Secret;
use crate::crypto::algorithm::Algorithm;

fn encoder(algorithm: Algorithm) -> Encoder {
    Encoder::new(SigningKey::generate(algorithm).unwrap().0, "JWT")
}

fn verifying(encoder: &Encoder) -> VerifyingKey {
    let jwk = serde_json::to_vec(encoder.key().public_jwk().unwrap()).unwrap();
    VerifyingKey::admit(&jwk).unwrap()
}

/// A token with any header and payload, properly signed.
fn signed(encoder: &Encoder, header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = encoder.key().sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn judge(token: &str, key: &VerifyingKey) -> Result<Verified, JwsFault> {
    Unverified::parse(token)?.verify(key)
}

#[test]
fn an_independent_library_and_we_verify_what_we_sign() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let encoder = encoder(algorithm);
        let token = encoder.encode(br#"{"sub":"ann","exp":4102444800}"#).unwrap();
        let ours = judge(&token, &verifying(&encoder)).unwrap();
        assert_eq!((ours.claims()["sub"].as_str(), ours.typ()), (Some("ann"), Some("JWT")));

        let jwk = serde_json::to_value(encoder.key().public_jwk().unwrap()).unwrap();
        let jwk: Jwk = serde_json::from_value(jwk).unwrap();
        let key = DecodingKey::from_jwk(&jwk).unwrap();
        let validation = Validation::new(algorithm.as_str().parse().unwrap());
        let theirs = independent_decode::<Value>(&token, &key, &validation).unwrap();
        assert_eq!(theirs.claims["sub"], "ann");
        assert_eq!(theirs.header.kid.as_deref(), Some(encoder.key().id().as_str()));
    }
}

#[test]
fn an_independent_library_verifies_the_shared_secret() {
    let secret = Secret::new(vec![9; 32]);
    let encoder = Encoder::new(SigningKey::from_secret(&secret).unwrap(), "JWT");
    let token = encoder.encode(br#"{"exp":4102444800}"#).unwrap();
    let key = DecodingKey::from_secret(secret.expose());
    let validation = Validation::new(jsonwebtoken::Algorithm::HS256);
    independent_decode::<Value>(&token, &key, &validation).unwrap();
    assert_eq!(Unverified::parse(&token).unwrap_err(), JwsFault::Algorithm("HS256".to_owned()));
}

#[test]
fn an_algorithm_that_is_not_the_keys_is_refused() {
    let encoder = encoder(Algorithm::EdDsa);
    let key = verifying(&encoder);
    for alg in
        [r#""none""#, r#""None""#, r#""NONE""#, r#""nOnE""#, r#""""#, r#""HS256""#, r#""eddsa""#]
    {
        let token = signed(&encoder, &format!(r#"{{"alg":{alg}}}"#), "{}");
        let expected = JwsFault::Algorithm(alg.trim_matches('"').to_owned());
        assert_eq!(judge(&token, &key).unwrap_err(), expected, "{alg}");
    }
    for alg in ["[]", "null", "{}", "1", r#"["EdDSA"]"#] {
        let token = signed(&encoder, &format!(r#"{{"alg":{alg}}}"#), "{}");
        assert_eq!(judge(&token, &key).unwrap_err(), JwsFault::Header, "{alg}");
    }
    assert_eq!(judge(&signed(&encoder, "{}", "{}"), &key).unwrap_err(), JwsFault::Header);
    for alg in ["ES256", "RS256", "PS512"] {
        let token = signed(&encoder, &format!(r#"{{"alg":"{alg}"}}"#), "{}");
        assert_eq!(judge(&token, &key).unwrap_err(), JwsFault::Signature, "{alg}");
    }
}

#[test]
fn a_public_key_used_as_a_shared_secret_signs_nothing() {
    let encoder = encoder(Algorithm::Rs256);
    let jwk = serde_json::to_vec(encoder.key().public_jwk().unwrap()).unwrap();
    let forger = Encoder::new(SigningKey::from_secret(&Secret::new(jwk)).unwrap(), "JWT");
    let token = forger.encode(b"{}").unwrap();
    let expected = JwsFault::Algorithm("HS256".to_owned());
    assert_eq!(judge(&token, &verifying(&encoder)).unwrap_err(), expected);
}

#[test]
fn a_header_that_asks_for_more_is_refused() {
    let encoder = encoder(Algorithm::EdDsa);
    let key = verifying(&encoder);
    for more in [
        r#""crit":["x"],"x":1"#,
        r#""crit":[]"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""jwk":{"kty":"OKP"}"#,
        r#""zip":"DEF""#,
        r#""enc":"A128GCM""#,
        r#""jku":"https://evil.test""#,
        r#""x5c":["AAAA"]"#,
        r#""x5u":"https://evil.test""#,
    ] {
        let token = signed(&encoder, &format!(r#"{{"alg":"EdDSA",{more}}}"#), "{}");
        let fault = judge(&token, &key).unwrap_err();
        assert!(matches!(fault, JwsFault::Extension(name) if more.contains(name)), "{more}");
    }
    for header in [r#"{"alg":"EdDSA","alg":"EdDSA"}"#, r#"{"alg":"EdDSA","kid":7}"#, "[]", "x"] {
        let token = signed(&encoder, header, "{}");
        assert_eq!(judge(&token, &key).unwrap_err(), JwsFault::Header, "{header}");
    }
    let long = format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, "k".repeat(257));
    assert_eq!(judge(&signed(&encoder, &long, "{}"), &key).unwrap_err(), JwsFault::Header);
}

#[test]
fn claims_that_two_readers_could_read_differently_are_refused() {
    let encoder = encoder(Algorithm::EdDsa);
    let key = verifying(&encoder);
    for payload in [r#"{"sub":"a","sub":"b"}"#, "[]", "", "null", r#"{"a":{"b":1,"b":2}}"#, "{} "] {
        let judged = judge(&signed(&encoder, r#"{"alg":"EdDSA"}"#, payload), &key);
        assert_eq!(judged.is_ok(), payload == "{} ", "{payload}");
    }
}

#[test]
fn only_three_parts_in_their_one_spelling_are_read() {
    let encoder = encoder(Algorithm::EdDsa);
    let key = verifying(&encoder);
    let token = encoder.encode(b"{\"sub\":\"a\"}").unwrap();
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let dots = ".".repeat(16_000);
    for bad in [
        "",
        ".",
        "..",
        "a.b",
        rest,
        &dots,
        &format!("{token}."),
        &format!(".{token}"),
        &format!("{token}.."),
        &format!("{token}="),
        &format!(" {token}"),
        &format!("{token}\n"),
        &format!("{rest}."),
        &format!("{}.{signature}", rest.replace('.', "..")),
    ] {
        assert!(judge(bad, &key).is_err(), "{bad}");
    }
    // 64 bytes leave four spare bits in the last digit.
    let spare = token.strip_suffix(['A', 'Q', 'g', 'w']).unwrap();
    let other = ["B", "R", "h", "x"].iter().map(|last| format!("{spare}{last}"));
    for bad in other {
        assert_eq!(judge(&bad, &key).unwrap_err(), JwsFault::NotCompact);
    }
    let million = ".".repeat(1_000_000);
    assert_eq!(Unverified::parse(&million).unwrap_err(), JwsFault::TooLarge);
}

#[test]
fn a_degenerate_signature_is_refused() {
    for (algorithm, size) in
        [(Algorithm::EdDsa, 64), (Algorithm::Es256, 64), (Algorithm::Rs256, 256)]
    {
        let encoder = encoder(algorithm);
        let token = encoder.encode(b"{}").unwrap();
        let (rest, _) = token.rsplit_once('.').unwrap();
        let mut one_and_one = vec![0; size];
        one_and_one[size / 2 - 1] = 1;
        one_and_one[size - 1] = 1;
        for signature in [vec![], vec![0; size], vec![0xff; size], one_and_one, vec![0; size + 1]] {
            let forged = format!("{rest}.{}", URL_SAFE_NO_PAD.encode(signature));
            assert_eq!(judge(&forged, &verifying(&encoder)).unwrap_err(), JwsFault::Signature);
        }
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in ".{0,300}") {
        let _ = Unverified::parse(&text);
    }

    #[test]
    fn one_changed_byte_is_noticed(at in 0_usize..200, to in "[A-Za-z0-9_-]") {
        let encoder = encoder(Algorithm::EdDsa);
        let token = encoder.encode(br#"{"sub":"ann"}"#).unwrap();
        let mut changed = token.clone();
        let at = at % token.len();
        changed.replace_range(at..=at, &to);
        prop_assert_eq!(judge(&changed, &verifying(&encoder)).is_ok(), changed == token);
    }
}
