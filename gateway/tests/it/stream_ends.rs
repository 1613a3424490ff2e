//! What ends a live stream, when, and how the client is told.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::support::admin::ask;
use crate::support::h2::{DATA, END_STREAM, H2, HEADERS, RST_STREAM, status_in};
use crate::support::http::read_chunk;
use crate::support::lab::{Lab, SITE};
use crate::support::many_streams::ManyStreams;
use crate::support::promise;
use crate::support::raw::{Duplex, PATIENCE, Raw};
use crate::support::settings::{HOST, Route};
use crate::support::socket::{self, Ending, Socket};

/// Every stream is closed within this time of what ends it.
const PROMISE: Duration = Duration::from_secs(2);

fn route(path: &'static str, access: &'static str) -> Route {
    Route { path, auth: r#"["session"]"#, access, token: r#"{ audience = "agent" }"# }
}

async fn chat(lab: &Lab, cookie: &str, path: &str) -> Socket<impl Duplex + use<>> {
    let lines = [cookie.to_owned(), format!("Origin: {SITE}")];
    let mut socket = socket::open(lab.gateway.http, path, &lines).await.expect("an upgrade");
    assert_eq!(socket.round_trip("hello").await.as_deref(), Some("hello"));
    socket
}

/// The answer to a `GET`, of which the head has been read.
async fn begun(lab: &Lab, cookie: &str, path: &str) -> Raw {
    let mut raw = Raw::connect(lab.gateway.http).await;
    raw.send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{cookie}\r\n\r\n")).await;
    assert_eq!(raw.answer_to("HEAD").await.unwrap().status(), 200, "{path}");
    raw
}

#[tokio::test]
async fn a_download_that_lasts_ends_with_its_session() {
    let lab = Lab::start().await;
    let (mut leaving, staying) = (lab.sign_in("engineer").await, lab.sign_in("sales").await);
    let cookie = lab.cookie_line(&leaving);
    let mut old = begun(&lab, &cookie, "/drip").await;
    let mut other = begun(&lab, &lab.cookie_line(&staying), "/drip").await;
    sleep(Duration::from_millis(1_300)).await;
    let mut young = begun(&lab, &cookie, "/drip").await;
    let mut public = begun(&lab, &cookie, "/public/drip").await;
    lab.sign_out(&mut leaving).await;
    let out = Instant::now();
    for raw in [&mut old, &mut young] {
        let rest = timeout(PATIENCE, raw.rest()).await.expect("a download outlives its session");
        assert!(rest.unwrap().len() < 900_000, "it was whole");
    }
    println!("downloads ended {:?} after the sign-out", out.elapsed());
    assert!(timeout(Duration::from_millis(500), other.rest()).await.is_err(), "another session's");
    assert!(timeout(Duration::from_millis(500), public.rest()).await.is_err(), "of no session");
    assert!(lab.gateway.has_printed("stream_closed", 2).await);
}

/// On either engine: while a body arrives, nothing has been answered yet.
#[tokio::test]
async fn an_upload_that_lasts_ends_with_its_session() {
    for engine in ["direct", "pingora"] {
        let lab = Lab::with(|all| engine.clone_into(&mut all.engine)).await;
        let (mut leaving, staying) = (lab.sign_in("engineer").await, lab.sign_in("sales").await);
        let mut uploads = Vec::new();
        for browser in [&leaving, &staying] {
            let mut raw = Raw::connect(lab.gateway.http).await;
            let cookie = lab.cookie_line(browser);
            raw.send(format!(
                "POST /upload HTTP/1.1\r\nHost: {HOST}\r\n{cookie}\r\nOrigin: {SITE}\r\n\
                 Content-Length: 1000000\r\n\r\n"
            ))
            .await;
            uploads.push(raw);
        }
        for _ in 0..15 {
            drip(&mut uploads).await;
        }
        lab.sign_out(&mut leaving).await;
        let out = Instant::now();
        let mut cut = false;
        while !cut && out.elapsed() < PATIENCE {
            drip(&mut uploads).await;
            cut = is_cut(&mut uploads[0]).await;
        }
        println!("{engine}: the upload ended {:?} after the sign-out", out.elapsed());
        assert!(cut, "{engine}: an upload outlives its session");
        drip(&mut uploads).await;
        assert!(!is_cut(&mut uploads[1]).await, "{engine}: another session's");
        assert!(lab.gateway.has_printed("stream_closed", 1).await);
    }
}

/// Over HTTP/2 its stream is reset; the connection and what else is on it live on.
#[tokio::test]
async fn an_upload_over_http2_ends_with_its_session_and_no_other_of_its_connection() {
    let lab = Lab::with(|all| all.https = true).await;
    let (mut leaving, staying) = (lab.sign_in("engineer").await, lab.sign_in("sales").await);
    let (https, authority) = (lab.gateway.https.unwrap(), lab.gateway.authority.as_ref().unwrap());
    let raw = Raw::connect_tls(https, HOST, authority.client(&["h2"])).await.expect("a handshake");
    let mut h2 = H2::start(raw).await;
    let mut uploads = Vec::new();
    for (browser, path) in [(&leaving, "/upload/leaving"), (&staying, "/upload/staying")] {
        let jar = browser.cookies(HOST);
        let handle = &jar.iter().find(|it| it.name == "portcullis").expect("a session").value;
        // Over TLS the cookie has a name that binds it to the host.
        let cookie = format!("__Host-portcullis={handle}");
        let fields = [
            (":scheme", "https"),
            (":authority", HOST),
            (":path", path),
            ("cookie", cookie.as_str()),
            ("origin", "https://localhost"),
        ];
        uploads.push(h2.open("POST", &fields).await);
    }
    for _ in 0..15 {
        assert_eq!(ended_on(&mut h2, &uploads).await, None, "both are under way");
    }
    lab.sign_out(&mut leaving).await;
    let out = Instant::now();
    let mut ended = None;
    while ended.is_none() && out.elapsed() < PATIENCE {
        ended = ended_on(&mut h2, &uploads).await;
    }
    println!("HTTP/2: the upload ended {:?} after the sign-out", out.elapsed());
    assert_eq!(ended, Some((uploads[0], RST_STREAM)), "an upload outlives its session");
    assert_eq!(ended_on(&mut h2, &uploads[1..]).await, None, "another session's");
    h2.frame(DATA, END_STREAM, uploads[1], b"end").await;
    assert_eq!(h2.status(uploads[1]).await.unwrap(), 200);
    let whole: Vec<_> = lab.recorder.requests().iter().map(|it| it.target().to_owned()).collect();
    assert!(!whole.contains(&"/upload/leaving".to_owned()), "{whole:?}");
    assert_eq!(lab.recorder.last().target(), "/upload/staying");
    assert!(lab.gateway.has_printed("stream_closed", 1).await);
}

/// A little more of each body; which of them was answered or reset meanwhile.
async fn ended_on(h2: &mut H2, uploads: &[u32]) -> Option<(u32, u8)> {
    for stream in uploads {
        h2.frame(DATA, 0, *stream, &[b'x'; 100]).await;
    }
    let over = Instant::now() + Duration::from_millis(100);
    while let Ok(read) = timeout_at(over, h2.read()).await {
        let (kind, _, stream, payload) = read.expect("the connection lives");
        if kind == HEADERS {
            println!("{stream} was answered with {:?}", status_in(&payload));
        }
        if matches!(kind, HEADERS | RST_STREAM) {
            return Some((stream, kind));
        }
    }
    None
}

/// A little more of each body.
async fn drip(uploads: &mut [Raw]) {
    for raw in uploads {
        raw.send([b'x'; 100]).await;
    }
    sleep(Duration::from_millis(100)).await;
}

/// Whether anything came back, an end included.
async fn is_cut(raw: &mut Raw) -> bool {
    let mut byte = [0];
    timeout(Duration::from_millis(50), raw.stream().read(&mut byte)).await.is_ok()
}

#[tokio::test]
async fn an_answer_that_comes_after_the_end_is_not_passed_on() {
    let lab = Lab::start().await;
    let mut leaving = lab.sign_in("engineer").await;
    let cookie = lab.cookie_line(&leaving);
    let mut poll = Raw::connect(lab.gateway.http).await;
    poll.send(format!("GET /slow?ms=10000 HTTP/1.1\r\nHost: {HOST}\r\n{cookie}\r\n\r\n")).await;
    while lab.recorder.requests().iter().all(|seen| seen.target() != "/slow?ms=10000") {
        sleep(Duration::from_millis(10)).await;
    }
    lab.sign_out(&mut leaving).await;
    let answer = poll.answer().await;
    assert!(answer.as_ref().map_or(true, |answer| answer.status() == 401), "{answer:?}");
    // One whose session lives is answered as ever.
    let cookie = lab.cookie_line(&lab.sign_in("sales").await);
    assert_eq!(lab.get("/slow?ms=1500", &[cookie]).await.status(), 200);
}

#[tokio::test]
async fn a_route_may_grant_its_streams_more_than_their_session_lives() {
    const LIFE: Duration = Duration::from_secs(12);
    const GRACE: Duration = Duration::from_secs(12);
    let lab = Lab::with(|all| {
        all.session = format!("absolute = \"{0}s\"\nidle = \"{0}s\"", LIFE.as_secs());
        let kept = "access = \"authenticated\"\nstreams = { at_end = \"keep\" }";
        let grace = "access = \"authenticated\"\n\
            streams = { at_end = \"grace\", grace = \"12s\", close_code = 4401 }";
        all.routes.insert(0, route("/kept/*", kept));
        all.routes.insert(0, route("/grace/*", grace));
    })
    .await;
    let over = Instant::now() + LIFE;
    let browser = lab.sign_in("engineer").await;
    let cookie = lab.cookie_line(&browser);
    let (mut shut, mut shut_sse) =
        (chat(&lab, &cookie, "/ws").await, begun(&lab, &cookie, "/sse").await);
    let (mut grace, mut grace_sse) =
        (chat(&lab, &cookie, "/grace/ws").await, begun(&lab, &cookie, "/grace/sse").await);
    let (mut kept, mut kept_sse) =
        (chat(&lab, &cookie, "/kept/ws").await, begun(&lab, &cookie, "/kept/sse").await);
    assert!(Instant::now() < over, "the machine is too slow for this test");

    assert_eq!(shut.ending(LIFE + PATIENCE).await, Some(Ending::Frame(1008)));
    timeout(PATIENCE, shut_sse.rest()).await.expect("the events end").unwrap();
    let late = Instant::now() - over;
    assert!(late < GRACE, "it is no sooner than the end of those with grace: {late:?}");
    assert_eq!(grace.round_trip("one moment").await.as_deref(), Some("one moment"));
    assert!(read_chunk(grace_sse.stream()).await.unwrap().is_some());
    for path in ["/grace/x", "/kept/x", "/home"] {
        assert_eq!(lab.get(path, std::slice::from_ref(&cookie)).await.status(), 401, "{path}");
    }
    assert_eq!(grace.ending(GRACE + PATIENCE).await, Some(Ending::Frame(4401)));
    timeout(PATIENCE, grace_sse.rest()).await.expect("the events end").unwrap();
    let late = Instant::now();
    assert!(late + Duration::from_secs(1) > over + GRACE, "sooner than it was granted");
    sleep_until(late + Duration::from_secs(2)).await;
    assert_eq!(kept.round_trip("still here").await.as_deref(), Some("still here"));
    assert!(read_chunk(kept_sse.stream()).await.unwrap().is_some());
    assert!(lab.gateway.has_printed("\"reason\":\"absolute\"", 4).await);
}

#[tokio::test]
async fn whoever_signs_out_is_out_whatever_a_route_grants() {
    let lab = Lab::with(|all| {
        let kept = "access = \"authenticated\"\nstreams = { at_end = \"keep\", close_code = 4000 }";
        let grace = "access = \"authenticated\"\nstreams = { at_end = \"grace\" }";
        all.routes.insert(0, route("/kept/*", kept));
        all.routes.insert(0, route("/grace/*", grace));
    })
    .await;
    let mut browser = lab.sign_in("engineer").await;
    let cookie = lab.cookie_line(&browser);
    let (mut grace, mut kept) =
        (chat(&lab, &cookie, "/grace/ws").await, chat(&lab, &cookie, "/kept/ws").await);
    let mut events = begun(&lab, &cookie, "/kept/sse").await;
    lab.sign_out(&mut browser).await;
    assert_eq!(grace.ending(PATIENCE).await, Some(Ending::Frame(1008)));
    assert_eq!(kept.ending(PATIENCE).await, Some(Ending::Frame(4000)));
    timeout(PATIENCE, events.rest()).await.expect("the events end").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_streams_of_revoked_sessions_are_closed_in_time() {
    let lab = Lab::with(|all| all.log = "warn".to_owned()).await;
    promise::is_kept(PROMISE, async || {
        let mut streams = ManyStreams::default();
        for n in 0..20 {
            let cookie = lab.cookie_line(&lab.sign_in(&format!("user-{n}")).await);
            streams.open(lab.gateway.http, &cookie, 25).await;
        }
        assert_eq!(streams.len(), 1_000);
        let revoked = Instant::now();
        let told = ask(&lab.gateway, "POST", "/sessions/revoke", "{\"everyone\":true}").await;
        assert_eq!(told.status(), 200, "{}", told.text());
        println!("answered after {:?}", revoked.elapsed());
        streams.closed_since(revoked).await
    })
    .await;
}
