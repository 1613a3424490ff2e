//! The addresses under which the gateway is reached, as its operator says.

use crate::web::origin::Origin;
use crate::web::request::Request;

/// The configured origins. Every absolute URL that the gateway emits begins with one of them: who
/// forges `Host` or a forwarding header chooses among these, and can add none.
#[derive(Clone, Debug)]
pub struct PublicOrigins {
    public: Known,
    further: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    origin: Origin,
    text: String,
}

impl PublicOrigins {
    /// The origins of `server.public_url` and of further hosts that people sign in on.
    pub fn new(public_url: Origin, further: impl IntoIterator<Item = Origin>) -> Self {
        let further = further.into_iter().map(Known::from).collect();
        Self { public: public_url.into(), further }
    }

    /// The configured origin that a request was sent to, else the public one. No trailing slash.
    pub fn of(&self, request: &Request<'_>) -> &str {
        self.exact(request).unwrap_or_else(|| self.public())
    }

    /// The configured origin that a request was sent to; `None` on any other host, where a cookie
    /// would be set that the callback does not get.
    pub fn exact(&self, request: &Request<'_>) -> Option<&str> {
        let asked = Origin::of(request.scheme, request.authority)?;
        let mut known = std::iter::once(&self.public).chain(&self.further);
        known.find(|known| known.origin == asked).map(|known| known.text.as_str())
    }

    /// The public origin.
    pub fn public(&self) -> &str {
        &self.public.text
    }
}

impl From<Origin> for Known {
    fn from(origin: Origin) -> Self {
        // What a provider compares byte for byte must not hang on how the operator wrote it.
        Self { text: origin.to_string(), origin }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    use crate::web::Scheme;

    fn of(scheme: Scheme, authority: &str) -> (String, bool) {
        let [public, chat, agents] =
            ["https://app.test", "https://Chat.test:443", "https://agents.test:8443"]
                .map(|text| Origin::parse(text).unwrap());
        let origins = PublicOrigins::new(public, [chat, agents]);
        let headers = HeaderMap::new();
        let request = Request {
            scheme,
            host: authority.split(':').next().unwrap(),
            authority,
            client: [192, 0, 2, 1].into(),
            peer: [192, 0, 2, 1].into(),
            ..Request::sample(&headers)
        };
        (origins.of(&request).to_owned(), origins.exact(&request).is_some())
    }

    #[test]
    fn a_configured_origin_is_found_with_and_without_its_default_port() {
        for authority in ["chat.test", "chat.test:443"] {
            assert_eq!(of(Scheme::Https, authority), ("https://chat.test".to_owned(), true));
        }
        let agents = ("https://agents.test:8443".to_owned(), true);
        assert_eq!(of(Scheme::Https, "agents.test:8443"), agents);
    }

    #[test]
    fn whatever_host_is_claimed_no_other_origin_comes_out() {
        for (scheme, authority) in [
            (Scheme::Https, "evil.test"),
            (Scheme::Http, "chat.test"),
            (Scheme::Https, "chat.test:8443"),
            (Scheme::Https, "agents.test"),
            (Scheme::Https, "chat.test.evil.test"),
        ] {
            assert_eq!(of(scheme, authority), ("https://app.test".to_owned(), false));
        }
    }
}
