//! A `Set-Cookie` field of an application, taken apart (RFC 6265bis section 5.6).

/// What an application sets: name, value and attributes, as it wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppCookie<'a> {
    /// Under which a browser sends it back.
    pub name: &'a str,
    /// Its value.
    pub value: &'a [u8],
    /// What follows the first `;`, with it.
    attributes: &'a [u8],
}

/// The name that a browser will send a cookie back under. One without a name of its own comes back as
/// its bare value, so that `=name=value` is a cookie called `name`.
pub fn set_name(set_cookie: &[u8]) -> Option<&str> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'=');
    // What follows may be in any encoding.
    let start = set_cookie.iter().position(|byte| !blank(byte))?;
    let name = set_cookie.get(start..)?.split(|byte| matches!(byte, b'=' | b';')).next()?;
    std::str::from_utf8(name.trim_ascii()).ok()
}

impl<'a> AppCookie<'a> {
    /// Takes a field apart; `None` for one that readers would not agree on.
    pub fn parse(field: &'a [u8]) -> Option<Self> {
        let end = memchr::memchr(b';', field).unwrap_or(field.len());
        let (pair, attributes) = field.split_at_checked(end)?;
        let equals = memchr::memchr(b'=', pair)?;
        let (name, value) = pair.split_at_checked(equals)?;
        let name = std::str::from_utf8(name.trim_ascii()).ok().filter(|name| !name.is_empty())?;
        Some(Self { name, value: value.get(1..)?.trim_ascii(), attributes })
    }

    /// The field with this value, and where it is `framed` with the attributes without which browsers
    /// drop a cookie in another site's frame.
    pub fn written(&self, value: &[u8], framed: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.attributes.len() + value.len() + 96);
        for part in [self.name.as_bytes(), b"=", value] {
            out.extend_from_slice(part);
        }
        if !framed {
            out.extend_from_slice(self.attributes);
            return out;
        }
        let attributes = self.attributes.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        for attribute in attributes.filter(|it| !it.is_empty() && !is_about_frames(it)) {
            out.extend_from_slice(b"; ");
            out.extend_from_slice(attribute);
        }
        out.extend_from_slice(b"; Secure; SameSite=None; Partitioned");
        out
    }
}

fn is_about_frames(attribute: &[u8]) -> bool {
    let name = attribute.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
    [&b"samesite"[..], b"secure", b"partitioned"].iter().any(|it| name.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(field: &str) -> String {
        let cookie = AppCookie::parse(field.as_bytes()).unwrap();
        String::from_utf8(cookie.written(cookie.value, true)).unwrap()
    }

    #[test]
    fn in_a_frame_a_cookie_has_the_attributes_that_browsers_ask_for() {
        let all = "; Secure; SameSite=None; Partitioned";
        for (sent, kept) in [
            ("a=1", "a=1"),
            ("a=1; Path=/x; HttpOnly; SameSite=lax", "a=1; Path=/x; HttpOnly"),
            ("a=1;secure;samesite = Strict;;Partitioned; Max-Age=5", "a=1; Max-Age=5"),
            ("a=; Max-Age=0", "a=; Max-Age=0"),
        ] {
            assert_eq!(framed(sent), format!("{kept}{all}"), "{sent}");
        }
    }

    #[test]
    fn elsewhere_only_the_value_changes() {
        let cookie = AppCookie::parse(b" a = \"x y\" ; Path=/; SameSite=Lax").unwrap();
        assert_eq!((cookie.name, cookie.value), ("a", &b"\"x y\""[..]));
        let written = cookie.written(b"z", false);
        assert_eq!(String::from_utf8(written).unwrap(), "a=z; Path=/; SameSite=Lax");
        for odd in ["=a=1", "a", "; Path=/", "\u{e9}"] {
            assert_eq!(AppCookie::parse(odd.as_bytes()), None, "{odd}");
        }
    }

    #[test]
    fn the_name_is_the_one_that_comes_back() {
        for (sent, name) in [(" a = 1; x", "a"), ("=a=1", "a"), ("a", "a"), ("a;b=1", "a")] {
            assert_eq!(set_name(sent.as_bytes()), Some(name), "{sent}");
        }
        assert_eq!(set_name(b" = "), None);
    }
}
