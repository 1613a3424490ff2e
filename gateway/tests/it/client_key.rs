//! A client that proves itself with a key of its own, to a certified provider that verifies it.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::crypto::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::support::browser::form;
use crate::support::folder::Folder;
use crate::support::lab::{Lab, SITE};
use crate::support::peers::CertifiedProvider;

/// The status of the page after a login at a provider that knows `registered`, with the key in `pem`;
/// and what we publish.
async fn login(pem: &str, algorithm: Algorithm, registered: &Value) -> (u16, Value) {
    let folder = Folder::new();
    let path = folder.path().join("client.pem");
    fs::write(&path, pem).unwrap();
    let certified = CertifiedProvider::start_with(json!({
        "redirect_uris": [format!("{SITE}/.portcullis/callback/test")],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": algorithm.as_str(),
        "jwks": { "keys": [registered] },
    }))
    .await;
    let key = format!("client_key = {{ key = {{ file = \"{}\" }} }}", path.display());
    let lab = Lab::with(|settings| {
        settings.issuer.clone_from(&certified.issuer);
        settings.swaps.push(("client_secret = { env = \"TEST_CLIENT_SECRET\" }", key));
    })
    .await;
    let mut browser = lab.browser();
    let page = browser.navigate(&format!("{SITE}/home")).await;
    let (action, mut fields) = form(&page).unwrap_or_else(|| panic!("no form: {:#?}", page.hops));
    fields.iter_mut().for_each(|(_, value)| "sales".clone_into(value));
    let page = browser.submit(&action, &fields).await;
    let published = lab.get("/.portcullis/client-keys/test", &[]).await;
    assert_eq!(lab.get("/.portcullis/client-keys/none", &[]).await.status(), 404);
    (page.answer.status(), published.json())
}

fn pair(algorithm: Algorithm) -> (String, Value) {
    let (key, der) = SigningKey::generate(algorithm).unwrap();
    let body = STANDARD.encode(der.expose());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    (pem, serde_json::to_value(key.public_jwk()).unwrap())
}

#[tokio::test]
async fn a_certified_provider_takes_our_proof_by_the_key_that_we_publish() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let (pem, public) = pair(algorithm);
        let (status, published) = login(&pem, algorithm, &public).await;
        assert_eq!(status, 200, "{algorithm}");
        assert_eq!(published, json!({ "keys": [public] }), "{algorithm}");
        assert!(published["keys"][0].get("d").is_none());
    }
}

#[tokio::test]
async fn a_proof_by_another_key_opens_nothing() {
    let (_, registered) = pair(Algorithm::Es256);
    let (pem, _) = pair(Algorithm::Es256);
    assert_eq!(login(&pem, Algorithm::Es256, &registered).await.0, 400);
}
