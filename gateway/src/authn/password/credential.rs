//! HTTP Basic (RFC 7617) as a request has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;

use crate::authn::authenticator::RejectReason;
use crate::base::Secret;
use crate::web::Request;

/// What a request has of it.
pub(super) enum Credential {
    /// None; another scheme of `Authorization` is not ours.
    Absent,
    /// Something that is meant as one and cannot be.
    Bad(RejectReason),
    /// A name and a password, as sent.
    Pair(String, Secret<String>),
}

/// Of the encoded pair. A longer password is not one.
const LONGEST: usize = 2048;

/// Looks for name and password.
pub(super) fn find(request: &Request<'_>) -> Credential {
    let mut fields = request.headers.get_all(AUTHORIZATION).iter();
    let Some(first) = fields.next() else { return Credential::Absent };
    // Two fields, of whatever scheme: one reader takes the first, the next one the last.
    if fields.next().is_some() {
        let ours = request.headers.get_all(AUTHORIZATION).iter().any(|it| ours(it).is_some());
        return if ours { Credential::Bad(RejectReason::Repeated) } else { Credential::Absent };
    }
    let Some(rest) = ours(first) else { return Credential::Absent };
    match pair(rest) {
        Some((name, password)) => Credential::Pair(name, password),
        None => Credential::Bad(RejectReason::Malformed),
    }
}

/// What follows the scheme, which is compared without case (RFC 9110 section 11.1).
fn ours(field: &HeaderValue) -> Option<&[u8]> {
    let (scheme, rest) = field.as_bytes().split_at_checked("basic".len())?;
    let ends = rest.first().is_none_or(|next| matches!(next, b' ' | b'\t' | b','));
    (scheme.eq_ignore_ascii_case(b"basic") && ends).then_some(rest)
}

/// UTF-8, as the challenge asks for; a name has no colon in it, a password may.
fn pair(rest: &[u8]) -> Option<(String, Secret<String>)> {
    let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
    let encoded = rest.get(spaces..).filter(|text| spaces > 0 && text.len() <= LONGEST)?;
    let bytes = Secret::new(STANDARD.decode(encoded).ok()?);
    let text = std::str::from_utf8(bytes.expose()).ok()?;
    let (name, password) = text.split_once(':')?;
    (!text.chars().any(char::is_control)).then(|| (name.to_owned(), Secret::from(password)))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use proptest::prelude::proptest;

    use super::*;

    /// The pair, or the reason against it; `None` for no credential.
    fn look(fields: &[&str]) -> Option<Result<(String, String), RejectReason>> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(field.as_bytes()).unwrap());
        }
        let found = find(&Request::sample(&headers));
        match found {
            Credential::Absent => None,
            Credential::Bad(reason) => Some(Err(reason)),
            Credential::Pair(name, password) => Some(Ok((name, password.expose().clone()))),
        }
    }

    fn basic(scheme: &str, text: &[u8]) -> String {
        format!("{scheme} {}", STANDARD.encode(text))
    }

    #[test]
    fn a_name_and_a_password_are_read() {
        let pair = |name: &str, password: &str| Some(Ok((name.to_owned(), password.to_owned())));
        for scheme in ["Basic", "basic", "BASIC "] {
            assert_eq!(look(&[&basic(scheme, b"ann:open:sesame")]), pair("ann", "open:sesame"));
        }
        assert_eq!(look(&[&basic("Basic", "josé:pässwörd".as_bytes())]), pair("josé", "pässwörd"));
        assert_eq!(look(&[&basic("Basic", b":")]), pair("", ""));
    }

    #[test]
    fn what_is_no_pair_is_bad_and_what_is_not_ours_is_absent() {
        let long = vec![b'x'; 4_000];
        for field in [
            "Basic".to_owned(),
            "Basic ".to_owned(),
            "Basic a b".to_owned(),
            "Basic YTpi, Basic YTpi".to_owned(),
            "Basic YTpi===".to_owned(),
            basic("Basic", b"no colon"),
            basic("Basic", b"ann:\xff"),
            basic("Basic", b"ann:a\0b"),
            basic("Basic", b"a\nb:c"),
            basic("Basic", &[b"ann:".as_slice(), &long].concat()),
        ] {
            assert_eq!(look(&[&field]), Some(Err(RejectReason::Malformed)), "{field}");
        }
        for fields in [&[][..], &["Bearer a"], &["Basics YTpi"], &["Bearer a", "Digest b"]] {
            assert_eq!(look(fields), None, "{fields:?}");
        }
        let good = basic("Basic", b"a:b");
        for fields in [[good.as_str(), &good], ["Bearer a", &good], [&good, "Bearer a"]] {
            assert_eq!(look(&fields), Some(Err(RejectReason::Repeated)), "{fields:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_stumble(field in "(?i:basic)?[ \\t,]{0,2}[ -~\u{80}-\u{ff}]{0,40}") {
            let _ = look(&[&field]);
        }
    }
}
