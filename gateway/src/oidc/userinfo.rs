//! The userinfo endpoint: claims that the `id_token` lacks.

use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION};
use serde_json::{Map, Value};
use url::Url;

use crate::base::Secret;
use crate::crypto::strict_json;
use crate::oidc::fault::LoginFault;
use crate::web::Fetch;

/// Fetches the claims about `subject`.
///
/// # Errors
/// `Unavailable`; `UserinfoRefused` where the answer is this token's only, which says nothing of the
/// provider's other sessions (RFC 6750 section 3.1); `UserinfoMalformed` for anything but a JSON object (a signed answer was not asked
/// for); `UserinfoSubjectWrong` when it is about somebody else.
pub(super) async fn userinfo(
    fetch: &dyn Fetch,
    endpoint: &Url,
    access_token: &Secret<String>,
    subject: &str,
) -> Result<Map<String, Value>, LoginFault> {
    let request = http::Request::get(endpoint.as_str())
        .header(ACCEPT, "application/json")
        .header(AUTHORIZATION, format!("Bearer {}", access_token.expose()))
        .body(Bytes::new())
        .map_err(|_| LoginFault::UserinfoMalformed("the access token is no header value"))?;
    let answer =
        fetch.send(request).await.map_err(|error| LoginFault::Unavailable(error.to_string()))?;
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            return Err(unavailable(answer.status()));
        }
        status if status.is_client_error() => return Err(LoginFault::UserinfoRefused(status)),
        status => return Err(unavailable(status)),
    }
    let claims = strict_json::object(answer.body())
        .map_err(|_| LoginFault::UserinfoMalformed("it is no plain JSON object"))?;
    match claims.get("sub").and_then(Value::as_str) {
        Some(sub) if sub == subject => Ok(claims),
        // OpenID Connect Core 5.3.2: without this check, one person gets the claims of another.
        _ => Err(LoginFault::UserinfoSubjectWrong),
    }
}

fn unavailable(status: StatusCode) -> LoginFault {
    LoginFault::Unavailable(format!("userinfo answered with {status}"))
}
