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

/// A configured origin that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin; write it as https://host or https://host:port, without a path")]
pub struct PublicOriginFault(pub String);

#[derive(Clone, Debug)]
struct Known {
    origin: Origin,
    text: String,
}

impl PublicOrigins {
    /// The origins of `server.public_url` and of further hosts that people sign in on.
    ///
    /// # Errors
    /// The first that is no origin.
    pub fn new(public_url: &str, further: &[String]) -> Result<Self, PublicOriginFault> {
        Ok(Self {
            public: Known::parse(public_url)?,
            further: further.iter().map(|url| Known::parse(url)).collect::<Result<_, _>>()?,
        })
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

impl Known {
    fn parse(url: &str) -> Result<Self, PublicOriginFault> {
        let text = url.strip_suffix('/').unwrap_or(url);
        let origin = Origin::parse(text).ok_or_else(|| PublicOriginFault(url.to_owned()))?;
        Ok(Self { text: spelled(text), origin })
    }
}

/// The one spelling of an origin, as browsers write it: lower case, without a default port. What a
/// provider compares byte for byte must not hang on how the operator wrote it.
fn spelled(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let default = if lower.starts_with("https:") { ":443" } else { ":80" };
    lower.strip_suffix(default).map_or(lower.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;
    use crate::base::{RequestId, SeededEntropy};
    use crate::web::Scheme;

    fn of(scheme: Scheme, authority: &str) -> (String, bool) {
        let further = ["https://Chat.test:443/".to_owned(), "https://agents.test:8443".to_owned()];
        let origins = PublicOrigins::new("https://app.test", &further).unwrap();
        let request = Request {
            id: RequestId::random(&SeededEntropy::new(1)),
            method: &Method::GET,
            scheme,
            host: authority.split(':').next().unwrap(),
            authority,
            path: "/",
            query: None,
            headers: &HeaderMap::new(),
            client: [192, 0, 2, 1].into(),
            websocket: false,
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

    #[test]
    fn what_is_no_origin_is_refused_with_its_name() {
        for bad in ["", "app.test", "ftp://app.test", "https://app.test/x", "https://u@app.test"] {
            let fault = PublicOrigins::new(bad, &[]).unwrap_err();
            assert_eq!(fault, PublicOriginFault(bad.to_owned()));
        }
    }
}
