//! People in a real `slapd`.

use std::sync::Arc;
use std::time::Duration;

use portcullis::base::{Secret, SystemClock, SystemEntropy};
use portcullis::directory::{
    AccountName, Answer, Directory as _, LdapDirectory, LdapFinding, LdapGroups, LdapSettings,
    trusting,
};
use portcullis::identity::ClaimMapping;
use tokio::net::TcpListener;
use url::Url;

use crate::support::certs::Authority;
use crate::support::folder::Folder;
use crate::support::slapd::{SERVICE, SERVICE_PASSWORD, Slapd};
use crate::support::wire::{Mode, Wire};

pub(super) const ENTRIES: &str = include_str!("people.ldif");
const BASE: &str = "ou=people,dc=corp,dc=test";

/// A search over `StartTLS`, for a login name or an e-mail address.
pub(super) fn settings(slapd: &Slapd, port: u16) -> LdapSettings {
    let ca = std::fs::read(slapd.folder.path().join("ca.pem")).unwrap();
    LdapSettings {
        url: Url::parse(&format!("ldap://localhost:{port}")).unwrap(),
        start_tls: true,
        tls: trusting(Some(&ca)).unwrap(),
        timeout: Duration::from_secs(20),
        issuer: "directory:corp".to_owned(),
        finding: LdapFinding::Search {
            service: Some((SERVICE.to_owned(), Secret::from(SERVICE_PASSWORD))),
            base: BASE.to_owned(),
            filter: "(|(uid={name})(mail={name}))".to_owned(),
        },
        disabled: Some("(employeeType=gone)".to_owned()),
        subject: "uid".to_owned(),
        claims: ClaimMapping {
            name: "displayName".to_owned(),
            preferred_username: "uid".to_owned(),
            groups: "memberOf".to_owned(),
            email: "mail".to_owned(),
            roles: "employeeType".to_owned(),
            keep: vec!["l".to_owned()],
            ..ClaimMapping::default()
        },
        email_verified: true,
        groups: LdapGroups::default(),
    }
}

pub(super) fn directory(settings: LdapSettings) -> LdapDirectory {
    LdapDirectory::new(settings, Arc::new(SystemClock), Arc::new(SystemEntropy)).unwrap()
}

pub(super) async fn check(directory: &LdapDirectory, name: &str, password: &str) -> Answer {
    directory.check(&AccountName::parse(name).unwrap(), &Secret::from(password)).await
}

fn changed(slapd: &Slapd, change: impl FnOnce(&mut LdapSettings)) -> LdapDirectory {
    let mut settings = settings(slapd, slapd.address.port());
    change(&mut settings);
    directory(settings)
}

fn unavailable(answer: &Answer) -> &str {
    let Answer::Unavailable(cause) = answer else { panic!("{answer:?}") };
    cause
}

#[tokio::test]
async fn who_is_in_the_directory_is_told_with_groups_and_all() {
    let slapd = Slapd::start(ENTRIES).await;
    let start_tls = changed(&slapd, |_| {});
    let ldaps = changed(&slapd, |it| {
        it.start_tls = false;
        it.url = Url::parse(&format!("ldaps://localhost:{}", slapd.secure.port())).unwrap();
    });
    let mut keys = Vec::new();
    for (directory, name) in
        [(&start_tls, "ann"), (&ldaps, " ＡNN "), (&start_tls, "Ann@Corp.test")]
    {
        let Answer::Accept(account, who) = check(directory, name, "anns-password").await else {
            panic!("{name}")
        };
        keys.push(account);
        assert_eq!((who.issuer.as_str(), who.subject.as_str()), ("directory:corp", "ann"));
        assert_eq!(who.name.as_deref(), Some("Ann Example"));
        assert!(who.email.is_some_and(|it| it.verified && it.address == "ann@corp.test"));
        let toys = "cn=admins,ou=toys,dc=corp,dc=test";
        assert_eq!(who.groups, [toys, "cn=staff,ou=groups,dc=corp,dc=test"]);
        assert_eq!((who.roles, &who.claims["l"]), (vec!["editor".to_owned()], &"Bern".into()));
    }
    assert!(keys.windows(2).all(|two| two[0] == two[1]), "one account, one counter: {keys:?}");
    let said = check(&start_tls, "ann@corp.test", "wrong").await;
    assert!(matches!(&said, Answer::Mistaken(account) if *account == keys[0]), "{said:?}");
    for password in ["eves-password", "wrong"] {
        let said = check(&start_tls, "eve", password).await;
        assert!(matches!(said, Answer::Disabled(_)), "{said:?}");
    }
    // Two entries with this address.
    for name in ["nobody", "team@corp.test"] {
        let said = check(&start_tls, name, "anns-password").await;
        assert!(matches!(said, Answer::Refuse), "{name}: {said:?}");
    }
}

#[tokio::test]
async fn groups_elsewhere_do_not_count_below_a_base() {
    let slapd = Slapd::start(ENTRIES).await;
    let groups = |filter: Option<&str>| LdapGroups {
        base: Some("ou=Groups, dc=corp,dc=test".to_owned()),
        filter: filter.map(str::to_owned),
        name: "cn".to_owned(),
    };
    let listed = changed(&slapd, |it| it.groups = groups(None));
    let found = changed(&slapd, |it| it.groups = groups(Some("(member={dn})")));
    for directory in [listed, found] {
        let Answer::Accept(_, who) = check(&directory, "ann", "anns-password").await else {
            panic!()
        };
        assert_eq!(who.groups, ["staff"]);
    }
}

/// THREATS: injection into filters and names; and the bind without a password, which this server
/// takes for anybody.
#[tokio::test]
async fn a_name_writes_no_filter_and_no_password_is_none() {
    let slapd = Slapd::start(ENTRIES).await;
    let search = changed(&slapd, |_| {});
    let template = changed(&slapd, |it| {
        it.finding = LdapFinding::Template(format!("uid={{name}},{BASE}"));
        it.disabled = None;
    });
    for name in [
        "*",
        "a*",
        "ann)(uid=*",
        "*)(|(objectClass=*",
        "nobody)(|(uid=ann",
        "ann))(|(uid=ann",
        "\\2a",
        "{dn}",
        "ann,ou=people,dc=corp,dc=test",
        "ann+uid=ann",
    ] {
        for directory in [&search, &template] {
            let said = check(directory, name, "anns-password").await;
            assert!(matches!(said, Answer::Refuse), "{name}: {said:?}");
        }
    }
    for directory in [&search, &template] {
        assert!(matches!(check(directory, "ann", "").await, Answer::Refuse));
        let Answer::Accept(_, who) = check(directory, "ANN", "anns-password").await else {
            panic!()
        };
        assert_eq!(who.subject, "ann");
    }
    assert!(matches!(check(&template, "ann", "wrong").await, Answer::Refuse), "it cannot tell");
    let log = slapd.log();
    assert!(log.contains("bind_ssf=0 ssf=") && !log.contains("bind_ssf=0 ssf=0"), "in clear text");
}

#[tokio::test]
async fn a_server_elsewhere_is_never_asked() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = elsewhere.local_addr().unwrap();
    let referral = format!(
        "\ndn: ou=elsewhere,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\n\
         ou: elsewhere\nref: ldap://{place}/dc=elsewhere,dc=test\n"
    );
    let slapd = Slapd::start(&format!("{ENTRIES}{referral}")).await;
    let said = check(&changed(&slapd, |_| {}), "ann", "anns-password").await;
    assert!(matches!(said, Answer::Accept(..)), "a reference beside the entry: {said:?}");
    let there = changed(&slapd, |it| {
        let LdapFinding::Search { base, .. } = &mut it.finding else { panic!() };
        *base = format!("ou=elsewhere,{BASE}");
    });
    let said = check(&there, "ann", "anns-password").await;
    assert!(unavailable(&said).contains("result 10"), "{said:?}");
    let asked = tokio::time::timeout(Duration::from_millis(50), elsewhere.accept()).await;
    assert!(asked.is_err(), "the other server was called");
}

#[tokio::test]
async fn what_the_gateway_is_refused_is_no_refusal_of_the_person() {
    let slapd = Slapd::start(ENTRIES).await;
    let service = |secret: &str| {
        changed(&slapd, |it| {
            let LdapFinding::Search { service, .. } = &mut it.finding else { panic!() };
            *service = Some((SERVICE.to_owned(), Secret::from(secret)));
        })
    };
    let said = check(&service("wrong"), "ann", "anns-password").await;
    assert!(unavailable(&said).contains("check `bind_dn` and `bind_password`"), "{said:?}");
    let nowhere = changed(&slapd, |it| {
        let LdapFinding::Search { base, .. } = &mut it.finding else { panic!() };
        *base = "ou=nowhere,dc=corp,dc=test".to_owned();
    });
    let said = check(&nowhere, "ann", "anns-password").await;
    assert!(unavailable(&said).contains("ou=nowhere"), "{said:?}");
    let other = Folder::new();
    Authority::issue(other.path(), &["localhost"]);
    let ca = std::fs::read(other.path().join("ca.pem")).unwrap();
    let strange = changed(&slapd, |it| it.tls = trusting(Some(&ca)).unwrap());
    let said = check(&strange, "ann", "anns-password").await;
    assert!(unavailable(&said).contains("certificate"), "{said:?}");
    let log = slapd.log();
    let binds = log.lines().filter(|line| line.contains("BIND dn=\"uid=ann"));
    assert_eq!(binds.count(), 0, "nobody's password was sent on");
}

#[tokio::test]
async fn a_server_that_is_killed_or_silent_is_no_refusal_and_comes_back() {
    let mut slapd = Slapd::start(ENTRIES).await;
    let wire = Wire::to(slapd.address).await;
    let mut patient = settings(&slapd, wire.address.port());
    let impatient = LdapSettings { timeout: Duration::from_millis(700), ..patient.clone() };
    patient.timeout = Duration::from_secs(20);
    let (patient, impatient) = (directory(patient), directory(impatient));
    assert!(matches!(check(&patient, "ann", "anns-password").await, Answer::Accept(..)));
    wire.set(Mode::Silent);
    let said = check(&impatient, "ann", "anns-password").await;
    assert!(unavailable(&said).contains("no answer within 700 ms"), "{said:?}");
    wire.set(Mode::Pass);
    assert!(matches!(check(&patient, "ann", "anns-password").await, Answer::Accept(..)));
    slapd.kill().await;
    let said = check(&patient, "ann", "anns-password").await;
    assert!(!unavailable(&said).is_empty());
    slapd.again().await;
    assert!(matches!(check(&patient, "ann", "anns-password").await, Answer::Accept(..)));
}
