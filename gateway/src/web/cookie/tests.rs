use proptest::prelude::*;

use super::*;

const OURS: &str = "__Host-portcullis";

fn request(lines: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
    }
    headers
}

fn stripped(lines: &[&[u8]]) -> Option<Vec<u8>> {
    strip(&request(lines), |name| name == OURS).map(|value| value.as_bytes().to_vec())
}

#[test]
fn a_cookie_is_found_in_any_field_and_between_any_others() {
    let found = CookieValue::One("abc=");
    for lines in [
        vec![&b"__Host-portcullis=abc="[..]],
        vec![b"a=1; __Host-portcullis=abc=;b=2"],
        vec![b"a=1", b"; ;__Host-portcullis = abc= ", b"b"],
        vec![b"caf\xe9=\xff; __Host-portcullis=abc="],
    ] {
        assert_eq!(find(&request(&lines), OURS), found);
    }
}

#[test]
fn names_are_compared_byte_for_byte() {
    for line in [
        "__host-portcullis=x",
        "x__Host-portcullis=x",
        "__Host-portcullis",
        "a=__Host-portcullis=x",
    ] {
        assert_eq!(find(&request(&[line.as_bytes()]), OURS), CookieValue::Absent, "{line}");
    }
    let spaced = "\u{2000}__Host-portcullis=x".as_bytes();
    assert_eq!(find(&request(&[spaced]), OURS), CookieValue::Absent);
}

#[test]
fn a_second_cookie_of_the_same_name_is_never_chosen_from() {
    let repeated = [
        vec![&b"__Host-portcullis=a; __Host-portcullis=b"[..]],
        vec![b"__Host-portcullis=a", b"__Host-portcullis=a"],
    ];
    for lines in repeated {
        assert_eq!(find(&request(&lines), OURS), CookieValue::Repeated);
    }
}

#[test]
fn an_illegal_value_is_present_and_empty() {
    for line in
        [&b"__Host-portcullis=\xff"[..], b"__Host-portcullis=\"a\"", b"__Host-portcullis=a b"]
    {
        assert_eq!(find(&request(&[line]), OURS), CookieValue::One(""));
    }
}

#[test]
fn only_ours_are_stripped_in_any_spelling() {
    assert_eq!(stripped(&[b"a=1; __Host-portcullis=x; b=\"2\""]), Some(b"a=1; b=\"2\"".to_vec()));
    assert_eq!(
        stripped(&[b"a=1", b"__Host-portcullis=x", b"b=\xff"]),
        Some(b"a=1; b=\xff".to_vec())
    );
    let lax = [
        &b"__Host-portcullis=x; __Host-portcullis=y"[..],
        b"__Host-portcullis",
        b"\"__Host-portcullis\"=x",
        b"=__Host-portcullis=x",
        b"\xe2\x80\x80__Host-portcullis=x",
        b"__Host-portcullis\t =x",
        b"",
    ];
    for line in lax {
        assert_eq!(stripped(&[line]), None, "{}", line.escape_ascii());
    }
}

#[test]
fn a_cookie_is_set_with_all_its_attributes() {
    let cookie = SetCookie::new(OURS, "abc");
    assert_eq!(cookie.to_header(), "__Host-portcullis=abc; Path=/; HttpOnly; Secure; SameSite=Lax");
    let cookie = SetCookie {
        same_site: SameSite::None,
        partitioned: true,
        max_age: Some(Duration::from_secs(60)),
        ..cookie
    };
    assert_eq!(
        cookie.to_header(),
        "__Host-portcullis=abc; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=None; Partitioned"
    );
    assert_eq!(
        cookie.removed().to_header(),
        "__Host-portcullis=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=None; Partitioned"
    );
}

#[test]
fn a_value_cannot_add_an_attribute_or_a_field() {
    let header = SetCookie::new("a", "x; Domain=example.com\r\nX: y\u{e9}").to_header();
    assert_eq!(header, "a=xDomain=example.comX:y; Path=/; HttpOnly; Secure; SameSite=Lax");
}

#[test]
fn a_flood_of_cookies_is_noticed() {
    let flood = vec!["a=1"; MAX_COOKIES].join(";");
    assert!(!too_many(&request(&[flood.as_bytes()])));
    assert!(too_many(&request(&[flood.as_bytes(), b"b=2"])));
}

proptest! {
    #[test]
    fn a_stripped_field_has_none_of_ours(
        parts in prop::collection::vec("(__Host-portcullis|a|=|;| |\"|\t|\\PC){0,8}", 0..6)
    ) {
        let lines: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
        if let Some(left) = strip(&request(&lines), |name| name == OURS) {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, left.clone());
            prop_assert_eq!(find(&headers, OURS), CookieValue::Absent);
            prop_assert_eq!(strip(&headers, |name| name == OURS), Some(left));
        }
    }
}
