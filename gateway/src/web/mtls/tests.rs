use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use crate::base::Timestamp;
use crate::web::mtls::testing::{Authority, Said, email, uri};
use crate::web::mtls::{
    ClientCertificate, ClientTrust, Negotiated, OtherSite, Site, SiteTable, TrustFault, TrustFiles,
    UnreadableCertificate,
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A site for some names; one that asks where there is a trust.
fn site(name: &str, names: &[&str], clients: Option<&Arc<ClientTrust>>) -> Site {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    Site { name: name.into(), leaf: leaf.der().clone(), clients: clients.map(Arc::clone) }
}

fn settled(site: &str, certificate: Option<&Arc<ClientCertificate>>) -> Negotiated {
    Negotiated { site: site.into(), certificate: certificate.map(Arc::clone) }
}

#[test]
fn all_that_a_certificate_says_is_read_once() {
    let authority = Authority::new();
    let read = authority.certificate(Said {
        common_names: &["Ann, Lee"],
        unit: Some("staff"),
        names: vec![email("ann@corp.test"), uri("spiffe://corp.test/ann")],
        serial: 0x1f,
    });
    assert_eq!(read.subject(), "OU=staff,CN=Ann\\, Lee");
    assert_eq!(read.uris(), ["spiffe://corp.test/ann"]);
    assert_eq!(read.ends(), Timestamp::from_secs(4_102_444_800));
    let claims = read.claims();
    assert_eq!(claims["name"], "Ann, Lee");
    assert_eq!(claims["email"], "ann@corp.test");
    assert_eq!(claims["organizational_unit"], json!(["staff"]));
    assert_eq!(claims["serial"], "1f");
    assert_eq!(read.thumbprint().len(), 43);
    let two = authority.certificate(Said { common_names: &["a", "b"], ..Said::default() });
    assert_eq!(two.claims().get("name"), None, "nobody knows which one");
    assert!(!format!("{read:?}").contains("Ann"));
}

#[test]
fn a_name_with_control_characters_is_refused() {
    let authority = Authority::new();
    let trust = authority.trust(false, &[]);
    for said in [
        Said { common_names: &["good\0.evil"], ..Said::default() },
        Said { names: vec![uri("spiffe://corp/a\n")], ..Said::default() },
        Said { names: vec![email("good@corp.test\0@evil.test")], ..Said::default() },
    ] {
        let fault = ClientCertificate::read(&authority.chain(said), &trust).unwrap_err();
        assert_eq!(fault, UnreadableCertificate::ControlCharacter);
    }
    assert!(ClientCertificate::read(&[], &trust).is_err());
    assert!(ClientCertificate::read(&[vec![0x30, 0].into()], &trust).is_err());
}

#[test]
fn a_name_belongs_to_the_first_site_for_it_and_else_to_the_first() {
    let table = SiteTable::new(vec![
        site("one", &["one.test", "127.0.0.1"], None),
        site("two", &["*.two.test", "two.test", "::1"], None),
    ]);
    for (name, place) in [
        (Some("one.test"), 0),
        (Some("TWO.test"), 1),
        (Some("a.two.test"), 1),
        (Some("a.b.two.test"), 0),
        (Some("127.0.0.1"), 0),
        (Some("[::1]"), 1),
        (Some("nobody.test"), 0),
        (Some("not a name"), 0),
        (None, 0),
    ] {
        assert_eq!(table.place_of(name), place, "{name:?}");
    }
    assert!(!table.asks());
}

#[test]
fn a_connection_for_one_site_is_none_for_another_that_asks() {
    let authority = Authority::new();
    let trust = authority.trust(true, &[]);
    let optional = authority.trust(false, &[]);
    let table = SiteTable::new(vec![
        site("open", &["open.test"], None),
        site("shut", &["shut.test"], Some(&trust)),
        site("maybe", &["maybe.test"], Some(&optional)),
    ]);
    let ann = authority.certificate(Said::default());
    let admit = |host, over_tls, negotiated: Option<&Negotiated>| {
        table.admit(host, over_tls, negotiated, NOW).map(|certificate| certificate.is_some())
    };
    let (open, shut) = (settled("open", None), settled("shut", Some(&ann)));
    assert_eq!(admit("shut.test", true, Some(&shut)), Ok(true));
    assert_eq!(admit("open.test", true, Some(&open)), Ok(false));
    // What one site is shown says nothing at another.
    assert_eq!(admit("open.test", true, Some(&shut)), Ok(false));
    // A host that no certificate names is no way around the one that keeps everybody out.
    for host in ["nobody.test", "a.b.shut.test", "-x.shut.test", "192.0.2.1"] {
        assert_eq!(admit(host, true, Some(&open)), Err(OtherSite), "{host}");
        assert_eq!(admit(host, true, Some(&shut)), Err(OtherSite), "{host}");
        assert_eq!(admit(host, false, None), Err(OtherSite), "{host}");
    }
    for host in ["shut.test", "maybe.test"] {
        assert_eq!(admit(host, true, Some(&open)), Err(OtherSite), "{host}");
        assert_eq!(admit(host, true, None), Err(OtherSite), "{host}: from before a reload");
    }
    assert_eq!(admit("maybe.test", true, Some(&shut)), Err(OtherSite));
    assert_eq!(admit("maybe.test", true, Some(&settled("maybe", None))), Ok(false));
    assert_eq!(admit("maybe.test", true, Some(&settled("maybe", Some(&ann)))), Ok(true));
    assert_eq!(admit("shut.test", true, Some(&settled("shut", None))), Err(OtherSite));
    assert_eq!(admit("shut.test", false, None), Err(OtherSite), "no certificate by plain HTTP");
    assert_eq!(admit("maybe.test", false, None), Ok(false));
}

#[test]
fn a_certificate_counts_until_it_ends_or_is_taken_back() {
    let authority = Authority::new();
    let ann = authority.certificate(Said { serial: 7, ..Said::default() });
    let table =
        |trust: &Arc<ClientTrust>| SiteTable::new(vec![site("shut", &["shut.test"], Some(trust))]);
    let admit = |trust: &Arc<ClientTrust>, now| {
        let settled = settled("shut", Some(&ann));
        table(trust).admit("shut.test", true, Some(&settled), now).map(|_| ())
    };
    assert_eq!(admit(&authority.trust(true, &[]), NOW), Ok(()));
    assert_eq!(admit(&authority.trust(true, &[]), ann.ends()), Err(OtherSite), "ended meanwhile");
    assert_eq!(admit(&authority.trust(true, &[8]), NOW), Ok(()), "another one is taken back");
    assert_eq!(admit(&authority.trust(true, &[7, 8]), NOW), Err(OtherSite));
    assert_eq!(admit(&authority.trust(true, &[8]), NOW), Ok(()));
    assert_eq!(admit(&Authority::new().trust(true, &[]), NOW), Err(OtherSite), "another authority");
    let late = Timestamp::from_secs(4_102_444_000);
    assert_eq!(admit(&authority.trust(true, &[8]), late), Ok(()), "the list is good till 2100");
}

#[test]
fn files_that_hold_nothing_of_their_kind_are_refused() {
    let authority = Authority::new();
    let (ca, empty) = (authority.folder().join("ca.pem"), authority.folder().join("empty.pem"));
    std::fs::write(&empty, "nothing").unwrap();
    let load = |authorities: &[_], revoked: &[_]| {
        ClientTrust::load("corp", TrustFiles { authorities, revoked, required: true })
    };
    assert!(load(std::slice::from_ref(&ca), &[]).is_ok());
    let none = load(&[], &[]).unwrap_err();
    assert!(matches!(none, TrustFault::Verifier(_)), "{none}");
    for bad in [&empty, &authority.folder().join("missing.pem")] {
        let fault = load(&[ca.clone(), bad.clone()], &[]).unwrap_err();
        assert!(matches!(fault, TrustFault::Authorities { .. }), "{fault}");
        let fault = load(std::slice::from_ref(&ca), std::slice::from_ref(bad)).unwrap_err();
        assert!(matches!(fault, TrustFault::Revoked { .. }), "{fault}");
    }
    let fault = load(std::slice::from_ref(&ca), std::slice::from_ref(&ca)).unwrap_err();
    assert!(matches!(fault, TrustFault::Revoked { .. }), "a certificate is no list: {fault}");
}
