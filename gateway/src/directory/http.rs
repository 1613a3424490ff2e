//! People whom a service of the operator's own knows.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::json;
use url::Url;

use crate::base::Secret;
use crate::crypto::strict_json;
use crate::directory::{AccountKey, AccountName, Answer, Directory};
use crate::identity::{ClaimMapping, claim};
use crate::web::Fetch;

/// Asks a service over HTTP about each name and password.
pub struct HttpDirectory {
    settings: HttpDirectorySettings,
    /// Marked sensitive.
    authorization: Option<HeaderValue>,
    fetch: Arc<dyn Fetch>,
}

/// What an operator says of the service.
#[derive(Clone, Debug)]
pub struct HttpDirectorySettings {
    /// Where it is asked.
    pub url: Url,
    /// Who vouches for its people.
    pub issuer: String,
    /// The claim of its answer that is the subject.
    pub subject: String,
    /// Which claims of its answer become what else.
    pub claims: ClaimMapping,
}

impl HttpDirectory {
    /// Asks as `settings` say, with `secret` as a bearer token where there is one.
    ///
    /// # Errors
    /// When the secret makes no header value; in words, for the operator.
    pub fn new(
        settings: HttpDirectorySettings,
        secret: Option<&Secret<String>>,
        fetch: Arc<dyn Fetch>,
    ) -> Result<Self, String> {
        let header = |secret: &Secret<String>| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", secret.expose()))
                .map_err(|cause| format!("the secret: {cause}"))?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        };
        Ok(Self { settings, authorization: secret.map(header).transpose()?, fetch })
    }

    async fn ask(&self, name: &AccountName, password: &Secret<String>) -> Result<Answer, String> {
        let question = json!({ "username": name.typed(), "password": password.expose() });
        let mut request = http::Request::post(self.settings.url.as_str())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(question.to_string()))
            .map_err(|cause| cause.to_string())?;
        if let Some(value) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        let answer = self.fetch.send(request).await.map_err(|fault| fault.to_string())?;
        let host = self.settings.url.host_str().unwrap_or_default();
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => {
                return Ok(self.account(answer.body()).map_or(Answer::Refuse, Answer::Mistaken));
            }
            StatusCode::NOT_FOUND => return Ok(Answer::Refuse),
            StatusCode::LOCKED => {
                let account = self.account(answer.body());
                let account = account.unwrap_or_else(|| AccountKey::new(name.folded()));
                return Ok(Answer::Disabled(account));
            }
            // 403 too: it is we who are not believed, not the person.
            status => return Err(format!("{host} answered with {status}")),
        }
        let claims = strict_json::object(answer.body())
            .map_err(|cause| format!("{host} did not answer with JSON: {cause}"))?;
        let HttpDirectorySettings { issuer, subject, claims: mapping, .. } = &self.settings;
        // Without it, two people of one display name would be one.
        let subject = claim(&claims, subject)
            .and_then(|it| it.as_str())
            .filter(|subject| !subject.is_empty())
            .ok_or_else(|| format!("{host} does not say `{subject}`, the person's stable name"))?;
        let who = mapping.principal(issuer, subject, &claims);
        Ok(Answer::Accept(AccountKey::new(subject), Box::new(who)))
    }

    /// Whose account it was, where a refusal says so.
    fn account(&self, body: &[u8]) -> Option<AccountKey> {
        let said = strict_json::object(body).ok()?;
        let subject = claim(&said, &self.settings.subject)?.as_str()?;
        (!subject.is_empty()).then(|| AccountKey::new(subject))
    }
}

#[async_trait]
impl Directory for HttpDirectory {
    async fn check(&self, name: &AccountName, password: &Secret<String>) -> Answer {
        self.ask(name, password).await.unwrap_or_else(Answer::Unavailable)
    }
}

impl fmt::Debug for HttpDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpDirectory").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{FetchError, ScriptedFetch};

    const URL: &str = "https://people.test/check";

    fn directory(fetch: &Arc<ScriptedFetch>) -> HttpDirectory {
        let settings = HttpDirectorySettings {
            url: Url::parse(URL).unwrap(),
            issuer: "directory:people".to_owned(),
            subject: "sub".to_owned(),
            claims: ClaimMapping { keep: vec!["plan".to_owned()], ..ClaimMapping::default() },
        };
        HttpDirectory::new(settings, Some(&Secret::from("canary")), fetch.clone()).unwrap()
    }

    async fn check(fetch: &Arc<ScriptedFetch>) -> Answer {
        let name = AccountName::parse(" Ann ").unwrap();
        directory(fetch).check(&name, &Secret::from("open \"sesame\"")).await
    }

    #[tokio::test]
    async fn who_is_known_is_told_as_the_service_says() {
        let fetch = Arc::new(ScriptedFetch::default());
        let said = json!({
            "sub": "4711", "name": "Ann Example", "email": "ann@corp.test", "roles": ["editor"],
            "plan": "pro", "secret": "not kept",
        });
        fetch.answer(URL, 200, said.to_string());
        let Answer::Accept(account, who) = check(&fetch).await else { panic!() };
        assert_eq!(account.as_str(), "4711");
        assert_eq!((who.issuer.as_str(), who.subject.as_str()), ("directory:people", "4711"));
        assert_eq!(who.roles, ["editor"]);
        assert!(who.email.is_some_and(|email| !email.verified), "only what is said to be");
        assert_eq!(who.claims.keys().collect::<Vec<_>>(), ["plan"]);
        let asked = fetch.asked(URL).remove(0);
        let question: serde_json::Value = serde_json::from_slice(asked.body()).unwrap();
        assert_eq!(question, json!({ "username": "Ann", "password": "open \"sesame\"" }));
        assert_eq!(asked.headers()[AUTHORIZATION], "Bearer canary");
        assert!(!format!("{:?} {asked:?}", directory(&fetch)).contains("canary"));
    }

    #[tokio::test]
    async fn a_refusal_and_no_answer_are_two_things() {
        let fetch = Arc::new(ScriptedFetch::default());
        for status in [401, 404] {
            fetch.answer(URL, status, "");
            assert!(matches!(check(&fetch).await, Answer::Refuse), "{status}");
        }
        fetch.answer(URL, 423, "");
        assert!(matches!(check(&fetch).await, Answer::Disabled(it) if it.as_str() == "ann"));
        let said = r#"{"sub":"4711"}"#;
        fetch.answer(URL, 423, said);
        assert!(matches!(check(&fetch).await, Answer::Disabled(it) if it.as_str() == "4711"));
        fetch.answer(URL, 401, said);
        assert!(matches!(check(&fetch).await, Answer::Mistaken(it) if it.as_str() == "4711"));
        fetch.answer(URL, 401, "{\"sub\":\"\"}");
        assert!(matches!(check(&fetch).await, Answer::Refuse));
        for (status, body) in [
            (200, ""),
            (200, "{}"),
            (200, r#"{"sub":""}"#),
            (200, r#"{"sub":7}"#),
            (200, r#"{"sub":"a","sub":"b"}"#),
            (200, "[]"),
            (204, ""),
            (302, ""),
            (403, ""),
            (429, ""),
            (500, r#"{"sub":"ann"}"#),
        ] {
            fetch.answer(URL, status, body);
            let answer = check(&fetch).await;
            assert!(matches!(answer, Answer::Unavailable(_)), "{status} {body}: {answer:?}");
        }
        fetch.fail(URL, FetchError::TimedOut { host: "people.test".to_owned(), millis: 1 });
        assert!(matches!(check(&fetch).await, Answer::Unavailable(_)));
    }
}
