//! What is said of a bad `[client_certificates.<id>]`, and of who names one.

use rcgen::generate_simple_self_signed;

use crate::config::tests::support::{GOOD, ROUTE, Scratch, parse_in};

const SECTION: &str = "[client_certificates.corp]\nca = [\"ca.pem\"]\nsubject = \"uri\"\n";
const TAKES: &str = "auth = [\"client_certificate\"]\n";

/// The file with a site that asks for `id`.
fn file(id: &str, sections: &str, route: &str) -> String {
    let https = format!(
        "https = {{ listen = \"127.0.0.1:8443\", certificates = [{{ chain = \"app.pem\", key = \
         \"app.key\", client_certificates = \"{id}\" }}] }}\n[providers.corp]"
    );
    format!("{}{sections}{ROUTE}{route}", GOOD.replace("[providers.corp]", &https))
}

#[test]
fn bad_client_certificates_are_told() {
    let scratch = Scratch::new("client-certificates");
    let made = generate_simple_self_signed(["app.test".to_owned()]).unwrap();
    let write = |name: &str, text: &str| std::fs::write(scratch.0.join(name), text).unwrap();
    write("app.pem", &made.cert.pem());
    write("ca.pem", &made.cert.pem());
    write("app.key", &made.signing_key.serialize_pem());
    write("empty.pem", "");
    let told = |text: &str| match parse_in(&scratch.0, text) {
        Ok(loaded) => format!("{:?}", loaded.warnings),
        Err(faults) => faults.to_string(),
    };
    assert_eq!(told(&file("corp", SECTION, TAKES)), "[]");
    let swap = |from: &str, to: &str| file("corp", &SECTION.replace(from, to), TAKES);
    let with = |more: &str| file("corp", &format!("{SECTION}{more}\n"), TAKES);
    let by = |more: &str| with(&format!("[trusted_headers]\nfrom_certificates = {{ {more} }}"));
    for (text, sentence) in [
        (file("crop", SECTION, TAKES), "did you mean `corp`?"),
        (swap("[\"ca.pem\"]", "[]"), "without an authority no certificate is good"),
        (swap("ca.pem", "missing.pem"), "missing.pem` holds no certificate of an authority"),
        (swap("ca.pem", "empty.pem"), "there is none in it"),
        (swap("subject = \"uri\"\n", ""), "`subject` is missing"),
        (swap("\"uri\"", "\"cn\""), "common_name"),
        (with("crl = [\"ca.pem\"]"), "holds no list of revoked certificates"),
        (with("issuer = \"\""), "the issuer is empty"),
        (with("claims = { keep = [\"sreial\"] }"), "a certificate does not say `sreial`"),
        (with("ocsp = true"), "unknown key `ocsp`"),
        (by("client_certificates = \"x\", subjects = [\"a\"]"), "there is no section `x`"),
        (by("client_certificates = \"corp\", subjects = []"), "nobody's word would count"),
        (
            file("corp", SECTION, TAKES).replace(", client_certificates = \"corp\"", ""),
            "no site asks its clients for certificates",
        ),
    ] {
        let told = told(&text);
        assert!(told.contains(sentence), "expected: {sentence}\n{text}\ntold:\n{told}");
    }
    let unused = file("corp", SECTION, "").replace(", client_certificates = \"corp\"", "");
    assert!(told(&unused).contains("no site asks for these certificates"), "{}", told(&unused));
    let good = by("client_certificates = \"corp\", subjects = [\"spiffe://corp/proxy\"]");
    assert_eq!(told(&good), "[]");
}
