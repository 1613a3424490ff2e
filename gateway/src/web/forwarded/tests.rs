use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn trusting(networks: &[&str]) -> Trusted {
    Trusted::new(networks.iter().map(|network| network.parse().unwrap()))
}

fn request(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn client(peer: &str, chain: &str) -> IpAddr {
    let trusted = trusting(&["10.0.0.0/8", "fd00::/8"]);
    trusted.resolve(ip(peer), &request(&[("x-forwarded-for", chain)])).client
}

#[test]
fn an_empty_list_trusts_nobody() {
    let forged = request(&[
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=1.2.3.4;proto=https;host=evil.example"),
    ]);
    for peer in ["127.0.0.1", "10.0.0.9", "::1", "198.51.100.7"] {
        let seen = trusting(&[]).resolve(ip(peer), &forged);
        assert_eq!(seen, ClientAddr { client: ip(peer), scheme: None, host: None });
    }
    // A private peer outside the list is as foreign as any other.
    let seen = trusting(&["10.1.0.0/16"]).resolve(ip("10.0.0.9"), &forged);
    assert_eq!(seen.client, ip("10.0.0.9"));
}

#[test]
fn the_client_is_the_right_most_hop_that_is_not_trusted() {
    assert_eq!(client("10.0.0.1", "198.51.100.7"), ip("198.51.100.7"));
    assert_eq!(client("10.0.0.1", "1.1.1.1, 198.51.100.7, 10.0.0.2"), ip("198.51.100.7"));
    assert_eq!(client("10.0.0.1", "10.0.0.3,10.0.0.2"), ip("10.0.0.3"));
    assert_eq!(client("10.0.0.1", "198.51.100.7:5000"), ip("198.51.100.7"));
    assert_eq!(client("fd00::1", "[2001:db8::7]:443"), ip("2001:db8::7"));
    assert_eq!(client("fd00::1", "[2001:db8::7]"), ip("2001:db8::7"));
}

#[test]
fn a_malformed_entry_stops_the_walk() {
    for bad in ["unknown", "_hidden", "", "1.2.3", "1.2.3.4.5", "1.2.3.4:99999", "::g", "'1.2.3.4'"]
    {
        assert_eq!(
            client("10.0.0.1", &format!("1.1.1.1, {bad}, 10.0.0.2")),
            ip("10.0.0.2"),
            "{bad}"
        );
        assert_eq!(client("10.0.0.1", &format!("1.1.1.1, {bad}")), ip("10.0.0.1"), "{bad}");
    }
}

#[test]
fn lines_of_a_repeated_field_are_one_chain() {
    let headers =
        request(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2, 10.0.0.2")]);
    assert_eq!(trusting(&["10.0.0.0/8"]).resolve(ip("10.0.0.1"), &headers).client, ip("2.2.2.2"));
}

#[test]
fn a_mapped_address_is_the_ipv4_address() {
    assert_eq!(client("::ffff:10.0.0.1", "::ffff:198.51.100.7"), ip("198.51.100.7"));
    assert_eq!(client("::ffff:198.51.100.7", "1.1.1.1"), ip("198.51.100.7"));
    let mapped = trusting(&["::ffff:10.0.0.0/104"]);
    assert!(mapped.contains(ip("10.9.9.9")) && mapped.contains(ip("::ffff:10.9.9.9")));
    assert!(!mapped.contains(ip("11.0.0.1")));
}

#[test]
fn the_scheme_is_the_one_at_the_place_of_the_client() {
    let cases = [
        ("5.5.5.5", "https", Some(Scheme::Https)),
        ("5.5.5.5, 10.0.0.2", "https", Some(Scheme::Https)),
        ("5.5.5.5, 10.0.0.2", "https, http", Some(Scheme::Https)),
        ("1.1.1.1, 5.5.5.5", "https, http", Some(Scheme::Http)),
        ("5.5.5.5", "https, http", None),
        ("5.5.5.5", "gopher", None),
    ];
    for (chain, proto, scheme) in cases {
        let headers = request(&[("x-forwarded-for", chain), ("x-forwarded-proto", proto)]);
        let seen = trusting(&["10.0.0.0/8"]).resolve(ip("10.0.0.1"), &headers);
        assert_eq!(seen.scheme, scheme, "{chain} {proto}");
    }
}

#[test]
fn the_standard_field_counts_where_the_usual_one_is_absent() {
    let chain =
        "for=1.1.1.1;proto=http, For=\"[2001:db8::7]:80\";Proto=https;host=\"App.example:8443\"";
    let trusted = trusting(&["10.0.0.0/8"]);
    let seen = trusted.resolve(ip("10.0.0.1"), &request(&[("forwarded", chain)]));
    assert_eq!(seen.client, ip("2001:db8::7"));
    assert_eq!(seen.scheme, Some(Scheme::Https));
    assert_eq!(seen.host.as_deref(), Some("app.example:8443"));
    let both = request(&[("forwarded", chain), ("x-forwarded-for", "3.3.3.3")]);
    assert_eq!(trusted.resolve(ip("10.0.0.1"), &both).client, ip("3.3.3.3"));
    for bad in ["for=unknown", "for=1.1.1.1;for=2.2.2.2", "proto=https", "for=\"1.1.1.1,x\""] {
        let seen = trusted.resolve(ip("10.0.0.1"), &request(&[("forwarded", bad)]));
        assert_eq!(seen.client, ip("10.0.0.1"), "{bad}");
    }
}

#[test]
fn a_host_of_a_trusted_hop_is_checked_and_single() {
    let trusted = trusting(&["10.0.0.0/8"]);
    let host = |name| trusted.resolve(ip("10.0.0.1"), &request(&[("x-forwarded-host", name)])).host;
    assert_eq!(host("App.Example.com."), Some("app.example.com".to_owned()));
    for bad in ["a.example, b.example", "a/b", "user@a", ""] {
        assert_eq!(host(bad), None, "{bad}");
    }
}

#[test]
fn an_upstream_is_told_only_our_own_words() {
    let told = outgoing(ip("2001:db8::7"), Scheme::Https, "app.example.com:8443");
    let fields: Vec<(String, &str)> =
        told.fields().iter().map(|(name, value)| (name.to_string(), *value)).collect();
    let expected = [
        ("x-forwarded-for", "2001:db8::7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "app.example.com:8443"),
        ("forwarded", "for=\"[2001:db8::7]\";host=\"app.example.com:8443\";proto=https"),
    ];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value)));
    let told = outgoing(ip("::ffff:1.2.3.4"), Scheme::Http, "a");
    assert_eq!(told.forwarded, "for=1.2.3.4;host=\"a\";proto=http");
}

proptest! {
    #[test]
    fn no_header_moves_a_client_that_is_not_trusted(
        chain in "[ -~]{0,40}", proto in "[a-z, ]{0,12}", forwarded in "[ -~]{0,40}"
    ) {
        let headers = request(&[
            ("x-forwarded-for", &chain), ("x-forwarded-proto", &proto), ("forwarded", &forwarded),
        ]);
        let seen = trusting(&["10.0.0.0/8"]).resolve(ip("198.51.100.7"), &headers);
        prop_assert_eq!(seen, ClientAddr { client: ip("198.51.100.7"), scheme: None, host: None });
    }

    #[test]
    fn what_a_client_writes_left_of_itself_is_not_believed(forged in "[0-9a-f.:, ]{0,30}") {
        prop_assert_eq!(client("10.0.0.1", &format!("{forged}, 198.51.100.7")), ip("198.51.100.7"));
    }
}
