//! The header names that claim who a client is or where it comes from: never a client's to set.

use std::cmp::Ordering;

use http::HeaderName;

/// Names that are always removed from what a client sends, in folded spelling; one that ends in `*`
/// stands for all names that begin so. Sorted, and none is covered by another: the search below
/// looks at one candidate only.
const IDENTITY: &[&str] = &[
    "cf-access-*",
    "cf-connecting-ip*",
    "cf-ipcountry",
    "cf-pseudo-ipv4",
    "cf-visitor",
    "client-cert*",
    "client-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded*",
    "oidc-*",
    "proxy",
    "remote-*",
    "ssl-*",
    "tailscale-*",
    "teleport-jwt-assertion",
    "true-client-ip",
    "txn-token",
    "x-access-token",
    "x-amzn-oidc-*",
    "x-anonymous-consumer",
    "x-apigateway-api-userinfo",
    "x-arr-clientcert",
    "x-auth-*",
    "x-authelia-*",
    "x-authenticated-*",
    "x-authentik-*",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-client-cert*",
    "x-client-ip",
    "x-client-verify",
    "x-cluster-client-ip",
    "x-consumer-*",
    "x-credential-identifier",
    "x-debug-user-jwt",
    "x-email",
    "x-endpoint-api-userinfo",
    "x-envoy-*",
    "x-forward-*",
    "x-forwarded",
    "x-forwarded-*",
    "x-goog-authenticated-user-*",
    "x-goog-iap-jwt-assertion",
    "x-groups",
    "x-host",
    "x-http-host-override",
    "x-id-token",
    "x-jwt-assertion",
    "x-ms-client-principal*",
    "x-ms-token-*",
    "x-original-*",
    "x-originating-ip",
    "x-pomerium-*",
    "x-portcullis-*",
    "x-real-ip",
    "x-remote-*",
    "x-rewrite-*",
    "x-ssl-*",
    "x-token-subject",
    "x-user*",
    "x-vouch-*",
    "x-webauth-*",
];

/// Whether a client must not send this header: it is in the list above, or one of `extra`, the names
/// that this deployment sets itself. Case is ignored, and `_`, `.` and `-` are one: upstreams that
/// turn names into variables (CGI, WSGI, PHP) fold them, so `X_User_JWT` would be ours to them.
pub fn is_identity_header(name: &str, extra: &[HeaderName]) -> bool {
    is_listed(name) || extra.iter().any(|own| same(own.as_str(), name))
}

/// Whether the name has a `_`: dropped on every route, since only an upstream that folds it to `-`
/// has a use for one, and then it shadows another header.
pub fn has_underscore(name: &str) -> bool {
    memchr::memchr(b'_', name.as_bytes()).is_some()
}

fn is_listed(name: &str) -> bool {
    if !may_be_listed(name) {
        return false;
    }
    // What matches is the last entry that is not greater: a prefix sorts before all that it covers,
    // and nothing lies between them.
    let after = IDENTITY.partition_point(|entry| compare(stem(entry), name) != Ordering::Greater);
    let Some(entry) = after.checked_sub(1).and_then(|index| IDENTITY.get(index)) else {
        return false;
    };
    match entry.strip_suffix('*') {
        Some(prefix) => begins_with(name, prefix),
        None => same(entry, name),
    }
}

/// For each first octet of an entry, the second octets that follow it, one bit for each value of
/// their lower five bits: nearly all names of an ordinary request end here.
const BEGINNINGS: [u32; 256] = beginnings();

#[expect(clippy::indexing_slicing, reason = "256 places, one for each octet")]
fn may_be_listed(name: &str) -> bool {
    match *name.as_bytes() {
        [first, second, ..] => BEGINNINGS[usize::from(fold(first))] & bit(fold(second)) != 0,
        _ => false,
    }
}

#[expect(clippy::indexing_slicing, reason = "read by the compiler, which would refuse it")]
const fn beginnings() -> [u32; 256] {
    let mut seconds = [0; 256];
    let mut at = 0;
    while at < IDENTITY.len() {
        let entry = IDENTITY[at].as_bytes();
        seconds[entry[0] as usize] |= bit(entry[1]);
        at += 1;
    }
    seconds
}

const fn bit(octet: u8) -> u32 {
    1 << (octet & 31)
}

fn stem(entry: &str) -> &str {
    entry.strip_suffix('*').unwrap_or(entry)
}

fn begins_with(name: &str, prefix: &str) -> bool {
    name.len() >= prefix.len() && prefix.bytes().eq(name.bytes().take(prefix.len()).map(fold))
}

fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().map(fold).eq(other.bytes().map(fold))
}

fn compare(one: &str, other: &str) -> Ordering {
    one.bytes().map(fold).cmp(other.bytes().map(fold))
}

const fn fold(octet: u8) -> u8 {
    match octet {
        b'_' | b'.' => b'-',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_list_is_sorted_folded_and_without_overlaps() {
        for pair in IDENTITY.windows(2) {
            assert_eq!(compare(stem(pair[0]), stem(pair[1])), Ordering::Less, "{pair:?}");
            let covers = pair[0].strip_suffix('*').is_some_and(|p| begins_with(stem(pair[1]), p));
            assert!(!covers, "{pair:?}");
        }
        assert!(IDENTITY.iter().all(|entry| entry.bytes().all(|octet| fold(octet) == octet)));
        // `may_be_listed` looks at two octets.
        assert!(IDENTITY.iter().all(|entry| stem(entry).len() >= 2));
    }

    #[test]
    fn the_usual_identity_headers_are_listed() {
        let names = "X-User-JWT X-User X-Username X-Auth-Request-Email X-Forwarded-User \
            X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Preferred-Username \
            X-Forwarded-Access-Token Remote-User Remote-Email Remote-Groups Remote-Name \
            X-Remote-User X-WebAuth-User X-Authenticated-Userid X-MS-CLIENT-PRINCIPAL \
            X-MS-CLIENT-PRINCIPAL-NAME X-Goog-Authenticated-User-Email X-Goog-IAP-JWT-Assertion \
            Cf-Access-Jwt-Assertion X-Amzn-Oidc-Data X-Pomerium-Jwt-Assertion Txn-Token \
            X-Portcullis-Anything X-Original-URL X-Rewrite-URL X-Forwarded-Host X-Forwarded-Prefix \
            Forwarded X-Real-IP True-Client-IP CF-Connecting-IP X-Client-IP X-Cluster-Client-IP \
            X-Envoy-Original-Path X-Debug-User-JWT X-ID-Token X-Access-Token SSL_CLIENT_S_DN \
            X-SSL-Client-Verify X-Client-Cert X-Client-Cert-Chain X-Forwarded-Client-Cert Proxy";
        for name in names.split_whitespace() {
            assert!(is_identity_header(name, &[]), "{name}");
            assert!(is_identity_header(&name.to_lowercase(), &[]), "{name}");
            assert!(is_identity_header(&name.to_uppercase().replace('-', "_"), &[]), "{name}");
            assert!(is_identity_header(&name.replacen('-', ".", 1), &[]), "{name}");
        }
    }

    #[test]
    fn ordinary_headers_pass() {
        let names = "Accept Authorization Content-Type Cookie Host Origin Referer Proxy-Status \
            User-Agent X-Requested-With X-Request-Id X-CSRF-Token X-Api-Key Sec-Fetch-Site X x- \
            Traceparent Baggage Grpc-Timeout Range If-Match Remote Ssl X-Use Mcp-Session-Id Via";
        for name in names.split_whitespace() {
            assert!(!is_identity_header(name, &[]), "{name}");
        }
        assert!(!is_identity_header("", &[]));
    }

    #[test]
    fn configured_names_are_compared_folded() {
        let extra = [HeaderName::from_static("x-agent-jwt"), HeaderName::from_static("my_id")];
        for name in ["X-Agent-JWT", "x_agent_jwt", "X.Agent-Jwt", "My-Id", "MY_ID"] {
            assert!(is_identity_header(name, &extra), "{name}");
        }
        assert!(!is_identity_header("x-agent-jwt2", &extra));
    }

    #[test]
    fn an_underscore_is_noticed() {
        assert!(has_underscore("Transfer_Encoding"));
        assert!(!has_underscore("Transfer-Encoding"));
    }

    proptest! {
        #[test]
        fn the_search_agrees_with_a_plain_scan(
            name in "(x-|cf-|X_)?(user|auth|auth-|forwarded|ssl|remote|access|client|[a-zA-Z._-]){0,3}|\\PC{0,4}"
        ) {
            let plain = IDENTITY.iter().any(|entry| match entry.strip_suffix('*') {
                Some(prefix) => begins_with(&name, prefix),
                None => compare(entry, &name) == Ordering::Equal,
            });
            prop_assert_eq!(is_identity_header(&name, &[]), plain);
        }
    }
}
