//! Where a token may be in a request, and where it may not.

use http::HeaderValue;
use http::header::AUTHORIZATION;
use url::form_urlencoded;

use crate::authn::authenticator::RejectReason;
use crate::web::Request;

/// What a request has of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::authn) enum Credential<'a> {
    /// None; another scheme of `Authorization` is not ours.
    Absent,
    /// Something that is meant as one and cannot be.
    Bad(RejectReason),
    /// The token's text.
    Token(&'a str),
}

/// The parameter of RFC 6750 section 2.3.
const PARAMETER: &str = "access_token";

/// Looks for the token. In a query it would stand in logs and histories, so that there it is refused
/// (RFC 9700 section 2.6), beside another one too.
pub(in crate::authn) fn find<'a>(request: &Request<'a>) -> Credential<'a> {
    let mut fields = request.headers.get_all(AUTHORIZATION).iter();
    let first = fields.next();
    let in_query = request.query.is_some_and(names_a_token);
    let Some(first) = first else {
        return if in_query {
            Credential::Bad(RejectReason::Misplaced)
        } else {
            Credential::Absent
        };
    };
    // Two fields, of whatever scheme: one reader takes the first, the next one the last.
    if fields.next().is_some() {
        let ours = request.headers.get_all(AUTHORIZATION).iter().any(|it| ours(it).is_some());
        return if ours { Credential::Bad(RejectReason::Repeated) } else { Credential::Absent };
    }
    match ours(first) {
        _ if in_query => Credential::Bad(RejectReason::Misplaced),
        None => Credential::Absent,
        Some(rest) => {
            token(rest).map_or(Credential::Bad(RejectReason::Malformed), Credential::Token)
        }
    }
}

/// What follows the scheme, which is compared without case (RFC 9110 section 11.1).
fn ours(field: &HeaderValue) -> Option<&[u8]> {
    let (scheme, rest) = field.as_bytes().split_at_checked("bearer".len())?;
    let ends = rest.first().is_none_or(|next| matches!(next, b' ' | b'\t' | b','));
    (scheme.eq_ignore_ascii_case(b"bearer") && ends).then_some(rest)
}

/// `1*SP b64token`: a list, a parameter or a second token is no token.
fn token(rest: &[u8]) -> Option<&str> {
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let text = rest.get(spaces..)?;
    let legal = |byte: &u8| LEGAL.get(usize::from(*byte)).is_some_and(|legal| *legal);
    let good = spaces > 0 && !text.is_empty() && text.iter().all(legal);
    std::str::from_utf8(text).ok().filter(|_| good)
}

/// The octets of a `b64token`. A table, since every octet of every token is looked at.
static LEGAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "constant")]
        {
            table[byte] = matches!(byte as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.'
                | b'_' | b'~' | b'+' | b'/' | b'=');
        }
        byte += 1;
    }
    table
};

fn names_a_token(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == PARAMETER)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use proptest::prelude::proptest;

    use super::*;

    fn look(fields: &[&str], query: Option<&str>, check: impl FnOnce(Credential<'_>)) {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(field.as_bytes()).unwrap());
        }
        check(find(&Request { query, ..Request::sample(&headers) }));
    }

    #[test]
    fn the_scheme_has_no_case_and_the_token_one_spelling() {
        for field in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c"] {
            look(&[field], None, |found| assert_eq!(found, Credential::Token("a.b.c"), "{field}"));
        }
        for field in [
            "Bearer",
            "Bearer ",
            "bearer,",
            "Bearer\ta",
            "Bearer a b",
            "Bearer a, Bearer b",
            "Bearer \"a\"",
            "Bearer token=a",
            "Bearer a\u{e9}",
        ] {
            let bad = Credential::Bad(RejectReason::Malformed);
            // `=` may end a token, and opaque ones are anything.
            let expected = if field.contains('=') { Credential::Token("token=a") } else { bad };
            look(&[field], None, |found| assert_eq!(found, expected, "{field}"));
        }
        for fields in
            [&[][..], &["Basic eA=="], &["Bearerx a"], &["DPoP a"], &["Basic a", "Digest b"]]
        {
            look(fields, None, |found| assert_eq!(found, Credential::Absent, "{fields:?}"));
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_for_a_token_is_one_word_of_its_alphabet(
            field in "(?i:bearer)?[ \\t,]{0,2}[ -~\u{80}-\u{ff}]{0,30}",
            query in proptest::option::of("[ -~]{0,30}"),
        ) {
            look(&[&field], query.as_deref(), |found| {
                if let Credential::Token(token) = found {
                    assert!(field.ends_with(token) && !token.is_empty());
                    assert!(!token.contains([' ', ',', '"']));
                    assert!(field.to_ascii_lowercase().starts_with("bearer "));
                }
            });
        }
    }

    #[test]
    fn two_fields_are_none_that_counts() {
        for fields in [["Bearer a", "Bearer a"], ["Basic a", "bearer b"], ["Bearer a", "Basic b"]] {
            let repeated = Credential::Bad(RejectReason::Repeated);
            look(&fields, None, |found| assert_eq!(found, repeated, "{fields:?}"));
        }
    }

    #[test]
    fn a_token_in_the_query_is_refused_in_every_spelling() {
        for query in ["access_token=a", "x=1&access_token", "access%5Ftoken=a", "%61ccess_token="] {
            let misplaced = Credential::Bad(RejectReason::Misplaced);
            look(&[], Some(query), |found| assert_eq!(found, misplaced, "{query}"));
            look(&["Bearer a"], Some(query), |found| assert_eq!(found, misplaced, "{query}"));
        }
        for query in ["", "token=a", "access_tokens=a", "x=access_token"] {
            look(&[], Some(query), |found| assert_eq!(found, Credential::Absent, "{query}"));
        }
    }
}
