//! GitHub: not an `OpenID` provider. A code becomes an access token, and the API says whose it is.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION};
use serde_json::{Map, Value};
use url::Url;

use crate::base::Secret;
use crate::crypto::strict_json;
use crate::identity::ClaimMapping;
use crate::oidc::discovery::Metadata;
use crate::oidc::fault::LoginFault;
use crate::web::Fetch;

/// GitHub's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GithubApi {
    /// Where it is, without a slash at the end.
    pub url: String,
    /// Whether organizations and teams are read.
    pub memberships: bool,
}

/// People wait for it.
const PATIENCE: Duration = Duration::from_secs(15);
/// Entries on a page: the most that GitHub gives.
const PAGE: usize = 100;
const MOST_PAGES: usize = ClaimMapping::MOST_GROUPS / PAGE;

/// Where GitHub at `url` has what metadata would name; `None` for what is no URL.
pub(super) fn metadata(url: &str) -> Option<Metadata> {
    let at = |path: &str| Url::parse(&format!("{url}{path}")).ok();
    Some(Metadata {
        issuer: url.to_owned(),
        authorization_endpoint: at("/login/oauth/authorize")?,
        token_endpoint: at("/login/oauth/access_token")?,
        // It signs nothing; nobody asks for its keys.
        jwks_uri: at("/")?,
        userinfo_endpoint: None,
        end_session_endpoint: None,
        revocation_endpoint: None,
        revocation_endpoint_auth_methods_supported: Vec::new(),
        backchannel_logout_supported: false,
        frontchannel_logout_supported: false,
        token_endpoint_auth_methods_supported: vec!["client_secret_post".to_owned()],
        id_token_signing_alg_values_supported: Vec::new(),
        authorization_response_iss_parameter_supported: false,
    })
}

impl GithubApi {
    /// What must be asked for.
    pub fn scopes(&self) -> Vec<String> {
        let mut scopes = vec!["read:user".to_owned(), "user:email".to_owned()];
        scopes.extend(self.memberships.then(|| "read:org".to_owned()));
        scopes
    }

    /// Whose token it is: their number, and claims about them.
    ///
    /// # Errors
    /// `ApiRefused`, `GroupsMissing`, `Unavailable`.
    pub(super) async fn person(
        &self,
        fetch: &dyn Fetch,
        token: &Secret<String>,
    ) -> Result<(String, Map<String, Value>), LoginFault> {
        let late = |_| LoginFault::Unavailable("GitHub's API took too long".to_owned());
        tokio::time::timeout(PATIENCE, self.read(fetch, token)).await.map_err(late)?
    }

    async fn read(
        &self,
        fetch: &dyn Fetch,
        token: &Secret<String>,
    ) -> Result<(String, Map<String, Value>), LoginFault> {
        let user = self.get(fetch, "/user", token).await?;
        let mut claims = strict_json::object(&user).map_err(|_| odd("/user is no JSON object"))?;
        // Their number, which nobody can take over as they could a login that was given up.
        let number = claims.get("id").and_then(Value::as_u64).filter(|number| *number > 0);
        let subject = number.ok_or_else(|| odd("/user has no id"))?.to_string();
        if let Some(login) = claims.get("login").cloned() {
            claims.insert("preferred_username".to_owned(), login.clone());
            if claims.get("name").is_none_or(Value::is_null) {
                claims.insert("name".to_owned(), login);
            }
        }
        // What the profile shows is what its owner typed.
        claims.remove("email");
        claims.remove("email_verified");
        if let Some(address) = self.address(fetch, token).await? {
            claims.insert("email".to_owned(), address.into());
            claims.insert("email_verified".to_owned(), true.into());
        }
        claims.remove("groups");
        if self.memberships {
            let groups = self.groups(fetch, token).await?;
            claims.insert("groups".to_owned(), groups.into());
        }
        Ok((subject, claims))
    }

    /// The primary address, if GitHub has verified it.
    async fn address(
        &self,
        fetch: &dyn Fetch,
        token: &Secret<String>,
    ) -> Result<Option<String>, LoginFault> {
        let addresses = self.list(fetch, "/user/emails", token, 1).await?;
        let is = |entry: &Value, flag: &str| entry.get(flag) == Some(&Value::Bool(true));
        let primary = addresses.iter().find(|entry| is(entry, "primary") && is(entry, "verified"));
        Ok(primary.and_then(|entry| entry.get("email")?.as_str()).map(str::to_owned))
    }

    /// `org` for each organization, `org/team` for each team.
    async fn groups(
        &self,
        fetch: &dyn Fetch,
        token: &Secret<String>,
    ) -> Result<Vec<String>, LoginFault> {
        let mut groups = Vec::new();
        for org in self.list(fetch, "/user/orgs", token, MOST_PAGES).await? {
            let login = org.get("login").and_then(Value::as_str);
            groups.push(login.ok_or_else(|| odd("an organization has no login"))?.to_owned());
        }
        for team in self.list(fetch, "/user/teams", token, MOST_PAGES).await? {
            let org = team.pointer("/organization/login").and_then(Value::as_str);
            let slug = team.get("slug").and_then(Value::as_str);
            let (Some(org), Some(slug)) = (org, slug) else {
                return Err(odd("a team has no organization or no slug"));
            };
            groups.push(format!("{org}/{slug}"));
        }
        if groups.len() > ClaimMapping::MOST_GROUPS {
            let most = ClaimMapping::MOST_GROUPS;
            let cause = format!("the person is in more than {most} organizations and teams");
            return Err(LoginFault::GroupsMissing(cause));
        }
        Ok(groups)
    }

    /// A whole list. Pages are counted, and no address in an answer is followed.
    async fn list(
        &self,
        fetch: &dyn Fetch,
        path: &str,
        token: &Secret<String>,
        most: usize,
    ) -> Result<Vec<Value>, LoginFault> {
        let mut all = Vec::new();
        for page in 1..=most {
            let path = format!("{path}?per_page={PAGE}&page={page}");
            let body = self.get(fetch, &path, token).await?;
            let Ok(Value::Array(entries)) = strict_json::value(&body) else {
                return Err(odd("a list is no JSON list"));
            };
            let last = entries.len() < PAGE;
            all.extend(entries);
            if last || most == 1 {
                return Ok(all);
            }
        }
        Err(LoginFault::GroupsMissing(format!("{path} has more than {most} pages")))
    }

    async fn get(
        &self,
        fetch: &dyn Fetch,
        path: &str,
        token: &Secret<String>,
    ) -> Result<Bytes, LoginFault> {
        let request = http::Request::get(format!("{}{path}", self.url))
            .header(ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .header(AUTHORIZATION, format!("Bearer {}", token.expose()))
            .body(Bytes::new())
            .map_err(|_| odd("no question can be put to it"))?;
        let answer = fetch.send(request).await;
        let answer = answer.map_err(|error| LoginFault::Unavailable(error.to_string()))?;
        let status = answer.status();
        let name = path.split('?').next().unwrap_or_default();
        match status {
            StatusCode::OK => Ok(answer.into_body()),
            // 403 is also how GitHub says that it was asked too often.
            StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN => {
                Err(LoginFault::Unavailable(format!("{name} answered with {status}")))
            }
            _ if status.is_server_error() => {
                Err(LoginFault::Unavailable(format!("{name} answered with {status}")))
            }
            _ => Err(odd(&format!("{name} answered with {status}"))),
        }
    }
}

fn odd(cause: &str) -> LoginFault {
    LoginFault::ApiRefused(cause.to_owned())
}

#[cfg(test)]
mod tests;
