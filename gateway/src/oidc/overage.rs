//! Groups that Microsoft Entra leaves out of a token because there are too many of them.
//!
//! Such a token says so. Whoever took "no groups" for an answer would let people past every rule that
//! keeps a group out.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION};
use serde_json::{Map, Value};

use crate::base::Secret;
use crate::crypto::strict_json;
use crate::identity::ClaimMapping;
use crate::oidc::fault::LoginFault;
use crate::web::Fetch;

/// What to do about groups that were left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Overage {
    /// Ask Microsoft Graph at this address, without a slash at its end.
    Graph(String),
    /// Refuse the sign-in.
    Refuse,
}

/// The claim that Entra leaves out.
pub(super) const GROUPS: &str = "groups";
/// People wait for it.
const PATIENCE: Duration = Duration::from_secs(15);
/// Nobody has more groups on a page than Graph gives.
const PAGE: usize = 999;
/// As many pages as the groups that a person may have can take, and one that may be short.
const MOST_PAGES: usize = ClaimMapping::MOST_GROUPS / PAGE + 2;

/// Whether groups were left out of a token.
pub fn is_there(claims: &Map<String, Value>) -> bool {
    let elsewhere = claims.get("_claim_names").and_then(|names| names.get(GROUPS)).is_some();
    let has = match claims.get("hasgroups") {
        Some(Value::Bool(has)) => *has,
        Some(Value::String(has)) => has == "true",
        _ => false,
    };
    claims.get(GROUPS).is_none() && (elsewhere || has)
}

impl Overage {
    /// All groups of whom the access token is for, as the claim would have them.
    ///
    /// The address is a configured one: that in the token (`_claim_sources`) is of a service that is
    /// no more, and nothing that a token says may choose where access tokens are sent.
    ///
    /// # Errors
    /// `GroupsMissing`, `Unavailable`.
    pub(super) async fn groups(
        &self,
        fetch: &dyn Fetch,
        access_token: Option<&Secret<String>>,
    ) -> Result<Value, LoginFault> {
        let missing = |cause: &str| LoginFault::GroupsMissing(cause.to_owned());
        let Self::Graph(graph) = self else {
            return Err(missing(
                "there are too many for the token, and groups_overage is \"refuse\"",
            ));
        };
        let token = access_token.ok_or_else(|| missing("there is no access token to ask with"))?;
        let reading = tokio::time::timeout(PATIENCE, read(fetch, graph, token));
        let late = |_| LoginFault::Unavailable("Microsoft Graph took too long".to_owned());
        reading.await.map_err(late)?
    }
}

async fn read(fetch: &dyn Fetch, graph: &str, token: &Secret<String>) -> Result<Value, LoginFault> {
    let odd = |cause: &str| LoginFault::GroupsMissing(format!("Microsoft Graph: {cause}"));
    let first =
        format!("{graph}/v1.0/me/transitiveMemberOf/microsoft.graph.group?$select=id&$top={PAGE}");
    let (mut groups, mut next) = (Vec::new(), Some(first));
    for _ in 0..MOST_PAGES {
        let Some(url) = next else { return Ok(Value::Array(groups)) };
        let mut page = get(fetch, &url, token).await?;
        let Some(Value::Array(members)) = page.remove("value") else {
            return Err(odd("its answer has no list"));
        };
        for member in members {
            let id = member.get("id").filter(|id| id.is_string());
            groups.push(id.ok_or_else(|| odd("a group has no id"))?.clone());
        }
        if groups.len() > ClaimMapping::MOST_GROUPS {
            let most = ClaimMapping::MOST_GROUPS;
            return Err(odd(&format!("the person is in more than {most} groups")));
        }
        next = match page.remove("@odata.nextLink") {
            None => None,
            Some(Value::String(link)) if of(graph, &link) => Some(link),
            Some(_) => return Err(odd("its next page is somewhere else")),
        };
    }
    Err(odd("it gave too many pages"))
}

/// Whether a next page is where the first one was.
fn of(graph: &str, link: &str) -> bool {
    link.strip_prefix(graph).is_some_and(|rest| rest.starts_with('/'))
}

async fn get(
    fetch: &dyn Fetch,
    url: &str,
    token: &Secret<String>,
) -> Result<Map<String, Value>, LoginFault> {
    let request = http::Request::get(url)
        .header(ACCEPT, "application/json")
        .header(AUTHORIZATION, format!("Bearer {}", token.expose()))
        .body(Bytes::new())
        .map_err(|_| LoginFault::GroupsMissing("no question can be put to Graph".to_owned()))?;
    let answer = fetch.send(request).await.map_err(|e| LoginFault::Unavailable(e.to_string()))?;
    match answer.status() {
        StatusCode::OK => strict_json::object(answer.body()).map_err(|_| {
            LoginFault::GroupsMissing("Microsoft Graph did not answer with JSON".to_owned())
        }),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(LoginFault::Unavailable(format!("Microsoft Graph answered with {status}")))
        }
        status => Err(LoginFault::GroupsMissing(format!(
            "Microsoft Graph answered with {status}; is the permission User.Read granted?"
        ))),
    }
}

#[cfg(test)]
mod tests;
