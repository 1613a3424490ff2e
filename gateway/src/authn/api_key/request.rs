//! Keys as administrators ask for them and see them: JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::authn::api_key::book::Listed;
use crate::authn::api_key::record::{ApiKeyOwner, KeyRoutes, NewApiKey};
use crate::base::Timestamp;
use crate::config::Duration;

/// What is asked of a new key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyRequest {
    /// What people call it.
    pub name: String,
    /// The owner's name, as `issuer` says it.
    pub owner: String,
    /// Who vouches for the owner. Nobody: the owner is known by keys only.
    pub issuer: Option<String>,
    /// The owner's name to show.
    pub owner_name: Option<String>,
    /// The owner's e-mail address; counts as verified.
    pub email: Option<String>,
    /// The owner's groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// What it is good for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The names of the routes that it opens.
    #[serde(default)]
    pub routes: Vec<String>,
    /// Whether it opens all routes that take keys; then `routes` is empty.
    #[serde(default)]
    pub all_routes: bool,
    /// How long it is good for, such as `90d`; or `never`, where it does not end by itself.
    pub expires: String,
}

/// In characters: names are shown in lists and written to logs.
const LONGEST_NAME: usize = 200;
/// Of groups, scopes and routes: a key's groups are in each identity token.
const MOST: usize = 100;

impl ApiKeyRequest {
    /// What is to be made.
    ///
    /// # Errors
    /// What is wrong with it, and the remedy.
    pub fn check(self, now: Timestamp) -> Result<NewApiKey, String> {
        let texts = [Some(&self.name), Some(&self.owner), self.issuer.as_ref()];
        let texts = texts.into_iter().flatten().chain(&self.owner_name).chain(&self.email);
        for text in texts.chain(&self.groups).chain(&self.scopes).chain(&self.routes) {
            let long = text.chars().count() > LONGEST_NAME;
            if text.trim().is_empty() || long || text.chars().any(char::is_control) {
                return Err(format!(
                    "`{}` is no name: use up to {LONGEST_NAME} letters, digits and punctuation",
                    text.escape_debug()
                ));
            }
        }
        for (what, list) in
            [("groups", &self.groups), ("scopes", &self.scopes), ("routes", &self.routes)]
        {
            if list.len() > MOST {
                return Err(format!("{} {what} are too many: use at most {MOST}", list.len()));
            }
        }
        if self.email.as_ref().is_some_and(|email| !email.contains('@')) {
            return Err("the e-mail address has no `@`".to_owned());
        }
        if let Some(odd) = self.scopes.iter().find(|scope| !is_scope(scope)) {
            return Err(format!("`{odd}` is not a scope: name each one by itself, without spaces"));
        }
        let routes = match (self.all_routes, self.routes.is_empty()) {
            (true, true) => KeyRoutes::All,
            (false, false) => KeyRoutes::Only(self.routes),
            (true, false) => return Err("name routes, or take all of them, not both".to_owned()),
            (false, true) => {
                return Err(
                    "without a route the key opens nothing: name the routes it is for, or \
                            take all of them"
                        .to_owned(),
                );
            }
        };
        Ok(NewApiKey {
            name: self.name,
            owner: ApiKeyOwner {
                issuer: self.issuer.unwrap_or_else(|| ApiKeyOwner::ISSUER.to_owned()),
                subject: self.owner,
                name: self.owner_name,
                email: self.email,
                groups: self.groups,
            },
            scopes: self.scopes,
            routes,
            expires: end(&self.expires, now)?,
        })
    }
}

impl Listed {
    /// The key as an administrator sees it.
    pub fn to_json(&self) -> Value {
        let date = |at: Option<Timestamp>| at.map(Timestamp::to_rfc3339);
        let (key, owner) = (&self.key, &self.key.owner);
        let routes = match &key.routes {
            KeyRoutes::All => json!("all"),
            KeyRoutes::Only(names) => json!(names),
        };
        json!({
            "id": key.id.as_str(),
            "name": key.name,
            "owner": owner.subject,
            "issuer": owner.issuer,
            "owner_name": owner.name,
            "email": owner.email,
            "groups": owner.groups,
            "scopes": key.scopes,
            "routes": routes,
            "created": key.created.to_rfc3339(),
            "expires": date(key.expires),
            "revoked": date(key.revoked),
            "last_used": date(self.used),
            "state": self.state.as_str(),
        })
    }
}

fn end(text: &str, now: Timestamp) -> Result<Option<Timestamp>, String> {
    if text == "never" {
        return Ok(None);
    }
    let length: Duration = text.parse()?;
    if length.is_zero() {
        return Err("the key would be over at once: use a time such as 90d, or never".to_owned());
    }
    Ok(Some(now.after(length.std())))
}

/// One word of RFC 6749 section 3.3.
fn is_scope(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ApiKeyRequest {
        serde_json::from_value(json!({
            "name": "ci", "owner": "ci-bot", "routes": ["api"], "expires": "90d",
        }))
        .unwrap()
    }

    fn refused(change: impl FnOnce(&mut ApiKeyRequest)) -> String {
        let mut request = request();
        change(&mut request);
        request.check(Timestamp::from_secs(0)).unwrap_err()
    }

    #[test]
    fn what_is_left_out_has_the_narrow_meaning() {
        let new = request().check(Timestamp::from_secs(0)).unwrap();
        assert_eq!(new.expires, Some(Timestamp::from_secs(90 * 86_400)));
        assert_eq!(new.owner.issuer, ApiKeyOwner::ISSUER);
        assert_eq!(new.routes, KeyRoutes::Only(vec!["api".to_owned()]));
        let forever = ApiKeyRequest { expires: "never".to_owned(), ..request() };
        assert_eq!(forever.check(Timestamp::from_secs(0)).unwrap().expires, None);
    }

    #[test]
    fn what_is_wrong_is_said_with_the_remedy() {
        assert!(refused(|it| it.routes.clear()).contains("opens nothing"));
        assert!(refused(|it| it.all_routes = true).contains("not both"));
        assert!(refused(|it| it.name = " ".to_owned()).contains("no name"));
        assert!(refused(|it| it.owner = "a\nb".to_owned()).contains("`a\\nb`"));
        assert!(refused(|it| it.groups = vec!["x".repeat(201)]).contains("200"));
        assert!(refused(|it| it.groups = vec!["x".to_owned(); 101]).contains("at most 100"));
        assert!(refused(|it| it.scopes = vec!["a b".to_owned()]).contains("by itself"));
        assert!(refused(|it| it.email = Some("ann".to_owned())).contains('@'));
        assert!(refused(|it| it.expires = "0s".to_owned()).contains("never"));
        assert!(refused(|it| it.expires = "soon".to_owned()).contains("soon"));
    }
}
