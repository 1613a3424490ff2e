//! The gate as an answer for other proxies, with real ones in front, configured as the manual says.

use std::net::SocketAddr;

use crate::support::front::{Front, Kind};
use crate::support::http::Message;
use crate::support::lab::{Lab, SITE};
use crate::support::peers;
use crate::support::raw::exchange;
use crate::support::settings::HOST;
use crate::support::socket;

/// What the app would believe.
const IDENTITY: [&str; 5] = [
    "X-User-JWT",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Auth-Request-Groups",
    "X-Auth-Request-Preferred-Username",
];

async fn get(to: SocketAddr, path: &str, lines: &[&str]) -> Message {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}Connection: close\r\n\r\n");
    exchange(to, request).await.expect("an answer")
}

#[tokio::test]
async fn a_person_signs_in_through_each_of_them() {
    for kind in Kind::ALL {
        let lab = kind.house().await;
        let front = Front::start(kind, &lab).await;
        let mut browser = lab.browser();
        browser.resolve("http", HOST, front.address, None);
        lab.provider.remember(&mut browser, "engineer");
        let page = browser.navigate(&format!("{SITE}/home?a=1&b=%2F")).await;
        assert_eq!(page.answer.status(), 200, "{kind:?} {:#?}\n{}", page.hops, front.log());
        assert_eq!(page.url.as_str(), format!("{SITE}/home?a=1&b=%2F"), "{kind:?}");
        let last = lab.recorder.last();
        assert_eq!(last.target(), "/home?a=1&b=%2F", "{kind:?}");
        assert_eq!(last.header("x-auth-request-user"), Some("sub-engineer"), "{kind:?}");
        let jwks = lab.jwks().await;
        let token = peers::verify(&lab.last_token(), &jwks, SITE, "agent").await.unwrap();
        assert_eq!(token["claims"]["tctx"]["path"], "/home", "{kind:?} {token:#}");
        assert_eq!(token["claims"]["tctx"]["method"], "GET", "{kind:?} {token:#}");
    }
}

#[tokio::test]
async fn nobody_brings_a_name_of_their_own_through_any_of_them() {
    for kind in Kind::ALL {
        let lab = kind.house().await;
        let front = Front::start(kind, &lab).await;
        let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
        let mut forged: Vec<String> = Vec::new();
        for name in IDENTITY {
            forged.push(format!("{name}: forged"));
            forged.push(format!("{}: forged", name.to_lowercase()));
        }
        let target = ["X-Original-URI", "X-Original-URL", "X-Forwarded-Uri", "X-Rewrite-URL"];
        forged.extend(target.map(|name| format!("{name}: /public/y")));
        forged.push("X-Forwarded-Method: OPTIONS".to_owned());
        let lines: Vec<&str> = forged.iter().map(String::as_str).collect();
        // With nobody signed in, with somebody, and where a name in a `Connection` field removes it.
        let hop = "Connection: x-user-jwt, x-auth-request-user, x-forwarded-uri, cookie";
        for more in [&[][..], &[&*cookie], &[&*cookie, hop]] {
            lab.recorder.clear();
            let answer = get(front.address, "/public/x", &[&lines[..], more].concat()).await;
            for seen in lab.recorder.requests() {
                for name in IDENTITY {
                    let forged = seen.headers.all(name).any(|value| value.contains("forged"));
                    assert!(!forged, "{kind:?} {name} {seen:#?}");
                }
            }
            if more.len() < 2 {
                assert_eq!(answer.status(), 200, "{kind:?} {}", front.log());
                assert_eq!(lab.recorder.requests().len(), 1, "{kind:?}");
            }
        }
        // Nor an address: that is the one that the proxy sees.
        lab.recorder.clear();
        let from =
            ["X-Forwarded-For: 192.0.2.66", "Forwarded: for=192.0.2.66", "X-Real-IP: 192.0.2.66"];
        get(front.address, "/maybe/x", &[&from[..], &[&cookie]].concat()).await;
        // Envoy adds an address of its own to the list, which only its operator knows.
        let client = lab.last_claims()["rctx"]["req_ip"].clone();
        assert_ne!(client, "192.0.2.66", "{kind:?}");
        assert!(client == "127.0.0.1" || kind == Kind::Envoy, "{kind:?} {client}");
        // Some apps read it as the field of that name with dashes.
        for folded in ["X_User_JWT", "x-auth_request-user", "X.User.JWT"] {
            lab.recorder.clear();
            get(front.address, "/public/x", &[&format!("{folded}: forged"), &cookie]).await;
            let seen = lab.recorder.requests();
            assert!(seen.iter().all(|it| it.header(folded).is_none()), "{kind:?} {seen:#?}");
        }
        // The path that counts is the one that the proxy saw.
        lab.recorder.clear();
        assert_eq!(get(front.address, "/home", &lines).await.status(), 401, "{kind:?}");
        assert!(lab.recorder.requests().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn the_app_sees_its_own_cookies_and_none_of_ours() {
    for kind in Kind::ALL {
        let lab = kind.house().await;
        let front = Front::start(kind, &lab).await;
        let ours = lab.cookie_line(&lab.sign_in("engineer").await);
        for (sent, seen) in [(format!("{ours}; theme=dark; a=b"), "theme=dark; a=b"), (ours, "")] {
            lab.recorder.clear();
            assert_eq!(get(front.address, "/home", &[&sent]).await.status(), 200, "{kind:?}");
            let last = lab.recorder.last();
            assert_eq!(last.headers.all("cookie").collect::<String>(), seen, "{kind:?} {last:#?}");
        }
    }
}

#[tokio::test]
async fn who_may_not_is_told_as_the_gateway_itself_would_tell() {
    for kind in Kind::ALL {
        let lab = kind.house().await;
        let front = Front::start(kind, &lab).await;
        let (page, script) = ("Accept: text/html", "Sec-Fetch-Mode: cors");
        let sales = lab.cookie_line(&lab.sign_in("sales").await);
        lab.recorder.clear();
        let told = get(front.address, "/home?x=1", &[page]).await;
        assert_eq!(told.status(), 302, "{kind:?}");
        let to = told.header("location").unwrap();
        let path = to.strip_prefix(SITE).unwrap_or(to);
        assert_eq!(path, "/.portcullis/login?return_to=/home%3Fx%3D1", "{kind:?}");
        assert_eq!(get(front.address, "/home", &[script]).await.status(), 401, "{kind:?}");
        let closed = get(front.address, "/engineering/x", &[&sales, page]).await;
        assert_eq!(closed.status(), 403, "{kind:?}");
        if kind != Kind::Nginx {
            let kinds = closed.header("content-type").unwrap_or_default();
            assert!(kinds.starts_with("text/html"), "{kind:?} {:#?}", closed.headers);
            assert_eq!(closed.header("cache-control"), Some("no-store"), "{kind:?}");
        }
        assert!(lab.recorder.requests().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_web_socket_opens_through_each_of_them_for_our_own_pages_only() {
    for kind in Kind::ALL {
        let lab = kind.house().await;
        let front = Front::start(kind, &lab).await;
        let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
        let open = async |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
            socket::open(front.address, "/ws", &lines).await
        };
        let own = open(&[&cookie, "Origin: http://localhost"]).await;
        let mut own = own.unwrap_or_else(|answer| panic!("{kind:?} {answer:#?} {}", front.log()));
        assert_eq!(own.round_trip("hello").await.as_deref(), Some("hello"), "{kind:?}");
        assert_eq!(lab.last_claims()["sub"], "sub-engineer", "{kind:?}");
        lab.recorder.clear();
        let foreign = open(&[&cookie, "Origin: http://evil.test"]).await.err();
        assert_eq!(foreign.map(|answer| answer.status()), Some(403), "{kind:?}");
        let stranger = open(&["Origin: http://localhost"]).await.err();
        assert_eq!(stranger.map(|answer| answer.status()), Some(401), "{kind:?}");
        assert!(lab.recorder.requests().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_path_is_judged_as_the_app_will_read_it() {
    for kind in Kind::ALL {
        let lab = kind.house().await;
        let front = Front::start(kind, &lab).await;
        let sales = lab.cookie_line(&lab.sign_in("sales").await);
        lab.recorder.clear();
        for path in [
            "/engineering/x",
            "/%65ngineering/x",
            "/engineering%2Fx",
            "/engineering%2fx",
            "/%2Fengineering/x",
            "//engineering/x",
            "/public/../engineering/x",
            "/public/%2e%2e/engineering/x",
            "/public/..%2fengineering/x",
            "/public/.%2e/engineering/x",
            "/public/..;/engineering/x",
            "/public/%252e%252e/engineering/x",
            "/public/..\\engineering/x",
            "/public/..%5cengineering/x",
            "/./engineering/x",
            "/.portcullis/../engineering/x",
            "/.portcullis/%2e%2e/engineering/x",
            "/.portcullis/..%2fengineering/x",
            "/.portcullis/login/../../engineering/x",
            "http://localhost/engineering/x",
        ] {
            let answer = get(front.address, path, &[&sales]).await;
            let seen: Vec<_> =
                lab.recorder.requests().iter().map(|it| it.target().to_owned()).collect();
            assert!(seen.is_empty(), "{kind:?} {path} was passed on as {seen:?}");
            assert!(answer.status() >= 300, "{kind:?} {path} {}", answer.start);
        }
        let odd = "/public/a%20b%40c/%C3%A9?q=%2F..%2F";
        assert_eq!(get(front.address, odd, &[]).await.status(), 200, "{kind:?} {}", front.log());
        assert_eq!(lab.recorder.last().target(), odd, "{kind:?}");
    }
}

#[tokio::test]
async fn no_client_asks_the_gateway_through_any_of_them() {
    for kind in Kind::ALL {
        let lab = kind.house().await;
        let front = Front::start(kind, &lab).await;
        let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
        let mut said = vec![cookie.as_str()];
        said.extend(["X-Original-URI: /home", "X-Original-Host: localhost"]);
        said.extend(["X-Original-Method: GET", "X-Original-Remote-Addr: 192.0.2.1"]);
        said.extend(["X-Forwarded-Uri: /home", "X-Forwarded-Method: GET"]);
        for path in [
            "/.portcullis/verify",
            "/.portcullis/verify/",
            "/.portcullis/verify/home",
            "/.portcullis/verify?x",
            "/.portcullis/%76erify",
            "/.portcullis/%76erify/home",
            "/.portcullis//verify",
            "/.portcullis/./verify",
            "/.portcullis/me/../verify",
            "/.portcullis/me/..%2fverify",
            "/.portcullis%2fverify",
            "/%2eportcullis/verify",
            "/%2eportcullis/verify/home",
            "/.Portcullis/Verify",
        ] {
            let answer = get(front.address, path, &said).await;
            for name in IDENTITY {
                assert_eq!(answer.header(name), None, "{kind:?} {path} {:#?}", answer.headers);
            }
        }
    }
}

#[tokio::test]
async fn a_gateway_that_is_gone_lets_nobody_through_any_of_them() {
    for kind in Kind::ALL {
        let lab = kind.house().await;
        let front = Front::start(kind, &lab).await;
        let Lab { gateway, recorder, .. } = lab;
        drop(gateway);
        recorder.clear();
        let answer = get(front.address, "/public/x", &[]).await;
        assert!(answer.status() >= 400, "{kind:?} {}", answer.start);
        assert!(recorder.requests().is_empty(), "{kind:?}");
    }
}
