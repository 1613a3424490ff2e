//! Proxies before the gateway: whom it believes, and what it makes of the word of others.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::http::Message;
use crate::support::lab::Lab;

async fn behind(trusted: &str) -> Lab {
    let trusted = format!("state = \"state\"\ntrusted_proxies = {trusted}");
    Lab::with(|settings| {
        settings.https = true;
        settings.swaps.push(("state = \"state\"", trusted));
    })
    .await
}

#[tokio::test]
async fn the_client_is_the_right_most_hop_that_is_not_ours() {
    let lab = behind(r#"["127.0.0.1/32", "10.0.0.0/8"]"#).await;
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    for (hops, wanted) in [
        ("203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.8, 10.0.0.7", "10.0.0.8"),
        ("1.1.1.1, unknown, 10.0.0.7", "10.0.0.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
    ] {
        let lines = [cookie.clone(), format!("X-Forwarded-For: {hops}")];
        assert_eq!(lab.get("/home", &lines).await.status(), 200);
        assert_eq!(seen_by_app(&lab), (wanted.to_owned(), wanted.to_owned()), "{hops}");
    }
}

#[tokio::test]
async fn a_stranger_that_claims_to_be_a_proxy_changes_nothing() {
    let lab = behind(r#"["10.0.0.0/8"]"#).await;
    let cookie = lab.cookie_line(&lab.sign_in("engineer").await);
    let claims = [
        "X-Forwarded-For: 10.0.0.1, 203.0.113.9",
        "X-Real-IP: 203.0.113.9",
        "Forwarded: for=203.0.113.9;proto=https;host=evil.example",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Port: 443",
        "True-Client-IP: 203.0.113.9",
    ];
    let lines = claims.map(str::to_owned);
    let with_cookie = [&lines[..], &[cookie]].concat();
    assert_eq!(lab.get("/home", &with_cookie).await.status(), 200);
    assert_eq!(seen_by_app(&lab), ("127.0.0.1".to_owned(), "127.0.0.1".to_owned()));
    let seen = lab.recorder.last().headers;
    assert_eq!(seen.all("x-forwarded-proto").collect::<Vec<_>>(), ["http"]);
    assert_eq!(seen.all("x-forwarded-host").collect::<Vec<_>>(), ["localhost"]);
    assert!(
        !seen.0.iter().any(|(name, value)| {
            value.contains("evil.example")
                || (value.contains("203.0.113.9") && !name.contains("real"))
        }),
        "{seen:#?}"
    );
    let login = start_of_login(&lab, &lines).await;
    let (location, cookies) = facts(&login);
    assert!(location.contains("redirect_uri=http%3A%2F%2Flocalhost%2F"), "{location}");
    assert!(!cookies.contains("Secure") && !cookies.contains("__Host-"), "{cookies}");
}

#[tokio::test]
async fn the_scheme_that_a_trusted_proxy_names_is_the_one_people_see() {
    let lab = behind(r#"["127.0.0.1/32"]"#).await;
    let lines = [
        "X-Forwarded-For: 203.0.113.9".to_owned(),
        "X-Forwarded-Proto: https".to_owned(),
        "X-Forwarded-Host: evil.example".to_owned(),
    ];
    let (location, cookies) = facts(&start_of_login(&lab, &lines).await);
    assert!(location.contains("redirect_uri=https%3A%2F%2Flocalhost%2F"), "{location}");
    assert!(!location.contains("evil.example"), "{location}");
    assert!(
        cookies.contains("Secure") && cookies.contains("__Host-portcullis-login="),
        "{cookies}"
    );
    lab.get("/public/x", &lines).await;
    let seen = lab.recorder.last().headers;
    assert_eq!(seen.all("x-forwarded-proto").collect::<Vec<_>>(), ["https"]);
    assert_eq!(seen.all("x-forwarded-host").collect::<Vec<_>>(), ["localhost"]);
}

/// The client's address by the token and by the header.
fn seen_by_app(lab: &Lab) -> (String, String) {
    let token = lab.last_token();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    let by_token = claims["rctx"]["req_ip"].as_str().unwrap_or_default().to_owned();
    let seen = lab.recorder.last();
    (by_token, seen.headers.all("x-forwarded-for").collect::<Vec<_>>().join("|"))
}

async fn start_of_login(lab: &Lab, lines: &[String]) -> Message {
    let person = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"];
    let person = person.map(str::to_owned);
    let mut answer = lab.get("/home", &[&person[..], lines].concat()).await;
    for _ in 0..3 {
        let location = answer.header("location").unwrap_or_default().to_owned();
        let Some(path) = location.strip_prefix('/') else { break };
        answer = lab.get(&format!("/{path}"), &[&person[..], lines].concat()).await;
    }
    answer
}

fn facts(answer: &Message) -> (String, String) {
    let location = answer.header("location").unwrap_or_else(|| panic!("{answer:#?}"));
    (location.to_owned(), answer.headers.all("set-cookie").collect::<Vec<_>>().join("\n"))
}
