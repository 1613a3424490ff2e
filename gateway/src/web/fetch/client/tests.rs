use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that reads one request and writes `head`, then `chunk` every `pause`, `times` times.
async fn server(head: &'static str, chunk: Vec<u8>, times: usize, pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let chunk = chunk.clone();
            tokio::spawn(async move {
                let _ = socket.read(&mut [0; 4096]).await;
                let _ = socket.write_all(head.as_bytes()).await;
                for _ in 0..times {
                    tokio::time::sleep(pause).await;
                    if socket.write_all(&chunk).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("http://{address}/")
}

fn client(home: &str, insecure_http: bool) -> HttpClient {
    within(Duration::from_secs(20), home, insecure_http)
}

fn within(time: Duration, home: &str, insecure_http: bool) -> HttpClient {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let limits = FetchLimits { time, answer: 64 * 1024 };
    let policy = AddressPolicy::for_home(&Url::parse(home).unwrap(), insecure_http);
    HttpClient::new(policy, limits, None).unwrap()
}

fn get(url: &str) -> http::Request<Bytes> {
    http::Request::get(url).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn an_answer_is_read_whole() {
    let url = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", vec![], 0, Duration::ZERO);
    let url = url.await;
    let answer = client(&url, true).send(get(&url)).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"ok"[..]));
}

#[tokio::test]
async fn a_large_answer_is_cut_whether_it_says_so_or_not() {
    let announced = "HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n";
    let silent = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    for head in [announced, silent] {
        let url = server(head, vec![b'x'; 16 * 1024], 1000, Duration::ZERO).await;
        let error = client(&url, true).send(get(&url)).await.unwrap_err();
        assert!(matches!(error, FetchError::AnswerTooLarge { limit: 65_536, .. }), "{error}");
    }
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_extend_the_deadline() {
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let url = server(head, vec![b'x'], 1000, Duration::from_millis(50)).await;
    let error = within(Duration::from_millis(500), &url, true).send(get(&url)).await.unwrap_err();
    assert!(matches!(error, FetchError::TimedOut { millis: 500, .. }), "{error}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_not_an_order() {
    let head = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let url = server(head, vec![], 0, Duration::ZERO).await;
    assert_eq!(client(&url, true).send(get(&url)).await.unwrap().status(), 302);
}

#[tokio::test]
async fn a_public_home_gives_no_way_to_this_machine() {
    let client = client("https://93.184.216.34/", true);
    for url in ["https://127.0.0.1:1/", "https://[::1]:1/", "https://169.254.169.254/latest"] {
        let error = client.send(get(url)).await.unwrap_err();
        assert!(matches!(error, FetchError::AddressRefused { .. }), "{url}: {error}");
    }
    let error = client.send(get("https://localhost:1/")).await.unwrap_err();
    assert!(matches!(error, FetchError::AddressRefused { .. }), "{error}");
}

#[tokio::test]
async fn plain_http_is_refused_before_any_connection() {
    let url = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", vec![], 0, Duration::ZERO);
    let url = url.await;
    let error = client(&url, false).send(get(&url)).await.unwrap_err();
    assert!(matches!(error, FetchError::SchemeRefused { .. }), "{error}");
}

#[test]
fn an_empty_certificate_bundle_is_a_fault() {
    let home = Url::parse("https://id.corp.test").unwrap();
    let policy = AddressPolicy::for_home(&home, false);
    assert!(HttpClient::new(policy, FetchLimits::default(), Some(b"nothing")).is_err());
}
