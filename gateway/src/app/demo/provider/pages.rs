//! The provider's pages.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::demo::provider::account::{ACCOUNTS, Account};

#[derive(Template)]
#[template(path = "demo/sign_in.html")]
struct SignIn<'a> {
    accounts: &'static [Account],
    request: &'a str,
    login: &'a str,
    failed: bool,
}

#[derive(Template)]
#[template(path = "demo/sign_out.html")]
struct SignOut<'a> {
    name: Option<&'a str>,
    request: &'a str,
}

#[derive(Template)]
#[template(path = "demo/fault.html")]
struct Fault<'a> {
    sentence: &'a str,
}

/// The login page. `request` is the authorization request's query, carried through the form.
pub(super) fn sign_in(request: &str, failed: Option<&str>) -> Response {
    let status = if failed.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    let login = failed.unwrap_or_default();
    page(status, &SignIn { accounts: &ACCOUNTS, request, login, failed: failed.is_some() })
}

/// Asks whether to sign out, or says that nobody is signed in.
pub(super) fn sign_out(name: Option<&str>, request: &str) -> Response {
    page(StatusCode::OK, &SignOut { name, request })
}

/// Says what is wrong with a request that may not be answered with a redirect.
pub(super) fn fault(sentence: &str) -> Response {
    page(StatusCode::BAD_REQUEST, &Fault { sentence })
}

fn page(status: StatusCode, template: &impl Template) -> Response {
    // No `form-action`: browsers apply it to the redirect after the post as well, and that leads
    // back to the client.
    const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
        frame-ancestors 'none'";
    let Ok(html) = template.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, html).into_response()
}
