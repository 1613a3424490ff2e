//! The real client, over reqwest.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::web::fetch::address::{AddressPolicy, Reach};
use crate::web::fetch::{Fetch, FetchError};

/// How much one exchange may cost.
#[derive(Clone, Copy, Debug)]
pub struct FetchLimits {
    /// For the whole exchange, from the name look-up to the last byte: one byte a second is slow,
    /// not alive.
    pub time: Duration,
    /// For the body of an answer. The largest honest ones are key sets, of a few dozen kilobytes.
    pub answer: usize,
}

/// An HTTP client that follows no redirect, uses no proxy from the environment, and calls only the
/// addresses that its policy allows.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: reqwest::Client,
    limits: FetchLimits,
    policy: AddressPolicy,
}

/// Resolves names, and leaves out the addresses that the policy refuses: the check is made on the
/// very addresses that are then connected to, so a name cannot change its mind in between.
#[derive(Debug)]
struct GuardedResolver(AddressPolicy);

#[derive(Debug)]
struct Refused;

impl Default for FetchLimits {
    fn default() -> Self {
        Self { time: Duration::from_secs(10), answer: 1024 * 1024 }
    }
}

impl HttpClient {
    /// A client under `policy` and `limits`. `extra_ca` is a PEM bundle that is trusted beside the
    /// system's certificates. A rustls crypto provider must have been installed.
    ///
    /// # Errors
    /// [`FetchError::Build`] when the bundle holds no certificate or the client cannot be set up.
    pub fn new(
        policy: AddressPolicy,
        limits: FetchLimits,
        extra_ca: Option<&[u8]>,
    ) -> Result<Self, FetchError> {
        let build = |cause: reqwest::Error| FetchError::Build(chain(&cause));
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent("portcullis")
            .timeout(limits.time)
            .pool_max_idle_per_host(2)
            .dns_resolver(GuardedResolver(policy.clone()));
        if let Some(pem) = extra_ca {
            let roots = reqwest::Certificate::from_pem_bundle(pem).map_err(build)?;
            if roots.is_empty() {
                return Err(FetchError::Build("the bundle holds no certificate".to_owned()));
            }
            builder = builder.tls_certs_merge(roots);
        }
        Ok(Self { client: builder.build().map_err(build)?, limits, policy })
    }

    async fn exchange(
        &self,
        url: Url,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, FetchError> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let (parts, body) = request.into_parts();
        let mut outgoing = reqwest::Request::new(parts.method, url);
        *outgoing.headers_mut() = parts.headers;
        *outgoing.body_mut() = Some(body.into());
        let fault = |cause: reqwest::Error| self.fault(&host, &cause);
        let mut answer = self.client.execute(outgoing).await.map_err(fault)?;

        let limit = self.limits.answer;
        let too_large = || FetchError::AnswerTooLarge { host: host.clone(), limit };
        let announced = answer.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |length| length > limit) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(fault)? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = http::Response::new(body.freeze());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    /// The error without the URL, whose query may hold secrets.
    fn fault(&self, host: &str, cause: &reqwest::Error) -> FetchError {
        let host = host.to_owned();
        if cause.is_timeout() {
            return self.timed_out(host);
        }
        let mut source = cause.source();
        while let Some(inner) = source {
            if inner.is::<Refused>() {
                return FetchError::AddressRefused { host };
            }
            source = inner.source();
        }
        FetchError::Connect { host, cause: cause.source().map(chain).unwrap_or_default() }
    }

    fn timed_out(&self, host: String) -> FetchError {
        FetchError::TimedOut { host, millis: self.limits.time.as_millis() }
    }

    /// Addresses written as such never reach the resolver.
    async fn allows_literal(&self, url: &Url) -> bool {
        let address: IpAddr = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) | None => return true,
        };
        self.policy.is_home(&address.to_string())
            || AddressPolicy::allows(address, home_reach(&self.policy).await)
    }
}

#[async_trait]
impl Fetch for HttpClient {
    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, FetchError> {
        let uri = request.uri();
        let refused = || FetchError::SchemeRefused {
            url: format!("{}://{}", uri.scheme_str().unwrap_or("?"), uri.host().unwrap_or("?")),
        };
        let url = Url::parse(&uri.to_string()).map_err(|_| refused())?;
        if !self.policy.allows_scheme(&url) {
            return Err(refused());
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let whole = async {
            if !self.allows_literal(&url).await {
                return Err(FetchError::AddressRefused { host: host.clone() });
            }
            self.exchange(url, request).await
        };
        match tokio::time::timeout(self.limits.time, whole).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.timed_out(host)),
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0.clone();
        Box::pin(async move {
            let host = name.as_str();
            let mut addresses: Vec<SocketAddr> =
                tokio::net::lookup_host((host, 0)).await?.collect();
            if !policy.is_home(host) {
                let reach = home_reach(&policy).await;
                addresses.retain(|address| AddressPolicy::allows(address.ip(), reach));
                if addresses.is_empty() {
                    return Err(Refused.into());
                }
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The closest network the home is in; the internet when it cannot be told.
async fn home_reach(policy: &AddressPolicy) -> Reach {
    let Some(home) = policy.home() else {
        return Reach::Public;
    };
    let Ok(addresses) = tokio::net::lookup_host((home, 0)).await else {
        return Reach::Public;
    };
    addresses.map(|address| Reach::of(address.ip())).max().unwrap_or(Reach::Public)
}

/// An error with its causes, on one line.
fn chain(error: &(impl Error + ?Sized)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the address is not allowed")
    }
}

impl Error for Refused {}

#[cfg(test)]
mod tests;
