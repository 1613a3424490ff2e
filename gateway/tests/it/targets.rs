//! The target and the host that were decided on are the ones that are forwarded.

use crate::support::lab::Lab;
use crate::support::raw::status_of;
use crate::support::settings::HOST;

#[tokio::test]
async fn no_joint_between_two_segments_opens_a_closed_path() {
    const JOINTS: &[&str] =
        &["/", "//", "\\", "%2f", "%5c", "%252f", ";/", "/;x/", "%00/", "/./", "%c0%af", "?/../"];
    const UPS: &[&str] =
        &["..", "%2e%2e", ".%2e", "%252e%252e", "..;", "%c0%ae%c0%ae", "..%00", "%2e%2e;a=b"];
    let lab = Lab::start().await;
    for joint in JOINTS {
        for up in UPS {
            for last in JOINTS {
                let path = format!("/public{joint}{up}{last}home");
                status_of(
                    lab.gateway.http,
                    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"),
                )
                .await;
                for seen in lab.recorder.requests() {
                    let target = seen.target().split('?').next().unwrap_or_default().to_owned();
                    assert!(path.starts_with(&target), "{path} was forwarded as {target}");
                    assert!(
                        (target == "/public" || target.starts_with("/public/"))
                            && !target.contains(".."),
                        "{path} -> {target}"
                    );
                }
                lab.recorder.clear();
            }
        }
    }
}

#[tokio::test]
async fn spellings_of_one_host_are_one_host() {
    let lab = Lab::start().await;
    for host in ["localhost", "LOCALHOST", "localhost.", "LocalHost:80"] {
        for (path, expected) in [("/public/x", 200), ("/home", 401)] {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            assert_eq!(status_of(lab.gateway.http, request).await, expected, "{host} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_decided_on_is_forwarded_byte_for_byte() {
    let lab = Lab::start().await;
    for target in
        ["/public/a%20b?x=%2F..%2F&y=a;b", "/public/~a-b_c.d", "/public/%C3%A9?", "/public/a;b=c"]
    {
        lab.recorder.clear();
        assert_eq!(lab.get(target, &[]).await.status(), 200, "{target}");
        assert_eq!(lab.recorder.last().target(), target);
    }
}
