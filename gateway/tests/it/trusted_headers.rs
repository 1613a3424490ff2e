//! Header fields that name people: of a listed proxy they count, of anybody else they are nothing, and
//! no application sees them.

use serde_json::json;

use crate::support::forge::claims;
use crate::support::lab::Lab;
use crate::support::settings::Route;
use crate::support::socket;

/// The tests connect from 127.0.0.1.
async fn lab(section: &str) -> Lab {
    Lab::with(|settings| {
        settings.issuers = format!("[trusted_headers]\n{section}\n");
        let token = r#"{ audience = "agent" }"#;
        let access = r#"access = "authenticated""#;
        let auth = r#"["trusted_headers"]"#;
        settings.routes.insert(0, Route { path: "/corp/*", auth, access, token });
        let (auth, access) = (r#"["trusted_headers", "anonymous"]"#, r#"access = "public""#);
        settings.routes.insert(0, Route { path: "/any/*", auth, access, token });
    })
    .await
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

const NAMED: [&str; 5] = [
    "X-Forwarded-User: 0815",
    "X-Forwarded-Email: ann@corp.test",
    "X-Forwarded-Name: Ann",
    "X-Forwarded-Preferred-Username: ann",
    "X-Forwarded-Groups: staff,ops",
];

#[tokio::test]
async fn a_listed_proxy_names_people_and_the_app_gets_the_token_only() {
    let lab = lab("from = [\"127.0.0.1/32\"]").await;
    let answer = lab.get("/corp/x", &lines(&NAMED)).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let minted = claims(&lab.last_token());
    assert_eq!(minted["sub"], "0815");
    assert_eq!(minted["name"], "Ann");
    assert_eq!(minted["groups"], json!(["staff", "ops"]));
    assert_eq!(minted["auth_method"], "trusted_headers");
    assert_eq!(minted["idp"], "urn:portcullis:trusted-headers");
    for line in NAMED {
        let name = line.split(':').next().unwrap();
        assert_eq!(lab.recorder.last().header(name), None, "{name}");
    }
    let socket = [lines(&NAMED), lines(&["Origin: http://localhost"])].concat();
    socket::open(lab.gateway.http, "/corp/ws", &socket).await.expect("an upgrade");
    let two = [lines(&NAMED), lines(&["X-Forwarded-User: eve"])].concat();
    assert_eq!(lab.get("/corp/x", &two).await.status(), 401, "two names");
    for other in ["Remote-User: ann", "X_Forwarded_User: ann", "X-Forwarded-Email: ann@corp.test"] {
        assert_eq!(lab.get("/corp/x", &lines(&[other])).await.status(), 401, "{other}");
    }
    // Routes that do not list the way in do not listen.
    assert_ne!(lab.get("/home", &lines(&NAMED)).await.status(), 200);
}

#[tokio::test]
async fn the_fields_of_anybody_else_are_stripped_and_do_not_count() {
    // Whom the list of proxies believes for addresses is not believed for people.
    let lab = Lab::with(|settings| {
        settings.issuers = "[trusted_headers]\nfrom = [\"10.0.0.0/8\"]\nuser = \"X-Corp-User\"\n\
            groups = \"X-Corp-Groups\"\n"
            .to_owned();
        let (auth, access) = (r#"["trusted_headers", "anonymous"]"#, r#"access = "public""#);
        let token = r#"{ audience = "agent" }"#;
        settings.routes.insert(0, Route { path: "/any/*", auth, access, token });
        settings.swaps.push((
            "state = \"state\"",
            "state = \"state\"\ntrusted_proxies = [\"127.0.0.1/32\"]".to_owned(),
        ));
    })
    .await;
    let spoofed = lines(&[
        "X-Corp-User: admin",
        "X-Corp-Groups: admins",
        "X-Forwarded-For: 10.0.0.9",
        "X-Forwarded-User: admin",
        "Remote-User: admin",
        "X-Forwarded-Groups: admins",
    ]);
    for path in ["/any/x", "/public/x"] {
        assert_eq!(lab.get(path, &spoofed).await.status(), 200);
        assert_eq!(claims(&lab.last_token())["sub"], "anonymous", "{path}");
        for name in ["x-corp-user", "x-corp-groups", "x-forwarded-user", "remote-user"] {
            assert_eq!(lab.recorder.last().header(name), None, "{path} {name}");
        }
    }
}

#[tokio::test]
async fn the_names_are_the_operators_choice() {
    let lab = lab("from = [\"127.0.0.0/8\"]\nuser = \"Remote-User\"\nemail = \"Remote-Email\"\n\
         name = \"Remote-Name\"\ngroups = \"Remote-Groups\"\nemail_verified = true\n\
         issuer = \"https://auth.corp.test\"")
    .await;
    let authelia = lines(&["Remote-User: ann", "Remote-Email: ann@corp.test", "Remote-Groups: a"]);
    assert_eq!(lab.get("/corp/x", &authelia).await.status(), 200);
    let minted = claims(&lab.last_token());
    assert_eq!(minted["idp"], "https://auth.corp.test");
    assert_eq!(minted["user"], "ann@corp.test", "verified, as the proxy promises");
    assert_eq!(lab.get("/corp/x", &lines(&NAMED)).await.status(), 401, "not these names");
}
