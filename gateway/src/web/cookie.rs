//! Cookies of a request: just enough to read one.

use http::HeaderMap;
use http::header::COOKIE;

/// What a request says of one cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieValue<'a> {
    /// Not sent.
    Absent,
    /// Sent once.
    One(&'a str),
    /// Sent more than once.
    Repeated,
}

/// Looks for the cookie `name` in all `Cookie` fields.
pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> CookieValue<'a> {
    let mut found = CookieValue::Absent;
    for pair in headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
    {
        if let Some((key, value)) = pair.trim().split_once('=')
            && key == name
        {
            if found != CookieValue::Absent {
                return CookieValue::Repeated;
            }
            found = CookieValue::One(value);
        }
    }
    found
}
